"""Makes `models/comply-heads/2.0.0/model.onnx`: MiniLM's top two layers, tuned, and five sigmoids, on the states of the shipped trunk.

    python models/comply-heads/train/train.py --data FOLDER [--test]

Time and memory stand in the card. Epochs and thresholds are chosen on dev, by the file that ships. The biases are then moved so that each
label's threshold is 0.5. `--test` reports the hand-labelled test set, `../labelled`.
"""

import argparse
import csv
import resource
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "recipes"), str(ROOT / "inbox-heads" / "train"), str(ROOT / "comply-heads" / "labelled")]

import fit  # noqa: E402, I001  first: it sets the threads before JAX is loaded
import numpy as np  # noqa: E402
from onnx import TensorProto  # noqa: E402
from sklearn.metrics import average_precision_score  # noqa: E402

import examples  # noqa: E402
import real  # noqa: E402
from card import Card  # noqa: E402
from encoder import Encoder, session, tokenizer  # noqa: E402
from finetune import LAYERS, Clock  # noqa: E402
from examples import LABELS, Example  # noqa: E402
from graph import Graph  # noqa: E402
from layers import HIDDEN, Layers  # noqa: E402
from states import States  # noqa: E402
from windows import TOKENS, Cut  # noqa: E402

EPOCHS = 4
# A branch for each, from a start of its own, the mean of whose logits is taken: one, since every request pays for each.
SEEDS = [13]
# How much a positive example counts, and one of our own texts.
POSITIVE, OWN = 3.0, 2.0
# What has to be reached; on dev, the threshold is the one that is farthest from both.
RECALL, PRECISION = 0.90, 0.80
ROUNDS = 2000
FOLDER = ROOT / "comply-heads" / "2.0.0"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--test", action="store_true", help="report the test set")
    arguments.add_argument("--only-test", action="store_true", help="report the test set of the model that lies there")
    options = arguments.parse_args()
    encoder = Encoder()
    if not options.only_test:
        make(encoder, options.data)
    if options.test or options.only_test:
        overlap(options.data)
        test(Split(encoder, test_rows(options.data), "test"), FOLDER / "model.onnx")
    spent = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{spent.ru_utime + spent.ru_stime:.0f} s of processor, {spent.ru_maxrss / 2**20:.1f} GB")


def make(encoder: Encoder, data: Path) -> None:
    dev = Split(encoder, examples.gather(data, "dev"), "dev")
    train = Split(encoder, examples.gather(data, "train"), "train")
    finish([trained(train, dev, seed) for seed in SEEDS], dev)


def finish(branches: list, dev: "Split") -> None:
    build(branches, FOLDER / "model.onnx")
    found = thresholds(dev, dev.scores(FOLDER / "model.onnx"))
    for weights in branches:
        weights["screen.b"] = weights["screen.b"] - logit(found).astype(np.float32)
    build(branches, FOLDER / "model.onnx")
    write_card()
    print("── dev, thresholds at 0.5, by the file that ships")
    table(dev.rows, dev.scores(FOLDER / "model.onnx"))


class Split:
    """Texts in rows, with the trunk's states."""

    def __init__(self, encoder: Encoder, rows: list, name: str):
        self.rows = rows
        self.cut = Cut(encoder, tokenizer(100_000), [row.text for row in rows])
        self.trunk = States(self.cut, self.cut.pieces)
        print(f"{name}: {len(rows)} texts, {len(self.cut.pieces)} pieces, {self.trunk.lengths.sum()} tokens", flush=True)
        for label in LABELS:
            kinds = [row.known.get(label) for row in rows]
            print(f"  {label}: {kinds.count(1)} yes, {kinds.count(0)} no, {kinds.count(None)} open")

    def targets(self) -> tuple:
        """(labels, importance) of each piece. Of a long text with a label, the pieces which show it have it; the others are open."""
        labels = np.zeros((len(self.cut.pieces), len(LABELS)), np.float32)
        shares = np.zeros_like(labels)
        several = np.bincount(self.cut.texts) > 1
        for place, piece in enumerate(self.cut.pieces):
            row = self.rows[piece.text]
            for column, label in enumerate(LABELS):
                value = row.known.get(label)
                if value == 1 and several[piece.text]:
                    shown = label in row.at and row.at[label].search(row.text[piece.start : piece.end])
                    value = 1 if shown else None
                if value is not None:
                    labels[place, column] = value
                    shares[place, column] = (POSITIVE if value else 1.0) * (OWN if row.own else 1.0)
        return labels, shares

    def scores(self, path: Path) -> np.ndarray:
        """For each text the greatest probability of its pieces, label by label."""
        made = np.zeros((len(self.cut.pieces), len(LABELS)))
        graph = session(path)
        for chosen, inputs in self.trunk.inputs():
            (made[chosen],) = graph.run([fit.HEAD], inputs)
        return self.cut.greatest(made)


def trained(split: Split, dev: Split, seed: int) -> dict:
    """The weights of one branch."""
    clock = Clock()

    def after(weights: dict, epoch: int) -> None:
        print(f"seed {seed}, epoch {epoch}, {clock}", flush=True)
        build([weights], FOLDER / "model.onnx")
        thresholds(dev, dev.scores(FOLDER / "model.onnx"))

    return fit.train(split.trunk, *split.targets(), EPOCHS, seed, after)


def known(rows: list, label: str) -> tuple:
    """(places, truth) of the texts whose label is known."""
    places = np.array([place for place, row in enumerate(rows) if label in row.known])
    return places, np.array([rows[place].known[label] for place in places])


def thresholds(dev: Split, scores: np.ndarray) -> np.ndarray:
    """For each label the threshold on dev whose recall and precision are farthest from what has to be reached."""
    made = []
    for column, label in enumerate(LABELS):
        places, truth = known(dev.rows, label)
        found = scores[places, column]
        margins = [(min(part - least for part, least in zip(measure(truth, found >= at), (RECALL, PRECISION))), at) for at in np.unique(found)]
        best = max(margin for margin, _ in margins)
        at = float(np.median([at for margin, at in margins if margin >= best - 0.005]))
        recall, precision = measure(truth, found >= at)
        made.append(at)
        print(
            f"  {label}: at {at:.3f} recall {recall:.3f}, precision {precision:.3f}; average precision {average_precision_score(truth, found):.3f}",
            flush=True,
        )
    return np.clip(np.array(made), 1e-4, 1 - 1e-4)


def measure(truth: np.ndarray, flagged: np.ndarray) -> tuple:
    """(recall, precision)."""
    right = float((truth.astype(bool) & flagged).sum())
    return right / max(truth.sum(), 1), right / max(flagged.sum(), 1)


def logit(value: np.ndarray) -> np.ndarray:
    return np.log(value / (1 - value))


def table(rows: list, scores: np.ndarray) -> None:
    random = np.random.default_rng(0)
    for column, label in enumerate(LABELS):
        places, truth = known(rows, label)
        if not truth.sum():
            continue
        flagged = scores[places, column] >= 0.5
        draws = []
        for _ in range(ROUNDS):
            picked = random.integers(len(truth), size=len(truth))
            draws.append(measure(truth[picked], flagged[picked]))
        (low_r, low_p), (high_r, high_p) = np.quantile(draws, 0.025, axis=0), np.quantile(draws, 0.975, axis=0)
        recall, precision = measure(truth, flagged)
        print(
            f"{label} | {truth.sum()} of {len(truth)} | recall {recall:.3f} ({low_r:.3f}–{high_r:.3f}) | "
            f"precision {precision:.3f} ({low_p:.3f}–{high_p:.3f})"
        )


def test_rows(data: Path) -> list:
    """Our own texts, then the real ones, whose last two labels nobody gave."""
    made = []
    with open(ROOT / "comply-heads" / "labelled" / "written.tsv", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            labels = row["labels"].split(",")
            source = "written" if labels != ["-"] else "hard"
            made.append(Example(row["text"].replace("\\n", "\n"), source, {label: int(label in labels) for label in LABELS}))
    for source, _, text, labels in real.labelled(data):
        text = text.replace("XXXX", "") if source == "cfpb" else text
        made.append(Example(text, source, {label: int(label in labels) for label in LABELS[:3]}))
    return made


def test(split: Split, path: Path) -> None:
    scores = split.scores(path)
    print("── test: own and real texts")
    table(split.rows, scores)
    real_only = np.array([row.source not in ("written", "hard") for row in split.rows])
    print("── test: real texts alone")
    table([row for row, keep in zip(split.rows, real_only) if keep], scores[real_only])
    print("── false alarms by source, and what was missed by source")
    for column, label in enumerate(LABELS):
        places, truth = known(split.rows, label)
        flagged = scores[places, column] >= 0.5
        sources = [split.rows[place].source for place in places]
        wrong = {source: sum(1 for s, t, f in zip(sources, truth, flagged) if s == source and f and not t) for source in sorted(set(sources))}
        missed = {source: sum(1 for s, t, f in zip(sources, truth, flagged) if s == source and t and not f) for source in sorted(set(sources))}
        print(f"{label}: alarms {wrong}, missed {missed}")


def overlap(data: Path) -> None:
    """How near the own test texts come to the training texts: shared runs of five words."""

    def runs(text: str) -> set:
        words = examples.re.findall(r"[a-z0-9']+", text.lower())
        return {tuple(words[place : place + 5]) for place in range(len(words) - 4)}

    taught = [runs(row.text) for split in ("train", "dev") for row in examples.written(split)]
    everything = set().union(*taught)
    rows = [row for row in test_rows(data) if row.source in ("written", "hard")]
    shares = [len(runs(row.text) & everything) / max(len(runs(row.text)), 1) for row in rows]
    nearest = [max(len(own & other) / len(own | other) for other in taught) if (own := runs(row.text)) else 0.0 for row in rows]
    print(
        f"own test texts: {sum(share > 0 for share in shares)} of {len(rows)} share a run of five words with a training text, "
        f"{sum(share > 0.5 for share in shares)} more than half of theirs; greatest overlap with one text {max(nearest):.2f} (Jaccard)"
    )


def build(branches: list, path: Path) -> None:
    """The graph, its layers at eight bits: the mean of the logits of each branch, a set of weights."""
    graph = Graph("comply-heads")
    states = graph.input("states", TensorProto.FLOAT, ["batch", "tokens", HIDDEN])
    mask = graph.input("attention_mask", TensorProto.INT64, ["batch", "tokens"])
    weight = graph.node("Cast", [mask], to=TensorProto.FLOAT)
    made = [branch(graph, weights, f"branch{place}.", (states, weight)) for place, weights in enumerate(branches)]
    scores = made[0] if len(made) == 1 else graph.node("Mean", made)
    graph.output(fit.HEAD, graph.node("Sigmoid", [scores]), ["batch", len(LABELS)])
    graph.save(path)


def branch(graph: Graph, weights: dict, prefix: str, inputs: tuple) -> str:
    """The logits of one set of weights, whose constants stand under `prefix`."""
    states, weight = inputs

    def own(name: str) -> str:
        return graph.constant(prefix + name, weights[name])

    layers = Layers(graph, {prefix + name: value for name, value in weights.items()})
    bias = layers.attention_bias(weight)
    wide = graph.node("Unsqueeze", [weight, graph.constant("two", np.array([2]))])
    off = graph.node("Sub", [graph.constant("one.f", np.float32(1)), wide])
    # Padding comes as zeros, whose scale would be zero: it is moved away from them, and weighs nothing all the same.
    states = graph.node("Add", [states, off])
    for layer in LAYERS:
        states = layers.layer(states, bias, prefix + layer)
    unseen = graph.node("Mul", [off, graph.constant("minus", np.float32(-1e9))])
    scores = graph.node("Add", [graph.node("MatMul", [states, own("queries")]), unseen])
    shares = graph.node("Transpose", [graph.node("Softmax", [scores], axis=1)], perm=[0, 2, 1])
    looked = graph.node("MatMul", [shares, states])
    looked = graph.node("Reshape", [looked, graph.constant("flat.q", np.array([0, fit.QUERIES * HIDDEN]))])
    vector = graph.node("Concat", [looked, layers.mean(states, weight)], axis=1)
    inner = layers.gelu(graph.node("Add", [graph.node("MatMul", [vector, own("inner.w")]), own("inner.b")]))
    return graph.node("Add", [graph.node("MatMul", [inner, own("screen.w")]), own("screen.b")])


def write_card() -> None:
    card = Card(
        name="comply-heads",
        version=FOLDER.name,
        summary="Legal threats, requests of data subjects, regulated advice, abuse and payment fraud from a text's token states",
        licence="Apache-2.0",
        source="trained by models/comply-heads/train/train.py on minilm 1.0.0; data and licences in card.md",
    )
    card.input("states", "f32", ["batch", "tokens", HIDDEN])
    card.input("attention_mask", "i64", ["batch", "tokens"], pad=0)
    card.output(fit.HEAD, ["batch", len(LABELS)], LABELS)
    card.batch(length="tokens", most=8)
    card.limit("tokens", TOKENS)
    card.halved(FOLDER)
    card.write(FOLDER)


if __name__ == "__main__":
    main()
