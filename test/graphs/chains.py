# chains.py - Rows that go through several ops at once beside NumPy
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds one graph of attention and what is like it, whose sizes are no multiples of anything, and compares its program with NumPy:
between two matmuls are scales, masks, softmax, normalization and quantization. Each is one stage, 'phic verify' finds it within
its bound, and so is the same of what is not one.

    chains.py PHIC"""
import os
import subprocess
import sys

import numpy as np
from numpy_graph import NumpyGraph

random = np.random.default_rng(7)
graph = NumpyGraph({}, 17)
chains = 0


def given(values):
    name = f"x{len(graph.inputs)}"
    graph.inputs[name] = values
    return name


def normal(*shape):
    return random.normal(0, 1, shape).astype(np.float32)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def step(op, names, value, **attributes):
    """An op between the matmuls: the name of its result and the numbers."""
    name = f"s{len(graph.nodes)}"
    graph.node(op, names, [name], **attributes)
    return name, value


def rounded(x, scale, zero):
    """Through codes of 8 bits and back."""
    codes = [graph.constant(np.float32(scale)), graph.constant(np.uint8(zero))]
    name, _ = step("QuantizeLinear", [x[0], *codes], None)
    value = (np.clip(np.rint(x[1] / scale) + zero, 0, 255) - zero) * scale
    return step("DequantizeLinear", [name, *codes], value)


def chain(batch, M, K, N, V, between, relative=2e-5):
    """rows [M, K] x [K, N], what is between, x [N, V]"""
    global chains
    chains += 1
    q, k, v = normal(*batch, M, K) / 4, normal(*batch, K, N), normal(*batch, N, V)
    x = between(step("MatMul", [given(q), given(k)], q.astype(np.float64) @ k))
    graph.check("MatMul", [x[0], given(v)], (x[1] @ v).astype(np.float32), relative)


def masked(x, shape):
    mask = np.where(random.random(shape) < 0.3, -np.inf, normal(*shape)).astype(np.float32)
    mask[..., 0] = 0  # no row is empty
    return step("Add", [x[0], given(mask)], x[1] + mask)


def attention(x):
    return step("Softmax", [x[0]], softmax(x[1]))


# Rows of one tile and of several, one row, and few columns, which are multiplied along K.
for batch, M, K, N, V in (((1, 3), 37, 20, 50, 33), ((2, 2), 200, 64, 300, 40), ((1, 5), 1, 16, 77, 8), ((7,), 19, 5, 1, 3), ((2,), 25, 33, 3, 2),
                          ((1, 2), 40, 1, 17, 1), ((1, 1), 13, 300, 290, 270), ((3,), 1, 1, 1, 1)):
    chain(batch, M, K, N, V, attention)
# Masks for all heads, for all rows, for one product, for each number, and one number for a row.
for shape in ((43, ), (1, 1, 1, 43), (1, 1, 29, 43), (2, 1, 1, 43), (1, 3, 29, 43), (2, 3, 1, 43), (2, 3, 29, 43)):
    chain((2, 3), 29, 12, 43, 18, lambda x, shape=shape: attention(masked(x, shape)))
chain((2, 3), 29, 12, 43, 18, lambda x, s=normal(2, 1, 29, 1): attention(step("Mul", [x[0], given(s)], x[1] * s)))
# What is NaN becomes 0; a row that sees nothing is one.
def nothing_seen(x):
    mask = np.zeros((1, 1, 9, 21), np.float32)
    mask[0, 0, 4] = -np.inf
    with np.errstate(invalid="ignore"):
        name, value = attention(step("Add", [x[0], given(mask)], x[1] + mask))
    isNan, _ = step("IsNaN", [name], None)
    return step("Where", [isNan, graph.constant(np.float32(0)), name], np.nan_to_num(value))
chain((1, 2), 9, 12, 21, 18, nothing_seen)
# No softmax, two of them, a normalization, and a reshape that keeps rows.
chain((2, 2), 11, 12, 30, 7, lambda x: step("Relu", [x[0]], np.maximum(x[1], 0)))
chain((2, 2), 11, 12, 30, 7, lambda x: x)
chain((2, 2), 11, 12, 30, 7, lambda x: attention(attention(x)))
scale, bias = normal(30), normal(30)
def normalized(x):
    centered = x[1] - x[1].mean(-1, keepdims=True)
    value = centered / np.sqrt((centered**2).mean(-1, keepdims=True) + 1e-3) * scale + bias
    return step("LayerNormalization", [x[0], graph.constant(scale), graph.constant(bias)], value, epsilon=1e-3)
chain((2, 2), 11, 12, 30, 7, lambda x: attention(normalized(x)), 1e-4)
def flattened(x):
    flat = step("Reshape", [x[0], graph.constant(np.array([-1, 30]))], x[1].reshape(-1, 30))
    value = rounded(attention(flat), 1 / 255, 0)
    return step("Reshape", [value[0], graph.constant(np.array([2, 2, 11, 30]))], value[1].reshape(2, 2, 11, 30))
chain((2, 2), 11, 12, 30, 7, flattened, 0.02)
# Scores and shares are rounded to codes: one may be another's neighbour.
for N in (30, 40, 200):
    chain((1, 3), 50, 24, N, 19, lambda x: rounded(attention(masked(rounded(x, 0.05, 130), (1, 1, 1, x[1].shape[-1]))), 1 / 255, 0), 0.05)


def codes_times_codes(batch, M, K, N, V):
    """QLinearMatMul, softmax, QLinearMatMul: rows of bytes go from one to the other."""
    global chains
    chains += 1
    def quantized(*shape):
        values = random.integers(0, 256, shape).astype(np.uint8)
        return [given(values), graph.constant(np.float32(0.02)), graph.constant(np.uint8(120))], (values - 120.0) * 0.02
    (q, qs), (k, ks), (v, vs) = quantized(*batch, M, K), quantized(*batch, K, N), quantized(*batch, N, V)
    parameters = [[graph.constant(np.float32(s)), graph.constant(np.uint8(z))] for s, z in ((0.1, 128), (1 / 255, 0), (0.02, 128))]
    scores = (np.clip(np.rint(qs @ ks / 0.1) + 128, 0, 255) - 128) * 0.1
    shares = np.clip(np.rint(softmax(scores) * 255), 0, 255) / 255
    name, _ = step("QLinearMatMul", [*q, *k, *parameters[0]], None)
    name, _ = step("DequantizeLinear", [name, *parameters[0]], None)
    name, _ = step("Softmax", [name], None)
    name, _ = step("QuantizeLinear", [name, *parameters[1]], None)
    name, _ = step("QLinearMatMul", [name, *parameters[1], *v, *parameters[2]], None)
    graph.check("DequantizeLinear", [name, *parameters[2]], ((np.clip(np.rint(shares @ vs / 0.02) + 128, 0, 255) - 128) * 0.02).astype(np.float32), 0.03)


for sizes in (((1, 2), 26, 20, 50, 33), ((1, 4), 130, 32, 200, 16), ((3, ), 1, 7, 9, 1)):
    codes_times_codes(*sizes)

# What something else reads is stored; products of other rows than the first's are apart; 3000 numbers of enough rows stay in no cache; of
# few tiles each is divided.
single = chains
q, k, v = normal(2, 9, 8), normal(2, 8, 10), normal(2, 10, 4)
scores = step("MatMul", [given(q), given(k)], q.astype(np.float64) @ k)
graph.check("Softmax", [scores[0]], softmax(scores[1]).astype(np.float32), 1e-5)
graph.check("MatMul", [f"y{len(graph.expected) - 1}", given(v)], (softmax(scores[1]) @ v).astype(np.float32), 1e-5)
for shape in ((3, 20, 30), (12, 5, 30), (2, 30, 30)):
    q, k, v = normal(6, 10, 12), normal(6, 12, 30), normal(shape[0], 30, 7)
    x = attention(step("MatMul", [given(q), given(k)], q.astype(np.float64) @ k))
    x = step("Reshape", [x[0], graph.constant(np.array(shape))], x[1].reshape(shape))
    graph.check("MatMul", [x[0], given(v)], (x[1] @ v).astype(np.float32), 2e-5)
chain((1, 6), 70, 8, 3000, 6, attention)
chain((1, 1), 70, 8, 600, 6, attention)


def check(phic, folder):
    ir = subprocess.run([phic, "inspect", "--ir", "checks"], check=True, capture_output=True, text=True, cwd=folder).stdout
    stages, both = ir.split("plan.stage")[1:], 0
    for stage in stages:
        both += stage.split("plan.yield")[0].count("phiq.contract") == 2
    assert both == single, (both, single)
    done = subprocess.run([phic, "verify", "checks", "--model=checks.onnx"], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"{both} stages of two matmuls; {done.stdout.strip().splitlines()[-1]}")


graph.run(os.path.abspath(sys.argv[1]), check)
