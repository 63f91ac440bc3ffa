"""Makes `models/clinc150-heads/1.0.0/model.onnx`: the 150 intents of clinc150, and out of scope, on the trunk's states.

    python models/clinc150-heads/train/train.py --data FOLDER [--test]

Temperature, the weight of the two signs of being out of scope, and its threshold are chosen on validation; `--test` reports the
test split. About 5 minutes of processor, one thread; the last line says what it took.
"""

import argparse
import resource
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, logsumexp, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

import finetune  # noqa: E402
import heads  # noqa: E402
import sources  # noqa: E402
from encoder import Encoder  # noqa: E402
from states import SHORT, States  # noqa: E402

NAME = "clinc150-heads"
PATH = ROOT / NAME / "1.0.0" / "model.onnx"
PLAN = finetune.Plan(epochs=5, rows=64, rate=3e-4)
SMOOTH = 0.1
# There are 100 rows out of scope to train on, as many as of one intent; each is shown this often in an epoch.
TIMES = 8
OUT = "oos"
# What rejecting may cost: the accuracy of rows in scope on validation falls by this much and no more.
COST = 0.005


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--test", action="store_true", help="report the test split")
    options = arguments.parse_args()
    labels = sorted({intent for _, intent in sources.clinc150(options.data, "train")} - {OUT}) + [OUT]
    encoder, clock = Encoder(), finetune.Clock()
    dev = Split(encoder, options.data, "dev", labels)
    weights = trained(Split(encoder, options.data, "train", labels), dev, clock)
    build(weights, Rejection.of(finetune.logits(weights, dev.states), dev.y), labels)
    dev.report()
    if options.test:
        Split(encoder, options.data, "test", labels).report()
    print(f"{clock}, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB")


class Split:
    """The rows of one split; out of scope is the last class."""

    def __init__(self, encoder: Encoder, data: Path, name: str, labels: list):
        rows = sources.clinc150(data, name)
        if name == "train":
            rows += [row for row in rows if row[1] == OUT] * (TIMES - 1)
        self.name = name
        self.y = np.array([labels.index(intent) for _, intent in rows])
        self.states = States(encoder, [text for text, _ in rows], SHORT)

    def report(self) -> None:
        (found,) = heads.answers(PATH, self.states, ["type"])
        guess, out = found.argmax(1), found.shape[1] - 1
        inside = self.y < out
        right = (guess == self.y).astype(float)
        unrejected = (found[:, :out].argmax(1) == self.y).astype(float)
        kept = guess[inside] < out
        print(f"── {self.name}: {inside.sum()} in scope, {(~inside).sum()} out of scope")
        print(f"in scope right, a rejected row being wrong: {heads.interval(np.mean, right[inside])}")
        print(f"in scope right of those not rejected: {heads.interval(np.mean, right[inside][kept])}, {1 - kept.mean():.4f} rejected")
        print(f"in scope right if nothing were rejected: {heads.interval(np.mean, unrejected[inside])}")
        print(f"out of scope recalled: {heads.interval(np.mean, right[~inside])}")
        precision = (~inside)[guess == out].astype(float)
        print(f"out of scope precision: {heads.interval(np.mean, precision)}")
        print(f"out of scope against in scope, AUROC: {heads.interval(area, ~inside, found[:, out])}")


def area(outside: np.ndarray, scores: np.ndarray) -> float:
    return roc_auc_score(outside, scores)


def trained(split: Split, dev: Split, clock: finetune.Clock) -> dict:
    classes = split.y.max() + 1
    targets = np.full((len(split.y), classes), SMOOTH / classes, np.float32)
    targets[np.arange(len(split.y)), split.y] += 1 - SMOOTH

    def after(weights: dict, epoch: int) -> None:
        found = finetune.logits(weights, dev.states)
        inside = dev.y < classes - 1
        right = (found[inside, :-1].argmax(1) == dev.y[inside]).mean()
        print(f"epoch {epoch}: in scope {right:.4f}, AUROC of energy {area(~inside, energy(found)):.4f}, {clock}", flush=True)

    return finetune.train(split.states, targets, PLAN, after)


def energy(logits: np.ndarray) -> np.ndarray:
    """How little the intents claim a text, all together."""
    return -logsumexp(logits[:, :-1], axis=1)


class Rejection:
    """From logits to probabilities: that of being out of scope is read off `energy` and the margin of the class itself."""

    def __init__(self, heat: float, weights: np.ndarray, bias: float):
        self.heat, self.weights, self.bias = heat, weights, bias

    @classmethod
    def of(cls, logits: np.ndarray, y: np.ndarray) -> "Rejection":
        """Chosen on validation: temperature by likelihood, weights by regression, the bias by what rejecting may cost."""
        inside = y < logits.shape[1] - 1

        def loss(heat: float) -> float:
            return -log_softmax(logits[inside, :-1] / heat, axis=1)[np.arange(inside.sum()), y[inside]].mean()

        heat = float(minimize_scalar(loss, bounds=(0.2, 3), method="bounded").x)
        fitted = LogisticRegression(class_weight="balanced").fit(signs(logits), ~inside)
        made = cls(heat, fitted.coef_[0], 0.0)
        whole = (logits[inside, :-1].argmax(1) == y[inside]).mean()
        for bias in np.arange(20, -40, -0.05):
            made.bias = float(bias)
            if whole - (made.probabilities(logits[inside]).argmax(1) == y[inside]).mean() <= COST:
                break
        print(f"temperature {made.heat:.3f}, weights {made.weights.round(3)}, bias {made.bias:.2f}")
        return made

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        out = expit(signs(logits) @ self.weights + self.bias)[:, None]
        return np.concatenate([softmax(logits[:, :-1] / self.heat, axis=1) * (1 - out), out], axis=1)


def signs(logits: np.ndarray) -> np.ndarray:
    return np.stack([energy(logits), logits[:, -1] - logits[:, :-1].max(1)], axis=1)


def build(weights: dict, rejection: Rejection, labels: list) -> None:
    made = heads.Heads(NAME, weights)
    graph, last = made.graph, len(labels) - 1
    inside, outside = made.part(made.logits, 0, last), made.part(made.logits, last, last + 1)
    most = graph.node("ReduceMax", [inside], axes=[-1], keepdims=1)
    # log Σ exp, the greatest taken out so that nothing overflows.
    summed = graph.node("Exp", [graph.node("Sub", [inside, most])])
    summed = graph.node("Log", [graph.node("ReduceSum", [summed, graph.constant("one", np.array([1]))], keepdims=1)])
    claimed = made.times(graph.node("Add", [summed, most]), "energy.w", -rejection.weights[0])
    margin = made.times(graph.node("Sub", [outside, most]), "margin.w", rejection.weights[1])
    out = graph.node("Sigmoid", [made.plus(graph.node("Add", [claimed, margin]), "out.b", rejection.bias)])
    kept = graph.node("Sub", [made.constant("one.f", 1), out])
    intents = graph.node("Mul", [made.softmax(made.times(inside, "heat", 1 / rejection.heat)), kept])
    graph.output("type", made.joined([intents, out]), ["batch", len(labels)])
    graph.save(PATH)
    card = heads.card(NAME, "1.0.0", "The 150 intents of clinc150, and out of scope, from a text's tokens' states", {"type": labels})
    card.halved(PATH.parent)
    card.write(PATH.parent)


if __name__ == "__main__":
    main()
