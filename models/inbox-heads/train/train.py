"""Makes `models/inbox-heads/1.0.0/model.onnx`: three logistic regressions on the vector of the shipped encoder.

    python models/inbox-heads/train/train.py --data FOLDER [--test]

About 6 minutes and 1.5 GB on one thread, nearly all of it the encoder. Strengths and temperatures are chosen on dev;
`--test` reports the test splits.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

import examples  # noqa: E402
import mapping  # noqa: E402
import report  # noqa: E402
from card import Card  # noqa: E402
from encoder import Encoder  # noqa: E402
from graph import Graph  # noqa: E402

HEADS = {"type": mapping.TYPES, "urgency": mapping.URGENCIES, "sentiment": mapping.SENTIMENTS}
STRENGTHS = [1.0, 3.0, 10.0, 30.0]
# A letter that was written and labelled for the purpose counts as much as this many rows with a derived label.
WRITTEN = 20.0


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--test", action="store_true", help="report the test splits")
    options = arguments.parse_args()
    encoder = Encoder()
    train, dev = (embedded(encoder, examples.gather(options.data, split)) for split in ("train", "dev"))
    heads = {name: fit(name, labels, train, dev) for name, labels in HEADS.items()}
    folder = ROOT / "inbox-heads" / "1.0.0"
    build(heads, folder / "model.onnx")
    write_card(folder)
    if options.test:
        test = embedded(encoder, examples.gather(options.data, "test"))
        for name, labels in HEADS.items():
            report.show(name, labels, probabilities(heads[name], test[1]), test[0])


def embedded(encoder: Encoder, rows: list) -> tuple:
    print(f"{len(rows)} texts", flush=True)
    return rows, encoder.embed([row.text for row in rows])


def fit(name: str, labels: list, train: tuple, dev: tuple) -> tuple:
    """(weights, bias) of the best strength on dev, divided by the temperature."""
    x, y, rows = known(name, labels, train)
    dev_x, dev_y, dev_rows = known(name, labels, dev)
    weights, dev_weights = importance(y, rows, labels), importance(dev_y, dev_rows, labels)
    best = None
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=400, tol=1e-4, random_state=0)
        model.fit(x, y, sample_weight=weights)
        logits = dev_x @ model.coef_.T + model.intercept_
        loss = report.log_loss(logits, dev_y, dev_weights)
        own = np.array([row.source == "written" for row in dev_rows])
        right = logits.argmax(axis=1) == dev_y
        print(f"{name} strength {strength}: dev loss {loss:.4f}, right {right.mean():.4f}, written {right[own].mean():.3f}")
        if best is None or loss < best[0]:
            best = (loss, model, logits)
    _, model, logits = best
    heat = minimize_scalar(
        lambda value: report.log_loss(logits / value, dev_y, dev_weights), bounds=(0.2, 5), method="bounded"
    ).x
    print(f"{name} temperature {heat:.3f}", flush=True)
    return (model.coef_.T / heat).astype(np.float32), (model.intercept_ / heat).astype(np.float32)


def known(name: str, labels: list, split: tuple) -> tuple:
    rows, vectors = split
    chosen = [place for place, row in enumerate(rows) if getattr(row, name) is not None]
    y = np.array([labels.index(getattr(rows[place], name)) for place in chosen])
    return vectors[chosen], y, [rows[place] for place in chosen]


def importance(y: np.ndarray, rows: list, labels: list) -> np.ndarray:
    """Classes weigh nearly alike (rarity to the power 0.75); a written letter counts more than a derived label."""
    weights = np.array([WRITTEN if row.source == "written" else 1.0 for row in rows])
    totals = np.array([weights[y == label].sum() for label in range(len(labels))])
    weights = weights / totals[y] ** 0.75
    return weights / weights.mean()


def build(heads: dict, path: Path) -> None:
    graph = Graph("inbox-heads")
    vector = graph.input("embedding", TensorProto.FLOAT, ["batch", 384])
    for name, (weights, bias) in heads.items():
        product = graph.node("MatMul", [vector, graph.constant(f"{name}.w", weights)])
        logits = graph.node("Add", [product, graph.constant(f"{name}.b", bias)])
        graph.output(name, graph.node("Softmax", [logits], axis=-1), ["batch", len(bias)])
    graph.save(path)


def probabilities(head: tuple, vectors: np.ndarray) -> np.ndarray:
    logits = vectors @ head[0] + head[1]
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def write_card(folder: Path) -> None:
    card = Card(
        name="inbox-heads",
        version="1.0.0",
        summary="Type, urgency and sentiment of a customer's request from its vector",
        licence="Apache-2.0",
        source="trained by models/inbox-heads/train/train.py on minilm 1.0.0; data and licences in card.md",
    )
    card.input("embedding", "f32", ["batch", 384])
    for name, labels in HEADS.items():
        card.output(name, ["batch", len(labels)], labels)
    card.batch(most=32)
    card.write(folder)


if __name__ == "__main__":
    main()
