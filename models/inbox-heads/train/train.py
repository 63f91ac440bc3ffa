"""Makes `models/inbox-heads/2.0.0/model.onnx`: MiniLM's top two layers and three heads on the states of the shipped trunk.

    python models/inbox-heads/train/train.py --data FOLDER [--test]

The time that it takes stands in the card. Epochs and temperatures are chosen on dev, at the eight bits that ship;
`--test` reports the test splits.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from onnx import TensorProto
from safetensors.numpy import load_file
from scipy.optimize import minimize_scalar

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

import examples  # noqa: E402
import mapping  # noqa: E402
import report  # noqa: E402
import top  # noqa: E402
from card import Card  # noqa: E402
from encoder import TOKENS, Encoder, session, upstream  # noqa: E402
from graph import Graph  # noqa: E402
from layers import HIDDEN, Layers  # noqa: E402
from states import States  # noqa: E402

QUESTIONS = {"type": mapping.TYPES, "urgency": mapping.URGENCIES, "sentiment": mapping.SENTIMENTS}
EPOCHS = 3
# A letter written and labelled for the purpose counts as much as this many rows with a derived label.
WRITTEN = 12.0
# How far classes are brought to weigh alike: 0 leaves them as often as they are, 1 makes them equal.
EVEN = 0.5


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--test", action="store_true", help="report the test splits")
    options = arguments.parse_args()
    folder = ROOT / "inbox-heads" / "2.0.0"
    encoder = Encoder()
    dev = Split(encoder, options.data, "dev")
    weights, answers = trained(Split(encoder, options.data, "train"), dev)
    heat = temperatures(answers, dev)
    build(weights, heat, folder / "model.onnx")
    write_card(folder)
    dev.report(folder / "model.onnx")
    dev.compare(folder / "model.onnx")
    if options.test:
        Split(encoder, options.data, "test").report(folder / "model.onnx")
    spent = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{spent.ru_utime + spent.ru_stime:.0f} s of processor, {spent.ru_maxrss / 2**20:.1f} GB")


class Split:
    """The texts of one split, with the trunk's states."""

    def __init__(self, encoder: Encoder, data: Path, name: str):
        self.name = name
        self.rows = examples.gather(data, name)
        self.states = States(encoder, [row.text for row in self.rows])
        print(f"{name}: {len(self.rows)} texts, {self.states.lengths.sum()} tokens", flush=True)

    def known(self, question: str) -> tuple:
        """(places, labels, importance) of the rows whose label is known."""
        labels = QUESTIONS[question]
        places = [place for place, row in enumerate(self.rows) if getattr(row, question) is not None]
        y = np.array([labels.index(getattr(self.rows[place], question)) for place in places])
        return np.array(places), y, importance(y, [self.rows[place].source for place in places], len(labels))

    def targets(self) -> dict:
        """For each question (label, importance) of every row, importance 0 where it is not known."""
        made = {}
        for question in QUESTIONS:
            places, y, shares = self.known(question)
            labels, weights = np.zeros(len(self.rows), np.int32), np.zeros(len(self.rows), np.float32)
            labels[places], weights[places] = y, shares
            made[question] = labels, weights
        return made

    def answers(self, path: Path) -> dict:
        """The graph's probabilities for each question."""
        made = {question: np.zeros((len(self.rows), len(labels))) for question, labels in QUESTIONS.items()}
        graph = session(path)
        for chosen, inputs in self.states.inputs():
            for question, found in zip(QUESTIONS, graph.run(list(QUESTIONS), inputs)):
                made[question][chosen] = found
        return made

    def report(self, path: Path) -> None:
        print(f"── {self.name}")
        answers = self.answers(path)
        for question, labels in QUESTIONS.items():
            report.show(question, labels, answers[question], self.rows)

    def compare(self, path: Path) -> None:
        """What neighbours and padding change: each of some texts alone, against eight of any length together."""
        graph, most = session(path), 0.0
        some = np.random.default_rng(top.SEED).choice(len(self.rows), 400, replace=False)
        for chosen, inputs in self.states.inputs(8, some):
            together = graph.run(list(QUESTIONS), inputs)
            for row, index in enumerate(chosen):
                alone = graph.run(list(QUESTIONS), self.states.alone(index))
                most = max(most, *(np.abs(one[0] - many[row]).max() for one, many in zip(alone, together)))
        print(f"alone against padded in a batch of 8: no probability differs by more than {most:.1e}")


def importance(y: np.ndarray, sources: list, classes: int) -> np.ndarray:
    """Mean 1. A written letter counts more than a derived label, a rare class more than a frequent one."""
    weights = np.array([WRITTEN if source == "written" else 1.0 for source in sources])
    totals = np.bincount(y, weights, minlength=classes)
    weights = weights / totals[y] ** EVEN
    return weights / weights.mean()


def trained(split: Split, dev: Split) -> tuple:
    """The weights, and their answers on dev at eight bits and a temperature of 1."""
    start = load_file(upstream() / "model.safetensors")
    weights = top.fresh(start, {question: len(labels) for question, labels in QUESTIONS.items()})
    began, answers = time.process_time(), {}

    def after(weights: dict, epoch: int) -> None:
        print(f"epoch {epoch}, {time.process_time() - began:.0f} s of processor", flush=True)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "model.onnx"
            build(plain(weights), dict.fromkeys(QUESTIONS, 1.0), path)
            answers.update(dev.answers(path))
        judge(dev, answers)

    return plain(top.train(weights, split.states, split.targets(), EPOCHS, after)), answers


def plain(weights: dict) -> dict:
    return {name: np.asarray(value, np.float32) for name, value in weights.items()}


def judge(dev: Split, answers: dict) -> None:
    for question in QUESTIONS:
        places, y, shares = dev.known(question)
        found = answers[question][places]
        own = np.array([dev.rows[place].source == "written" for place in places])
        guess = found.argmax(axis=1)
        print(
            f"  {question}: loss {report.log_loss(logits(found), y, shares):.4f}, right {(guess == y).mean():.4f}, "
            f"macro-F1 {report.macro(y, guess):.4f}, written {(guess == y)[own].mean():.3f}",
            flush=True,
        )


def logits(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities, 1e-30))


def temperatures(answers: dict, dev: Split) -> dict:
    """For each question the divisor of the logits with the least loss on dev."""
    made = {}
    for question in QUESTIONS:
        places, y, shares = dev.known(question)
        scores = logits(answers[question][places])

        def loss(value: float, scores=scores, y=y, shares=shares) -> float:
            return report.log_loss(scores / value, y, shares)

        made[question] = float(minimize_scalar(loss, bounds=(0.2, 5), method="bounded").x)
        print(f"{question} temperature {made[question]:.3f}")
    return made


def build(weights: dict, heat: dict, path: Path) -> None:
    graph = Graph("inbox-heads")
    layers = Layers(graph, weights)
    states = graph.input("states", TensorProto.FLOAT, ["batch", "tokens", HIDDEN])
    mask = graph.input("attention_mask", TensorProto.INT64, ["batch", "tokens"])
    weight = graph.node("Cast", [mask], to=TensorProto.FLOAT)
    bias = layers.attention_bias(weight)
    # Padding comes as zeros, whose scale would be zero: it is moved away from them, and weighs nothing all the same.
    off = graph.node("Sub", [graph.constant("one.f", np.float32(1)), weight])
    states = graph.node("Add", [states, graph.node("Unsqueeze", [off, graph.constant("two", np.array([2]))])])
    for prefix in top.LAYERS:
        states = layers.layer(states, bias, prefix)
    vector = layers.mean(states, weight)
    for question, labels in QUESTIONS.items():
        matrix, shift = (part / np.float32(heat[question]) for part in layers.dense(question))
        product = graph.node("MatMul", [vector, graph.constant(f"{question}.w", matrix)])
        scores = graph.node("Add", [product, graph.constant(f"{question}.b", shift)])
        graph.output(question, graph.node("Softmax", [scores], axis=-1), ["batch", len(labels)])
    graph.save(path)


def write_card(folder: Path) -> None:
    card = Card(
        name="inbox-heads",
        version="2.0.0",
        summary="Type, urgency and sentiment of a customer's request from its tokens' states",
        licence="Apache-2.0",
        source="trained by models/inbox-heads/train/train.py on minilm 1.0.0; data and licences in card.md",
    )
    card.input("states", "f32", ["batch", "tokens", HIDDEN])
    card.input("attention_mask", "i64", ["batch", "tokens"], pad=0)
    for question, labels in QUESTIONS.items():
        card.output(question, ["batch", len(labels)], labels)
    card.batch(length="tokens", most=8)
    card.limit("tokens", TOKENS)
    card.write(folder)


if __name__ == "__main__":
    main()
