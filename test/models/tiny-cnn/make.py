# make.py - A small classifier of 8-bit integers
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes graph.onnx beside itself: two convolutions, a mean over the image and a matrix, as static quantization leaves them: u8
activations and s8 weights with a scale a channel between QuantizeLinear and DequantizeLinear.

Input image [1, 3, 16, 16], result classes [1, 10]; needs the onnx package."""
import os

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
random = np.random.default_rng(17)
nodes, constants = [], {}


def constant(name, value):
    constants[name] = value
    return name


def quantized(x, scale, zero):
    """x between QuantizeLinear and DequantizeLinear."""
    parameters = [constant(f"{x}.scale", np.float32(scale)), constant(f"{x}.zero", np.uint8(zero))]
    nodes.append(h.make_node("QuantizeLinear", [x, *parameters], [f"{x}.q"], name=f"{x}.quantize"))
    nodes.append(h.make_node("DequantizeLinear", [f"{x}.q", *parameters], [f"{x}.d"], name=f"{x}.dequantize"))
    return f"{x}.d"


def weight(name, *shape):
    """Codes with a scale a row."""
    values = random.normal(0, 1, shape) / np.sqrt(np.prod(shape[1:]))
    scales = np.abs(values).reshape(shape[0], -1).max(axis=1) / 127
    codes = np.rint(values / scales.reshape(-1, *[1] * (len(shape) - 1))).astype(np.int8)
    inputs = [constant(f"{name}.codes", codes), constant(f"{name}.scales", scales.astype(np.float32))]
    nodes.append(h.make_node("DequantizeLinear", inputs, [name], name=f"{name}.dequantize", axis=0))
    return name


def add(op, inputs, output, **attributes):
    nodes.append(h.make_node(op, inputs, [output], name=output, **attributes))
    return output


def main():
    x = quantized("image", 1 / 127, 128)
    for layer, (channels, filters) in enumerate(((3, 8), (8, 16))):
        bias = constant(f"bias{layer}", random.normal(0, 0.1, filters).astype(np.float32))
        x = add("Conv", [x, weight(f"kernel{layer}", filters, channels, 3, 3), bias], f"conv{layer}", strides=[2, 2], pads=[1, 1, 1, 1])
        x = quantized(add("Relu", [x], f"relu{layer}"), 1 / 64, 0)
    x = quantized(add("Flatten", [add("GlobalAveragePool", [x], "pool")], "flat"), 1 / 128, 0)
    x = add("Gemm", [x, weight("matrix", 10, 16), constant("offset", random.normal(0, 0.1, 10).astype(np.float32))], "scores", transB=1)
    add("Softmax", [x], "classes", axis=1)
    graph = h.make_graph(nodes, "tiny-cnn", [h.make_tensor_value_info("image", T.FLOAT, [1, 3, 16, 16])],
                         [h.make_tensor_value_info("classes", T.FLOAT, [1, 10])],
                         [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, os.path.join(HERE, "graph.onnx"))


if __name__ == "__main__":
    main()
