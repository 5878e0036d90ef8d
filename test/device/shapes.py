# shapes.py - Models of which only the sizes matter
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""GGUF files with holes in place of weights: they take no room, and a program made of one has the speed of a real one."""
import os
from typing import NamedTuple

import gguf
import numpy


class Shape(NamedTuple):
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    ffn: int
    vocab: int
    kind: gguf.GGMLQuantizationType


Q4_0, Q4_1 = gguf.GGMLQuantizationType.Q4_0, gguf.GGMLQuantizationType.Q4_1
SHAPES = {
    "tiny": Shape(2, 128, 4, 2, 256, 512, Q4_0),  # for trying it out
    "smollm2-135m": Shape(30, 576, 9, 3, 1536, 49152, Q4_1),
    "phi-3.5-mini": Shape(32, 3072, 32, 32, 8192, 32064, Q4_0),
    "14b": Shape(40, 5120, 40, 10, 17920, 32064, Q4_0),
}


def write(path, shape):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(shape.layers)
    writer.add_context_length(4096)
    writer.add_embedding_length(shape.hidden)
    writer.add_feed_forward_length(shape.ffn)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_dimension_count(shape.hidden // shape.heads)
    writer.add_layer_norm_rms_eps(1e-5)
    total = 0

    def tensor(name, *sizes, kind=shape.kind):
        nonlocal total
        block, size = gguf.GGML_QUANT_SIZES[kind]
        stored = (*sizes[:-1], sizes[-1] // block * size) if kind != gguf.GGMLQuantizationType.F32 else sizes
        count = 1
        for extent in sizes:
            count *= extent
        dtype = "float32" if kind == gguf.GGMLQuantizationType.F32 else "uint8"
        writer.add_tensor_info(name + ".weight", stored, numpy.dtype(dtype), count // block * size, raw_dtype=kind)
        total += gguf.GGUFWriter.ggml_pad(count // block * size, writer.data_alignment)

    def norm(name):
        tensor(name, shape.hidden, kind=gguf.GGMLQuantizationType.F32)

    kv = shape.hidden // shape.heads * shape.kv_heads
    tensor("token_embd", shape.vocab, shape.hidden)
    for layer in range(shape.layers):
        at = f"blk.{layer}."
        norm(at + "attn_norm")
        norm(at + "ffn_norm")
        tensor(at + "attn_q", shape.hidden, shape.hidden)
        tensor(at + "attn_k", kv, shape.hidden)
        tensor(at + "attn_v", kv, shape.hidden)
        tensor(at + "attn_output", shape.hidden, shape.hidden)
        tensor(at + "ffn_gate", shape.ffn, shape.hidden)
        tensor(at + "ffn_up", shape.ffn, shape.hidden)
        tensor(at + "ffn_down", shape.hidden, shape.ffn)
    norm("output_norm")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    begin = gguf.GGUFWriter.ggml_pad(os.path.getsize(path), writer.data_alignment)
    os.truncate(path, begin + total)
    return path
