# axes.py - Reductions, softmax, normalization and powers
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reductions over inner, outer and both axes, ArgMax, Softmax and LayerNormalization, of sizes with and without a tail; Pow by numbers.

    axes.py PHIC"""
import sys

import numpy as np
from numpy_graph import NumpyGraph

random = np.random.default_rng(7)
inputs = {"f": random.normal(0, 1, (5, 37, 3, 70)).astype(np.float32), "g": random.normal(0, 2, (3, 4100)).astype(np.float32),
          "q": random.integers(0, 256, (9, 131)).astype(np.uint8), "s": random.integers(-128, 128, (3, 9, 40)).astype(np.int8),
          "l": random.integers(-1 << 40, 1 << 40, (7, 45)).astype(np.int64), "i": random.integers(-99, 99, (6, 300)).astype(np.int32),
          "t": random.integers(0, 3, (40, 37)).astype(np.float32), "m": random.uniform(0, 1, (200, 202, 5)).astype(np.float32)}
graph = NumpyGraph(inputs, 20)


def reduced(op, name, function, axes, relative=0.0, keepdims=1):
    value = function(inputs[name].astype(np.float64) if relative else inputs[name], axis=tuple(axes), keepdims=bool(keepdims))
    names = [name, graph.constant(np.array(axes, np.int64))]
    graph.check(op, names, value.astype(inputs[name].dtype), relative, keepdims=keepdims)


for axes in ([0], [1], [3], [2, 3], [0, 2], [1, 3], [0, 1, 2, 3]):
    reduced("ReduceSum", "f", np.sum, axes, 1e-5)
    reduced("ReduceMean", "f", np.mean, axes, 1e-5, keepdims=0)
    reduced("ReduceMax", "f", np.max, axes)
# Of a whole picture: as exact as of a few elements.
reduced("ReduceMean", "m", np.mean, [0, 1], 5e-7)
for name in "gqsli":
    for axes in ([0], [-1]):
        reduced("ReduceMax", name, np.max, axes)
        reduced("ReduceMin", name, np.min, axes, keepdims=0)
for name in "li":
    reduced("ReduceSum", name, lambda x, axis, keepdims: x.sum(axis, x.dtype, keepdims=keepdims), [0])
    reduced("ReduceProd", name, lambda x, axis, keepdims: x.prod(axis, x.dtype, keepdims=keepdims), [1])
for name in "fgqslit":
    x = inputs[name]
    for axis in range(x.ndim):
        graph.check("ArgMax", [name], x.argmax(axis), axis=axis, keepdims=0)
        graph.check("ArgMin", [name], np.expand_dims(x.argmin(axis), axis), axis=axis)
        last = x.shape[axis] - 1 - np.flip(x, axis).argmax(axis)
        graph.check("ArgMax", [name], last, axis=axis, keepdims=0, select_last_index=1)
for name in "fgt":
    x = inputs[name].astype(np.float64)
    powers = np.exp(x - x.max(-1, keepdims=True))
    shares = powers / powers.sum(-1, keepdims=True)
    graph.check("Softmax", [name], shares.astype(np.float32), 1e-6)
    graph.check("LogSoftmax", [name], np.log(shares).astype(np.float32), 1e-6)
    scale, bias = random.normal(0, 1, (2, x.shape[-1])).astype(np.float32)
    normal = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    names = [name, graph.constant(scale), graph.constant(bias)]
    graph.check("LayerNormalization", names, (normal * scale + bias).astype(np.float32), 1e-5)
# Powers that are products or a quotient, bit for bit.
x = inputs["f"]
graph.check("Pow", ["f", graph.constant(np.float32(3))], x * x * x)
graph.check("Pow", ["f", graph.constant(np.float32([-1]))], np.float32(1) / x)
graph.run(sys.argv[1])
