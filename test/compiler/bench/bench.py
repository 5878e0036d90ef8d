# bench.py - phic bench on a small program
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What phic bench reports belongs together: tokens, stages, bytes and shares. How fast is not asserted.

    bench.py PHIC [test...]
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

PHIC = os.path.abspath(sys.argv.pop(1))
MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../models/tiny-llama/ort-genai-int4")


def run(*command, code=0):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == code, f"{command}: exit code {done.returncode}, not {code}: {done.stderr}"
    return done


class Bench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="phic-bench-")
        cls.program = os.path.join(cls.folder.name, "program")
        run(PHIC, "build", MODEL, "-o", cls.program, "-q", "--chunk=64")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def bench(self, *flags):
        return json.loads(run(PHIC, "bench", self.program, "--json", "--threads", 1, "--repetitions", 2, *flags).stdout)

    def test_report_belongs_together(self):
        report = self.bench("--prompt-tokens", 100, "-n", 9)
        self.assertEqual(report["threads"], 1)
        self.assertEqual(report["prefill"]["tokens"], 100)
        self.assertEqual(report["decode"]["tokens"], 8)  # the first one is the prompt's
        self.assertEqual(report["prefill"]["step"], {"rows": 64, "past": 0})  # the rest of 36 is another shape
        self.assertEqual(report["decode"]["step"], {"rows": 1, "past": 104})
        for entry in (report["prefill"], report["decode"]):
            self.assertEqual(len(entry["all_tokens_per_s"]), 2)
            self.assertGreater(entry["tokens_per_s"], 0)
            self.assertEqual(len(entry["stages"]), 17)
            # A step in the middle of a prompt wants no logits.
            idle = [stage["stage"] for stage in entry["stages"] if stage["bytes"] == 0]
            self.assertEqual([name for name in idle if name.startswith("layers.")], [])
            self.assertTrue(all(stage["seconds"] > 0 for stage in entry["stages"] if stage["stage"] not in idle))
        self.assertTrue(all(stage["bytes"] > 0 for stage in report["decode"]["stages"]))

    def test_bytes_and_multiply_adds_are_counted(self):
        report = self.bench("--prompt-tokens", 10, "-n", 2)
        stages = {stage["stage"]: stage for stage in report["decode"]["stages"]}
        self.assertEqual(stages["layers.0.mlp.up"]["integer_multiply_adds"], 2 * 96 * 256)
        self.assertEqual(stages["layers.0.attn.attend"]["f32_multiply_adds"], 2 * 96 * 11)
        weights = json.loads(run(PHIC, "inspect", self.program, "--json").stdout)["weight_bytes"]
        self.assertLess(sum(stage["bytes"] for stage in report["decode"]["stages"]), 1.2 * weights)

    def test_shares_are_of_limits_measured_here(self):
        report = self.bench("--prompt-tokens", 100, "-n", 9)
        if report["machine"] is None:
            self.skipTest("[SKIP] this machine cannot run the program itself")
        self.assertTrue(report["machine"]["measured"])
        for entry in (report["prefill"], report["decode"]):
            self.assertAlmostEqual(entry["share_of_limit"], entry["tokens_per_s"] / entry["limit_tokens_per_s"])
            for stage in entry["stages"]:
                self.assertAlmostEqual(stage["share_of_limit"], stage["limit_seconds"] / stage["seconds"])
                least = max(stage["bytes"] / report["machine"]["bytes_per_s"],
                            stage["integer_multiply_adds"] / report["machine"]["integer_multiply_adds_per_s"]
                            + stage["f32_multiply_adds"] / report["machine"]["f32_multiply_adds_per_s"])
                self.assertAlmostEqual(stage["limit_seconds"], least)

    def test_text_groups_the_layers(self):
        text = run(PHIC, "bench", self.program, "--threads", 1, "--repetitions", 1, "-n", 2).stdout
        self.assertRegex(text, r"(?m)^decode +[\d.]+ tokens/s")
        self.assertRegex(text, r"layers\.\*\.mlp\.up +2 ")
        self.assertNotIn("layers.0.mlp.up", text)
        self.assertIn("layers.0.mlp.up", run(PHIC, "bench", self.program, "--threads", 1, "--repetitions", 1, "-n", 2, "--list-stages").stdout)

    def test_wrong_use_and_foreign_files_are_refused(self):
        done = run(PHIC, "bench", self.program, "--prompt-tokens", 500, "-n", 20, code=1)
        self.assertEqual(done.stderr, "phic: error: -n 20 after a prompt of 500 tokens does not fit into the program's context of 512 tokens\n")
        run(PHIC, "bench", MODEL + "/model.onnx", code=2)

    def test_times_and_buffers_exclude_each_other(self):
        done = run(self.program, "--tokens=1", "-n", 1, "--stream-stages", 1, "--stream-times", 1, code=1)
        self.assertIn("--stream-stages and --stream-times exclude each other", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
