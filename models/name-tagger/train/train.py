"""Makes `models/name-tagger/1.0.0/model.onnx`: names of people and organisations, on the encoder's token states.

    python models/name-tagger/train/train.py --data FOLDER [--test]

About 4 minutes and 2.5 GB on one thread. A word's first piece carries its tag; the others are neither learnt nor read.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto
from sklearn.neural_network import MLPClassifier

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

import corpora  # noqa: E402
from card import Card  # noqa: E402
from encoder import Encoder  # noqa: E402
from graph import Graph  # noqa: E402

LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]
HIDDEN = 96
PENALTIES = [1e-2]
EPOCHS = 6


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--test", action="store_true", help="report the test texts")
    options = arguments.parse_args()
    encoder = Encoder(tokens=128)
    model = fit(read(encoder, options.data, "train"), read(encoder, options.data, "dev"))
    folder = ROOT / "name-tagger" / "1.0.0"
    build(model, folder / "model.onnx")
    write_card(folder)
    if options.test:
        test = read(encoder, options.data, "test")
        guess = model.predict(test.windows)
        for source in sorted(set(test.sources)):
            show(source, test, guess, [place for place, name in enumerate(test.sources) if name == source])
        show("all", test, guess, range(len(test.sources)))


class Pieces:
    """The windows and tags of the first pieces of all words of a split, one text after the other."""

    def __init__(self, texts: list, encoder: Encoder):
        encodings = encoder.encode([text.text for text in texts])
        found = dict(encoder.states(encodings))
        firsts = [first_pieces(encoding) for encoding in encodings]
        self.sources = [text.source for text in texts]
        self.windows = np.concatenate([windows(found[place])[first] for place, first in enumerate(firsts)])
        tags = [tag(text, encoding, first) for text, encoding, first in zip(texts, encodings, firsts)]
        self.tags = np.concatenate(tags)
        self.ends = np.cumsum([len(part) for part in tags])


def first_pieces(encoding) -> list:
    words = encoding.word_ids
    return [place for place, word in enumerate(words) if word is not None and word != words[place - 1]]


def windows(states: np.ndarray) -> np.ndarray:
    """f16 [tokens, 1152]: the state before, of and after each token; nothing beyond the text's ends."""
    edge = np.zeros((1, states.shape[1]), states.dtype)
    padded = np.concatenate([edge, states, edge])
    return np.hstack([padded[:-2], padded[1:-1], padded[2:]]).astype(np.float16)


def read(encoder: Encoder, data: Path, split: str) -> Pieces:
    pieces = Pieces(corpora.gather(data, split), encoder)
    print(f"{split}: {len(pieces.sources)} texts, {len(pieces.tags)} words", flush=True)
    return pieces


def tag(text, encoding, places: list) -> np.ndarray:
    tags, open_span = [], None
    for place in places:
        start, end = encoding.offsets[place]
        span = next((span for span in text.spans if start < span[1] and end > span[0]), None)
        if span is None:
            tags.append(0)
        else:
            tags.append(LABELS.index(("I-" if span == open_span else "B-") + span[2]))
        open_span = span
    return np.array(tags, np.int64)


def fit(train: Pieces, dev: Pieces):
    best = None
    for penalty in PENALTIES:
        model = MLPClassifier(
            hidden_layer_sizes=(HIDDEN,), alpha=penalty, batch_size=256, learning_rate_init=1e-3,
            max_iter=EPOCHS, random_state=0,
        )  # fmt: skip
        model.fit(train.windows, train.tags)
        score = measure(dev, model.predict(dev.windows), range(len(dev.sources)))[2]
        print(f"penalty {penalty}: dev F1 {score:.4f}", flush=True)
        if best is None or score > best[0]:
            best = (score, model)
    return best[1]


def spans(tags: np.ndarray) -> set:
    """(start, end, kind): neighbours of one kind are one name."""
    made, start, kind = set(), 0, ""
    for place, label in enumerate([*(LABELS[index] for index in tags), "O"]):
        if label[2:] != kind:
            if kind:
                made.add((start, place, kind))
            start, kind = place, label[2:]
    return made


def measure(pieces: Pieces, guess: np.ndarray, chosen) -> tuple:
    """(precision, recall, F1) of whole names, with all (right, found, wanted) of each text."""
    counts = []
    for place in chosen:
        part = slice(pieces.ends[place - 1] if place else 0, pieces.ends[place])
        wanted, found = spans(pieces.tags[part]), spans(guess[part])
        counts.append((len(wanted & found), len(found), len(wanted)))
    return (*score(np.array(counts).sum(axis=0)), np.array(counts))


def score(totals: np.ndarray) -> tuple:
    right, found, wanted = totals
    return right / max(1, found), right / max(1, wanted), 2 * right / max(1, found + wanted)


def show(name: str, pieces: Pieces, guess: np.ndarray, chosen) -> None:
    precision, recall, f1, counts = measure(pieces, guess, chosen)
    random = np.random.default_rng(0)
    draws = [score(counts[random.integers(len(counts), size=len(counts))].sum(axis=0))[2] for _ in range(500)]
    low, high = np.quantile(draws, [0.025, 0.975])
    print(f"{name} | {counts[:, 2].sum()} names | {precision:.3f} | {recall:.3f} | {f1:.3f} ({low:.3f}–{high:.3f})")


def build(model, path: Path) -> None:
    graph = Graph("name-tagger")
    states = graph.input("states", TensorProto.FLOAT, ["batch", "tokens", 384])
    value = neighbours(graph, states)
    for place, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_)):
        product = graph.node("MatMul", [value, graph.constant(f"w{place}", weights.astype(np.float32))])
        value = graph.node("Add", [product, graph.constant(f"b{place}", bias.astype(np.float32))])
        if place == 0:
            value = graph.node("Relu", [value])
    graph.output("tags", graph.node("Softmax", [value], axis=-1), ["batch", "tokens", len(LABELS)])
    graph.save(path)


def neighbours(graph: Graph, states: str) -> str:
    """What `windows` does."""
    pads, axis = np.array([0, 1, 0, 0, 1, 0]), graph.constant("axis", np.array([1]))
    padded = graph.node("Pad", [states, graph.constant("pads", pads), graph.constant("nothing", np.float32(0))])
    far = np.iinfo(np.int64).max
    cuts = [(0, -2), (1, -1), (2, far)]
    parts = [
        graph.node("Slice", [padded, graph.constant(f"from{start}", np.array([start])), graph.constant(f"to{start}", np.array([end])), axis])
        for start, end in cuts
    ]
    return graph.node("Concat", parts, axis=-1)


def write_card(folder: Path) -> None:
    card = Card(
        name="name-tagger",
        version="1.0.0",
        summary="Marks the names of people and organisations, word piece by word piece",
        licence="Apache-2.0",
        source="trained by models/name-tagger/train/train.py on minilm 1.0.0; data and licences in card.md",
    )
    card.input("states", "f32", ["batch", "tokens", 384])
    card.output("tags", ["batch", "tokens", len(LABELS)], LABELS)
    card.batch(length="tokens", most=8)
    card.limit("tokens", 256)
    card.write(folder)


if __name__ == "__main__":
    main()
