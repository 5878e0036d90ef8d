# levels.py - CPU levels of one program, on a processor without AVX-512
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The levels of a program agree bit for bit, and each is what its stages mean. Levels that this machine lacks run in
test/emulators/avx512, in one thread. With PHIC_CHECK_ALL=1 prompts of every small length are run, too.

    levels.py PHIC [test...]
"""
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import numpy as np

from seal import seal

HERE = os.path.dirname(os.path.abspath(__file__))
PHIC = os.path.abspath(sys.argv.pop(1))
EMULATOR = os.path.join(HERE, "..", "emulators", "avx512", "run-avx512")
LEVELS = ["x86-64-v4+vnni", "x86-64-v4", "x86-64-v3"]
TOKENS = "1,90,485,204,60,77,293,340,349,36,2,204,1,448,88,275,89,393,204"
# Every kind of weight that this tree has, under f32 and i8 activations.
MODELS = [
    ("tiny-llama/ort-genai-int4", []),
    ("tiny-llama/ort-genai-int4", ["--act=f32", "--kv=f32"]),
    ("tiny-llama/ort-genai-fp32", []),
    ("tiny-llama/ort-genai-fp32", ["--precision=int8"]),
    ("tiny-llama/ort-genai-fp32", ["--precision=int8", "--act=f32"]),
    ("tiny-llama/gguf-Q4_1", []),
    ("tiny-llama/gguf-Q4_K_M", []),
    ("tiny-llama/gguf-Q4_K_M", ["--act=f32"]),
    ("tiny-phi3/ort-genai-int4-asym", []),
    ("tiny-phi3/ort-genai-int4-qdq", []),
    ("tiny-phi35-longrope/gguf-F16", []),
    ("tiny-phi35-longrope/gguf-Q4_0", []),
]


def run(*command, code=0):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == code, f"{' '.join(map(str, command))}: exit code {done.returncode}, not {code}: {done.stderr}"
    return done


def has(program, level):
    """Whether this machine runs that code of the program."""
    done = subprocess.run([program, "--tokens", "1", "-n", "0", "--cpu-variant", level], capture_output=True, text=True)
    return done.returncode == 0


def prompts():
    """Of one to nine tokens."""
    return [",".join(TOKENS.split(",")[:rows]) for rows in range(1, 10)]


class Programs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="phic-levels-")
        ready = subprocess.run([EMULATOR, "--check"], capture_output=True, text=True)
        cls.missing = ready.stderr.strip() if ready.returncode else None

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    def build(self, model, *flags, levels=LEVELS):
        program = self.path(re.sub(r"\W", "-", model + "".join(flags)))
        run(PHIC, "build", os.path.join(HERE, model), "-o", program, "-q", "--cpu", ",".join(levels), *flags)
        return program

    def logits(self, program, level, tokens=TOKENS):
        """A hash of the logits of every token, and the ids that greedy decoding adds. All levels run on the same machine:
        the emulator where this one lacks one, since its vcvtps2ph rounds ties away from zero (selftest.d/half.c)."""
        file = self.path("logits.npy")
        words = ["--tokens", tokens, "--logits", "logits.npy", "-n", 3, "--temp", 0, "--ignore-eos", "--print-ids", "--threads", 1,
                 "--cpu-variant", level]
        if has(program, LEVELS[0]):
            words[3] = file
            ids = run(program, *words).stdout
        elif self.missing:
            self.skipTest(f"[SKIP] {self.missing}")
        else:
            ids = run(EMULATOR, "--get", f"logits.npy:{file}", program, *words).stdout
        return hashlib.sha256(np.load(file).tobytes()).hexdigest(), ids


class Levels(Programs):
    def test_levels_agree_bit_for_bit(self):
        for model, flags in MODELS:
            with self.subTest(model=model, flags=flags):
                program = self.build(model, *flags)
                expected = self.logits(program, "x86-64-v3")
                for level in ("x86-64-v4", "x86-64-v4+vnni"):
                    self.assertEqual(self.logits(program, level), expected, level)

    def test_every_number_of_rows(self):
        """One token is decoded, two to eight are verified, more are a chunk: each takes other register tiles."""
        if not os.environ.get("PHIC_CHECK_ALL"):
            self.skipTest("[SKIP] a slow sweep; PHIC_CHECK_ALL=1 runs it")
        program = self.build("tiny-llama/gguf-Q4_1")
        for tokens in prompts():
            expected = self.logits(program, "x86-64-v3", tokens)
            for level in ("x86-64-v4", "x86-64-v4+vnni"):
                self.assertEqual(self.logits(program, level, tokens), expected, f"{level} {tokens}")

    def test_the_default_program(self):
        """Holds v3 and v4+vnni, one copy of the weights, and takes the best that there is."""
        model = os.path.join(HERE, "tiny-llama", "ort-genai-int4")
        default, lone = self.path("default"), self.build("tiny-llama/ort-genai-int4", levels=["x86-64-v3"])
        run(PHIC, "build", model, "-o", default, "-q")
        facts, alone = (json.loads(run(PHIC, "inspect", "--json", program).stdout) for program in (default, lone))
        self.assertEqual(facts["cpu_variants"], ["x86-64-v4+vnni", "x86-64-v3"])
        self.assertEqual(facts["weight_bytes"], alone["weight_bytes"])
        self.assertEqual({kernel["cpu_variant"] for kernel in facts["kernels"]}, set(facts["cpu_variants"]))
        self.assertLess(facts["file_bytes"] - alone["file_bytes"], 400 << 10)
        stats = lambda command: json.loads(run(*command, default, "--tokens", "1,2", "-n", 1, "--threads", 1, "--stats=json").stderr)
        best = next(level for level in facts["cpu_variants"] if has(default, level))
        self.assertEqual(stats([])["cpu_variant"], best)
        if self.missing:
            self.skipTest(f"[SKIP] {self.missing}")
        self.assertEqual(stats([EMULATOR])["cpu_variant"], "x86-64-v4+vnni")
        # A processor with AVX-512 and without VNNI runs the level below.
        self.assertEqual(stats([EMULATOR, "--cpu", "corei7_skylake_x"])["cpu_variant"], "x86-64-v3")

    def test_code_of_a_level_uses_no_more_than_it_says(self):
        if self.missing:
            self.skipTest(f"[SKIP] {self.missing}")
        program = self.build("tiny-llama/ort-genai-int4")
        words = ["--tokens", TOKENS, "-n", 2, "--temp", 0, "--ignore-eos", "--print-ids", "--threads", 1, "--cpu-variant"]
        for level, cpu in (("x86-64-v4", "corei7_skylake_x"), ("x86-64-v3", "corei7_haswell_4770")):
            self.assertEqual(run(EMULATOR, "--cpu", cpu, program, *words, level).stdout, run(program, *words, "x86-64-v3").stdout)

    def test_a_level_that_cannot_be_had_is_refused_in_words(self):
        program = self.build("tiny-llama/ort-genai-int4")
        said = run(program, "--tokens", "1", "--cpu-variant", "pentium4", code=1).stderr
        self.assertIn("this model has no such code; it has " + ", ".join(LEVELS), said)
        if self.missing:
            self.skipTest(f"[SKIP] {self.missing}")
        skylake, haswell = ([EMULATOR, "--cpu", cpu, program, "--tokens", "1"] for cpu in ("corei7_skylake_x", "corei7_haswell_4770"))
        self.assertEqual(run(*skylake, "--cpu-variant", "x86-64-v4+vnni", code=1).stderr,
                         "--cpu-variant x86-64-v4+vnni: this processor lacks AVX512_VNNI\n")
        self.assertEqual(run(*haswell, "--cpu-variant", "x86-64-v4", code=1).stderr,
                         "--cpu-variant x86-64-v4: this processor lacks AVX512F\n")
        only = self.build("tiny-llama/gguf-Q4_1", levels=["x86-64-v4"])
        self.assertEqual(run(EMULATOR, "--cpu", "corei7_haswell_4770", only, "--tokens", "1", code=1).stderr,
                         "this model needs a processor with x86-64-v4; this one lacks AVX512F\n")


class Verify(Programs):
    """phic verify, on the emulator where it must."""

    def verify(self, program, level, code=0):
        if self.missing and not has(program, level):
            self.skipTest(f"[SKIP] {self.missing}")
        return run(PHIC, "verify", program, "--cpu-variant", level, code=code)

    def patched(self, program, name, opcode, other):
        """The program with an instruction EVEX.512.66.0F38 replaced, everywhere, by another one of that form."""
        with open(program, "rb") as file:
            whole = file.read()
        first, second = bytes(b << 4 | 2 for b in range(16)), bytes(b << 3 | 5 for b in range(32))
        pattern = rb"\x62([" + re.escape(first) + rb"])([" + re.escape(second) + rb"])(.)" + re.escape(bytes([opcode]))
        changed, count = re.subn(pattern, lambda m: b"\x62" + m[1] + m[2] + m[3] + bytes([other]), whole, flags=re.DOTALL)
        self.assertGreater(count, 0)
        with open(self.path(name), "wb") as file:
            file.write(seal(changed))
        os.chmod(self.path(name), 0o755)
        return self.path(name)

    def test_each_level_is_what_its_stages_mean(self):
        program = self.build("tiny-llama/gguf-Q4_K_M")
        for level in LEVELS:
            said = self.verify(program, level).stdout
            self.assertIn("every value within its bound", said)
            self.assertIn(f" of {level}", said)

    def test_a_wrong_instruction_is_named(self):
        # vpdpbusd becomes vpdpwssd, vpmaddubsw vpmulhrsw: on the level that has it, nowhere else.
        for level, opcode, other in (("x86-64-v4+vnni", 0x50, 0x52), ("x86-64-v4", 0x04, 0x0b)):
            program = self.build("tiny-llama/ort-genai-int4", levels=[level, "x86-64-v3"])
            wrong = self.patched(program, "wrong" + level, opcode, other)
            self.assertRegex(self.verify(wrong, level, code=3).stderr, rf"stage 'layers\.0\.attn\.qkv' diverges .* of {re.escape(level)}\b")
            self.assertIn("every value within its bound", self.verify(wrong, "x86-64-v3").stdout)

    def test_a_level_that_the_program_lacks(self):
        program = self.build("tiny-llama/gguf-Q4_1", levels=["x86-64-v3"])
        said = run(PHIC, "verify", program, "--cpu-variant", "x86-64-v4", code=1).stderr
        self.assertIn("--cpu-variant=x86-64-v4 is not in", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
