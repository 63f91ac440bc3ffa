"""Makes `models/inbox-heads/3.4.0/model.onnx`: MiniLM's top two layers and four heads on the states of the shipped trunk.

    python models/inbox-heads/train/train.py --data FOLDER [--test] [--layout shared|split|own --out FOLDER]

The time that it takes stands in the card. Layout, epochs and what puts the probabilities right are chosen on dev, at the eight bits that
ship; `--test` reports the test splits.
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
from scipy.optimize import minimize

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

VERSION = "3.4.0"
QUESTIONS = {
    "type": mapping.TYPES,
    "urgency": mapping.URGENCIES,
    "sentiment": mapping.SENTIMENTS,
    "anger": mapping.ANGERS,
}
LAYOUT = "split"
EPOCHS = 3
# A text that was labelled by hand, or put together from parts that were, counts as much as this many rows with a derived label.
BY_HAND = {"written": 12.0, "marked": 6.0, "matters": 6.0, "commanded": 4.0}
# What dev has of real text, or of text like it: letters, rows that were labelled by hand, mailing lists.
REAL = ("written", "marked", "convosumm")
# How far classes are brought to weigh alike: 0 leaves them as often as they are, 1 makes them equal.
EVEN = 0.5
# What a shift of a class by one costs, squared, against the mean loss. Of 0.03, 0.01 and 0.003 the one with the greatest sum of macro-F1 over
# five parts of dev, each judged by the other four; their losses are within one part in a hundred.
SHIFT = 0.01


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--test", action="store_true", help="report the test splits")
    arguments.add_argument("--layout", choices=top.LAYOUTS, default=LAYOUT, help="which layers the questions share")
    arguments.add_argument("--epochs", type=int, default=EPOCHS)
    arguments.add_argument("--out", type=Path, default=ROOT / "inbox-heads" / VERSION, help="folder of model and card")
    options = arguments.parse_args()
    folder, encoder = options.out, Encoder()
    dev = Split(encoder, options.data, "dev")
    weights, answers = trained(Split(encoder, options.data, "train"), dev, options)
    build(weights, options.layout, calibrations(answers, dev), folder / "model.onnx")
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

    def real(self) -> np.ndarray:
        return np.array([row.source.split()[0] in REAL for row in self.rows])

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
            if self.name == "dev":
                self.report_real(question, answers[question])

    def report_real(self, question: str, answers: np.ndarray) -> None:
        """What is real text: figures, and for the type what a floor would leave to a person."""
        places, y, _ = self.known(question)
        own = self.real()[places]
        sure, right = answers[places][own].max(axis=1), answers[places][own].argmax(axis=1) == y[own]
        print(f"  real text: right {right.mean():.3f}, calibration error {report.calibration(sure, right):.3f} of {own.sum()}")
        if question == "type":
            report.coverage(sure, right)

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
    """Mean 1. A label given by hand counts more than a derived one, a rare class more than a frequent one."""
    weights = np.array([BY_HAND.get(source.split()[0], 1.0) for source in sources])
    totals = np.bincount(y, weights, minlength=classes)
    weights = weights / totals[y] ** EVEN
    return weights / weights.mean()


def trained(split: Split, dev: Split, options: argparse.Namespace) -> tuple:
    """The weights, and their answers on dev at eight bits and a temperature of 1."""
    start = load_file(upstream() / "model.safetensors")
    weights = top.fresh(start, {question: len(labels) for question, labels in QUESTIONS.items()}, options.layout)
    began, answers = time.process_time(), {}

    def after(weights: dict, epoch: int) -> None:
        print(f"epoch {epoch}, {time.process_time() - began:.0f} s of processor", flush=True)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "model.onnx"
            build(plain(weights), options.layout, dict.fromkeys(QUESTIONS, (1.0, 0.0)), path)
            answers.update(dev.answers(path))
        judge(dev, answers)

    made = top.train(weights, split.states, split.targets(), options.layout, options.epochs, after)
    return plain(made), answers


def plain(weights: dict) -> dict:
    return {name: np.asarray(value, np.float32) for name, value in weights.items()}


def judge(dev: Split, answers: dict) -> None:
    """One line a question: all of dev, then what is real text, the letters, and each source that was labelled by hand."""
    sources, real = np.array([row.source for row in dev.rows]), dev.real()
    for question in QUESTIONS:
        places, y, shares = dev.known(question)
        found = answers[question][places]
        guess = found.argmax(axis=1)
        own = real[places]
        parts = [
            f"{source.split()[-1]} {(guess == y)[sources[places] == source].mean():.3f}"
            for source in sorted(set(sources[places][own]))
        ]
        print(
            f"  {question}: loss {report.log_loss(logits(found), y, shares):.4f}, right {(guess == y).mean():.4f}, "
            f"macro-F1 {report.macro(y, guess):.4f} | real: loss {report.log_loss(logits(found[own]), y[own], np.ones(own.sum())):.4f}, "
            f"right {(guess == y)[own].mean():.3f}, macro-F1 {report.macro(y[own], guess[own]):.3f} | {', '.join(parts)}",
            flush=True,
        )


def logits(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities, 1e-30))


def calibrations(answers: dict, dev: Split) -> dict:
    """For each question what its logits are divided by, and what each class's is moved by then, which undoes what the classes' weights in
    training did to their shares (bias-corrected temperature scaling, Alexandari et al. 2020): the least loss on what dev has of real text."""
    made, real = {}, dev.real()
    for question in QUESTIONS:
        places, y, _ = dev.known(question)
        own = real[places]
        made[question] = calibrated(logits(answers[question][places])[own], y[own])
        divisor, shifts = made[question]
        print(f"{question}: divided by {divisor:.3f}, moved by {' '.join(f'{shift:.2f}' for shift in shifts)}")
    return made


def calibrated(scores: np.ndarray, y: np.ndarray) -> tuple:
    def loss(found: np.ndarray) -> float:
        moved = scores / np.exp(found[0]) + found[1:]
        return report.log_loss(moved, y, np.ones(len(y))) + SHIFT * np.square(found[1:]).sum()

    found = minimize(loss, np.zeros(1 + scores.shape[1]), method="L-BFGS-B").x
    return float(np.exp(found[0])), found[1:].astype(np.float32)


def build(weights: dict, layout: str, calibration: dict, path: Path) -> None:
    graph = Graph("inbox-heads")
    layers = Layers(graph, weights)
    states = graph.input("states", TensorProto.FLOAT, ["batch", "tokens", HIDDEN])
    mask = graph.input("attention_mask", TensorProto.INT64, ["batch", "tokens"])
    weight = graph.node("Cast", [mask], to=TensorProto.FLOAT)
    bias = layers.attention_bias(weight)
    # Padding comes as zeros, whose scale would be zero: it is moved away from them, and weighs nothing all the same.
    off = graph.node("Sub", [graph.constant("one.f", np.float32(1)), weight])
    states = graph.node("Add", [states, graph.node("Unsqueeze", [off, graph.constant("two", np.array([2]))])])
    after = {(): states}
    for question, way in top.paths(layout).items():
        for depth in range(1, len(way) + 1):
            if way[:depth] not in after:
                after[way[:depth]] = layers.layer(after[way[: depth - 1]], bias, way[depth - 1])
        vector = layers.mean(after[way], weight)
        divisor, shifts = calibration[question]
        matrix, shift = (part / np.float32(divisor) for part in layers.dense(question))
        product = graph.node("MatMul", [vector, graph.constant(f"{question}.w", matrix)])
        scores = graph.node("Add", [product, graph.constant(f"{question}.b", shift + shifts)])
        graph.output(question, graph.node("Softmax", [scores], axis=-1), ["batch", len(QUESTIONS[question])])
    graph.save(path)


def write_card(folder: Path) -> None:
    card = Card(
        name="inbox-heads",
        version=VERSION,
        summary="Type, urgency, sentiment and anger of a customer's request from its tokens' states",
        licence="Apache-2.0",
        source="trained by models/inbox-heads/train/train.py on minilm-trunk 1.0.0; data and licences in card.md",
    )
    card.input("states", "f32", ["batch", "tokens", HIDDEN])
    card.input("attention_mask", "i64", ["batch", "tokens"], pad=0)
    for question, labels in QUESTIONS.items():
        card.output(question, ["batch", len(labels)], labels)
    card.batch(length="tokens", most=8)
    card.limit("tokens", TOKENS)
    card.halved(folder)
    card.write(folder)


if __name__ == "__main__":
    main()
