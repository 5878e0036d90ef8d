# device.py - The checks for machines with a GPU, where none is
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Packs as test/device/prepare does, with a shape that is small, and runs cuda.sh on the stand-in for the driver: all is well there,
and what is not is found.

    device.py BUILD
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(sys.argv.pop(1))
EMULATOR = os.path.join(BUILD, "test", "emulators", "cuda", "lib")


class Device(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="phic-device-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.folder = os.path.join(cls.scratch.name, "cuda-checks")
        subprocess.run([sys.executable, os.path.join(HERE, "pack.py"), BUILD, cls.folder, "--shapes=tiny"], check=True, capture_output=True)

    def run_checks(self, *flags, code=0, **environment):
        """What it says, line by line, and its results."""
        done = subprocess.run([os.path.join(self.folder, "cuda.sh"), "--scratch", self.scratch.name, *flags], capture_output=True, text=True,
                              cwd=self.scratch.name, env=dict(os.environ, LD_LIBRARY_PATH=EMULATOR, PHIC_LIMITS_SHARE="65536", **environment))
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        with open(os.path.join(self.scratch.name, "results.json")) as file:
            return done.stdout, json.load(file)

    def test_all_is_well_on_the_stand_in(self):
        said, results = self.run_checks("--minutes=60", "--prompts=24")
        self.assertIn("all is well", said)
        self.assertIn("PTX emulator", results["device"][0]["said"])
        self.assertRegex(results["instructions"][0]["said"], r"PASSED  \] \d+ tests")
        self.assertGreaterEqual(len(results["logits"]), 5)
        for logits in results["logits"]:
            self.assertIn("bit-equal", logits["said"])
        self.assertRegex(results["limits"][0]["said"], r"bytes_per_s.*tensor_multiply_adds_per_s")
        self.assertRegex(results["speed"][0]["said"], r"tiny after 24 tokens: decode [\d.]+ tokens/s")

    def test_logits_of_another_model_are_found(self):
        facts = os.path.join(self.folder, "facts.json")
        shutil.copy(facts, facts + ".before")
        self.addCleanup(os.replace, facts + ".before", facts)
        with open(facts) as file:
            changed = json.load(file)
        sequence = changed["programs"][0]["sequences"][0]
        sequence["ids"] = sequence["ids"][:-1] + "7"
        with open(facts, "w") as file:
            json.dump(changed, file)
        said, _ = self.run_checks("--minutes=60", "--shapes=none", code=1)
        self.assertIn("FAILED: logits", said)

    def test_no_gpu_ends_it(self):
        said, results = self.run_checks(code=1, PHIC_CUDA_DEVICES="0")
        self.assertIn("FAILED: device", said)
        self.assertNotIn("logits", results)


if __name__ == "__main__":
    unittest.main()
