"""Makes `models/banking77-heads/1.0.0/model.onnx`: the 77 intents of banking77, on the trunk's states and vector.

    python models/banking77-heads/train/train.py --data FOLDER [--test]

Two readers vote: fine-tuned top layers, and a regression on what the trunk gives as it stands, the text's vector and the mean of
its tokens' states. They err on different rows. How much the second weighs and the temperature are chosen on dev, every tenth row
of train; the regression is then fitted on those rows too. `--test` reports the test split. About 7 minutes of processor, one thread;
the last line says what it took.
"""

import argparse
import resource
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

import finetune  # noqa: E402
import heads  # noqa: E402
import sources  # noqa: E402
from encoder import WHOLE, Encoder  # noqa: E402
from layers import HIDDEN  # noqa: E402
from onnx import TensorProto  # noqa: E402
from states import SHORT, States  # noqa: E402

NAME = "banking77-heads"
PATH = ROOT / NAME / "1.0.0" / "model.onnx"
PLAN = finetune.Plan(epochs=8)
SMOOTH = 0.1
# The regression's: how little it is held back, and when it ends.
FREE, ROUNDS, ENOUGH = 10.0, 60, 1e-3
WEIGHTS = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--test", action="store_true", help="report the test split")
    options = arguments.parse_args()
    encoder, clock = Encoder(WHOLE), finetune.Clock()
    labels = sorted({intent for _, intent in sources.banking77(options.data, "train")})
    train, dev = (Split(encoder, options.data, name, labels) for name in ("train", "dev"))
    weights = trained(train, dev, clock)
    vote = Vote.of(finetune.logits(weights, dev.states), train, dev)
    build(weights, vote, labels)
    if options.test:
        Split(encoder, options.data, "test", labels).report()
    print(f"{clock}, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB")


class Split:
    """The rows of one split."""

    def __init__(self, encoder: Encoder, data: Path, name: str, labels: list):
        rows = chosen(data, name)
        texts = [text for text, _ in rows]
        self.name = name
        self.y = np.array([labels.index(intent) for _, intent in rows])
        self.states = States(encoder, texts, SHORT)
        self.vectors = encoder.embed(texts)

    def features(self) -> np.ndarray:
        """The text's vector, and the mean of its tokens' states."""
        return np.concatenate([self.vectors, self.states.means()], axis=1)

    def report(self) -> None:
        (found,) = heads.answers(PATH, self.states, ["type"], embedding=self.vectors)
        right = (found.argmax(1) == self.y).astype(float)
        print(f"── {self.name}: {len(right)} rows, right {heads.interval(np.mean, right)}")
        print(f"macro-F1 {heads.interval(macro, self.y, found.argmax(1))}")


def chosen(data: Path, name: str) -> list:
    """Banking77 has no dev split: every tenth row of train is it."""
    if name == "test":
        return sources.banking77(data, "test")
    rows = sources.banking77(data, "train")
    return [row for place, row in enumerate(rows) if (place % 10 == 9) == (name == "dev")]


def macro(truth: np.ndarray, found: np.ndarray) -> float:
    return f1_score(truth, found, average="macro", labels=np.unique(truth), zero_division=0)


def trained(train: Split, dev: Split, clock: finetune.Clock) -> dict:
    classes = train.y.max() + 1
    targets = np.full((len(train.y), classes), SMOOTH / classes, np.float32)
    targets[np.arange(len(train.y)), train.y] += 1 - SMOOTH

    def after(weights: dict, epoch: int) -> None:
        right = (finetune.logits(weights, dev.states).argmax(1) == dev.y).mean()
        print(f"epoch {epoch}: right on dev {right:.4f}, {clock}", flush=True)

    return finetune.train(train.states, targets, PLAN, after)


class Vote:
    """`top / heat + features · matrix + shift`, the logits of both readers together."""

    def __init__(self, heat: float, matrix: np.ndarray, shift: np.ndarray):
        self.heat, self.matrix, self.shift = heat, matrix, shift

    @classmethod
    def of(cls, top: np.ndarray, train: Split, dev: Split) -> "Vote":
        """Temperature and weight by likelihood on dev; then the regression is fitted on train and dev together."""
        seen, heat = Regression(train.features(), train.y), coolest(top, dev.y)
        second = seen.logits(dev.features())
        tried = []
        for weight in WEIGHTS:
            both = top / heat + weight * second
            joint = coolest(both, dev.y)
            tried.append((loss(both / joint, dev.y), weight, joint))
            right = (both.argmax(1) == dev.y).mean()
            print(f"weight {weight}: right on dev {right:.4f}, loss {tried[-1][0]:.4f}, temperature {joint:.3f}")
        _, weight, joint = min(tried)
        features = np.concatenate([train.features(), dev.features()])
        whole = Regression(features, np.concatenate([train.y, dev.y]))
        return cls(heat * joint, whole.matrix * weight / joint, whole.shift * weight / joint)


class Regression:
    """Logistic, on features of which the second half is brought to the scale of the first."""

    def __init__(self, features: np.ndarray, y: np.ndarray):
        means = features[:, HIDDEN:]
        middle = np.concatenate([np.zeros(HIDDEN), means.mean(0)])
        spread = np.concatenate([np.ones(HIDDEN), np.full(HIDDEN, means.std() * HIDDEN**0.5)])
        fitted = LogisticRegression(C=FREE, max_iter=ROUNDS, tol=ENOUGH).fit((features - middle) / spread, y)
        self.matrix = (fitted.coef_ / spread).T
        self.shift = fitted.intercept_ - middle @ self.matrix

    def logits(self, features: np.ndarray) -> np.ndarray:
        return features @ self.matrix + self.shift


def coolest(logits: np.ndarray, y: np.ndarray) -> float:
    return float(minimize_scalar(lambda heat: loss(logits / heat, y), bounds=(0.2, 4), method="bounded").x)


def loss(logits: np.ndarray, y: np.ndarray) -> float:
    return float(-log_softmax(logits, axis=1)[np.arange(len(y)), y].mean())


def build(weights: dict, vote: Vote, labels: list) -> None:
    made = heads.Heads(NAME, weights)
    vector = made.graph.input("embedding", TensorProto.FLOAT, ["batch", HIDDEN])
    features = made.joined([vector, made.given])
    second = made.graph.node("MatMul", [features, made.constant("second.w", vote.matrix)])
    first = made.times(made.logits, "heat", 1 / vote.heat)
    both = made.plus(made.graph.node("Add", [first, second]), "second.b", vote.shift)
    made.graph.output("type", made.softmax(both), ["batch", len(labels)])
    made.graph.save(PATH)
    card = heads.card(NAME, "1.0.0", "The 77 intents of banking77 from a text's vector and its tokens' states", {"type": labels})
    card.input("embedding", "f32", ["batch", HIDDEN])
    card.halved(PATH.parent)
    card.write(PATH.parent)


if __name__ == "__main__":
    main()
