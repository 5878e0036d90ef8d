#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes what docs/kernels.md shows, from the code that phic emits now: which kernel each stage has on each CPU level, and
what its inner loop costs: instructions counted in the assembly, cycles as llvm-mca predicts them.

    kernels.py FOLDER_OF_PHIC FOLDER_OF_LLVM > tables.md
"""
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BIN, LLVM = sys.argv[1], sys.argv[2]
MODEL = os.path.join(HERE, "..", "test", "models", "tiny-llama", "ort-genai-int4")
TESTS = os.path.join(HERE, "..", "test", "targets", "cpu", "x86")
# Level to the processors that llvm-mca is asked about.
X86 = {"x86-64-v3": ["znver3", "skylake"], "x86-64-v4": ["skylake-avx512"], "x86-64-v4+vnni": ["znver4", "icelake-server"]}
ARM = {"neon": ["cortex-a53", "cortex-a55", "cortex-a76", "neoverse-n1", "neoverse-v1", "apple-m1"],
       "neon+dotprod": ["cortex-a55", "cortex-a76", "neoverse-n1", "neoverse-v1", "apple-m1"],
       "neon+i8mm": ["neoverse-n2", "neoverse-v1", "apple-m2"]}
# IR with one matmul of a format, K = 256, and the elements of K in one round of its loop.
LOOPS = [("u4, f16 scale", "matmul-s8-u4.mlir", 32), ("s8, f16 scale", "matmul-s8-s8.mlir", 32), ("f16", "matmul-f32-f16.mlir", 4)]
DOTS = ["vpdpbusd", "vpmaddubsw", "smmla", "sdot", "smlal", "vfmadd", "fmla"]


def run(*command, stdin=None):
    return subprocess.run(command, check=True, capture_output=True, text=True, input=stdin).stdout


def assembly(ir, level, kernels_are_made):
    passes = [] if kernels_are_made else [f"--phic-emit-kernels=target={level}", f"--phic-emit-entry-points=target={level}", "--phic-lower-to-llvm"]
    text = run(os.path.join(BIN, "phic-opt"), ir, *passes, f"--phic-emit-code=target={level}", "-o", os.devnull)
    functions, name = {}, None
    for line in text.splitlines():
        label = re.match(r"(\w+):", line)
        if label:
            name = label.group(1)
            functions[name] = []
        elif name and (line.startswith("\t") and not line.startswith(("\t.", "\t#")) or line.startswith(".L")):
            functions[name].append(re.sub(r"(# |//).*", "", line).rstrip())
    return functions


def loops(body):
    """The innermost loops: lines between a label and the jump back to it."""
    at, found = {}, []
    for i, line in enumerate(body):
        if line.startswith(".L"):
            at[line.rstrip(":")] = i
        jump = re.match(r"\t(?:j\w+|b\.\w+|cbn?z\s+\w+,)\s+(\.L\w+)", line)
        if jump and jump.group(1) in at:
            found.append((at[jump.group(1)], i))
    return [[line for line in body[a:b + 1] if not line.startswith(".L")]
            for a, b in found if not any(a <= c and d < b and (a, b) != (c, d) for c, d in found)]


def main_loop(body):
    """The loop with most multiplications: that of whole groups of panels."""
    return max(loops(body), key=lambda loop: sum(line.split()[0].startswith(tuple(DOTS)) for line in loop))


def dot_of(loop):
    names = [line.split()[0] for line in loop]
    return next(name for dot in DOTS for name in names if name.startswith(dot))


def cycles(loop, level, cpu):
    triple = "aarch64" if level in ARM else "x86_64"
    text = run(os.path.join(LLVM, "llvm-mca"), f"-mtriple={triple}", f"-mcpu={cpu}", "--iterations=100", stdin="\n".join(loop) + "\n")
    return float(re.search(r"Total Cycles:\s+(\d+)", text).group(1)) / 100


def cores(functions):
    for name, body in functions.items():
        tile = re.match(r"phi_matmul_\w+_f32_none_(\d+)x(\d+)x\d+_k\d+__", name)
        if tile:
            yield int(tile.group(1)), int(tile.group(2)), main_loop(body)


def main_loops(levels):
    """(title, level, the row's first cells, loop, multiply-adds) of each register tile."""
    for title, file, elements in LOOPS:
        for level in levels:
            for MR, NR, loop in sorted(cores(assembly(os.path.join(TESTS, file), level, False))):
                work = MR * NR * elements
                moves = sum(bool(re.match(r"\t(v?(p?mov|pbroadcast|broadcast|pinsert|insert|pextract|extract|dup|zip|fmov)|uzp)", line)) for line in loop)
                cells = f"| {title} | {level} | {MR}x{NR} | `{dot_of(loop)}` | {len(loop)} | {moves} | {work} | {1000 * len(loop) / work:.1f} |"
                yield title, level, cells, loop, work


COLUMNS = "| weights | level | tile | instruction | instructions | of these moves | multiply-adds | instructions per 1000 |"


def x86_table():
    print(COLUMNS + " processor | cycles | multiply-adds per cycle |\n|" + "---|" * 11)
    for _, level, cells, loop, work in main_loops(X86):
        for cpu in X86[level]:
            took = cycles(loop, level, cpu)
            print(f"{cells} {cpu} | {took:.1f} | {work / took:.0f} |")


def arm_table():
    cpus = list(dict.fromkeys(cpu for level in ARM.values() for cpu in level))
    print(COLUMNS + "".join(f" {cpu} |" for cpu in cpus) + "\n|" + "---|" * (8 + len(cpus)))
    for title, level, cells, loop, work in main_loops(ARM):
        if title == "f16" and level != "neon":
            continue  # the kernels of neon
        assert not any("[sp" in line for line in loop), f"{cells} keeps registers on the stack"
        print(cells + "".join(f" {work / cycles(loop, level, cpu):.1f} |" if cpu in ARM[level] else " |" for cpu in cpus))


def stage_table(folder):
    print("| stage | entry | level | kernel | generator |\n|---|---|---|---|---|")
    program = os.path.join(folder, "program")
    seen, kernels = set(), []
    for system, levels in (("x86_64-linux", X86), ("aarch64-linux", ARM)):
        run(os.path.join(BIN, "phic"), "build", MODEL, "-o", program, "-q", "--target", system, "--cpu", ",".join(levels))
        kernels += json.loads(run(os.path.join(BIN, "phic"), "inspect", "--json", program))["kernels"]
    for kernel in kernels:
        kind = re.sub(r"layers\.\d+", "layers.N", kernel["stage"])
        if (kind, kernel["entry"], kernel["cpu_variant"]) in seen or kernel["entry"] == "verify":
            continue
        seen.add((kind, kernel["entry"], kernel["cpu_variant"]))
        print(f"| {kind} | {kernel['entry']} | {kernel['cpu_variant']} | `{kernel['symbol']}` | {kernel['generator']} |")


with tempfile.TemporaryDirectory() as scratch:
    x86_table()
    print()
    arm_table()
    print()
    stage_table(scratch)
