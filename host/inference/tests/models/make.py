"""Writes the graphs that the tests of this crate load.

`pip install onnx==1.22.0` (any recent version will do), then `python make.py`, in this folder.

tiny.onnx: a padded, masked mean over a table of embeddings, with the states that it is the mean of.
  ids i64 [batch, tokens], mask i64 [batch, tokens] -> mean f32 [batch, 4], states f32 [batch, tokens, 4]
twice.onnx: the same over a table of twice its values, as a graph of a device's own.
odd.onnx: y = x + 1 with a fixed width and no batch axis.
  x f32 [3] -> y f32 [3]
vast.onnx: as many zeros as it is told to make, to run out of memory.
  shape i64 [1] -> zeros f32 [places]
../../src/backend/onnxruntime/probe.onnx: y = x · table, which an accelerator is tried with.
  x f32 [rows, 4] -> y f32 [rows, 4]
"""

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

WIDTH, WORDS = 4, 10


def constant(name, value):
    return numpy_helper.from_array(value, name)


def write(file, nodes, inputs, outputs, constants):
    ports = [[helper.make_tensor_value_info(n, t, d) for n, t, d in side] for side in (inputs, outputs)]
    graph = helper.make_graph(nodes, file.split("/")[-1], *ports, initializer=constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="fleetwright")
    checker.check_model(model)
    save(model, file)


table = (np.arange(WORDS * WIDTH, dtype=np.float32).reshape(WORDS, WIDTH) - 17) / 8


def encoder(file, table):
    write(
        file,
        [
            helper.make_node("Gather", ["table", "ids"], ["looked_up"]),
            helper.make_node("Cast", ["mask"], ["weights"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["weights", "last"], ["column"]),
            helper.make_node("Mul", ["looked_up", "column"], ["states"]),
            helper.make_node("ReduceSum", ["states", "first"], ["sum"], keepdims=0),
            helper.make_node("ReduceSum", ["column", "first"], ["count"], keepdims=0),
            helper.make_node("Div", ["sum", "count"], ["mean"]),
        ],
        [("ids", TensorProto.INT64, ["batch", "tokens"]), ("mask", TensorProto.INT64, ["batch", "tokens"])],
        [("mean", TensorProto.FLOAT, ["batch", WIDTH]), ("states", TensorProto.FLOAT, ["batch", "tokens", WIDTH])],
        [constant("table", table), constant("last", np.array([2])), constant("first", np.array([1]))],
    )


encoder("tiny.onnx", table)
encoder("twice.onnx", table * 2)
write(
    "odd.onnx",
    [helper.make_node("Add", ["x", "one"], ["y"])],
    [("x", TensorProto.FLOAT, [3])],
    [("y", TensorProto.FLOAT, [3])],
    [constant("one", np.array([1], dtype=np.float32))],
)
write(
    "vast.onnx",
    [helper.make_node("ConstantOfShape", ["shape"], ["zeros"])],
    [("shape", TensorProto.INT64, [1])],
    [("zeros", TensorProto.FLOAT, ["places"])],
    [],
)
write(
    "../../src/backend/onnxruntime/probe.onnx",
    [helper.make_node("MatMul", ["x", "table"], ["y"])],
    [("x", TensorProto.FLOAT, ["rows", WIDTH])],
    [("y", TensorProto.FLOAT, ["rows", WIDTH])],
    [constant("table", table[:WIDTH])],
)
