# reference.py - ONNX Runtime's contrib ops for onnx's evaluator
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What onnx.reference does not know and the decoders of our tests use, written down again from ONNX Runtime's
documentation and for their attributes only: batch 1, no bias, 4-bit codes without zero points, half rotation.

    logits, near_ties = run("model.onnx", [1, 2, 3])
"""
import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

MS = "com.microsoft"


def rms_norm(x, gamma, epsilon):
    return (x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + epsilon) * gamma).astype(np.float32)


class SimplifiedLayerNormalization(OpRun):
    op_domain = ""

    def _run(self, x, gamma, axis=-1, epsilon=1e-5, stash_type=1):
        return (rms_norm(x, gamma, epsilon),)


class SkipSimplifiedLayerNormalization(OpRun):
    op_domain = MS

    def _run(self, x, skip, gamma, epsilon=1e-5):
        total = x + skip
        none = np.zeros(0, np.float32)  # mean and deviation, which no decoder reads
        return rms_norm(total, gamma, epsilon), none, none, total


class MatMulNBits(OpRun):
    op_domain = MS

    def _run(self, x, codes, scales, K=0, N=0, bits=4, block_size=32, accuracy_level=0):
        assert bits == 4
        nibbles = np.stack([codes & 15, codes >> 4], axis=-1).reshape(N, -1, block_size)  # low nibble first
        weights = (nibbles.astype(np.float32) - 8) * scales.reshape(N, -1, 1)
        return ((x @ weights.reshape(N, -1)[:, :K].T).astype(np.float32),)


class GroupQueryAttention(OpRun):
    op_domain = MS

    def _run(self, qkv, key, value, past_key, past_value, seqlens, total, cos, sin, num_heads=0, kv_num_heads=0, do_rotary=0):
        assert key is None and value is None and do_rotary == 1 and past_key.shape[2] == 0
        rows = qkv.shape[1]
        heads = qkv[0].reshape(rows, num_heads + 2 * kv_num_heads, -1).swapaxes(0, 1)
        q, k, v = np.split(heads, [num_heads, num_heads + kv_num_heads])
        q, k = (self.rotate(part, cos[:rows], sin[:rows]) for part in (q, k))
        group = num_heads // kv_num_heads
        scores = q @ np.repeat(k, group, axis=0).swapaxes(1, 2) / np.sqrt(q.shape[-1])
        scores = np.where(np.tri(rows, dtype=bool), scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        out = (weights / weights.sum(axis=-1, keepdims=True)) @ np.repeat(v, group, axis=0)
        return out.swapaxes(0, 1).reshape(1, rows, -1).astype(np.float32), k[None], v[None]

    @staticmethod
    def rotate(x, cos, sin):
        first, second = np.split(x, 2, axis=-1)
        return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1).astype(np.float32)


OPS = [SimplifiedLayerNormalization, SkipSimplifiedLayerNormalization, MatMulNBits, GroupQueryAttention]


def run(path, tokens):
    """The logits [tokens, vocab], and how near any value that a QuantizeLinear rounds comes to the middle between two
    codes, in steps."""
    model = onnx.load(path)
    rounded = [node.input[:2] for node in model.graph.node if node.op_type == "QuantizeLinear"]
    names = ["logits"] + [name for pair in rounded for name in pair]
    feeds = {"input_ids": np.array([tokens]), "attention_mask": np.ones((1, len(tokens)), np.int64)}
    for value in model.graph.input:
        if value.name.startswith("past_key_values."):
            shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
            feeds[value.name] = np.zeros((1, shape[1], 0, shape[3]), np.float32)
    scales = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names[1::2])
    logits, *values = ReferenceEvaluator(model, new_ops=OPS).run(names[:1] + names[1::2], feeds)
    near = [np.abs(np.abs(x / scales[scale]) % 1 - 0.5).min() for x, (_, scale) in zip(values, rounded)]
    return logits[0], min(near)
