# make_checkpoint.py - A small decoder of random numbers for TextImporter.cpp
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""make_checkpoint.py FOLDER: writes model.decoder and two files of weights, one a half of the layers."""
import array
import os
import random
import sys

HIDDEN, FFN, HEADS, KV_HEADS, HEAD, VOCAB, LAYERS = 64, 128, 4, 2, 16, 256, 2

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
random.seed(1)
lines = ["architecture llama", f"hidden {HIDDEN}", f"ffn {FFN}", f"layers {LAYERS}", f"heads {HEADS}",
         f"kv_heads {KV_HEADS}", f"head_dim {HEAD}", "context 512", "epsilon 1e-5", "rope_base 10000"]


def tensor(name, data, shape):
    """Random numbers at the end of `data`, and the line that says where they are; norms are around 1."""
    rows, columns = (1, shape[0]) if len(shape) == 1 else shape
    middle = 1 if len(shape) == 1 else 0
    path = os.path.join(folder, data)
    offset = os.path.getsize(path) if os.path.exists(path) else 0
    with open(path, "ab") as file:
        array.array("f", [middle + random.gauss(0, columns ** -0.5) for _ in range(rows * columns)]).tofile(file)
    lines.append(f"tensor {name}.weight {data} {offset} {' '.join(map(str, shape))}")


for old in ("weights-0.bin", "weights-1.bin"):
    if os.path.exists(os.path.join(folder, old)):
        os.remove(os.path.join(folder, old))
tensor("embedding", "weights-0.bin", [VOCAB, HIDDEN])
for layer in range(LAYERS):
    data, prefix = f"weights-{layer * 2 // LAYERS}.bin", f"layers.{layer}."
    tensor(prefix + "norm1", data, [HIDDEN])
    tensor(prefix + "q", data, [HEADS * HEAD, HIDDEN])
    tensor(prefix + "k", data, [KV_HEADS * HEAD, HIDDEN])
    tensor(prefix + "v", data, [KV_HEADS * HEAD, HIDDEN])
    tensor(prefix + "o", data, [HIDDEN, HEADS * HEAD])
    tensor(prefix + "norm2", data, [HIDDEN])
    tensor(prefix + "gate", data, [FFN, HIDDEN])
    tensor(prefix + "up", data, [FFN, HIDDEN])
    tensor(prefix + "down", data, [HIDDEN, FFN])
tensor("norm", "weights-1.bin", [HIDDEN])
with open(os.path.join(folder, "model.decoder"), "w") as file:
    file.write("\n".join(lines) + "\n")
