"""Writes ONNX graphs node by node.

The shipped graphs hold only plain operators of opset 17, so that every backend of the host can run them.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
# What stands for minus a milliard at sixteen bits: sums with it stay finite, and its share after softmax is exactly zero.
LARGEST_HALF = 3e4


class Graph:
    """One graph under construction. `node` returns the name of what it made, so that calls nest.

    With `half` it computes in fp16, for GPUs: its constants are rounded, and its outputs are fp32 all the same. A cast to fractions
    goes `to=graph.real`.
    """

    def __init__(self, name: str, half: bool = False):
        self.name = name
        self.half = half
        self.real = TensorProto.FLOAT16 if half else TensorProto.FLOAT
        self._nodes = []
        self._constants = {}
        self._inputs = []
        self._outputs = []

    def input(self, name: str, element: int, dims: list) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, element, dims))
        return name

    def output(self, name: str, value: str, dims: list) -> None:
        last = ("Cast", {"to": TensorProto.FLOAT}) if self.half else ("Identity", {})
        self._nodes.append(helper.make_node(last[0], [value], [name], name=f"out_{name}", **last[1]))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, dims))

    def constant(self, name: str, value) -> str:
        if name not in self._constants:
            value = np.asarray(value, order="C")
            if self.half and value.dtype == np.float32:
                value = np.clip(value, -LARGEST_HALF, LARGEST_HALF).astype(np.float16)
            self._constants[name] = numpy_helper.from_array(value, name)
        return name

    def node(self, operator: str, inputs: list, **attributes) -> str:
        name = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def split(self, value: str, parts: int, axis: int) -> list:
        names = [f"Split_{len(self._nodes)}_{part}" for part in range(parts)]
        self._nodes.append(helper.make_node("Split", [value], names, name=names[0], axis=axis))
        return names

    def save(self, path: Path) -> None:
        graph = helper.make_graph(
            self._nodes, self.name, self._inputs, self._outputs, list(self._constants.values())
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="fleetwright-models"
        )
        model.ir_version = 8
        onnx.checker.check_model(model, full_check=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model.SerializeToString(deterministic=True))
