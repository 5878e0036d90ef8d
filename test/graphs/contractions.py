# contractions.py - Convolutions and matmuls beside NumPy
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds one graph of convolutions and matmuls, of floats and of 8-bit codes, whose sizes are no multiples of anything, and compares
its program with NumPy: integers exactly, floats within K roundings. Weights are initializers and inputs of the graph.

    contractions.py PHIC"""
import os
import subprocess
import sys
import tempfile

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

PHIC = os.path.abspath(sys.argv[1])
random = np.random.default_rng(5)
nodes, inputs, initializers, expected, tolerances = [], {}, [], {}, {}
quantized = {}  # how far results may be off, too, by activations that are quantized


def draw(shape, kind):
    if kind == np.float32:
        return random.normal(0, 1, shape).astype(kind)
    info = np.iinfo(kind)
    values = random.integers(info.min, info.max + 1, shape)
    return np.where(random.random(shape) < 0.3, random.choice([info.min, info.max], shape), values).astype(kind)


def given(values, stored):
    """A name for values that the graph holds, or takes."""
    name = f"v{len(inputs) + len(initializers)}"
    if stored:
        initializers.append(numpy_helper.from_array(values, name))
    else:
        inputs[name] = values
    return name


def check(op, names, value, tolerance=None, **attributes):
    name = f"y{len(expected)}"
    nodes.append(helper.make_node(op, names, [name], name=name, **attributes))
    expected[name], tolerances[name] = value, tolerance


def windows(x, kernel, strides, pads, dilations):
    """[N, C, OH, OW, KH, KW] of x with zeros around it."""
    x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    size = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    seen = np.lib.stride_tricks.sliding_window_view(x, size, (2, 3))
    return seen[:, :, ::strides[0], ::strides[1], ::dilations[0], ::dilations[1]]


def convolve(x, w, strides, pads, dilations):
    return np.einsum("nchwab,ocab->nohw", windows(x, w.shape[2:], strides, pads, dilations), w)


def both(x, xZero, w, wZero):
    return x.astype(np.int64) - xZero, w.astype(np.int64) - np.asarray(wZero).reshape(-1, *[1] * (w.ndim - 1))


# n, c, h, w, o, kernel, strides, pads, dilations
CONVOLUTIONS = [(1, 3, 23, 29, 20, (7, 7), (2, 2), (3, 3, 3, 3), (1, 1)), (2, 32, 9, 7, 17, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
                (1, 130, 5, 11, 40, (2, 3), (1, 2), (2, 4, 1, 0), (3, 5)), (1, 64, 10, 10, 70, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1)),
                (3, 5, 6, 6, 8, (1, 1), (2, 3), (0, 0, 0, 0), (1, 1)),
                # Windows that see nothing but pads.
                (2, 7, 4, 6, 9, (1, 1), (1, 1), (2, 1, 0, 3), (1, 1)), (1, 290, 3, 5, 24, (2, 3), (1, 2), (4, 7, 3, 0), (2, 1))]
for n, c, h, w, o, kernel, strides, pads, dilations in CONVOLUTIONS:
    attributes = {"strides": strides, "pads": pads, "dilations": dilations}
    moves = (strides, pads, dilations)
    for stored in (True, False):
        x, k, b = draw((n, c, h, w), np.float32), draw((o, c, *kernel), np.float32), draw((o,), np.float32)
        y = convolve(x.astype(np.float64), k.astype(np.float64), *moves) + b.reshape(-1, 1, 1)
        bound = (k[0].size + 3) * 2.0**-24 * (convolve(abs(x), abs(k), *moves) + abs(b.reshape(-1, 1, 1)))
        check("Conv", [given(x, False), given(k, stored), given(b, True)], y.astype(np.float32), bound, **attributes)
        for kinds, zeros in (((np.uint8, np.int8), (131, 0)), ((np.uint8, np.uint8), (0, draw((o,), np.uint8))), ((np.uint8, np.uint8), (255, 128))):
            x, k = draw((n, c, h, w), kinds[0]), draw((o, c, *kernel), kinds[1])
            y = convolve(*both(x, zeros[0], k, zeros[1]), *moves)
            names = [given(x, False), given(k, stored), given(np.array(zeros[0], kinds[0]), stored), given(np.asarray(zeros[1], kinds[1]), stored)]
            check("ConvInteger", names, y.astype(np.int32), **attributes)
# A group a channel.
x, k = draw((2, 21, 9, 7), np.float32), draw((21, 1, 3, 3), np.float32)
y = np.einsum("nchwab,cab->nchw", windows(x.astype(np.float64), (3, 3), (2, 1), (1, 1, 1, 0), (1, 1)), k[:, 0])
check("Conv", [given(x, False), given(k, True)], y.astype(np.float32), 1e-4, strides=[2, 1], pads=[1, 1, 1, 0], group=21)
# Some groups: o of them from c / groups channels each, whose zero points are the kernel's own.
for groups, c, o, kernel, strides, pads in ((2, 6, 10, (3, 3), (1, 2), (1, 1, 1, 1)), (3, 24, 27, (1, 1), (1, 1), (0, 0, 0, 0)), (4, 32, 8, (2, 5), (2, 1), (0, 2, 1, 2))):
    attributes, moves = {"strides": strides, "pads": pads, "group": groups}, (strides, pads, (1, 1))
    apart = lambda x, k: np.concatenate([convolve(*pair, *moves) for pair in zip(np.split(x, groups, 1), np.split(k, groups))], 1)
    for stored in (True, False):
        x, k, b = draw((2, c, 8, 9), np.float32), draw((o, c // groups, *kernel), np.float32), draw((o,), np.float32)
        y = apart(x.astype(np.float64), k.astype(np.float64)) + b.reshape(-1, 1, 1)
        check("Conv", [given(x, False), given(k, stored), given(b, True)], y.astype(np.float32), 1e-5 * abs(y).max(), **attributes)
        x, k, zeros = draw((2, c, 8, 9), np.uint8), draw((o, c // groups, *kernel), np.int8), draw((o,), np.int8)
        names = [given(x, False), given(k, stored), given(np.array(3, np.uint8), True), given(zeros, stored)]
        check("ConvInteger", names, apart(*both(x, 3, k, zeros)).astype(np.int32), **attributes)
        # By a scale for each output: codes are multiplied where both are dequantized.
        scale = (1 + random.random(o).astype(np.float32)) / 64
        nodes.append(helper.make_node("DequantizeLinear", [given(x, False), given(np.float32(0.5), True), given(np.array(3, np.uint8), True)], [f"x{len(nodes)}"]))
        nodes.append(helper.make_node("DequantizeLinear", [given(k, True), given(scale, True)], [f"w{len(nodes)}"], axis=0))
        y = apart(*both(x, 3, k, 0)) * scale.reshape(-1, 1, 1) / 2
        check("Conv", [nodes[-2].output[0], nodes[-1].output[0]], y.astype(np.float32), 1e-6 * abs(y).max(), **attributes)


def packed(codes, bits):
    """[..., n] as bytes, the low bits first."""
    together = 8 // bits
    codes = np.pad(codes, [(0, 0)] * (codes.ndim - 1) + [(0, -codes.shape[-1] % together)])
    return sum(codes[..., i::together] << bits * i for i in range(together)).astype(np.uint8)


def steps_of(x, size):
    """How far apart values are where x is quantized in blocks of that size."""
    blocks = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, -x.shape[-1] % size)]).reshape(*x.shape[:-1], -1, size)
    return np.repeat(abs(blocks).max(-1) / 127, size, -1)[..., :x.shape[-1]]


# Codes in blocks along a row, of which the last may be cut short.
for bits, block, m, n, k, hasZeros, hasBias in ((4, 32, (1, 130), 40, 96, False, False), (4, 16, (1,), 9, 50, True, True), (8, 64, (2, 5), 33, 192, True, False), (4, 128, (3,), 70, 300, False, True),
                                                     (2, 32, (7,), 24, 128, False, False)):
    blocks = -(-k // block)
    x, codes = draw((*m, k), np.float32), random.integers(0, 1 << bits, (n, blocks, block)).astype(np.uint8)
    scales, zeros = random.random((n, blocks)).astype(np.float32) + 1, np.full((n, blocks), 1 << (bits - 1), np.uint8)
    if hasZeros:
        zeros = random.integers(0, 1 << bits, (n, blocks)).astype(np.uint8)
    w = ((codes.astype(np.float64) - zeros[..., None]) * scales[..., None]).reshape(n, -1)[:, :k]
    y, bias = x @ w.T, draw((n,), np.float32)
    names = [given(x, False), given(packed(codes, bits), True), given(scales.reshape(-1), True), given(packed(zeros, bits).reshape(-1), True) if hasZeros else ""]
    names += ["", given(bias, True)] if hasBias else []
    # Where activations are quantized: half a step of each block of 32, or of 16.
    quantized[f"y{len(expected)}"] = 0.51 * steps_of(x, 16 if block == 16 else 32) @ abs(w.T)
    check("MatMulNBits", names, (y + bias * hasBias).astype(np.float32), (k + 4) * 2.0**-24 * (abs(x) @ abs(w.T) + 4), bits=bits,
          block_size=block, N=n, K=k, domain="com.microsoft")

def made(op, names, **attributes):
    """A value that is not compared."""
    nodes.append(helper.make_node(op, names, [f"m{len(nodes)}"], **attributes))
    return nodes[-1].output[0]


# Codes that a product or a table reads as floats, cast and multiplied, or dequantized.
w, scale, x = draw((70, 48), np.int8), random.random((1, 48)).astype(np.float32), draw((9, 70), np.float32)
factor = made("Mul", [given(scale, True), made("Cast", [given(w, True)], to=1)])
check("MatMul", [given(x, False), factor], ((x.astype(np.float64) @ w) * scale).astype(np.float32), 71 * 2.0**-24 * (abs(x) @ abs(w)) * scale)
# Of 4 bits, or in blocks along K: weights in blocks, of which 4-bit ones may be stored transposed, and need not have zero points.
for kind, axis, block, transposed in (("INT4", 0, 32, False), ("UINT4", 1, 16, True), ("UINT4", 0, 0, False), ("INT8", 0, 64, False), ("INT4", 1, 32, False)):
    k, n, low = 96, 40, {"INT4": -8, "UINT4": 0, "INT8": -128}[kind]
    codes = random.integers(low, low + (256 if kind == "INT8" else 16), (n, k) if transposed else (k, n))
    shape = list(codes.shape)
    size = block or shape[axis]
    shape[axis] = -(-shape[axis] // size)
    scales, zeros = random.random(shape).astype(np.float32) + 1, random.integers(low, low + 8, shape)
    each = lambda values: np.repeat(values, size, axis)[:codes.shape[0], :codes.shape[1]]
    w = (codes - each(zeros)) * each(scales.astype(np.float64))
    tensors = []
    for values in (codes, zeros if block else zeros.reshape(-1)):
        tensors.append(f"t{len(initializers)}")
        integers = values.astype(np.uint8 if kind[0] == "U" else np.int8)
        raw = integers.tobytes() if kind == "INT8" else packed(integers.view(np.uint8).reshape(-1) & 15, 4).tobytes()
        initializers.append(helper.make_tensor(tensors[-1], getattr(TensorProto, kind), values.shape, raw, raw=True))
    scale = given(scales if block else scales.reshape(-1), True)
    factor = made("DequantizeLinear", [tensors[0], scale, tensors[1]], axis=axis if block else 1 - axis, **({"block_size": block} if block else {}))
    x, w = draw((9, k), np.float32), w.T if transposed else w
    quantized[f"y{len(expected)}"] = 0.51 * steps_of(x, 16 if block == 16 else 32) @ abs(w)
    check("Gemm" if transposed else "MatMul", [given(x, False), factor], (x @ w).astype(np.float32), (k + 4) * 2.0**-24 * (abs(x) @ abs(w)),
          **({"transB": 1} if transposed else {}))
table, scale, zero = draw((300, 260), np.uint8), random.random(300).astype(np.float32), draw((300,), np.uint8)
floats = made("DequantizeLinear", [given(table, True), given(scale, True), given(zero, True)], axis=0)
dense = (table.astype(np.float32) - zero.reshape(-1, 1)) * scale.reshape(-1, 1)
for axis in (0, 1):
    ids = random.integers(-260, 260, (2, 7))
    check("Gather", [floats, given(ids, False)], dense.take(ids, axis), axis=axis)
check("Relu", [floats], np.maximum(dense, 0))
# m, n, k; the last sums more products than 16 bits count
for m, n, k in ((1, 9, 33), (25, 40, 96), (13, 300, 515), (2, 8, (1 << 15) + 7)):
    for stored in (True, False):
        x, w = draw((2, m, k), np.float32), draw((k, n), np.float32)
        bound = (k + 1) * 2.0**-24 * (abs(x) @ abs(w))
        check("MatMul", [given(x, False), given(w, stored)], (x.astype(np.float64) @ w).astype(np.float32), bound)
        x, w = draw((m, k), np.int8), draw((k, n), np.int8)
        y = (x.astype(np.int64) + 128) @ (w.astype(np.int64) - 127)
        zeros = [given(np.array(zero, np.int8), True) for zero in (-128, 127)]
        check("MatMulInteger", [given(x, False), given(w, stored), *zeros], y.astype(np.int32))
for left, right in (((3, 1, 7, 20), (5, 20, 11)), ((20,), (4, 20, 3)), ((4, 3, 20), (20,)), ((20,), (20,))):
    x, w = draw(left, np.float32), draw(right, np.float32)
    y = np.asarray(x.astype(np.float64) @ w, np.float32)
    check("MatMul", [given(x, False), given(w, False)], y, 21 * 2.0**-24 * np.asarray(abs(x) @ abs(w)))
# A line: two images, kernel longer than what there is.
x, k = draw((2, 6, 5), np.float32), draw((9, 6, 8), np.float32)
plane = convolve(x[:, :, None].astype(np.float64), k[:, :, None].astype(np.float64), (1, 2), (0, 4, 0, 3), (1, 1))
check("Conv", [given(x, False), given(k, True)], plane[:, :, 0].astype(np.float32), 1e-4, strides=[2], pads=[4, 3])
# What follows joins the contraction: clipped, a residual added, quantized by the row's own scale.
x, w, b = draw((37, 64), np.float32), draw((64, 50), np.float32), draw((37, 50), np.float32)
nodes.append(helper.make_node("MatMul", [given(x, False), given(w, True)], ["product"]))
nodes.append(helper.make_node("Add", ["product", given(b, False)], ["sum"]))
check("Relu", ["sum"], np.maximum(x.astype(np.float64) @ w + b, 0).astype(np.float32), 1e-4)


def turned(x, w):
    """Windows side by side: each element of x makes one."""
    y = np.einsum("nchw,cmab->nmhawb", x, w)
    return y.reshape(*y.shape[:2], y.shape[2] * y.shape[3], y.shape[4] * y.shape[5])


for c, m, kernel in ((24, 9, (2, 3)), (260, 130, (2, 2)), (7, 1, (2, 2))): # the second weight is large enough to stay in its file
    x, w, b = draw((2, c, 6, 5), np.float32), draw((c, m, *kernel), np.float32), draw((m,), np.float32)
    nodes.append(helper.make_node("ConvTranspose", [given(x, False), given(w, True), given(b, True)], [f"turned{m}"], strides=kernel))
    check("Relu", [f"turned{m}"], np.maximum(turned(x.astype(np.float64), w) + b.reshape(-1, 1, 1), 0).astype(np.float32), 1e-4)
    # Codes with a scale for each channel of the result, multiplied as integers, and quantized before they are moved.
    x, w, scales = draw((2, c, 6, 5), np.uint8), draw((c, m, *kernel), np.int8), random.uniform(0.001, 0.01, m).astype(np.float32)
    step = [given(np.float32(0.02), True), given(np.uint8(100), True)]
    nodes.append(helper.make_node("DequantizeLinear", [given(x, False), *step], [f"x{m}"]))
    nodes.append(helper.make_node("DequantizeLinear", [given(w, True), given(scales, True), given(np.zeros(m, np.int8), True)], [f"w{m}"], axis=1))
    nodes.append(helper.make_node("ConvTranspose", [f"x{m}", f"w{m}"], [f"codes{m}"], strides=kernel))
    real = turned(x.astype(np.float64) - 100, w) * 0.02 * scales.reshape(-1, 1, 1)
    check("QuantizeLinear", [f"codes{m}", *step], np.clip(np.round(real / 0.02) + 100, 0, 255).astype(np.uint8), 1)

values = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for n, x in inputs.items()]
outputs = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(y.dtype), y.shape) for n, y in expected.items()]
graph = helper.make_graph(nodes, "contractions", values, outputs, initializers)
with tempfile.TemporaryDirectory(prefix="phic-contractions-") as folder:
    os.chdir(folder)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)], ir_version=10), "contractions.onnx")
    for name, x in inputs.items():
        np.save(f"{name}.npy", x)
    words = [word for name in inputs for word in ("--in", f"{name}={name}.npy")]
    words += [word for name in expected for word in ("--out", f"{name}={name}.npy")]
    for act, threads in (("f32", "1"), ("f32", "3"), ("auto", "1"), ("auto", "3")):
        if threads == "1":
            subprocess.run([PHIC, "build", "contractions.onnx", "-o", "contractions", f"--act={act}", "--quiet"], check=True)
        subprocess.run(["./contractions", *words, "--threads", threads], check=True)
        for (name, value), node in zip(expected.items(), (node for node in nodes if node.output[0] in expected)):
            found = np.load(f"{name}.npy")
            assert found.dtype == value.dtype and found.shape == value.shape, (node, found.shape, value.shape)
            tolerance = (0 if tolerances[name] is None else tolerances[name]) + (quantized.get(name, 0) if act == "auto" else 0)
            wrong = ~(abs(found.astype(np.float64) - value) <= tolerance)
            assert not wrong.any(), (node, np.argwhere(wrong)[:5], found[wrong][:5], value[wrong][:5])
print(f"{len(expected)} contractions are NumPy's")
