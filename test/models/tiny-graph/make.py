# make.py - A graph that is no language model
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes graph.onnx beside itself: an image of codes, pooled, and a gate that remembers.

    q = QuantizeLinear(x)  p = MaxPool(q)  d = DequantizeLinear(p)      u8 codes from stage to stage
    g = Gemm(Flatten(d), W, b)  s = Sigmoid(g + h)  y = s * u           h_next = s goes on to the next run

Inputs x [1, 3, 9, 7] and u [1, 20], the state h [1, 20], results y and p (u8); needs the onnx package."""
import os

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
SCALE, ZERO, N = 1 / 64, 130, 20


def main():
    random = np.random.default_rng(7)
    pooled = [1, 3, 5, 4]
    K = int(np.prod(pooled))
    constants = {
        "scale": np.float32(SCALE), "zero": np.uint8(ZERO),
        "W": random.normal(0, 0.2, (N, K)).astype(np.float32), "b": random.normal(0, 0.1, N).astype(np.float32),
    }
    nodes = [
        h.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"], name="quantize"),
        h.make_node("MaxPool", ["q"], ["p"], name="pool", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1]),
        h.make_node("DequantizeLinear", ["p", "scale", "zero"], ["d"], name="dequantize"),
        h.make_node("Flatten", ["d"], ["f"], name="flatten"),
        h.make_node("Gemm", ["f", "W", "b"], ["g"], name="gemm", transB=1),
        h.make_node("Add", ["g", "h"], ["a"], name="remember"),
        h.make_node("Sigmoid", ["a"], ["h_next"], name="gate"),
        h.make_node("Mul", ["h_next", "u"], ["y"], name="scale_by_u"),
    ]
    graph = h.make_graph(
        nodes, "tiny-graph",
        [h.make_tensor_value_info("x", T.FLOAT, ["batch", 3, 9, 7]), h.make_tensor_value_info("u", T.FLOAT, [1, N]),
         h.make_tensor_value_info("h", T.FLOAT, [1, N])],
        [h.make_tensor_value_info("y", T.FLOAT, [1, N]), h.make_tensor_value_info("p", T.UINT8, pooled),
         h.make_tensor_value_info("h_next", T.FLOAT, [1, N])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, os.path.join(HERE, "graph.onnx"))


if __name__ == "__main__":
    main()
