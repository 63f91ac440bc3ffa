"""Makes `models/sentence-scorer/3.0.0/model.onnx`: how much a sentence of a thread gives to a summary of it, for its words.

    python models/sentence-scorer/train/train.py --data FOLDER [--choose]

About half a minute on one thread, besides building the stage, which cuts the threads into sentences: `cargo` is
needed. ConvoSumm's 265 e-mail validation threads train, and those of BC3 that share no message with ConvoSumm;
`--choose` cross-validates on the 265 what was chosen. No test thread is scored here.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from onnx import TensorProto
from sklearn.linear_model import Ridge

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

import threads as corpora  # noqa: E402
import written  # noqa: E402
from card import Card  # noqa: E402
from choose import choose, expectations, text, verb, words  # noqa: E402
from encoder import Encoder, session  # noqa: E402
from features import NAMES, features, tokens  # noqa: E402
from graph import Graph  # noqa: E402
from rouge import Reference  # noqa: E402

VERSION = "3.0.0"
WORDS = 60
# Random orders in which a thread's sentences are put into summaries, to see what each gives.
ORDERS = {1: 24, 3: 12}
# ROUGE-2 counts twice: it is the smallest of the three.
MEASURES = np.array([1, 2, 1])
STRENGTH = 1000
# The spread of the scores, to which the plugin's weights of likeness and plain words belong.
SPREAD = 0.2
FOLDS = 10


class Item:
    """A thread with its vectors, its features, and what each sentence gives."""

    def __init__(self, encoder: Encoder, thread):
        self.thread = thread
        self.vectors, title = vectors(encoder, thread)
        self.rows = features(thread.sentences, self.vectors, thread.subject, title)
        self.gains = np.mean([standard(gains(thread, one)) for one in thread.summaries], axis=0)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--choose", action="store_true", help="cross-validate strengths and weights")
    options = arguments.parse_args()
    encoder = Encoder()
    validation = corpora.convosumm(options.data, "val")
    # The test threads are read for their text alone: what shares a message with them trains nothing.
    test = corpora.convosumm(options.data, "test")
    others = corpora.apart(corpora.bc3(options.data), [*validation, *test])
    found = [Item(encoder, thread) for thread in corpora.cut(validation)]
    more = [Item(encoder, thread) for thread in corpora.cut(others)]
    print(f"{len(found)} threads of ConvoSumm, {len(more)} of BC3", flush=True)
    if options.choose:
        report(found, more)
    folder = ROOT / "sentence-scorer" / VERSION
    weights, bias = fit([*found, *more], STRENGTH)
    build(weights, bias, folder / "model.onnx")
    write_card(folder)
    write_golden(encoder, folder, expectations([item.thread for item in found]))


def vectors(encoder: Encoder, thread) -> tuple:
    """f32 [sentences, 384] and the subject's, if there is one: means of the tokens' states, at length one, in the rows of the stage."""
    states = [encoder.run([ids], ["states"])[0][0] for ids in thread.rows]

    def mean(places: list) -> np.ndarray:
        found = np.concatenate([states[row][start:end] for row, start, end in places]).mean(axis=0)
        return found / np.linalg.norm(found)

    return np.stack([mean(places) for places in thread.places]), mean(thread.title) if thread.title else None


def gains(thread, summary: str) -> np.ndarray:
    """What each sentence adds to summaries begun in random orders, for each word that it costs: its Shapley value."""
    random, reference = np.random.default_rng(0), Reference(summary)
    said = [tokens(sentence.text) for sentence in thread.sentences]
    heads = [tokens(f"{sentence.speaker} {verb(thread, sentence)}") for sentence in thread.sentences]
    count = len(said)
    total, seen = np.zeros(count), np.zeros(count)
    for _ in range(ORDERS.get(len(thread.summaries), 12)):
        taken, spent, before = [], 0, 0.0
        for index in random.permutation(count):
            more = sorted([*taken, int(index)])
            cost = words(thread, more)
            if cost > WORDS:
                continue
            value = float(MEASURES @ reference.score(told(thread, more, said, heads)))
            total[index] += (value - before) / max(1, cost - spent)
            seen[index] += 1
            taken, spent, before = more, cost, value
    # A sentence that never fits is worth less than any.
    return np.where(seen > 0, total / np.maximum(seen, 1), -1e-3)


def told(thread, chosen: list, said: list, heads: list) -> list:
    """The tokens of a summary's text."""
    made, last = [], None
    for index in chosen:
        speaker = thread.sentences[index].speaker
        made += [] if not speaker or speaker == last else heads[index]
        made += said[index]
        last = speaker
    return made


def standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / (values.std() + 1e-9)


def fit(found: list, strength: float) -> tuple:
    """The regression's weights on plain features, with scores of the spread that the plugin's weights belong to."""
    rows = np.concatenate([item.rows for item in found]).astype(float)
    wanted = np.concatenate([item.gains for item in found])
    spread = rows.std(axis=0)
    spread[spread < 1e-6] = 1
    centred = (rows - rows.mean(axis=0)) / spread
    model = Ridge(strength).fit(centred, wanted)
    shrink = SPREAD / model.predict(centred).std()
    weights = shrink * model.coef_ / spread
    return weights.astype(np.float32), np.float32(shrink * model.intercept_ - weights @ rows.mean(axis=0))


def report(found: list, more: list) -> None:
    """ROUGE on ConvoSumm's validation threads, each scored by what the other nine tenths and BC3 taught."""
    reference = [Reference(item.thread.summaries[0]) for item in found]
    measure = lambda chosen: 100 * np.mean(  # noqa: E731
        [one.score(tokens(text(item.thread, list(taken)))) for one, item, taken in zip(reference, found, chosen)], axis=0
    )
    print("lead", np.round(measure([lead(item.thread) for item in found]), 2), flush=True)
    for strength in [100, 300, 1000]:
        folds = [crossed(found, more, fold, strength) for fold in range(FOLDS)]
        for redundancy, plain in [(0.1, 0), (0.3, 0), (0.1, 0.6), (0.3, 0.6)]:
            chosen = {}
            for scores, expected in folds:
                for place, values in scores.items():
                    item = found[place]
                    chosen[place] = choose(item.thread, values, item.vectors, expected, redundancy, plain)
            means = measure([chosen[place] for place in range(len(found))])
            print(f"strength {strength} redundancy {redundancy} plain {plain}:", np.round(means, 2), flush=True)


def crossed(found: list, more: list, fold: int, strength: float) -> tuple:
    train = [item for place, item in enumerate(found) if place % FOLDS != fold]
    weights, bias = fit([*train, *more], strength)
    scores = {place: item.rows @ weights + bias for place, item in enumerate(found) if place % FOLDS == fold}
    return scores, expectations([item.thread for item in train])


def lead(thread) -> list:
    taken = []
    for index in range(len(thread.sentences)):
        if words(thread, [*taken, index]) <= WORDS:
            taken.append(index)
    return taken


def build(weights: np.ndarray, bias: np.ndarray, path: Path) -> None:
    graph = Graph("sentence-scorer")
    rows = graph.input("features", TensorProto.FLOAT, ["batch", len(NAMES)])
    product = graph.node("MatMul", [rows, graph.constant("features.w", weights[:, None])])
    score = graph.node("Add", [product, graph.constant("bias", bias)])
    graph.output("score", graph.node("Reshape", [score, graph.constant("flat", np.array([-1]))]), ["batch"])
    graph.save(path)


def write_card(folder: Path) -> None:
    card = Card(
        name="sentence-scorer",
        version=VERSION,
        summary="How much a sentence of a thread gives to a summary of it, for its words",
        licence="Apache-2.0",
        source="trained by models/sentence-scorer/train/train.py on minilm-trunk 1.0.0; data and licence in card.md",
    )
    card.input("features", "f32", ["batch", len(NAMES)])
    card.output("score", ["batch"])
    card.batch(most=128)
    card.write(folder)


def write_golden(encoder: Encoder, folder: Path, expected: dict) -> None:
    """A thread of the project's own with features, scores and choice, to hold the plugin to them."""
    (thread,) = corpora.cut([written.THREAD])
    found, title = vectors(encoder, thread)
    rows = features(thread.sentences, found, thread.subject, title)
    (scores,) = session(folder / "model.onnx").run(["score"], {"features": rows})
    numbers = lambda values: [round(float(value), 6) for value in values]  # noqa: E731
    chosen = choose(thread, scores, found, expected)
    document = {
        "subject": thread.subject,
        "names": NAMES,
        "sentences": [asdict(sentence) for sentence in thread.sentences],
        "cosines": [numbers(found @ vector) for vector in found],
        "title": numbers(found @ title),
        "features": [numbers(row) for row in rows],
        "scores": numbers(scores),
        "expected": expected,
        "chosen": chosen,
        "summary": text(thread, chosen),
    }
    lines = json.dumps(document, ensure_ascii=False, indent=1)
    (folder / "golden.json").write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
