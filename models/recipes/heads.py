"""Writes the graph of a model that stands on the trunk's states: two layers, the mean over tokens, and heads."""

from pathlib import Path

import numpy as np
from onnx import TensorProto

from card import Card
from encoder import TOKENS, session
from finetune import LAYERS
from graph import Graph
from layers import HIDDEN, Layers


class Heads:
    """The graph up to the logits of all classes; what is made of them, the caller adds."""

    def __init__(self, name: str, weights: dict):
        self.graph = graph = Graph(name)
        layers = Layers(graph, weights)
        states = graph.input("states", TensorProto.FLOAT, ["batch", "tokens", HIDDEN])
        mask = graph.input("attention_mask", TensorProto.INT64, ["batch", "tokens"])
        weight = graph.node("Cast", [mask], to=TensorProto.FLOAT)
        # The mean of the states as they come.
        self.given = layers.mean(states, weight)
        bias = layers.attention_bias(weight)
        # Padding comes as zeros, whose scale would be zero: it is moved away from them, and weighs nothing all the same.
        off = graph.node("Sub", [graph.constant("one.f", np.float32(1)), weight])
        states = graph.node("Add", [states, graph.node("Unsqueeze", [off, graph.constant("two", np.array([2]))])])
        for prefix in LAYERS:
            states = layers.layer(states, bias, prefix)
        product = graph.node("MatMul", [layers.mean(states, weight), self.constant("head.w", weights["head.weight"].T)])
        self.logits = graph.node("Add", [product, self.constant("head.b", weights["head.bias"])])

    def constant(self, name: str, value) -> str:
        return self.graph.constant(name, np.asarray(value, np.float32))

    def times(self, value: str, name: str, factor) -> str:
        return self.graph.node("Mul", [value, self.constant(name, factor)])

    def plus(self, value: str, name: str, term) -> str:
        return self.graph.node("Add", [value, self.constant(name, term)])

    def part(self, value: str, start: int, end: int) -> str:
        """Some of the classes."""
        ends = [self.graph.constant(f"place{place}", np.array([place])) for place in (start, end)]
        return self.graph.node("Slice", [value, *ends, self.graph.constant("one", np.array([1]))])

    def softmax(self, value: str) -> str:
        return self.graph.node("Softmax", [value], axis=-1)

    def joined(self, values: list) -> str:
        return self.graph.node("Concat", values, axis=-1)


def card(name: str, version: str, summary: str, outputs: dict) -> Card:
    """The card of such a model: `outputs` has the labels of each."""
    made = Card(
        name=name,
        version=version,
        summary=summary,
        licence="Apache-2.0",
        source=f"trained by models/{name}/train/train.py on minilm 1.0.0; data and licences in card.md",
    )
    made.input("states", "f32", ["batch", "tokens", HIDDEN])
    made.input("attention_mask", "i64", ["batch", "tokens"], pad=0)
    for output, labels in outputs.items():
        made.output(output, ["batch", len(labels)], labels)
    made.batch(length="tokens", most=8)
    made.limit("tokens", TOKENS)
    return made


def answers(path: Path, states, outputs: list, **more: np.ndarray) -> list:
    """What the shipped file says of all texts, in their order: an array for each output. `more` are inputs besides the states."""
    graph, made = session(path), None
    for chosen, inputs in states.inputs():
        found = graph.run(outputs, inputs | {name: rows[chosen] for name, rows in more.items()})
        made = made or [np.zeros((len(states.lengths), part.shape[1]), np.float32) for part in found]
        for whole, part in zip(made, found):
            whole[chosen] = part
    return made


ROUNDS = 1000


def interval(statistic, *columns: np.ndarray) -> str:
    """`0.940 (0.931–0.948)`: the statistic of the columns, and what lies between the 2.5 % and 97.5 % of resampled rows."""
    random, rows = np.random.default_rng(0), len(columns[0])
    draws = []
    for _ in range(ROUNDS):
        picked = random.integers(rows, size=rows)
        draws.append(statistic(*(column[picked] for column in columns)))
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{statistic(*columns):.4f} ({low:.4f}–{high:.4f})"
