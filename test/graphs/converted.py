# converted.py - A float graph's weights quantized on request
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds a small network of convolutions and matmuls with --precision, and holds it to NumPy: each result to the product with the
weights that round to nearest makes, within K roundings, and to the float program's by as much as the weights have moved. The
report's errors are NumPy's, and 'phic verify' finds every stage within its bound.

    converted.py PHIC"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from onnx import helper, numpy_helper, save

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models"))
from precision import Format, as_is, fp16, relative_rms  # noqa: E402

PHIC = os.path.abspath(sys.argv[1])
random = np.random.default_rng(11)
nodes, inputs, weights, products = [], {}, {}, {}


def draw(*shape):
    return random.normal(0, 1, shape).astype(np.float32)


def convolve(x, w, strides, pads, dilations):
    x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    size = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], dilations)]
    seen = np.lib.stride_tricks.sliding_window_view(x, size, (2, 3))
    return np.einsum("nchwab,ocab->nohw", seen[:, :, ::strides[0], ::strides[1], ::dilations[0], ::dilations[1]], w)


def add(op, x, weight, product, rows, **attributes):
    """rows: the weight as [N, K], and back."""
    name = f"{op.lower()}{len(products)}"
    inputs[f"{name}.x"], weights[f"{name}.w"] = x, weight
    nodes.append(helper.make_node(op, [f"{name}.x", f"{name}.w"], [name], name=name, **attributes))
    products[name] = (product, rows)


def kernel_rows(w):
    o, c, h, width = w.shape
    return w.transpose(0, 2, 3, 1).reshape(o, -1), lambda rows: rows.reshape(o, h, width, c).transpose(0, 3, 1, 2)


def matrix_rows(w):
    return np.ascontiguousarray(w.T), lambda rows: rows.T


# n, c, h, w, o, kernel, strides, pads, dilations: blocks of 32 are longer than a row, cut by it, and cut by a kernel's chunks
for n, c, h, w, o, kernel, *moves in ((1, 3, 13, 11, 20, (3, 3), (2, 2), (1, 1, 1, 1), (1, 1)),
                                      (2, 70, 7, 5, 17, (3, 3), (1, 1), (1, 2, 1, 0), (1, 2)),
                                      (1, 64, 6, 6, 40, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1))):
    add("Conv", draw(n, c, h, w), draw(o, c, *kernel), lambda x, w, moves=moves: convolve(x, w, *moves), kernel_rows,
        strides=moves[0], pads=moves[1], dilations=moves[2])
add("MatMul", draw(2, 9, 300), draw(300, 33), lambda x, w: x @ w, matrix_rows)
add("Gemm", draw(5, 64), draw(10, 64), lambda x, w: x @ w.T, lambda w: (w, lambda rows: rows), transB=1)

CASES = [("f32", [], as_is), ("fp16", ["--precision=fp16"], fp16), ("int8", ["--precision=int8"], Format(8)),
         ("int8, a scale a channel", ["--precision=int8", "--block=row"], Format(8, None)),
         ("int8 asym", ["--precision=int8", "--block=row", "--asym"], Format(8, None, False)),
         ("int4", ["--precision=int4"], Format(4)), ("int4 asym", ["--precision=int4", "--block=48", "--asym"], Format(4, 48, False)),
         ("int8 once", ["--precision=int8", "--convert=once"], Format(8)),
         ("int4 but for one", ["--precision=int4", "--precision-rule=gemm=as-is"], Format(4))]


def program(name, flags):
    subprocess.run([PHIC, "build", "network.onnx", "-o", name, "--quiet", f"--report={name}.json", *flags], check=True)
    words = [word for i in inputs for word in ("--in", f"{i}={i}.npy")] + [word for p in products for word in ("--out", f"{p}={p}.npy")]
    subprocess.run([f"./{name}", *words], check=True)
    return {p: np.load(f"{p}.npy").astype(np.float64) for p in products}, json.load(open(f"{name}.json"))["precision"]


def check(what, results, report, floats, convert):
    rows = {row["name"]: row for row in report["weights"]}
    for name, (product, as_rows) in products.items():
        x, w = inputs[f"{name}.x"].astype(np.float64), weights[f"{name}.w"]
        flat, back = as_rows(w)
        one = as_is if "for one" in what and "gemm" in name else convert
        converted = one(np.ascontiguousarray(flat))
        q, roundings = back(converted).astype(np.float64), (flat.shape[1] + 1) * 2.0**-24
        bound = roundings * product(abs(x), abs(q))
        off = abs(results[name] - product(x, q))
        assert (off <= bound).all(), (what, name, off.max(), bound.min())
        moved = product(abs(x), abs(q - w)) + bound + roundings * product(abs(x), abs(w.astype(np.float64)))
        assert (abs(results[name] - floats[name]) <= moved).all(), (what, name)
        error = rows[f"{name}.w"].get("error", {"relative_rms": 0})["relative_rms"]
        assert np.isclose(error, relative_rms(converted, flat), rtol=1e-9, atol=1e-12), (what, name, error)


def refused(sentence, *flags):
    done = subprocess.run([PHIC, "build", "network.onnx", "-o", "refused", *flags], capture_output=True, text=True)
    assert done.returncode == 2 and sentence in done.stderr, (flags, done.returncode, done.stderr)


outputs = [helper.make_tensor_value_info(p, 1, product(inputs[f"{p}.x"], weights[f"{p}.w"]).shape) for p, (product, _) in products.items()]
graph = helper.make_graph(nodes, "network", [helper.make_tensor_value_info(n, 1, x.shape) for n, x in inputs.items()], outputs,
                          [numpy_helper.from_array(w, n) for n, w in weights.items()])
with tempfile.TemporaryDirectory(prefix="phic-converted-") as folder:
    os.chdir(folder)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), "network.onnx")
    for name, x in inputs.items():
        np.save(f"{name}.npy", x)
    floats, sizes = None, {}
    for what, flags, convert in CASES:
        results, report = program(f"p{len(sizes)}", flags)
        floats = floats or results
        check(what, results, report, floats, convert)
        done = subprocess.run([PHIC, "verify", f"p{len(sizes)}", "--model=network.onnx"], capture_output=True, text=True)
        assert done.returncode == 0, (what, done.stdout, done.stderr)
        sizes[what] = report["bits_per_weight"]
        print(f"{what:24} {sizes[what]:6.2f} bits per weight", flush=True)
    assert sizes["f32"] == 32 and sizes["fp16"] == 16 and sizes["int4"] < 5, sizes
    refused("--embeddings: this model has no table of token embeddings", "--precision=int4", "--embeddings=int8")
    refused("--lm-head: this model has no LM head", "--lm-head=int8")
print("weights of a graph are converted as NumPy does")
