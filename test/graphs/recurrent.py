# recurrent.py - LSTMs of floats and of codes
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds a graph of LSTM and DynamicQuantizeLSTM nodes, of one step and of many, and compares its program with NumPy in double
precision, which quantizes as ONNX Runtime does.

    recurrent.py PHIC"""
import os
import subprocess
import sys
import tempfile

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

PHIC = os.path.abspath(sys.argv[1])
random = np.random.default_rng(7)
nodes, outputs, initializers, inputs, expected = [], [], [], {}, {}
# A code's step in the states moves what follows: a float that rounds another way is far less than this.
TOLERANCE = {False: 3e-6, True: 5e-3}


def floats(*shape, scale=1.0):
    return random.normal(0, scale, shape).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def quantized(x):
    least, most = np.float32(min(x.min(), 0)), np.float32(max(x.max(), 0))
    scale = np.float32(1) if least == most else np.float32((most - least) / np.float32(255))
    zero = np.rint(np.clip(-least / scale, 0, 255))
    return (np.clip(np.rint(x.astype(np.float32) / scale) + zero, 0, 255) - zero) * np.float64(scale)


def steps(x, w, r, bias, h, c, peephole, clip, is_quantized):
    """x [T, B, I], w [I, 4H], r [H, 4H] -> h of all steps, last h and c."""
    known = quantized if is_quantized else lambda a: a.astype(np.float64)
    bound = (lambda a: np.clip(a, -clip, clip)) if clip else (lambda a: a)
    gates, all_h, size = known(x) @ w + bias[: bias.size // 2] + bias[bias.size // 2 :], [], h.shape[1]
    for g in gates:
        g = g + known(h) @ r
        i, o, f, k = (g[:, n * size : (n + 1) * size] for n in range(4))
        c_before = c
        c = sigmoid(bound(f + peephole[2] * c_before)) * c_before + sigmoid(bound(i + peephole[0] * c_before)) * np.tanh(bound(k))
        h = sigmoid(bound(o + peephole[1] * c)) * np.tanh(bound(c))
        h, c = h.astype(np.float32).astype(np.float64), c.astype(np.float32).astype(np.float64)
        all_h.append(h)
    return np.array(all_h), h, c


def check(T, B, I, H, direction="forward", quantize=False, per_row=False, layout=0, peepholes=False, clip=0.0, zero=0):
    name, D = f"n{len(expected)}", 2 if direction == "bidirectional" else 1
    x, bias, p = floats(T, B, I), floats(D, 8 * H, scale=0.2), floats(D, 3 * H) if peepholes else np.zeros((D, 3 * H))
    h0, c0 = floats(D, B, H, scale=0.3), floats(D, B, H)
    w, r = floats(D, I, 4 * H, scale=I**-0.5), floats(D, H, 4 * H, scale=H**-0.5)
    attributes, given = {"hidden_size": H, "direction": direction}, {"B": bias, "h": h0, "c": c0}
    kind = "DynamicQuantizeLSTM" if quantize else "LSTM"
    if quantize:
        for key, value in (("W", w), ("R", r)):
            axes = 1 if per_row else (1, 2)
            scale = (np.abs(value).max(axis=axes) / 127).astype(np.float32)
            wide = scale[:, None, :] if per_row else scale[:, None, None]
            codes = np.clip(np.rint(value / wide) + zero, -128, 127).astype(np.int8)
            given |= {key: codes, key + "s": scale, key + "z": np.full(scale.shape, zero, np.int8)}
            value[:] = (codes - np.float64(zero)) * wide
        order = ["W", "R", "B", "", "h", "c", "P", "Ws", "Wz", "Rs", "Rz"]
    else:
        given |= {"W": w.transpose(0, 2, 1), "R": r.transpose(0, 2, 1)}
        order = ["W", "R", "B", "", "h", "c", "P"]
        if layout:
            attributes["layout"] = 1
    if peepholes:
        given["P"] = p.astype(np.float32)
    if clip:
        attributes["clip"] = clip
    results = []
    for d in range(D):
        backward = direction == "reverse" or d == 1
        part = x[::-1] if backward else x
        y, h, c = steps(part, w[d], r[d], bias[d], h0[d].astype(np.float64), c0[d].astype(np.float64), p[d].reshape(3, H), clip, quantize)
        results.append((y[::-1] if backward else y, h, c))
    y, h, c = (np.stack([result[i] for result in results], 1 if i == 0 else 0) for i in range(3))
    if layout:
        x, given["h"], given["c"] = x.transpose(1, 0, 2), h0.transpose(1, 0, 2), c0.transpose(1, 0, 2)
        y, h, c = y.transpose(2, 0, 1, 3), h.transpose(1, 0, 2), c.transpose(1, 0, 2)
    inputs[name + "x"] = np.ascontiguousarray(x)
    for key in ("h", "c"):
        inputs[name + key] = np.ascontiguousarray(given.pop(key))
    initializers.extend(numpy_helper.from_array(np.ascontiguousarray(value), name + key) for key, value in given.items())
    names = [name + key if key in given or key in ("h", "c") else "" for key in order]
    nodes.append(helper.make_node(kind, [name + "x", *names], [name + key for key in ("Y", "Yh", "Yc")],
                                  domain="com.microsoft" if quantize else "", **attributes))
    for key, value in (("Y", y), ("Yh", h), ("Yc", c)):
        expected[name + key] = (value, TOLERANCE[quantize])
        outputs.append(helper.make_tensor_value_info(name + key, TensorProto.FLOAT, value.shape))


check(1, 1, 24, 40)
check(1, 3, 24, 13, peepholes=True, clip=0.7)
check(9, 2, 24, 40)
check(6, 3, 7, 13, direction="reverse", peepholes=True, clip=0.7)
check(5, 2, 130, 136, direction="bidirectional", layout=1)
check(1, 1, 64, 48, quantize=True)
check(7, 2, 64, 48, quantize=True, per_row=True)
check(4, 1, 20, 21, quantize=True, direction="bidirectional")
check(5, 2, 20, 116, quantize=True, zero=-7)

values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, x.shape) for n, x in inputs.items()]
graph = helper.make_graph(nodes, "recurrent", values, outputs, initializers)
opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
with tempfile.TemporaryDirectory(prefix="phic-recurrent-") as folder:
    os.chdir(folder)
    save(helper.make_model(graph, opset_imports=opsets, ir_version=10), "recurrent.onnx")
    subprocess.run([PHIC, "build", "recurrent.onnx", "-o", "recurrent", "--quiet"], check=True)
    for name, x in inputs.items():
        np.save(f"{name}.npy", x)
    given = [word for name in inputs for word in ("--in", f"{name}={name}.npy")]
    taken = [word for name in expected for word in ("--out", f"{name}={name}.npy")]
    subprocess.run(["./recurrent", *given, *taken, "--threads", "2"], check=True)
    for name, (value, tolerance) in expected.items():
        distance = np.abs(np.load(f"{name}.npy") - value).max()
        assert distance <= tolerance, f"{name} is off by {distance}"
    # Every stage is within the interpreter's bound.
    subprocess.run([PHIC, "verify", "recurrent"], check=True)
print(f"{len(expected)} results are NumPy's")
