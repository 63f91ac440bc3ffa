"""Makes `models/sentence-scorer/1.0.0/model.onnx`: how well a sentence of a thread serves in a summary of it.

    python models/sentence-scorer/train/train.py --data FOLDER [--test]

About 2 minutes and 700 MB on one thread. Four fifths of ConvoSumm's e-mail validation threads train, one fifth is dev;
`--test` reports its 125 test threads.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from onnx import TensorProto
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

import golden  # noqa: E402
import sources  # noqa: E402
from card import Card  # noqa: E402
from choose import choose, text  # noqa: E402
from encoder import Encoder, session  # noqa: E402
from features import NAMES, features  # noqa: E402
from graph import Graph  # noqa: E402
from rouge import rouge  # noqa: E402
from threads import thread  # noqa: E402

SENTENCES = 5
# The vector's parts are near 0.05, the features near 0.5: this brings the two to one scale for the penalty.
SCALE = 3.0
STRENGTHS = [0.003, 0.01, 0.03, 0.1, 0.3]
# Fixed: a reader minds when two people say the same, although dev does not (0.0 scores as well).
REDUNDANCY = 0.1


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--test", action="store_true", help="report the test threads")
    options = arguments.parse_args()
    encoder = Encoder()
    found = read(encoder, options.data, "val")
    train = [item for place, item in enumerate(found) if place % 5 != 4]
    dev = [item for place, item in enumerate(found) if place % 5 == 4]
    weights, bias = fit(train, dev)
    folder = ROOT / "sentence-scorer" / "1.0.0"
    build(weights, bias, folder / "model.onnx")
    write_card(folder)
    write_golden(encoder, folder)
    if options.test:
        test = read(encoder, options.data, "test")
        compare(test, weights, bias)


def read(encoder: Encoder, data: Path, split: str) -> list:
    """(thread, vectors, features) of each."""
    threads = [made for pair in sources.convosumm(data, split) if (made := thread(*pair))]
    vectors = encoder.embed([sentence.text for one in threads for sentence in one.sentences])
    ends = np.cumsum([len(one.sentences) for one in threads])
    parts = np.split(vectors, ends[:-1])
    print(f"{split}: {len(threads)} threads, {ends[-1]} sentences", flush=True)
    return [(one, part, features(one.sentences, part, one.subject)) for one, part in zip(threads, parts)]


def fit(train: list, dev: list) -> tuple:
    y = np.concatenate([oracle(one) for one, _, _ in train])
    x = np.concatenate([joined(vectors, rows) for _, vectors, rows in train])
    best = None
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=2000, class_weight="balanced", random_state=0).fit(x, y)
        weights, bias = model.coef_[0].astype(np.float32), np.float32(model.intercept_[0])
        score = evaluate(dev, weights, bias, REDUNDANCY).mean(axis=0)
        print(f"strength {strength}: dev {np.round(100 * score, 2)}", flush=True)
        if best is None or score.sum() > best[0]:
            best = (score.sum(), weights, bias)
    return best[1:]


def joined(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.hstack([rows, SCALE * vectors])


def oracle(one) -> np.ndarray:
    """The sentences that a greedy search for ROUGE-1 and -2 takes."""
    taken, best = [], 0.0
    while len(taken) < SENTENCES:
        left = [index for index in range(len(one.sentences)) if index not in taken]
        scored = [
            (sum(rouge(" ".join(one.sentences[at].text for at in sorted([*taken, index])), one.summary)[:2]), index)
            for index in left
        ]
        top = max(scored, default=(0.0, 0))
        if top[0] <= best + 1e-6:
            break
        best = top[0]
        taken.append(top[1])
    return np.isin(np.arange(len(one.sentences)), taken)


def probabilities(vectors: np.ndarray, rows: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(joined(vectors, rows) @ weights + bias)))


def evaluate(items: list, weights, bias, redundancy: float) -> np.ndarray:
    return np.array(
        [
            rouge(text(one, choose(one, probabilities(vectors, rows, weights, bias), vectors, redundancy)), one.summary)
            for one, vectors, rows in items
        ]
    )


def compare(items: list, weights, bias) -> None:
    lead = np.array(
        [
            rouge(text(one, choose(one, -np.arange(len(vectors), dtype=float), vectors, 0.0)), one.summary)
            for one, vectors, _ in items
        ]
    )
    ours = evaluate(items, weights, bias, REDUNDANCY)
    random = np.random.default_rng(0)
    draws = random.integers(len(items), size=(1000, len(items)))
    for name, values in (("lead", lead), ("scorer", ours), ("scorer less lead", ours - lead)):
        low, high = np.quantile(100 * values[draws].mean(axis=1), [0.025, 0.975], axis=0)
        cells = [f"{100 * mean:.1f} ({a:.1f}–{b:.1f})" for mean, a, b in zip(values.mean(axis=0), low, high)]
        print(f"{name} | " + " | ".join(cells))


def build(weights: np.ndarray, bias: np.ndarray, path: Path) -> None:
    graph = Graph("sentence-scorer")
    rows = graph.input("features", TensorProto.FLOAT, ["batch", len(NAMES)])
    vector = graph.input("embedding", TensorProto.FLOAT, ["batch", 384])
    parts = [
        graph.node("MatMul", [rows, graph.constant("features.w", weights[: len(NAMES), None])]),
        graph.node("MatMul", [vector, graph.constant("embedding.w", SCALE * weights[len(NAMES) :, None])]),
    ]
    logit = graph.node("Add", [graph.node("Add", parts), graph.constant("bias", bias)])
    flat = graph.node("Reshape", [graph.node("Sigmoid", [logit]), graph.constant("flat", np.array([-1]))])
    graph.output("score", flat, ["batch"])
    graph.save(path)


def write_card(folder: Path) -> None:
    card = Card(
        name="sentence-scorer",
        version="1.0.0",
        summary="How well a sentence of a thread serves in a summary of it",
        licence="Apache-2.0",
        source="trained by models/sentence-scorer/train/train.py on minilm 1.0.0; data and licence in card.md",
    )
    card.input("features", "f32", ["batch", len(NAMES)])
    card.input("embedding", "f32", ["batch", 384])
    card.output("score", ["batch"])
    card.batch(most=128)
    card.write(folder)


def write_golden(encoder: Encoder, folder: Path) -> None:
    """A thread of the project's own with features and scores, to hold the plugin to them."""
    vectors = encoder.embed([sentence.text for sentence in golden.SENTENCES])
    rows = features(golden.SENTENCES, vectors, golden.SUBJECT)
    (scores,) = session(folder / "model.onnx").run(["score"], {"features": rows, "embedding": vectors})
    near = [[round(float(a @ b), 6) for b in vectors] for a in vectors]
    document = {
        "subject": golden.SUBJECT,
        "names": NAMES,
        "sentences": [asdict(sentence) for sentence in golden.SENTENCES],
        "cosines": near,
        "features": [[round(float(value), 6) for value in row] for row in rows],
        "scores": [round(float(score), 6) for score in scores],
    }
    lines = json.dumps(document, ensure_ascii=False, indent=1)
    (folder / "golden.json").write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
