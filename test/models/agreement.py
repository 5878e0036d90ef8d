# agreement.py - Every model on every CPU level
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How far each level's code is from its meaning and from the golden logits, and whether levels agree bit for bit.

    agreement.py PHIC                        one model of this folder; with PHIC_CHECK_ALL=1 every model that is there
    agreement.py PHIC --write docs/agreement.md      all of it, and the table in that file made anew
    agreement.py PHIC --only=int4            models whose name contains this

Levels that this machine lacks run in test/emulators/avx512 and in qemu-aarch64. It rounds ties to f16 away from zero (its
README), so with an f16 KV cache its three levels, x86-64-v3 among them, are compared with each other, and the real
processor with ARM's levels.
"""
import argparse
import dataclasses
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np

sys.argv, ARGUMENTS = sys.argv[:2], sys.argv[2:]
import arm
import golden
import levels

# The quick part: quantized weights, as programs are made by default.
QUICK = "tiny-llama/ort-genai/int4-cpu"
F32, I8, DEFAULT = ("--act=f32", "--kv=f32"), ("--act=i8", "--kv=f32"), ("--act=i8", "--kv=f16")
FLOATS = ("--act=f32", "--kv=f16")
MARK = "<!-- made by test/models/agreement.py -->\n"


@dataclasses.dataclass
class Place:
    """A level, and where it runs."""
    level: str
    command: list = dataclasses.field(default_factory=list)  # before the program
    emulator: str = ""
    processor: str = ""                                      # qemu's

    def name(self):
        return self.level + (f" ({self.emulator})" if self.emulator else "")

    def group(self, flags):
        """Places of one group must agree bit for bit."""
        return "--kv=f16" in flags and self.emulator == "bochs"


def places(program):
    """For both families; the second value are reasons why some are missing."""
    found, missing = [Place("x86-64-v3")], []
    wide = [level for level in reversed(levels.LEVELS) if level != "x86-64-v3"]
    if all(levels.has(program, level) for level in wide):
        found += [Place(level) for level in wide]
    else:
        check = subprocess.run([levels.EMULATOR, "--check"], capture_output=True, text=True)
        if check.returncode:
            missing.append(f"[SKIP] AVX-512: {check.stderr.strip()}")
        else:
            found += [Place(level, [levels.EMULATOR, "--timeout", "0", "--memory", "600"], "bochs") for level in ["x86-64-v3"] + wide]
    if not arm.QEMU:
        missing.append("[SKIP] ARM: no qemu-aarch64, package qemu-user has it")
    elif not os.path.exists(arm.RUNTIME):
        missing.append("[SKIP] ARM: this phic was built without musl for arm64, which .ci/install-deps gets")
    else:
        found += [Place(level, [arm.QEMU, "-cpu", processor], "qemu", processor) for processor, level in arm.PROCESSORS.items()]
    return found, missing


class Programs:
    """One form of a model under one set of flags, for both families."""

    def __init__(self, case, flags, scratch):
        self.case, self.flags = case, flags
        self.stem = os.path.join(scratch, re.sub(r"\W", "-", case.name() + "".join(flags)))
        self.x86 = self.build("x86_64-linux", ",".join(levels.LEVELS))
        self.found, self.missing = places(self.x86)
        self.arm = self.build("aarch64-linux", ",".join(arm.PROCESSORS.values())) if any(p.processor for p in self.found) else None

    def build(self, system, cpus):
        path = f"{self.stem}-{system}"
        levels.run(levels.PHIC, "build", self.case.path, "-o", path, "-q", "--target", system, "--cpu", cpus, *self.flags)
        return path

    def logits(self, place, ids):
        file = f"{self.stem}.npy"
        program = self.arm if place.processor else self.x86
        words = ["--tokens", ",".join(map(str, ids)), "-n", 0, "--threads", 1, "--cpu-variant", place.level, "--logits"]
        if place.emulator == "bochs":
            levels.run(*place.command, "--get", f"logits.npy:{file}", program, *words, "logits.npy")
        else:
            levels.run(*place.command, program, *words, file)
        return np.load(file)

    def verify(self, place, tokens):
        """The worst share of a bound. The emulator runs one thread and is what phic verify takes where it must."""
        words = ["--tokens", tokens, "-n", "1"] if tokens else []
        program = self.arm if place.processor else self.x86
        done = subprocess.run([levels.PHIC, "verify", program, "--cpu-variant", place.level, *words], capture_output=True, text=True,
                              env={**os.environ, "QEMU_CPU": place.processor or "max"})
        said = re.search(r"closest is stage '.*' at ([0-9.]+) of it", done.stdout)
        if done.returncode or not said:
            raise RuntimeError(f"verify of {place.name()}: exit code {done.returncode}: {done.stderr.strip()[-600:]}")
        return float(said[1])


class Row:
    """Of the table: one form, one set of flags."""

    def __init__(self, case, flags, scratch):
        self.case, self.flags, self.errors, self.lines = case, flags, [], []
        self.programs = Programs(case, flags, scratch)
        self.sequence = next(name for name in ("rand24", "plain", *case.sequences()) if name in case.sequences())
        ids = case.ids(self.sequence)
        self.logits = {place.name(): self.programs.logits(place, ids) for place in self.programs.found}
        # A real model takes the interpreter minutes: a short prompt.
        real = case.name().startswith("smollm2")
        self.shares = {place.level: self.programs.verify(place, ",".join(map(str, ids)) if real else "")
                       for place in self.programs.found if place.name() != "x86-64-v3 (bochs)"}
        self.compare()

    def check(self, condition, what):
        if not condition:
            self.errors.append(f"{self.case.name()} {' '.join(self.flags)}: {what}")

    def compare(self):
        """Logits that must be equal, and the error of each group of them against the golden."""
        same = {}
        for place in self.programs.found:
            same.setdefault(place.group(self.flags), []).append(place.name())
        self.distances = []
        for names in same.values():
            first = self.logits[names[0]]
            for name in names[1:]:
                self.check(first.tobytes() == self.logits[name].tobytes(), f"{name} differs from {names[0]}")
            self.distances.append(self.distance(first))
        self.equal = not self.errors
        everywhere = {logits.tobytes() for logits in self.logits.values()}
        self.agreement = "equal" if len(everywhere) == 1 else "equal but for ties" if self.equal else "differ"

    def distance(self, logits):
        case = self.case
        reference = case.float if case.float is not None else case.tool
        error, _ = case.distance(logits, reference, self.sequence)
        if self.flags == F32:
            # Without a float golden, ONNX Runtime's own logits are those of quantized activations.
            limit = case.model.f32_limit if case.float is not None else None
        elif case.float is None:
            limit = 2e-2 if self.flags == I8 else None
        else:
            expected, positions = case.logits_of(case.float, self.sequence, len(logits))
            own, _ = case.logits_of(case.tool, self.sequence, len(logits))
            limit = golden.I8_FACTOR * golden.relative_rms(own, expected if len(own) == len(expected) else expected[positions])
            limit = limit if case.model.i8 else None
        self.check(limit is None or error <= limit, f"relative rms {error:.2e} exceeds {limit or 0:.2e}")
        return error

    def cells(self):
        names = [level for level in reversed(levels.LEVELS)] + list(arm.PROCESSORS.values())
        shares = [f"{self.shares[level]:.3f}" if level in self.shares else "-" for level in names]
        errors = " / ".join(sorted({f"{error:.2e}" for error in self.distances}))
        return [self.case.name(), " ".join(flag.removeprefix("--") for flag in self.flags), errors, *shares, self.agreement]


HEAD = ["model and form", "mode", "error against the golden", *reversed(levels.LEVELS), *arm.PROCESSORS.values(), "logits of all levels"]


def table(rows):
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    return "\n".join(lines + ["| " + " | ".join(row.cells()) + " |" for row in rows]) + "\n"


def modes(case):
    return (F32, I8, DEFAULT) if case.model.i8 else (F32, FLOATS)


def work(arguments):
    shared = os.path.join(levels.HERE, "..", "..", "..", "shared", "models")
    shared = shared if os.path.isdir(shared) else None
    whole = arguments.write or arguments.only or os.environ.get("PHIC_CHECK_ALL")
    if not whole:
        print("[SKIP] a slow sweep over all models; PHIC_CHECK_ALL=1 runs it")
    for model in golden.MODELS:
        if arguments.only not in model.shared or not (whole or model.shared == QUICK):
            continue
        case = golden.Case(model, shared if whole else None)
        if case.path is None:
            print(f"[SKIP] {case.name()}: neither in test/models nor in ../shared/models")
            continue
        for flags in modes(case) if whole else (DEFAULT,):
            yield case, flags


def guarded(case, flags):
    with tempfile.TemporaryDirectory(prefix="phic-agreement-") as scratch:
        try:
            return Row(case, flags, scratch), []
        except (AssertionError, RuntimeError) as failure:
            return None, [f"{case.name()} {' '.join(flags)}: {failure}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", metavar="FILE", help="replaces the table in it")
    parser.add_argument("--only", default="", help="models whose name contains this")
    arguments = parser.parse_args(ARGUMENTS)
    rows, errors, missing = [], [], []
    with ThreadPoolExecutor(2) as pool:
        for row, failed in pool.map(lambda pair: guarded(*pair), work(arguments)):
            errors += failed + (row.errors if row else [])
            if row:
                rows.append(row)
                missing += [reason for reason in row.programs.missing if reason not in missing]
                print("  ".join(row.cells()), flush=True)
            for error in failed + (row.errors if row else []):
                print(f"error: {error}", flush=True)
    print("\n".join(missing + [f"{len(errors)} errors"]))
    if arguments.write and not errors and not missing:
        with open(arguments.write) as file:
            before, _, after = file.read().split(MARK)
        with open(arguments.write, "w") as file:
            file.write(MARK.join([before, table(rows), after]))
    return 1 if errors or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
