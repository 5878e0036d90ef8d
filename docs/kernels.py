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
TESTS = os.path.join(HERE, "..", "test", "targets", "x86")
# Level to the processors that llvm-mca is asked about.
LEVELS = {"x86-64-v3": ["znver3", "skylake"], "x86-64-v4": ["skylake-avx512"], "x86-64-v4+vnni": ["znver4", "icelake-server"],
          "neon": ["cortex-a76"], "neon+dotprod": ["cortex-a76", "neoverse-n1", "apple-m1"], "neon+i8mm": ["neoverse-v1", "apple-m2"]}
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
        elif name and (line.startswith("\t") and not line.startswith("\t.") or line.startswith(".L")):
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


def is_arm(level):
    return level.startswith("neon")


def cycles(loop, level, cpu):
    triple = "aarch64" if is_arm(level) else "x86_64"
    text = run(os.path.join(LLVM, "llvm-mca"), f"-mtriple={triple}", f"-mcpu={cpu}", "--iterations=100", stdin="\n".join(loop) + "\n")
    return float(re.search(r"Total Cycles:\s+(\d+)", text).group(1)) / 100


def cores(functions):
    for name, body in functions.items():
        tile = re.match(r"phi_matmul_\w+_f32_none_(\d+)x(\d+)x\d+_k\d+__", name)
        if tile:
            yield int(tile.group(1)), int(tile.group(2)), main_loop(body)


def loop_table():
    print("| weights | level | tile | instruction | instructions | of these moves | multiply-adds | instructions per 1000 | processor | cycles | multiply-adds per cycle |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for title, file, elements in LOOPS:
        for level, cpus in LEVELS.items():
            for MR, NR, loop in sorted(cores(assembly(os.path.join(TESTS, file), level, False))):
                work = MR * NR * elements
                moves = sum(bool(re.match(r"\tv?(p?mov|pbroadcast|broadcast|pinsert|insert|pextract|extract|dup|zip|fmov)", line)) for line in loop)
                for cpu in cpus:
                    took = cycles(loop, level, cpu)
                    print(f"| {title} | {level} | {MR}x{NR} | `{dot_of(loop)}` | {len(loop)} | {moves} | {work} | {1000 * len(loop) / work:.1f} | {cpu} | {took:.1f} | {work / took:.0f} |")


def stage_table(folder):
    print("| stage | entry | level | kernel | generator |\n|---|---|---|---|---|")
    program = os.path.join(folder, "program")
    seen, kernels = set(), []
    for system, levels in (("x86_64-linux", [level for level in LEVELS if not is_arm(level)]), ("aarch64-linux", filter(is_arm, LEVELS))):
        run(os.path.join(BIN, "phic"), "build", MODEL, "-o", program, "-q", "--target", system, "--cpu", ",".join(levels))
        kernels += json.loads(run(os.path.join(BIN, "phic"), "inspect", "--json", program))["kernels"]
    for kernel in kernels:
        kind = re.sub(r"layers\.\d+", "layers.N", kernel["stage"])
        if (kind, kernel["entry"], kernel["cpu_variant"]) in seen or kernel["entry"] == "verify":
            continue
        seen.add((kind, kernel["entry"], kernel["cpu_variant"]))
        print(f"| {kind} | {kernel['entry']} | {kernel['cpu_variant']} | `{kernel['symbol']}` | {kernel['generator']} |")


with tempfile.TemporaryDirectory() as scratch:
    loop_table()
    print()
    stage_table(scratch)
