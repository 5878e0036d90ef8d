# arm.py - Programs for ARM Linux, run by qemu-aarch64
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The levels of an ARM program, each on a processor that has no better one, agree with x86-64-v3 bit for bit; each is what
its stages mean, and a planted fault is named. With PHIC_CHECK_ALL=1 prompts of every small length are run, too.

    arm.py PHIC [test...]
"""
import json
import os
import re
import shutil
import struct
import subprocess
import unittest

import numpy as np

import levels
from levels import HERE, MODELS, PHIC, run
from seal import seal

QEMU = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
RUNTIME = os.path.join(os.path.dirname(PHIC), "..", "lib", "phic", "aarch64-linux", "libphi_rt.a")
# What qemu plays, and the best level that it runs.
PROCESSORS = {"cortex-a53": "neon", "cortex-a76": "neon+dotprod", "max": "neon+i8mm"}
SMALL = "tiny-llama/ort-genai-int4"
# Fifteen: tiles of eight, four, two rows and one.
TOKENS = ",".join(levels.TOKENS.split(",")[:15])
# Words whose bits differ in one: instruction, mask, and the bit that makes signed bytes unsigned ones.
UNSIGNED = 1 << 29
DOT_INSTRUCTIONS = {
    "neon": [(0x0e208000, 0xbfe0fc00), (0x0e20c000, 0xbfe0fc00)],  # smlal, smull
    "neon+dotprod": [(0x0f80e000, 0xbfc0f400)],                    # sdot by element
    "neon+i8mm": [(0x4e80a400, 0xffe0fc00)],                       # smmla
}


def segments_of(program):
    """(type, flags, offset, address, physical address, bytes in the file, in memory, alignment) of each."""
    offset, = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    return [struct.unpack_from("<IIQQQQQQ", program, offset + i * size) for i in range(count)]


@unittest.skipUnless(QEMU, "[SKIP] no qemu-aarch64: package qemu-user has it")
@unittest.skipUnless(os.path.exists(RUNTIME), "[SKIP] this phic was built without musl for arm64, which .ci/install-deps gets")
class Arm(levels.Programs):
    def build_for(self, system, model, *flags):
        program = self.path(f"{system}-{model}{''.join(flags)}".replace("/", "-"))
        if not os.path.exists(program):
            run(PHIC, "build", os.path.join(HERE, model), "-o", program, "-q", "--target", system, *flags)
        return program

    def outcome(self, command, *flags, tokens=TOKENS):
        """Logits of every token, the ids that greedy decoding adds, and the level that ran."""
        file = self.path("logits.npy")
        done = run(*command, "--tokens", tokens, "--logits", file, "-n", 3, "--temp", 0, "--ignore-eos", "--print-ids", "--stats=json", *flags)
        return np.load(file).tobytes(), done.stdout, json.loads(done.stderr)["cpu_variant"]


class Levels(Arm):
    def test_levels_agree_with_x86_bit_for_bit(self):
        for model, flags in MODELS:
            with self.subTest(model=model, flags=flags):
                logits, ids, _ = self.outcome([self.build_for("x86_64-linux", model, "--cpu=x86-64-v3", *flags)])
                program = self.build_for("aarch64-linux", model, *flags)
                for processor, level in PROCESSORS.items():
                    got = self.outcome([QEMU, "-cpu", processor, program], "--threads", 2)
                    self.assertEqual(got, (logits, ids, level), processor)

    def test_every_number_of_rows(self):
        if not os.environ.get("PHIC_CHECK_ALL"):
            self.skipTest("[SKIP] a slow sweep; PHIC_CHECK_ALL=1 runs it")
        model = "tiny-llama/gguf-Q4_1"
        x86, program = self.build_for("x86_64-linux", model, "--cpu=x86-64-v3"), self.build_for("aarch64-linux", model)
        for tokens in levels.prompts():
            logits, ids, _ = self.outcome([x86], tokens=tokens)
            for processor, level in PROCESSORS.items():
                self.assertEqual(self.outcome([QEMU, "-cpu", processor, program], tokens=tokens), (logits, ids, level), f"{processor} {tokens}")

    def test_a_level_that_cannot_be_had_is_refused_in_words(self):
        only = self.build_for("aarch64-linux", SMALL, "--cpu=neoverse-v1")
        self.assertEqual(run(QEMU, "-cpu", "cortex-a76", only, "--tokens", "1", code=1).stderr,
                         "this model needs a processor with neon+i8mm; this one lacks I8MM (smmla)\n")
        self.assertIn("--cpu=znver4", run(PHIC, "build", os.path.join(HERE, SMALL), "-o", self.path("never"), "--target=aarch64-linux",
                                          "--cpu=znver4", code=1).stderr)

    def test_one_thread_creates_no_thread(self):
        program = self.build_for("aarch64-linux", SMALL)
        called = lambda threads: run(QEMU, "-strace", program, "--tokens", "1,2,3", "-n", 1, "--threads", threads).stderr
        self.assertIn("clone(", called(2))
        self.assertNotIn("clone", called(1))

    def test_the_file_is_static_and_suits_pages_of_every_size(self):
        with open(self.build_for("aarch64-linux", SMALL), "rb") as file:
            program = file.read()
        machine, = struct.unpack_from("<H", program, 18)
        self.assertEqual(machine, 183)
        segments = segments_of(program)
        loaded = [segment for segment in segments if segment[0] == 1]
        self.assertNotIn(3, {segment[0] for segment in segments}, "no PT_INTERP")
        for _, _, at, address, _, _, _, align in loaded:
            self.assertEqual(((address - at) % 65536, align), (0, 65536))


class Verify(Arm):
    def verify(self, program, *flags, code=0, processor="max"):
        done = subprocess.run([PHIC, "verify", program, *flags], capture_output=True, text=True, env={**os.environ, "QEMU_CPU": processor})
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_each_level_is_what_its_stages_mean(self):
        program = self.build_for("aarch64-linux", "tiny-llama/gguf-Q4_K_M")
        for processor in PROCESSORS:
            self.assertIn("every value within its bound", self.verify(program, processor=processor).stdout)

    def patched(self, program, level):
        """The program with the signed multiplications of a level made unsigned."""
        with open(program, "rb") as file:
            whole = bytearray(file.read())
        _, _, offset, _, _, length, _, _ = next(segment for segment in segments_of(whole) if segment[1] == 5)  # code
        words = np.frombuffer(whole, dtype="<u4", count=length // 4, offset=offset)
        count = 0
        for instruction, mask in DOT_INSTRUCTIONS[level]:
            found = (words & mask) == instruction
            words[found] |= UNSIGNED
            count += int(found.sum())
        self.assertGreater(count, 0)
        path = self.path("wrong-" + level)
        with open(path, "wb") as file:
            file.write(seal(whole))
        os.chmod(path, 0o755)
        return path

    def test_a_wrong_instruction_is_named(self):
        """On the level that has it, and nowhere else."""
        for level in PROCESSORS.values():
            wrong = self.patched(self.build_for("aarch64-linux", SMALL, f"--cpu={level},neon"), level)
            self.assertRegex(self.verify(wrong, "--cpu-variant", level, code=3).stderr,
                             rf"stage 'layers\.0\.attn\.qkv' diverges .* of {re.escape(level)}:")
            if level != "neon":
                self.assertIn("every value within its bound", self.verify(wrong, "--cpu-variant", "neon").stdout)

    def test_without_the_emulator_it_says_so(self):
        program = self.build_for("aarch64-linux", SMALL)
        done = subprocess.run([PHIC, "verify", program], capture_output=True, text=True, env={**os.environ, "PATH": self.folder.name})
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("qemu-aarch64 is not on the PATH", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
