# blob.py - The code for GPUs that a program holds
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads the blobs of phi/gpu.h in a file that phic wrote: kernels, and their text."""
import struct
import zlib
from typing import NamedTuple

MAGIC = b"PHIGPU01"
HEADER = struct.Struct("<8sQIIQQQQQIIQ")  # phi_gpu_code
KERNEL = struct.Struct("<QII")  # phi_gpu_kernel


class Kernel(NamedTuple):
    name: str
    threads: int
    arguments: int


class Code(NamedTuple):
    least: int  # compute capability, 80 for 8.0
    language: int  # version of the text, 70 for 7.0
    text: str
    kernels: list
    workspace: int


def read(data, at):
    """The blob there; None: the number stands there by chance, as in the device's own code."""
    _, size, least, language, text, text_size, packed, kernels, _, kernel_count, _, workspace = HEADER.unpack_from(data, at)
    if not HEADER.size <= text <= text + packed <= size <= len(data) - at or kernels + KERNEL.size * kernel_count > size:
        return None
    found = []
    for i in range(kernel_count):
        symbol, threads, arguments = KERNEL.unpack_from(data, at + kernels + KERNEL.size * i)
        name = data[at + symbol:data.index(b"\0", at + symbol)].decode()
        found.append(Kernel(name, threads, arguments))
    unpacked = zlib.decompress(data[at + text:at + text + packed])
    assert len(unpacked) == text_size, "the text has another length than the blob says"
    return Code(least, language, unpacked.decode(), found, workspace)


def codes(path):
    """Of each level of a GPU, in the order of the file."""
    with open(path, "rb") as file:
        data = file.read()
    found, at = [], data.find(MAGIC)
    while at >= 0 and at + HEADER.size <= len(data):
        if code := read(data, at):
            found.append(code)
        at = data.find(MAGIC, at + 1)
    return found
