# codes.py - Codes of sums that lie between two
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""QLinearAdd, QLinearMul and means of pools whose scales are powers of two apart, so that many results lie in the middle between two codes and a
last bit decides: compared with the order of roundings that ONNX Runtime has, written out in NumPy.

    codes.py PHIC"""
import sys

import numpy as np
from numpy_graph import NumpyGraph

f32 = np.float32
random = np.random.default_rng(8)
inputs = {"a": random.integers(0, 256, (1, 6, 31, 45)).astype(np.uint8), "b": random.integers(0, 256, (1, 6, 31, 45)).astype(np.uint8),
          "s": random.integers(-128, 128, (1, 6, 31, 45)).astype(np.int8)}
graph = NumpyGraph(inputs, 21)
OPERATOR = {"domain": "com.microsoft"}


def fused(x, y, z):
    """x y + z, rounded once: products of floats are exact in double precision, and so are these sums."""
    return (np.float64(x) * np.float64(y) + np.float64(z)).astype(f32)


def saturated(steps, codes):
    limits = np.iinfo(codes)
    return np.clip(np.rint(steps), limits.min, limits.max).astype(codes)


def near(scale):
    """A power of two away from it."""
    return f32(scale * 2.0 ** random.integers(-3, 3))


def point(codes):
    return random.integers(np.iinfo(codes).min, np.iinfo(codes).max + 1, dtype=codes)


def operands(x, y):
    """The names of x, y, their scales and zero points and those of the result; and the numbers behind the names."""
    scale, codes = f32(random.uniform(0.01, 0.1)), inputs[x].dtype
    names, numbers = [], []
    for given in (x, y, None):
        if given is not None:
            isInput = isinstance(given, str)
            names.append(given if isInput else graph.constant(given))
            numbers.append((inputs[given] if isInput else given).astype(f32))
        numbers += [scale if given is None else near(scale), point(codes)]
        names += map(graph.constant, numbers[-2:])
    return names, numbers, codes


def add(x, y):
    names, (a, a_scale, a_zero, b, b_scale, b_zero, scale, zero), codes = operands(x, y)
    of_a, of_b = f32(a_scale / scale), f32(b_scale / scale)
    constant = f32(f32(zero) - fused(of_a, f32(a_zero), f32(of_b * f32(b_zero))))
    graph.check("QLinearAdd", names, saturated(fused(a, of_a, fused(b, of_b, constant)), codes), **OPERATOR)


def multiply(x, y):
    names, (a, a_scale, a_zero, b, b_scale, b_zero, scale, zero), codes = operands(x, y)
    product = (a - f32(a_zero)) * (b - f32(b_zero))
    graph.check("QLinearMul", names, saturated(fused(product, f32(f32(a_scale * b_scale) / scale), f32(zero)), codes), **OPERATOR)


def mean(name, kernel, strides):
    """Down the columns of a window first."""
    scale, zero, codes = f32(random.uniform(0.01, 0.1)), point(inputs[name].dtype), inputs[name].dtype
    parameters = [graph.constant(scale), graph.constant(zero)]
    x = (inputs[name].astype(f32) - f32(zero)) * scale
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))[:, :, :: strides[0], :: strides[1]]
    total = f32(0)
    for column in range(kernel[1]):
        part = f32(0)
        for row in range(kernel[0]):
            part = part + windows[..., row, column]
        total = total + part
    pooled = total / f32(kernel[0] * kernel[1])
    graph.node("DequantizeLinear", [name, *parameters], [f"x{len(graph.nodes)}"])
    graph.node("AveragePool", [graph.nodes[-1].output[0]], [f"x{len(graph.nodes)}"], kernel_shape=kernel, strides=strides)
    graph.check("QuantizeLinear", [graph.nodes[-1].output[0], *parameters], saturated(np.rint(pooled / scale) + f32(zero), codes))


one = np.array([201], np.uint8)
for _ in range(3):
    for calculate in (add, multiply):
        calculate("a", "b")
        calculate("s", "s")
        calculate("a", one)
        calculate("a", random.integers(0, 256, (6, 1, 1)).astype(np.uint8))
for name in "as":
    for kernel, strides in (((2, 2), (2, 2)), ((3, 2), (3, 2)), ((2, 4), (1, 2)), ((3, 3), (2, 1))):
        mean(name, kernel, strides)
graph.run(sys.argv[1])
