# windows.py - Pools, depthwise and transposed convolutions, and Resize of larger tensors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pools of one to three axes, depthwise Conv, ConvTranspose and Resize, with many and few channels, pads, dilations and tails, against NumPy written
out.

    windows.py PHIC"""
import itertools
import sys

import numpy as np
from onnx import helper
from numpy_graph import NumpyGraph

random = np.random.default_rng(9)
inputs = {"f": random.normal(0, 1, (2, 45, 13, 17)).astype(np.float32), "q": random.integers(0, 256, (1, 70, 11, 12)).astype(np.uint8),
          "s": random.integers(-128, 128, (1, 5, 90)).astype(np.int8), "v": random.normal(0, 1, (1, 9, 6, 7, 8)).astype(np.float32)}
graph = NumpyGraph(inputs, 20)


def places(size, kernel, stride, dilation, before, windows):
    """For each window its places in x, and how many are not before or behind its pads."""
    for i in range(windows):
        at = [i * stride + t * dilation - before for t in range(kernel)]
        yield [p for p in at if 0 <= p < size]


def numbers_of_greatest(x, kernel, strides, dilations, pads, counts, order):
    """For each window the number in x of its greatest element, the first: by rows, or in each channel by columns."""
    shape, k = x.shape, len(kernel)
    turned = (0, 1, *range(1 + k, 1, -1))
    numbers = np.arange(x.size).reshape(shape)
    if order:
        numbers = np.arange(x.size).reshape([shape[a] for a in turned]).transpose(turned)
    lists = [list(places(shape[2 + a], kernel[a], strides[a], dilations[a], pads[a], counts[a])) for a in range(k)]
    y = np.zeros((*shape[:2], *counts), np.int64)
    for index in itertools.product(*map(range, counts)):
        seen = (slice(None), slice(None), *np.ix_(*(lists[a][i] for a, i in enumerate(index))))
        window = x[seen].reshape(*shape[:2], -1)
        y[(slice(None), slice(None), *index)] = np.take_along_axis(numbers[seen].reshape(window.shape), window.argmax(-1)[..., None], -1)[..., 0]
    return y


def pooled(x, kernel, strides, dilations, pads, counts, function):
    k = len(kernel)
    lists = [list(places(x.shape[2 + a], kernel[a], strides[a], dilations[a], pads[a], counts[a])) for a in range(k)]
    y = np.zeros((*x.shape[:2], *counts), np.float64 if x.dtype == np.float32 else x.dtype)
    for index in itertools.product(*map(range, counts)):
        window = x.astype(y.dtype)[(slice(None), slice(None), *np.ix_(*(lists[a][i] for a, i in enumerate(index))))]
        y[(slice(None), slice(None), *index)] = function(window, axis=tuple(range(2, 2 + k)))
    return y.astype(x.dtype)


def pool(name, kernel, strides, dilations, pads, ceil=0):
    x, k = inputs[name], len(kernel)
    counts = []
    for a in range(k):
        window = (kernel[a] - 1) * dilations[a] + 1
        room = x.shape[2 + a] + pads[a] + pads[k + a] - window
        count = room // strides[a] + 1
        if ceil and room % strides[a] and count * strides[a] < x.shape[2 + a] + pads[a]:
            count += 1
        counts.append(count)
    words = {"kernel_shape": kernel, "strides": strides, "dilations": dilations, "pads": pads, "ceil_mode": ceil}
    graph.check("MaxPool", [name], pooled(x, kernel, strides, dilations, pads, counts, np.max), **words)
    for order in (0, 1):
        places_of = numbers_of_greatest(x, kernel, strides, dilations, pads, counts, order)
        graph.check("MaxPool", [name], places_of, storage_order=order, others=1, **words)
    if x.dtype == np.float32:
        graph.check("AveragePool", [name], pooled(x, kernel, strides, dilations, pads, counts, np.mean), 1e-6, **words)
        if not ceil:
            whole = np.pad(x, [(0, 0), (0, 0), *((pads[a], pads[k + a]) for a in range(k))])
            mean = pooled(whole, kernel, strides, dilations, [0] * 2 * k, counts, np.mean)
            graph.check("AveragePool", [name], mean, 1e-6, count_include_pad=1, **words)


for name in "fq":
    pool(name, [2, 2], [2, 2], [1, 1], [0, 0, 0, 0])
    pool(name, [3, 3], [2, 1], [1, 1], [1, 0, 1, 2])
    pool(name, [3, 2], [2, 3], [2, 3], [0, 1, 2, 1])
    pool(name, [3, 3], [2, 2], [1, 1], [0, 0, 0, 0], ceil=1)
pool("s", [5], [3], [2], [4, 3])
pool("v", [2, 3, 2], [1, 2, 2], [1, 1, 2], [1, 1, 0, 0, 1, 1])


def depthwise(name, times, kernel, strides, dilations, pads, behind=False, zeros=False, scales=False):
    """With `behind`, a bias for each channel, and what an activation makes of it; with `zeros`, a zero point for each channel of w, with `scales`
    both dequantized."""
    x, k = inputs[name], len(kernel)
    C, isCode = x.shape[1], x.dtype != np.float32
    w = random.integers(-128, 128, (C * times, 1, *kernel)).astype(np.int8) if isCode else \
        random.normal(0, 1, (C * times, 1, *kernel)).astype(np.float32)
    zero = 117 if isCode else 0
    wZero = random.integers(-128, 128, C * times).astype(np.int8) if zeros else np.int8(0)
    counts = [(x.shape[2 + a] + pads[a] + pads[k + a] - (kernel[a] - 1) * dilations[a] - 1) // strides[a] + 1 for a in range(k)]
    wide = np.repeat(np.pad(x.astype(np.float64) - zero, [(0, 0), (0, 0), *((pads[a], pads[k + a]) for a in range(k))]), times, 1)
    y = np.zeros((x.shape[0], C * times, *counts))
    for tap in itertools.product(*map(range, kernel)):
        at = tuple(slice(tap[a] * dilations[a], tap[a] * dilations[a] + strides[a] * (counts[a] - 1) + 1, strides[a]) for a in range(k))
        y += wide[(slice(None), slice(None), *at)] * (w[(slice(None), 0, *tap)].astype(np.float64) - wZero).reshape(-1, *[1] * k)
    words = {"kernel_shape": kernel, "strides": strides, "dilations": dilations, "pads": pads, "group": C}
    if scales:
        xScale, wScale = np.float32(0.02), random.uniform(0.01, 0.02, C * times).astype(np.float32)
        names = [f"d{len(graph.nodes)}", f"e{len(graph.nodes)}"]
        for hidden, *operands in ((names[0], name, graph.constant(xScale), graph.constant(np.array(zero, x.dtype))),
                                  (names[1], *map(graph.constant, (w, wScale, wZero)))):
            graph.nodes.append(helper.make_node("DequantizeLinear", operands, [hidden], axis=0))
        graph.check("Conv", names, (y * xScale * wScale.reshape(-1, *[1] * k)).astype(np.float32), 1e-6, **words)
    elif isCode:
        operands = [name, graph.constant(w), graph.constant(np.array(zero, x.dtype)), *([graph.constant(wZero)] if zeros else [])]
        graph.check("ConvInteger", operands, y.astype(np.int32), **words)
    elif not behind:
        graph.check("Conv", [name, graph.constant(w)], y.astype(np.float32), 1e-5, **words)
    else:
        bias, hidden = random.normal(0, 1, C * times).astype(np.float32), f"h{len(graph.nodes)}"
        graph.nodes.append(helper.make_node("Conv", [name, graph.constant(w), graph.constant(bias)], [hidden], **words))
        graph.check("Relu", [hidden], np.maximum(y + bias.reshape(-1, *[1] * k), 0).astype(np.float32), 1e-5)


for name in "fq":
    depthwise(name, 1, [3, 3], [1, 1], [1, 1], [1, 1, 1, 1])
    depthwise(name, 1, [5, 5], [2, 2], [1, 1], [2, 2, 2, 2])
    depthwise(name, 2, [3, 2], [2, 1], [1, 2], [0, 1, 1, 0])
    depthwise(name, 1, [1, 4], [1, 3], [2, 1], [0, 3, 0, 2])
    depthwise(name, 1, [2, 11], [1, 1], [1, 1], [1, 5, 0, 5])
depthwise("f", 1, [3, 3], [1, 1], [1, 1], [1, 1, 1, 1], behind=True)
depthwise("q", 1, [5, 5], [1, 1], [1, 1], [2, 2, 2, 2], zeros=True)
depthwise("q", 1, [3, 3], [2, 1], [1, 1], [1, 1, 1, 1], zeros=True, scales=True)
depthwise("s", 1, [7], [1], [1], [3, 3])
depthwise("s", 3, [8], [2], [3], [11, 9], zeros=True)


def turned(name, M, kernel, strides, dilations, pads, groups=1, padding=None):
    x, k = inputs[name].astype(np.float64), len(kernel)
    C = x.shape[1]
    w = random.normal(0, 1, (C, M // groups, *kernel)).astype(np.float32)
    bias = random.normal(0, 1, M).astype(np.float32)
    padding = padding or [0] * k
    reach = [strides[a] * (x.shape[2 + a] - 1) + (kernel[a] - 1) * dilations[a] + 1 + padding[a] for a in range(k)]
    y = np.zeros((x.shape[0], M, *reach))
    for g, tap in itertools.product(range(groups), itertools.product(*map(range, kernel))):
        c, m = slice(g * C // groups, (g + 1) * C // groups), slice(g * M // groups, (g + 1) * M // groups)
        at = tuple(slice(tap[a] * dilations[a], tap[a] * dilations[a] + strides[a] * (x.shape[2 + a] - 1) + 1, strides[a])
                   for a in range(k))
        y[(slice(None), m, *at)] += np.einsum("nc...,cm->nm...", x[:, c], w[(c, slice(None), *tap)].astype(np.float64))
    y = y[(slice(None), slice(None), *(slice(pads[a], reach[a] - pads[k + a]) for a in range(k)))]
    y += bias.reshape(-1, *[1] * k)
    graph.check("ConvTranspose", [name, graph.constant(w), graph.constant(bias)], y.astype(np.float32), 1e-5, kernel_shape=kernel,
                strides=strides, dilations=dilations, pads=pads, group=groups, output_padding=padding)


turned("f", 24, [2, 2], [2, 2], [1, 1], [0, 0, 0, 0])
turned("f", 1, [2, 3], [2, 3], [1, 1], [0, 0, 0, 0])
turned("f", 37, [3, 3], [2, 1], [1, 2], [1, 0, 1, 2], padding=[1, 0])
turned("f", 1, [3, 3], [2, 2], [1, 1], [1, 1, 1, 1])
turned("f", 5, [3, 2], [2, 1], [1, 1], [1, 0, 1, 0], groups=5)
turned("f", 30, [3, 2], [3, 2], [1, 1], [0, 1, 1, 0], groups=5)
turned("v", 10, [2, 2, 3], [1, 2, 3], [1, 1, 1], [0, 0, 0, 0, 0, 0])


def resized(name, sizes, linear):
    """Coordinates half_pixel, axis by axis."""
    y = inputs[name].astype(np.float64) if linear else inputs[name]
    for axis, to in enumerate(sizes):
        size = y.shape[axis]
        at = (np.arange(to) + 0.5) * size / to - 0.5
        if linear:
            low = np.floor(at).astype(int)
            share = (at - low).reshape(-1, *[1] * (y.ndim - 1 - axis))
            y = y.take(low.clip(0, size - 1), axis) * (1 - share) + y.take((low + 1).clip(0, size - 1), axis) * share
        else:
            y = y.take(np.ceil(at - 0.5).astype(int).clip(0, size - 1), axis)
    graph.check("Resize", [name, "", "", graph.constant(np.array(sizes, np.int64))], y.astype(inputs[name].dtype),
                1e-6 if linear else 0.0, mode="linear" if linear else "nearest")


for name, sizes in (("f", (2, 45, 26, 34)), ("f", (2, 45, 9, 20)), ("f", (3, 50, 13, 40)), ("v", (1, 9, 3, 14, 8))):
    resized(name, sizes, linear=True)
    resized(name, sizes, linear=False)
resized("q", (1, 70, 22, 36), linear=False)
graph.run(sys.argv[1])
