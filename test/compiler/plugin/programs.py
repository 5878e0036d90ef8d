# programs.py - Programs made with plugins
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A format, a kernel and region code of a plugin, from the model to the running program.

    programs.py PHIC PLUGIN [test...]
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import gguf
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models"))
import gguf_copy

PHIC, PLUGIN = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models")
MODEL = os.path.join(MODELS, "tiny-llama", "ort-genai-int4")
GGUF = os.path.join(MODELS, "tiny-llama", "gguf-Q4_1", "tiny-llama-Q4_1.gguf")
TOKENS = "1,90,485,204,60,77,293,340,349,36,2,204"


def run(*command, code=0):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == code, f"{' '.join(map(str, command))}: exit code {done.returncode}, not {code}: {done.stderr}"
    return done


def plugin(*options):
    return ["--load-pass-plugin", PLUGIN, *(f"--plugin-option=test:{option}" for option in options)]


def as_q5_1(tensor):
    """Q4_1 as Q5_1 of the same numbers: the fifth bits are 0."""
    if tensor.tensor_type != gguf.GGMLQuantizationType.Q4_1:
        return tensor.data, tensor.tensor_type
    blocks = tensor.data.reshape(tensor.data.shape[0], -1, 20)
    wide = np.concatenate([blocks[:, :, :4], np.zeros_like(blocks[:, :, :4]), blocks[:, :, 4:]], axis=2)
    return wide.reshape(wide.shape[0], -1), gguf.GGMLQuantizationType.Q5_1


class Plugins(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="phic-plugins-")
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def build(self, name, *flags, model=MODEL, code=0):
        done = run(PHIC, "build", model, "-o", self.path(name), *flags, code=code)
        return done if code else self.path(name)

    def logits(self, program):
        run(program, "--tokens", TOKENS, "--logits", self.path("logits.npy"))
        return np.load(self.path("logits.npy"))

    def generators(self, program):
        manifest = json.loads(run(PHIC, "inspect", "--json", program).stdout)
        self.assertEqual(manifest["plugins"], ["test 1.0"])
        return {(kernel["stage"], kernel["entry"]): kernel["generator"] for kernel in manifest["kernels"]}

    def test_format_of_a_plugin_is_read(self):
        model = gguf_copy.copy(GGUF, self.path("q5_1.gguf"), as_q5_1)
        refused = self.build("none", model=model, code=2)
        self.assertIn("has type Q5_1, supported are", refused.stderr)
        program = self.build("q5_1", *plugin("q5_1=on"), "--act=f32", "--kv=f32", model=model)
        same = self.build("q4_1", "--act=f32", "--kv=f32", model=GGUF)
        np.testing.assert_array_equal(self.logits(program), self.logits(same))
        # Its weights are read by verify too, which must know the format.
        without = run(PHIC, "verify", program, code=2)
        self.assertIn("unknown storage layout 'test_q5_1'", without.stderr)
        run(PHIC, "verify", program, *plugin("q5_1=on"), "--model", model)
        run(PHIC, "bench", program, *plugin("q5_1=on"), "--prompt-tokens", 4, "-n", 2, "--repetitions", 1)

    def test_kernel_of_a_plugin_is_taken_for_the_stages_it_claims(self):
        program = self.build("tiles", *plugin("tiles=small"))
        generators = self.generators(program)
        self.assertEqual(generators["layers.0.mlp.down", "prefill"], "test-small-tiles")
        self.assertNotEqual(generators["layers.1.mlp.down", "prefill"], "test-small-tiles")
        run(PHIC, "verify", program)
        np.testing.assert_array_equal(self.logits(program), self.logits(self.build("plain")))

    def test_region_in_a_schedule_of_the_plugin(self):
        program = self.build("schedule", *plugin("region=schedule"))
        self.assertIn("mlir+halide(test-narrow)", self.generators(program).values())
        run(PHIC, "verify", program)
        np.testing.assert_array_equal(self.logits(program), self.logits(self.build("plain")))

    def test_region_by_a_generator_of_the_plugin(self):
        program = self.build("generate", *plugin("region=generate"))
        self.assertIn("mlir+halide(test-rope)", self.generators(program).values())
        run(PHIC, "verify", program)

    def test_wrong_generator_is_found_by_verify(self):
        program = self.build("wrong", *plugin("region=wrong"))
        found = run(PHIC, "verify", program, code=3)
        self.assertRegex(found.stderr, r"stage 'layers\.0\.attn\.\w+' diverges from its meaning")

    def test_code_that_programs_cannot_run_is_refused(self):
        refused = self.build("parallel", *plugin("region=parallel"), code=2)
        self.assertRegex(refused.stderr, r"built by 'test-parallel' of a plugin: its code calls \w+.*, which programs do not have")
        refused = self.build("refused", *plugin("region=refused"), code=2)
        self.assertRegex(refused.stderr, r"built by 'test-refused' of a plugin: .*no_such_variable")
        self.assertEqual(os.listdir(self.folder.name), [])

    def test_plugin_is_needed_to_go_on(self):
        run(PHIC, "build", MODEL, "--stop-after=kernels", "-o", self.path("x.mlir"), *plugin("region=schedule"))
        on = ["--start-from=target", f"--model-dir={MODEL}"]
        refused = self.build("on", *on, model=self.path("x.mlir"), code=2)
        self.assertIn("is built by 'test-narrow' of a plugin that is not loaded", refused.stderr)
        self.build("on", *on, *plugin("region=schedule"), model=self.path("x.mlir"))

    def test_same_inputs_give_the_same_bytes(self):
        programs = [self.build(f"same{i}", *plugin("region=schedule", "tiles=small")) for i in range(2)]
        self.assertEqual(*(open(program, "rb").read() for program in programs))

    def test_wrong_use_is_exit_code_1(self):
        self.build("none", "--load-pass-plugin=nothing.so", code=1)
        self.build("none", *plugin("count"), code=1)
        run(PHIC, "verify", self.path("none"), "--load-pass-plugin=nothing.so", code=1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
