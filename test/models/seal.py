# seal.py - Makes a changed program one that was linked so
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs refuse to start, and phic to read them, once a byte of theirs is another: tests that want to know what would
happen then write the hashes anew. As runtime/include/phi/hash.h and image.h, in a slower language."""
import struct

WORD = (1 << 64) - 1
LOAD, WRITTEN = 1, 2
MANIFEST_HASH = 176  # phi_model.manifest_hash


def step(lane, word):
    product = (lane ^ word) * 0x9E3779B97F4A7C15 & WORD
    return (product << 29 | product >> 35) & WORD


def bytes_hash(seed, data):
    lanes = [seed + i & WORD for i in range(8)]
    whole = len(data) // 64 * 64
    for words in struct.iter_unpack("<8Q", data[:whole]):
        lanes = [step(lane, word) for lane, word in zip(lanes, words)]
    found = step(seed, len(data))
    for lane, word in zip(lanes, struct.unpack("<8Q", data[whole:].ljust(64, b"\0"))):
        found = step(found, step(lane, word))
    return found


def sections(program):
    """Name to (offset, size) of an ELF file's sections."""
    offset, = struct.unpack_from("<Q", program, 40)
    size, count, names = struct.unpack_from("<HHH", program, 58)
    headers = [struct.unpack_from("<IIQQQQ", program, offset + i * size) for i in range(count)]
    strings = headers[names][4]
    name = lambda at: program[strings + at:program.index(b"\0", strings + at)].decode()
    return {name(header[0]): (header[4], header[5]) for header in headers}


def segments(program):
    """(type, flags, offset, address, -, bytes in the file, bytes in memory, alignment) of each."""
    offset, = struct.unpack_from("<Q", program, 32)
    count, = struct.unpack_from("<H", program, 56)
    return [struct.unpack_from("<IIQQQQQQ", program, offset + 56 * i) for i in range(count)]


def image(program):
    """(offset, end) in the file of what a program for Linux checks when it starts."""
    parts = segments(program)
    last = max(i for i, part in enumerate(parts) if part[0] == LOAD and part[1] & WRITTEN)
    return [(part[2], part[2] + part[5]) for part in parts[:last + 1] if part[0] == LOAD]


def seal(program):
    program = bytearray(program)
    at = sections(program)
    manifest, size = at[".phi_manifest"]
    struct.pack_into("<Q", program, at[".phi_model"][0] + MANIFEST_HASH, bytes_hash(0, program[manifest:manifest + size]))
    word = at[".phi_front"][0]
    found = 0
    for begin, end in image(program):
        if begin <= word < end:
            found = bytes_hash(found, program[begin:word])
            begin = word + 8
        found = bytes_hash(found, program[begin:end])
    struct.pack_into("<Q", program, word, found)
    return bytes(program)
