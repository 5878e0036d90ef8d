# npy.py - Arrays of floats without NumPy
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On the machine with the GPU there is nothing but Python."""
import array
import ast
import math


def read(path):
    """The floats of a .npy file of f32."""
    with open(path, "rb") as file:
        data = file.read()
    assert data[:6] == b"\x93NUMPY" and data[6] == 1, path
    begin = 10 + int.from_bytes(data[8:10], "little")
    header = ast.literal_eval(data[10:begin].decode())
    assert header["descr"] == "<f4" and not header["fortran_order"], path
    return array.array("f", data[begin:])


def difference(got, wanted):
    """Relative rms."""
    assert len(got) == len(wanted), f"{len(got)} numbers, not {len(wanted)}"
    error = math.fsum((a - b) * (a - b) for a, b in zip(got, wanted))
    size = math.fsum(b * b for b in wanted)
    return math.sqrt(error / size)
