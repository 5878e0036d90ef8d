# shards.py - Models in several files
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A GGUF model in parts, as llama.cpp splits it, becomes the program of the model in one file.

    shards.py PHIC [test...]
"""
import glob
import os
import subprocess
import sys
import tempfile
import unittest

import gguf_copy

PHIC = os.path.abspath(sys.argv.pop(1))
MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tiny-llama", "gguf-Q4_1", "tiny-llama-Q4_1.gguf")
PROMPT = ["--tokens", "1,90,485,204,60,77,293,340"]


class Shards(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="phic-shards-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.mkdir(self.path("parts"))
        gguf_copy.copy(MODEL, self.path("parts/tiny.gguf"), split_max_tensors=8)
        self.parts = sorted(glob.glob(self.path("parts/*.gguf")))
        self.assertGreater(len(self.parts), 2)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_command(self, *command, code=0):
        done = subprocess.run(command, cwd=self.folder, capture_output=True)
        self.assertEqual(done.returncode, code, done.stderr.decode())
        return done

    def answer(self, program):
        ids = self.run_command(program, *PROMPT, "-n", "8", "--print-ids").stdout
        self.run_command(program, *PROMPT, "--logits", "logits.npy")
        with open(self.path("logits.npy"), "rb") as file:
            return ids, file.read()

    def test_parts_are_the_model(self):
        self.run_command(PHIC, "build", MODEL, "-o", "whole", "-q")
        for model in "parts", self.parts[0]:
            self.run_command(PHIC, "build", model, "-o", "program", "-q", "--depfile", "program.d")
            self.assertEqual(self.answer("./program"), self.answer("./whole"))
            self.run_command(PHIC, "verify", "program", f"--model={model}")
            with open(self.path("program.d")) as file:
                depfile = file.read()
            for part in self.parts:
                self.assertIn(os.path.basename(part), depfile)

    def test_check_counts_all_parts(self):
        table = lambda model: [line for line in self.run_command(PHIC, "check", model, "--machine=reference").stdout.split(b"\n")
                               if b"Q4_1" in line]
        self.assertEqual(table("parts"), table(MODEL))

    def test_a_part_that_is_missing_is_named(self):
        os.remove(self.parts[1])
        said = self.run_command(PHIC, "build", "parts", "-o", "program", code=2).stderr.decode()
        self.assertIn(f"no such file: parts/{os.path.basename(self.parts[1])}, which is part 2 of {len(self.parts)}", said)


if __name__ == "__main__":
    unittest.main()
