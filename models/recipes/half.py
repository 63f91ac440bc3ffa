"""Makes `model.fp16.onnx`, with which GPUs compute, of a `model.onnx` of heads or tags at eight bits, holds it to the digest in the card, and
says how far the answers of the two are apart.

    python models/recipes/half.py [models/inbox-heads/3.4.0 ...]

Without folders, of each model whose card has one. Five seconds each, 0.4 GB, one thread. Nothing is trained: a product of integers becomes the
product of what they stand for, so that a GPU answers with the weights that were measured. Layers compute in fp16; what stands on the last of
them (means, heads, probabilities), a thousandth of the work, stays in fp32, so that a probability keeps its digits. Inputs and outputs keep
the card's types.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models" / "recipes"))

import shapes  # noqa: E402
from encoder import WHOLE, Encoder, session  # noqa: E402
from graph import LARGEST_HALF, OPSET  # noqa: E402

HALF = "model.fp16.onnx"
DEVICES = ["cuda", "webgpu"]
# What a layer ends with: whatever it stands on is computed in fp16.
LAST = "LayerNormalization"


def make(folder: Path) -> Path:
    """Writes `model.fp16.onnx` beside the folder's `model.onnx`."""
    model = onnx.load(folder / "model.onnx")
    graph = Rewritten(model).graph
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="fleetwright-models"
    )
    made.ir_version = 8
    onnx.checker.check_model(made, full_check=True)
    path = folder / HALF
    path.write_bytes(made.SerializeToString(deterministic=True))
    return path


def command(folder: Path) -> str:
    """What makes it, from the project's root."""
    return f"python models/recipes/half.py models/{folder.parent.name}/{folder.name}"


class Rewritten:
    """The graph of a model of `layers.py`, with fractions in place of its integers."""

    def __init__(self, model: onnx.ModelProto):
        self.constants = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
        self.nodes = fractions(list(model.graph.node), self.constants)
        self.made = {output: node for node in self.nodes for output in node.output}
        self.halves = self.beneath_layers()
        self.real = self.fractional(model)
        self._nodes, self._known, self._kept = [], set(), {}
        inputs, outputs = list(model.graph.input), list(model.graph.output)
        for node in self.nodes:
            self.add(node)
        self.graph = helper.make_graph(self._nodes, model.graph.name, inputs, outputs, list(self._kept.values()))

    def beneath_layers(self) -> set:
        """Names of the nodes that a layer's end stands on, or is."""
        waiting = [node for node in self.nodes if node.op_type == LAST]
        found = set()
        while waiting:
            node = waiting.pop()
            if node.output[0] in found:
                continue
            found.add(node.output[0])
            waiting += [self.made[name] for name in node.input if name in self.made]
        return found

    def fractional(self, model: onnx.ModelProto) -> set:
        """Names of the values that are fractions."""
        plain = helper.make_graph(
            self.nodes,
            "plain",
            list(model.graph.input),
            list(model.graph.output),
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()],
        )
        made = helper.make_model(plain, opset_imports=[helper.make_opsetid("", OPSET)])
        made.ir_version = 8
        inferred = shape_inference.infer_shapes(made, strict_mode=True).graph
        values = [*inferred.value_info, *inferred.input, *inferred.output]
        known = {one.name for one in values if one.type.tensor_type.elem_type == TensorProto.FLOAT}
        return known | {name for name, value in self.constants.items() if value.dtype == np.float32}

    def add(self, node: onnx.NodeProto) -> None:
        half = node.output[0] in self.halves
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        for place, name in enumerate(node.input):
            copy.input[place] = self.taken(name, half)
        if half and node.op_type == "Cast" and node.output[0] in self.real:
            copy.attribute[0].i = TensorProto.FLOAT16
        self._nodes.append(copy)

    def taken(self, name: str, half: bool) -> str:
        """The name under which a node takes a value: of its kind of fraction."""
        if name in self.constants:
            return self.constant(name, half)
        if name not in self.real or half == (name in self.halves):
            return name
        cast = f"{name}.{'fp16' if half else 'fp32'}"
        if cast not in self._known:
            self._known.add(cast)
            to = TensorProto.FLOAT16 if half else TensorProto.FLOAT
            self._nodes.append(helper.make_node("Cast", [name], [cast], name=cast, to=to))
        return cast

    def constant(self, name: str, half: bool) -> str:
        value = self.constants[name]
        if half and value.dtype == np.float32:
            name, value = f"{name}.fp16", np.clip(value, -LARGEST_HALF, LARGEST_HALF).astype(np.float16)
        self._kept[name] = numpy_helper.from_array(value, name)
        return name


def fractions(nodes: list, constants: dict) -> list:
    """The nodes with a product of fractions in place of each product of integers, as `Layers.linear` writes it, and with what it took no more."""
    made = {output: node for node in nodes for output in node.output}
    readers = {}
    for node in nodes:
        for name in node.input:
            readers.setdefault(name, []).append(node)

    def only(name: str, kind: str) -> onnx.NodeProto:
        (reader,) = readers[name]
        assert reader.op_type == kind, f"`{name}` is read by {reader.op_type}, and not by {kind}"
        return reader

    replaced = {}
    for node in nodes:
        if node.op_type != "MatMulInteger":
            continue
        small = made[node.input[0]]
        value, step = made[small.input[0]].input
        real = only(only(node.output[0], "Cast").output[0], "Mul")
        assert real.input[1] == step, f"`{real.name}` brings back another scale than was taken away"
        scaled = only(real.output[0], "Mul")
        added = only(scaled.output[0], "Add")
        integers, scales = constants[node.input[1]], constants[scaled.input[1]]
        matrix = integers.astype(np.float32) * scales
        bias = constants[added.input[1]]
        shifted = made.get(value)
        if shifted is not None and shifted.op_type == "Add" and shifted.input[1] == "gelu.shift":
            # In fractions nothing must be at least zero.
            value = shifted.input[0]
            bias = bias + constants["gelu.shift"] * matrix.sum(axis=0, dtype=np.float32)
        weight, term = f"{node.input[1]}.real", f"{added.input[1]}.real"
        constants[weight], constants[term] = matrix, bias
        replaced[added.output[0]] = [
            helper.make_node("MatMul", [value, weight], [f"{weight}.product"], name=f"{weight}.product"),
            helper.make_node("Add", [f"{weight}.product", term], [added.output[0]], name=added.name),
        ]
    written = [new for node in nodes for new in replaced.get(node.output[0], [node])]
    return needed(written)


def needed(nodes: list) -> list:
    """Those of the nodes, in their order, that an output stands on: what `Graph.output` ends with is an Identity."""
    made = {output: node for node in nodes for output in node.output}
    waiting = [node for node in nodes if node.op_type == "Identity"]
    kept = set()
    while waiting:
        node = waiting.pop()
        if node.output[0] not in kept:
            kept.add(node.output[0])
            waiting += [made[name] for name in node.input if name in made]
    return [node for node in nodes if node.output[0] in kept]


def apart(folder: Path) -> str:
    """How far the answers of the two graphs are apart, over letters of the project's own."""
    texts = letters()
    ours, halved = (answers(folder / name, texts) for name in ("model.onnx", HALF))
    lines = []
    for name, whole in ours.items():
        other = halved[name]
        agree = int(np.sum(whole.argmax(-1) == other.argmax(-1)))
        lines.append(
            f"  {name}: mean difference {np.abs(whole - other).mean():.4f}, largest {np.abs(whole - other).max():.4f}, "
            f"the same first label {agree} of {len(whole)}"
        )
    return "\n".join(lines)


def letters() -> list:
    """Subject and words of each letter in `tests/peers`."""
    told = subprocess.run([sys.executable, str(ROOT / "tests" / "peers" / "letters.py")], capture_output=True, text=True, check=True)
    bodies = [json.loads(line) for line in told.stdout.splitlines()]
    words = [body.get("body") or body["messages"][-1]["body"] for body in bodies]
    return [f"{body['subject']}\n\n{text}" for body, text in zip(bodies, words)]


def answers(path: Path, texts: list) -> dict:
    """For each output, a row a text or, of a tagger, a token."""
    graph, encoder = session(path), Encoder(WHOLE)
    takes, gives = {one.name for one in graph.get_inputs()}, [one.name for one in graph.get_outputs()]
    vectors = encoder.embed(texts) if "embedding" in takes else None
    encodings = encoder.encode(texts)
    rows = {name: [] for name in gives}
    for index, states in encoder.states(encodings):
        inputs = {
            "states": states[None].astype(np.float32),
            "attention_mask": np.ones((1, len(states)), np.int64),
            "shapes": shapes.of(texts[index], encodings[index].offsets)[None],
        } | ({} if vectors is None else {"embedding": vectors[index : index + 1]})
        found = graph.run(gives, {name: value for name, value in inputs.items() if name in takes})
        for name, value in zip(gives, found):
            rows[name].append(value.reshape(-1, value.shape[-1]))
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def main() -> None:
    folders = [Path(argument).resolve() for argument in sys.argv[1:]] or sorted(
        card.parent for card in (ROOT / "models").glob("*/*/model.toml") if command(card.parent) in card.read_text(encoding="utf-8")
    )
    for folder in folders:
        digest = hashlib.sha256(make(folder).read_bytes()).hexdigest()
        print(f"{folder.parent.name} {folder.name}\n{apart(folder)}", flush=True)
        if digest not in (folder / "model.toml").read_text(encoding="utf-8"):
            raise SystemExit(f"`{folder / HALF}` is sha256 {digest}, which its card does not name: the host will refuse it. Is `model.onnx` the card's?")


if __name__ == "__main__":
    main()
