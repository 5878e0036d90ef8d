# generation.py - A real model on every CPU level
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Eight tokens of SmolLM2-135M on each level, in an emulator where it must be: the same ids as x86-64-v3 on this machine. With
an f16 KV cache the AVX-512 emulator may choose others, the same on its three levels: it rounds ties to f16 away from zero, and
8-bit activations make much of little. Slow, so PHIC_CHECK_ALL=1 runs it; the model is not committed and comes from
../shared/models.

    generation.py PHIC
"""
import os
import sys
import tempfile
import time

import agreement
import golden
import levels

MODEL, TOKENS = "smollm2-135m/ort-genai/int4-cpu", 8


def main():
    shared = os.path.join(levels.HERE, "..", "..", "..", "shared", "models")
    case = golden.Case(next(model for model in golden.MODELS if model.shared == MODEL), shared)
    if case.path is None:
        print(f"[SKIP] {MODEL}: not in ../shared/models")
        return 0
    if not os.environ.get("PHIC_CHECK_ALL"):
        print("[SKIP] a real model in emulators; PHIC_CHECK_ALL=1 runs it")
        return 0
    words = ["--tokens", ",".join(map(str, case.ids("plain"))), "-n", TOKENS, "--temp", 0, "--ignore-eos", "--print-ids", "--threads", 1]
    errors = []
    for flags in (("--kv=f32",), ("--kv=f16",)):
        with tempfile.TemporaryDirectory(prefix="phic-generation-") as scratch:
            programs, expected = agreement.Programs(case, flags, scratch), {}
            for place in programs.found:
                start = time.monotonic()
                program = programs.arm if place.processor else programs.x86
                ids = levels.run(*place.command, program, *words, "--cpu-variant", place.level).stdout.split()
                seconds = time.monotonic() - start
                if ids != expected.setdefault(place.group(flags), ids) or len(ids) != TOKENS:
                    errors.append(f"error: {place.name()} {' '.join(flags)}: {ids} instead of {expected[place.group(flags)]}")
                print(f"{' '.join(flags)}  {place.name():24} {seconds:7.1f} s  {' '.join(ids)}", flush=True)
    print("\n".join(programs.missing + errors + [f"{len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
