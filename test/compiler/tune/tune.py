# tune.py - phic tune on a small model
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The file of tiles is written, kept for other levels, and read; results do not depend on it. What is fastest is not asserted.

    tune.py PHIC [test...]
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

PHIC = os.path.abspath(sys.argv.pop(1))
MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../models/tiny-llama/ort-genai-int4")
SHAPE = {"columns": 32, "rows": 1, "attend_rows": 1}
LEVEL = "x86-64-v3"


def run(*command, code=0):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == code, f"{command}: exit code {done.returncode}, not {code}: {done.stderr}"
    return done


@unittest.skipUnless(os.uname().machine == "x86_64", "[SKIP] tunes code of x86-64")
class Tune(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="phic-tune-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, tables):
        with open(self.path("tiles.json"), "w") as file:
            json.dump(tables, file)

    def test_file_is_written_and_read(self):
        self.write({"neon": dict.fromkeys(("decode", "verify", "prefill"), SHAPE)})
        said = run(PHIC, "tune", MODEL, "-o", self.path("tiles.json"), "--cpu", LEVEL, "--repetitions", 1, "--prompt-tokens", 16, "-n", 2, "--threads", 1).stdout
        self.assertIn("decode matmul      columns 64, rows 1", said)
        self.assertIn("prefill attention  attend_rows 8", said)
        with open(self.path("tiles.json")) as file:
            tables = json.load(file)
        self.assertEqual(sorted(tables), ["neon", LEVEL])
        self.assertEqual(tables["neon"]["verify"], SHAPE)
        self.assertEqual(sorted(tables[LEVEL]["prefill"]), ["attend_rows", "columns", "rows"])
        run(PHIC, "build", MODEL, "-o", self.path("tuned"), "--cpu", LEVEL, "--tiles", self.path("tiles.json"), "-q")

    def logits(self, name, *flags):
        """Of prompts that each kind of entry point takes."""
        run(PHIC, "build", MODEL, "-o", self.path(name), "--cpu", LEVEL, "-q", *flags)
        found = []
        for tokens in (1, 5, 8, 50):
            run(self.path(name), "--tokens", ",".join(str(7 * i % 90) for i in range(tokens)), "-n", 3, "--temp", 0, "--ignore-eos",
                "--print-ids", "--threads", 2, "--logits", self.path(name + ".npy"))
            with open(self.path(name + ".npy"), "rb") as file:
                found.append(file.read())
        return found

    def test_results_do_not_depend_on_tiles(self):
        """Of any table that is taken; PHIC_CHECK_ALL=1 tries more."""
        chance = random.Random(12)
        shape = lambda: {"columns": 8 * chance.choice([1, 2, 3, 7, 16, chance.randint(1, 64)]), "rows": chance.choice([1, 2, 3, chance.randint(1, 256)]),
                         "attend_rows": chance.choice([1, 2, chance.randint(1, 64)])}
        # One row a tile in steps that have more, first.
        one = {"columns": 64, "rows": 1, "attend_rows": 1}
        tables = [dict.fromkeys(("decode", "verify", "prefill"), one)]
        tables += [{entry: shape() for entry in ("decode", "verify", "prefill")} for _ in range(40 if os.environ.get("PHIC_CHECK_ALL") else 5)]
        own = self.logits("own")
        for table in tables:
            with self.subTest(table=table):
                self.write({LEVEL: table})
                self.assertEqual(self.logits("other", "--tiles", self.path("tiles.json")), own)
        with open(self.path("own"), "rb") as own, open(self.path("other"), "rb") as other:
            self.assertNotEqual(own.read(), other.read())

    def test_tiles_are_an_input(self):
        self.write({LEVEL: dict.fromkeys(("decode", "verify", "prefill"), SHAPE)})
        run(PHIC, "build", MODEL, "-o", self.path("program"), "--cpu", LEVEL, "--tiles", self.path("tiles.json"), "-q", "--depfile", self.path("program.d"))
        with open(self.path("program.d")) as file:
            self.assertIn("tiles.json", file.read())

    def test_other_machines_are_not_measured(self):
        said = run(PHIC, "tune", MODEL, "-o", self.path("tiles.json"), "--cpu", "neon", "--quiet", code=1).stderr
        self.assertRegex(said, "neon")
        self.assertFalse(os.path.exists(self.path("tiles.json")))


unittest.main()
