# abacus.py - One program, two families of machines
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A program that holds code for the processor and for an abacus (README.md) runs on either, with the same meaning: logits
against the golden files of the tool that made the model, `phic verify`, and what a fault in an abacus's program looks like.

    abacus.py PHIC [test...]
"""
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
PHIC = os.path.abspath(sys.argv.pop(1))
MODELS = os.path.join(HERE, "..", "..", "models")
sys.path.insert(0, MODELS)
from seal import seal  # noqa: E402
ONNX = os.path.join(MODELS, "tiny-llama", "ort-genai-int4")
GGUF = os.path.join(MODELS, "tiny-llama", "gguf-Q4_1", "tiny-llama-Q4_1.gguf")
TOKENS = "1,90,485,204,60,77,293,340,349,36,2,204,1,448,88,275,89,393,204,17,5,3"
DEVICES = ("cpu", "abacus")
F32_LIMIT = 1.1e-5  # relative rms: ten times what is measured of this form (golden.py)

# Program.h
MAGIC, EXPRESSION, ROWS, ADD, SUBTRACT = b"ABACUS01", 2, 0, 2, 3


def run(*command, code=0):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == code, f"{' '.join(map(str, command))}: exit code {done.returncode}, not {code}: {done.stderr}"
    return done


class Blob:
    """The words of an abacus's program, in a file."""

    def __init__(self, path, stages):
        with open(path, "rb") as file:
            self.file = bytearray(file.read())
        self.at = -1
        while True:
            self.at = self.file.index(MAGIC, self.at + 1)  # the machine's own code has the number too
            if self.at % 8 == 0 and self.word(2) == stages:
                break

    def word(self, index):
        return struct.unpack_from("<Q", self.file, self.at + 8 * index)[0]

    def put(self, index, value):
        struct.pack_into("<Q", self.file, self.at + 8 * index, value)

    def instructions(self, stage):
        """Index and code of each."""
        at = self.word(4 + stage)
        end = at + 1 + self.word(at)
        at += 1
        while at < end:
            yield at, self.word(at)
            at += 2 + self.word(at + 1)

    def nodes(self, instruction):
        """Where the nodes of an expression begin."""
        at = instruction + 3 + 3 + 1  # code, words, rows; a value; columns
        count, at = self.word(at), at + 1
        for _ in range(count):
            at += 4 if self.word(at) == ROWS else 2
        return at

    def write(self, path):
        with open(path, "wb") as file:
            file.write(seal(self.file))
        os.chmod(path, 0o755)
        return path


class Abacus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.program = os.path.join(cls.folder.name, "prog")
        run(PHIC, "build", ONNX, "-o", cls.program, "-q", "--device=abacus", "--kv=f32")
        cls.facts = json.loads(run(PHIC, "inspect", cls.program, "--json").stdout)
        ir = run(PHIC, "inspect", cls.program, "--ir", "--device=abacus").stdout
        cls.stages = re.findall(r'plan\.stage "([^"]+)"', ir)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def logits(self, ids, device):
        path = os.path.join(self.folder.name, device + ".npy")
        run(self.program, "--tokens", ",".join(map(str, ids)), "--logits", path, "--device", device)
        return np.load(path)

    def broken(self, change):
        """A copy with its program for the abacus changed."""
        blob = Blob(self.program, len(self.stages))
        change(blob)
        return blob.write(os.path.join(self.folder.name, "broken"))

    def test_a_program_has_a_plan_for_each(self):
        plans = {plan["device"]: plan for plan in self.facts["plans"]}
        self.assertEqual(list(plans), list(DEVICES))
        cpu, abacus = plans.values()
        self.assertEqual((abacus["variants"], abacus["chunk_rows"]), (["wooden"], 20))
        self.assertEqual(self.facts["cpu_variants"], cpu["variants"])
        self.assertNotEqual(cpu["chunk_rows"], abacus["chunk_rows"])
        self.assertGreaterEqual(abacus["weights_offset"], cpu["weights_offset"] + cpu["weight_bytes"])
        self.assertEqual(run(self.program, "--list-devices").stdout, f"abacus  wooden\ncpu  {self.chosen()}\n")
        self.assertEqual(run(self.program, "--tokens", "1", "--device=sundial", code=1).stderr,
                         "--device sundial: this model has no code for that; it has code for abacus, cpu\n")

    def chosen(self):
        stats = run(self.program, "--tokens", "1", "-n", 1, "--device=cpu", "--stats=json").stderr
        return json.loads(stats)["cpu_variant"]

    def test_the_best_runs(self):
        stats = json.loads(run(self.program, "--tokens", "1", "-n", 1, "--stats=json").stderr)
        self.assertEqual((stats["device"], stats["cpu_variant"]), ("abacus", "wooden"))

    def test_logits_are_the_tools(self):
        golden = np.load(os.path.join(ONNX, "golden_float.npz"))
        for sequence in ("chat", "rand24", "one"):
            wanted = golden[sequence + ".logits"]
            for device in DEVICES:
                got = self.logits(golden[sequence + ".ids"], device)
                rms = np.sqrt(np.mean((got - wanted) ** 2) / np.mean(wanted**2))
                self.assertLess(rms, F32_LIMIT, f"{sequence} on {device}")

    def test_tokens_are_the_same(self):
        # Two chunks of an abacus, single steps, and guesses that verify a few rows; contexts that are no multiple of anything.
        words = ["--tokens", TOKENS, "-n", 15, "--temp", 0, "--ignore-eos", "--print-ids", "--ctx", 37]
        wanted = run(self.program, *words, "--device=cpu").stdout
        self.assertEqual(len(wanted.split()), 15)
        self.assertEqual(run(self.program, *words, "--device=abacus").stdout, wanted)
        self.assertEqual(run(self.program, *words, "--device=abacus", "--prompt-lookup=3").stdout, wanted)

    def test_each_passes_verify(self):
        for device in DEVICES:
            said = run(PHIC, "verify", self.program, f"--device={device}", f"--model={ONNX}").stdout
            self.assertIn(f"{len(self.stages)} stages", said)
            self.assertIn("every value within its bound", said)

    def test_each_is_measured(self):
        for device in DEVICES:
            run(PHIC, "bench", self.program, f"--device={device}", "--prompt-tokens=3", "-n", 2, "--repetitions=1")

    def test_a_mode_that_it_lacks_is_told(self):
        program = os.path.join(self.folder.name, "told")
        said = run(PHIC, "build", ONNX, "-o", program, "--device=abacus").stderr
        self.assertRegex(said, r"the code of family 'cpu' falls back to f32 in \d+ matmuls .* since family 'abacus' has no i8")
        run(PHIC, "build", ONNX, "-o", program, "-q", "--device=abacus", "--Werror=fallback", code=1)
        run(PHIC, "build", ONNX, "-o", program, "-q", "--device=abacus", "--Werror=fallback", "--act=f32")

    def test_another_form_passes_too(self):
        program = os.path.join(self.folder.name, "gguf")
        run(PHIC, "build", GGUF, "-o", program, "-q", "--device=abacus")
        for device in DEVICES:
            self.assertIn("within its bound", run(PHIC, "verify", program, f"--device={device}").stdout)

    def test_a_stage_that_computes_something_else_is_named(self):
        def change(blob):
            for stage in range(len(self.stages) - 1, -1, -1):
                for at, code in blob.instructions(stage):
                    if code == EXPRESSION and blob.word(blob.nodes(at)) == ADD:
                        blob.put(blob.nodes(at), SUBTRACT)
                        self.changed = self.stages[stage]
                        return

        wrong = self.broken(change)
        said = run(PHIC, "verify", wrong, "--device=abacus", code=3).stderr
        self.assertIn(f"stage '{self.changed}' diverges from its meaning", said)
        run(PHIC, "verify", wrong, "--device=cpu")  # its own code is whole

    def test_an_instruction_that_is_none_is_told(self):
        wrong = self.broken(lambda blob: blob.put(next(blob.instructions(3))[0], 99))
        said = f"the abacus met an instruction that it does not have, in stage '{self.stages[3]}'\n"
        self.assertEqual(run(wrong, "--tokens", "1", "-n", 1, "--device=abacus", code=1).stderr, said)
        self.assertNotEqual(run(PHIC, "verify", wrong, "--device=abacus", code=2).stderr, "")

    def test_a_damaged_program_is_refused(self):
        wrong = self.broken(lambda blob: blob.put(1, blob.word(1) + 1))
        self.assertEqual(run(wrong, "--tokens", "1", "--device=abacus", code=1).stderr,
                         "this model's code for the abacus is damaged\n")


if __name__ == "__main__":
    unittest.main()
