"""Layers of the encoder as nodes of a graph, at eight bits or in fp32.

Weights are quantised per output channel, activations per token while the graph runs. A token's scale comes from that
token alone, so that an answer does not depend on what else was in the batch; quantising a whole tensor at once
(`DynamicQuantizeLinear`) would let neighbours change it.
"""

import numpy as np
from onnx import TensorProto

from graph import Graph

HEADS, HIDDEN = 12, 384
EPSILON = 1e-12
# Seven bits: a pair of products then fits the 16-bit sums of processors without VNNI, which saturate at eight.
WEIGHT_LEVELS = 63
ACTIVATION_LEVELS = 127
ACTIVATION_ZERO = 128
# The least value of GELU is -0.16997; shifted by this much the input of the second feed-forward product is unsigned.
GELU_SHIFT = 0.17


class Layers:
    """Writes layers with the names and the layout of weights that BERT's have: `encoder.layer.0.attention.self.query.weight`."""

    def __init__(self, graph: Graph, weights: dict, quantised: bool = True):
        self.graph = graph
        self.weights = weights
        self.quantised = quantised

    def attention_bias(self, weight: str) -> str:
        """Minus a milliard where a token is padding: its share after softmax is exactly zero."""
        graph = self.graph
        wide = graph.node("Unsqueeze", [weight, graph.constant("axes12", np.array([1, 2]))])
        off = graph.node("Sub", [graph.constant("one.f", np.float32(1)), wide])
        return graph.node("Mul", [off, graph.constant("minus", np.float32(-1e9))])

    def layer(self, states: str, bias: str, prefix: str) -> str:
        graph = self.graph
        attended = self.attention(states, bias, prefix + "attention.self.")
        projected = self.linear(attended, *self.dense(prefix + "attention.output.dense"), prefix + "o")
        states = self.normalise(graph.node("Add", [projected, states]), prefix + "attention.output.LayerNorm")
        inner = self.gelu(self.linear(states, *self.dense(prefix + "intermediate.dense"), prefix + "up"))
        outer = self.linear(inner, *self.dense(prefix + "output.dense"), prefix + "down", shift=GELU_SHIFT)
        return self.normalise(graph.node("Add", [outer, states]), prefix + "output.LayerNorm")

    def attention(self, states: str, bias: str, prefix: str) -> str:
        graph = self.graph
        shrink = np.float32((HIDDEN // HEADS) ** -0.5)
        (query, query_bias), key, value = (self.dense(prefix + part) for part in ("query", "key", "value"))
        parts = [(query * shrink, query_bias * shrink), key, value]
        joint = self.linear(
            states,
            np.concatenate([part[0] for part in parts], axis=1),
            np.concatenate([part[1] for part in parts]),
            prefix + "qkv",
        )
        heads = graph.constant("heads", np.array([0, 0, HEADS, HIDDEN // HEADS]))
        q, k, v = (graph.node("Reshape", [part, heads]) for part in graph.split(joint, 3, axis=-1))
        q, v = (graph.node("Transpose", [part], perm=[0, 2, 1, 3]) for part in (q, v))
        k = graph.node("Transpose", [k], perm=[0, 2, 3, 1])
        scores = graph.node("Add", [graph.node("MatMul", [q, k]), bias])
        mixed = graph.node("MatMul", [graph.node("Softmax", [scores], axis=-1), v])
        back = graph.node("Transpose", [mixed], perm=[0, 2, 1, 3])
        return graph.node("Reshape", [back, graph.constant("flat", np.array([0, 0, HIDDEN]))])

    def dense(self, name: str) -> tuple:
        return self.weights[name + ".weight"].T, self.weights[name + ".bias"]

    def linear(self, value: str, matrix: np.ndarray, bias: np.ndarray, name: str, shift: float | None = None) -> str:
        """`value · matrix + bias`. With `shift`, `value + shift` is known to be at least zero."""
        graph = self.graph
        if not self.quantised:
            product = graph.node("MatMul", [value, graph.constant(name + ".w", matrix)])
            return graph.node("Add", [product, graph.constant(name + ".b", bias)])
        levels, zero = ACTIVATION_LEVELS, ACTIVATION_ZERO
        integers, scales = quantise(matrix, WEIGHT_LEVELS)
        if shift is None:
            size = graph.node("Abs", [value])
        else:
            levels, zero = 255, 0
            bias = bias - np.float32(shift) * scales * integers.sum(axis=0, dtype=np.int32)
            size = value = graph.node("Add", [value, graph.constant("gelu.shift", np.float32(shift))])
        largest = graph.node("ReduceMax", [size], axes=[-1], keepdims=1)
        scale = graph.node("Mul", [largest, graph.constant(f"step{levels}", np.float32(1 / levels))])
        small = graph.node(
            "QuantizeLinear",
            [
                graph.node("Div", [value, scale]),
                graph.constant("one.f", np.float32(1)),
                graph.constant(f"zero{zero}", np.uint8(zero)),
            ],
        )
        product = graph.node("MatMulInteger", [small, graph.constant(name + ".w", integers), f"zero{zero}"])
        real = graph.node("Mul", [graph.node("Cast", [product], to=TensorProto.FLOAT), scale])
        real = graph.node("Mul", [real, graph.constant(name + ".scale", scales)])
        return graph.node("Add", [real, graph.constant(name + ".b", bias.astype(np.float32))])

    def gelu(self, value: str) -> str:
        graph = self.graph
        inner = graph.node("Div", [value, graph.constant("sqrt2", np.float32(2**0.5))])
        grown = graph.node("Add", [graph.node("Erf", [inner]), graph.constant("one.f", np.float32(1))])
        return graph.node("Mul", [graph.node("Mul", [value, grown]), graph.constant("half", np.float32(0.5))])

    def normalise(self, value: str, name: str) -> str:
        parts = [
            self.graph.constant(f"{name}.{part}", self.weights[f"{name}.{part}"]) for part in ("weight", "bias")
        ]
        return self.graph.node("LayerNormalization", [value, *parts], axis=-1, epsilon=EPSILON)

    def mean(self, states: str, weight: str) -> str:
        """[batch, hidden]: the mean over real tokens. `weight` is the mask as f32."""
        graph = self.graph
        wide = graph.node("Unsqueeze", [weight, graph.constant("two", np.array([2]))])
        total = graph.node("ReduceSum", [graph.node("Mul", [states, wide]), self.one()], keepdims=0)
        return graph.node("Div", [total, graph.node("ReduceSum", [wide, self.one()], keepdims=0)])

    def one(self) -> str:
        return self.graph.constant("one", np.array([1]))


def quantise(matrix: np.ndarray, levels: int) -> tuple:
    """int8 and one scale for each column."""
    scales = np.maximum(np.abs(matrix).max(axis=0), 1e-12).astype(np.float32) / np.float32(levels)
    return np.clip(np.rint(matrix / scales), -levels, levels).astype(np.int8), scales
