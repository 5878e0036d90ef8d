# moves.py - Moves of tensors larger than a tile
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds one graph of transposes, slices, concatenations, pads and gathers, of every element size, and compares its program with
NumPy, element for element.

    moves.py PHIC"""
import os
import subprocess
import sys
import tempfile

import numpy as np
from onnx import helper, numpy_helper, save

PHIC = os.path.abspath(sys.argv[1])
SHAPES = {"f": ((3, 70, 53), np.float32), "b": ((2, 41, 77), np.uint8), "l": ((19, 5, 33), np.int64), "e": ((300, 24), np.float32)}
random = np.random.default_rng(5)
inputs = {name: random.integers(0, 200, shape).astype(kind) for name, (shape, kind) in SHAPES.items()}
inputs["i"] = random.integers(-300, 300, (7, 11)).astype(np.int64)
inputs["j"] = random.integers(-70, 70, (3, 60, 53)).astype(np.int32)
# Out of range: brought into it.
inputs["k"] = np.array([0, 299, 17, -1, -300, -2], np.int64)
table = random.normal(0, 1, (900, 80)).astype(np.float32) # large enough to stay in the model's file
nodes, outputs, expected, initializers = [], [], {}, [numpy_helper.from_array(table, "table")]


def constant(values):
    name = f"c{len(initializers)}"
    initializers.append(numpy_helper.from_array(np.asarray(values), name))
    return name


def check(op, names, value, **attributes):
    output = f"y{len(outputs)}"
    nodes.append(helper.make_node(op, names, [output], **attributes))
    value = np.ascontiguousarray(value)
    outputs.append(helper.make_tensor_value_info(output, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape))
    expected[output] = value


def sliced(name, starts, ends, axes, steps):
    slices = [slice(None)] * inputs[name].ndim
    for start, end, axis, step in zip(starts, ends, axes, steps):
        slices[axis] = slice(start, None if end < -1000 else end, step)
    check("Slice", [name, *map(constant, (starts, ends, axes, steps))], inputs[name][tuple(slices)])


for name in "fbl":
    x = inputs[name]
    for order in ((2, 1, 0), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1)):
        check("Transpose", [name], x.transpose(order), perm=order)
    sliced(name, [3, 30], [-1, -9999], [1, 2], [2, -3])
    sliced(name, [-1, 1], [-9999, 33], [0, 2], [-1, 1])
    check("Concat", [name, name, name], np.concatenate([x] * 3, 2), axis=2)
    check("Concat", [name, name], np.concatenate([x] * 2, 1), axis=1)
    check("Expand", [name, constant([4, *x.shape])], np.broadcast_to(x, (4, *x.shape)))
    check("Tile", [name, constant([1, 2, 3])], np.tile(x, (1, 2, 3)))
    pads = ((1, 0), (2, 3), (20, 17))
    flat = constant([low for low, _ in pads] + [high for _, high in pads])
    value = constant(np.array(7, x.dtype))
    check("Pad", [name, flat, value], np.pad(x, pads, constant_values=7))
    for mode in ("edge", "reflect", "wrap"):
        check("Pad", [name, flat], np.pad(x, pads, mode), mode=mode)
f, e = inputs["f"], inputs["e"]
check("Pad", ["f", constant([0, -2, 5, 0, 3, -1])], np.pad(f[:, 2:, :-1], ((0, 0), (0, 3), (5, 0))))
narrow = f[:, :, :1]
nodes.append(helper.make_node("Slice", ["f", constant([0]), constant([1]), constant([2])], ["narrow"]))
check("Expand", ["narrow", constant([3, 70, 90])], np.broadcast_to(narrow, (3, 70, 90)))
check("Concat", ["narrow", "narrow"], np.concatenate([narrow, narrow], 2), axis=2)
check("Gather", ["e", "i"], e[inputs["i"]], axis=0)
check("Gather", ["table", "i"], table[inputs["i"]], axis=0)
check("Gather", ["e", "k"], e[[0, 299, 17, 299, 0, 298]], axis=0)
check("Gather", ["f", constant([5, 1, -1])], f[:, :, [5, 1, -1]], axis=2)
check("GatherElements", ["f", "j"], np.take_along_axis(f, np.where(inputs["j"] < 0, inputs["j"] + 70, inputs["j"]), 1), axis=1)
nodes.append(helper.make_node("Reshape", ["i", constant([7, 11, 1])], ["tuples"]))
check("GatherND", ["e", "tuples"], e[inputs["i"]])

scattered = e.copy()
scattered[inputs["k"][[0, 1]]] = f[0, :2, :24]
nodes.append(helper.make_node("Slice", ["f", *map(constant, ([0, 0, 0], [1, 2, 24]))], ["some"]))
nodes.append(helper.make_node("Reshape", ["some", constant([2, 24])], ["updates"]))
nodes.append(helper.make_node("Slice", ["k", *map(constant, ([0], [2]))], ["first"]))
nodes.append(helper.make_node("Reshape", ["first", constant([2, 1])], ["places"]))
check("ScatterND", ["e", "places", "updates"], scattered)

values = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for n, x in inputs.items()]
graph = helper.make_graph(nodes, "moves", values, outputs, initializers)
with tempfile.TemporaryDirectory(prefix="phic-moves-") as folder:
    os.chdir(folder)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), "moves.onnx")
    subprocess.run([PHIC, "build", "moves.onnx", "-o", "moves", "--quiet"], check=True)
    for name, x in inputs.items():
        np.save(f"{name}.npy", x)
    given = [word for name in inputs for word in ("--in", f"{name}={name}.npy")]
    taken = [word for name in expected for word in ("--out", f"{name}={name}.npy")]
    for threads in ("1", "3"):
        subprocess.run(["./moves", *given, *taken, "--threads", threads], check=True)
        for (name, value), node in zip(expected.items(), (node for node in nodes if node.output[0] in expected)):
            found = np.load(f"{name}.npy")
            assert found.dtype == value.dtype and found.shape == value.shape, (node, found.shape, value.shape)
            assert np.array_equal(found, value), (node, np.argwhere(found != value)[:5])
print(f"{len(expected)} moves are NumPy's")
