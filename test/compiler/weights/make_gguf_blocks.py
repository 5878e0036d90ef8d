#!/usr/bin/env python3
# make_gguf_blocks.py - Vectors for the GGUF unpackers
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Prints one line a row of random blocks: type, elements, stored bytes, the floats that the
# `gguf` package dequantizes them to (little-endian f32), both in hexadecimal. Usage:
#   build/venv/bin/python test/compiler/weights/make_gguf_blocks.py > test/compiler/weights/gguf_blocks.txt
import numpy as np
from gguf import GGMLQuantizationType, quants

# Where the f16 scales of a stored block lie: random bytes there would often be NaN or infinite.
TYPES = {"Q4_0": (18, [0], 6), "Q4_1": (20, [0, 2], 6), "Q5_0": (22, [0], 6), "Q8_0": (34, [0], 6),
         "Q4_K": (144, [0, 2], 2), "Q6_K": (210, [208], 2),
         "Q2_K": (84, [80, 82], 2), "Q3_K": (110, [108], 2), "Q5_K": (176, [0, 2], 2)}
random = np.random.default_rng(20240607)
for name, (size, scales, blocks) in TYPES.items():
    rows = random.integers(0, 256, (blocks, size), dtype=np.uint8)
    for at in scales:
        # Ordinary scales of both signs, and one subnormal half.
        values = (random.standard_normal(blocks) * 0.1).astype(np.float16)
        values[-1] = np.float16(1e-6)
        rows[:, at:at + 2] = values.view(np.uint8).reshape(blocks, 2)
    floats = quants.dequantize(rows.reshape(1, -1), GGMLQuantizationType[name]).astype("<f4")
    print(name, floats.size, rows.tobytes().hex(), floats.tobytes().hex())
