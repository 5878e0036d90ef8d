# corpus_float64.py - Float graphs in double precision
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a graph of the corpus gives when all its floats are doubles: who is right where phic and ONNX Runtime differ. ONNX's reference evaluator does it,
but for ops that it computes slowly, in single precision, or of opsets that it gets wrong; those are written out here."""
import math

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun


def reaching(size, kernel, stride, dilation, offset):
    """The places of all windows under one of their elements."""
    return slice(offset * dilation, offset * dilation + (size - 1) * stride + 1, stride)


class Conv(OpRun):
    def _run(self, x, w, b=None, auto_pad=None, dilations=None, group=None, kernel_shape=None, pads=None, strides=None):
        axes, kernel, group = x.ndim - 2, w.shape[2:], group or 1
        strides, dilations = strides or [1] * axes, dilations or [1] * axes
        if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            needed = [max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0) for n, s, k, d in zip(x.shape[2:], strides, kernel, dilations)]
            less, more = [n // 2 for n in needed], [n - n // 2 for n in needed]
            pads = less + more if auto_pad == "SAME_UPPER" else more + less
        pads = pads or [0] * 2 * axes
        x = np.pad(x, [(0, 0), (0, 0), *zip(pads[:axes], pads[axes:])])
        sizes = [(n - (k - 1) * d - 1) // s + 1 for n, k, d, s in zip(x.shape[2:], kernel, dilations, strides)]
        batch, channels, rows = x.shape[0], x.shape[1] // group, w.shape[0] // group
        x, w = x.reshape(batch, group, channels, *x.shape[2:]), w.reshape(group, rows, channels, *kernel)
        y = np.zeros((batch, group, rows, *sizes))
        for at in np.ndindex(*kernel):
            seen = x[(slice(None),) * 3 + tuple(map(reaching, sizes, kernel, strides, dilations, at))]
            y += np.matmul(w[(slice(None),) * 3 + at], seen.reshape(batch, group, channels, -1)).reshape(y.shape)
        y = y.reshape(batch, group * rows, *sizes)
        return (y if b is None else y + b.reshape(-1, *[1] * axes),)


class ConvTranspose(OpRun):
    def _run(self, x, w, b=None, auto_pad=None, dilations=None, group=None, kernel_shape=None, output_padding=None, output_shape=None,
             pads=None, strides=None):
        assert (group or 1) == 1 and not any(output_padding or [0]) and not output_shape
        kernel, strides, dilations, pads = w.shape[2:], strides or [1, 1], dilations or [1, 1], pads or [0] * 4
        whole = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(x.shape[2:], strides, kernel, dilations)]
        y = np.zeros((x.shape[0], w.shape[1], *whole))
        for at in np.ndindex(*kernel):
            to = tuple(map(reaching, x.shape[2:], kernel, strides, dilations, at))
            y[(slice(None),) * 2 + to] += np.einsum("nchw,co->nohw", x, w[(slice(None),) * 2 + at], optimize=True)
        y = y[:, :, pads[0]:whole[0] - pads[2], pads[1]:whole[1] - pads[3]]
        return (y if b is None else y + b.reshape(-1, 1, 1),)


class Resize(OpRun):
    def _run(self, x, roi=None, scales=None, sizes=None, mode=None, **_):
        times = scales if scales is not None and len(scales) else np.array(sizes) / np.array(x.shape)
        assert mode == "nearest" and all(t == int(t) for t in times)
        for axis, count in enumerate(times):
            x = np.repeat(x, int(count), axis)
        return (x,)


class BatchNormalization(OpRun):
    def _run(self, x, scale, bias, mean, variance, epsilon=1e-5, **_):
        scale, bias, mean, variance = (v.reshape(-1, *[1] * (x.ndim - 2)) for v in (scale, bias, mean, variance))
        return ((x - mean) / np.sqrt(variance + epsilon) * scale + bias,)


class Clip(OpRun):
    def _run(self, x, least=None, most=None, min=None, max=None):
        least, most = min if least is None else least, max if most is None else most
        return (np.clip(x, -np.inf if least is None else least, np.inf if most is None else most),)


class HardSigmoid(OpRun):
    def _run(self, x, alpha=0.2, beta=0.5):
        return (np.clip(x * alpha + beta, 0, 1),)


class Sigmoid(OpRun):
    def _run(self, x):
        return (1 / (1 + np.exp(-x)),)


class Erf(OpRun):
    def _run(self, x):
        return (np.vectorize(math.erf, otypes=[np.float64])(x),)


def widen(tensor):
    if tensor.data_type == TensorProto.FLOAT:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))


def widen_graph(graph):
    for tensor in graph.initializer:
        widen(tensor)
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                widen(attribute.t)
            elif node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE


def in_double(path, feeds):
    """The results of a graph by their names."""
    model = onnx.load(path)
    widen_graph(model.graph)
    for op in (Conv, ConvTranspose, Resize, BatchNormalization, Clip, HardSigmoid, Sigmoid, Erf):
        op.op_domain = ""
    evaluator = ReferenceEvaluator(model, new_ops=[Conv, ConvTranspose, Resize, BatchNormalization, Clip, HardSigmoid, Sigmoid, Erf])
    feeds = {name: value.astype(np.float64) if value.dtype == np.float32 else value for name, value in feeds.items()}
    return dict(zip(evaluator.output_names, evaluator.run(None, feeds)))
