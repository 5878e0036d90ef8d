# cuda.py - One program, on GPUs of NVIDIA and on processors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A program with code for CUDA, on the stand-in driver of test/emulators/cuda: what it says and chooses, `phic verify`, what
its steps cost (counted by the driver), and that its bits depend on nothing that a GPU leaves open.

    cuda.py PHIC FOLDER_OF_LIBCUDA [test...]
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
PHIC, DRIVER = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
MODELS = os.path.join(HERE, "..", "..", "models")
sys.path.insert(0, MODELS)
from seal import seal  # noqa: E402
LLAMA = os.path.join(MODELS, "tiny-llama", "ort-genai-int4")
MIXED = os.path.join(MODELS, "tiny-llama", "gguf-Q4_K_M", "tiny-llama-Q4_K_M.gguf")
FP16 = os.path.join(MODELS, "tiny-phi35-longrope", "ort-genai-fp16")
TOKENS = "1,90,485,204,60,77,293,340,349,36,2,204,1,448,88,275,89,393,204,17,5,3"
LAYERS = 2
FRAME_BYTES = 80

# phi/gpu.h
MAGIC, HEADER, ARENA = b"PHIGPU01", struct.Struct("<QQIIQQQQQIIQ"), 1
ARGUMENTS, ARGUMENT_COUNT = 8, 10  # fields of the header
ARGUMENT = struct.Struct("<IIQ")


def run(*command, code=0, driver=True, **settings):
    environment = dict(os.environ, **{f"PHIC_CUDA_{key}": str(value) for key, value in settings.items()})
    if driver:
        environment["LD_LIBRARY_PATH"] = DRIVER
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)
    assert done.returncode == code, f"{' '.join(map(str, command))}: exit code {done.returncode}, not {code}: {done.stderr}"
    return done


class Cuda(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.program = cls.build("prog", LLAMA)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def build(cls, name, model, *flags):
        run(PHIC, "build", model, "-o", cls.path(name), "-q", "--device=cuda", *flags)
        return cls.path(name)

    def logits(self, program, tokens=TOKENS, device="cuda", **settings):
        run(program, "--tokens", tokens, "--logits", self.path("logits.npy"), f"--device={device}", **settings)
        return np.load(self.path("logits.npy"))

    def counters(self, program, count):
        run(program, "--tokens", TOKENS, "-n", count, "--temp", 0, "--ignore-eos", COUNTERS=self.path("counters.json"))
        with open(self.path("counters.json"), encoding="utf8") as file:
            return json.load(file)

    def test_weights_are_there_once(self):
        plans = json.loads(run(PHIC, "inspect", self.program, "--json").stdout)["plans"]
        self.assertEqual([plan["device"] for plan in plans], ["cpu", "cuda"])
        self.assertEqual(plans[1]["variants"], ["sm_80", "sm_75"])
        for key in ("weights_offset", "weight_bytes"):
            self.assertEqual(plans[0][key], plans[1][key])

    def test_it_says_where_it_runs(self):
        words = [self.program, "--tokens", "1", "-n", 1]
        self.assertRegex(run(*words).stderr, r"^on PTX emulator sm_80, [\d.]+ KiB of 16.0 GiB\n$")
        self.assertRegex(run(*words, driver=False).stderr, r"^on cpu, not on cuda: this machine lacks an NVIDIA driver \(libcuda.so.1\)\n$")
        self.assertRegex(run(*words, "--device=cuda", driver=False, code=1).stderr, "lacks an NVIDIA driver")
        self.assertRegex(run(*words, "--device=cuda:1", code=1).stderr, "cuda:1")
        listed = run(self.program, "--list-devices", DEVICES=2).stdout
        self.assertEqual(re.findall(r"^cuda:\d  sm_80, PTX emulator sm_80, 16.0 GiB$", listed, re.M).__len__(), 2, listed)

    def test_older_devices_have_code_of_their_own(self):
        program = self.build("older", LLAMA, "--act=f32", "--kv=f32")
        newer, older = self.logits(program), self.logits(program, CAPABILITY=75)
        self.assertLess(np.abs(newer - older).max(), 1e-5 * np.abs(newer).max())
        stats = run(self.program, "--tokens", "1", "-n", 1, "--stats=json", CAPABILITY=75).stderr
        self.assertIn('"sm_75"', stats)

    def test_seeds_change_no_bit(self):
        # Orders of warps and blocks, and when work is done.
        for model, name in ((LLAMA, "llama"), (MIXED, "mixed"), (FP16, "fp16")):
            program = self.build(name, model)
            first = self.logits(program, SEED=0)
            for seed in (1, 2):
                self.assertEqual(self.logits(program, SEED=seed).tobytes(), first.tobytes(), f"{name}, seed {seed}")

    def test_tokens_are_those_of_processors(self):
        program = self.build("f32", LLAMA, "--act=f32", "--kv=f32")
        words = ["--tokens", TOKENS, "-n", 15, "--temp", 0, "--ignore-eos", "--print-ids", "--ctx", 37]
        wanted = run(program, *words, "--device=cpu").stdout
        self.assertEqual(len(wanted.split()), 15)
        self.assertEqual(run(program, *words, "--device=cuda").stdout, wanted)
        self.assertEqual(run(program, *words, "--device=cuda", "--prompt-lookup=3").stdout, wanted)

    def test_what_a_decode_step_costs(self):
        few, more = self.counters(self.program, 4), self.counters(self.program, 8)
        per_step = {key: (more[key] - few[key]) / 4 for key in ("launches", "synchronisations", "uploaded")}
        self.assertLessEqual(per_step["launches"], 7 * LAYERS + 3)
        self.assertEqual(per_step["synchronisations"], 1)
        self.assertLessEqual(per_step["uploaded"], FRAME_BYTES + 4)

    def test_each_passes_verify(self):
        for name, model in (("verified", LLAMA), ("verified-mixed", MIXED), ("verified-fp16", FP16)):
            said = run(PHIC, "verify", self.build(name, model), "--device=cuda", driver=False).stdout
            self.assertIn("sm_80, emulated, every value within its bound", said)

    def test_the_stand_in_is_not_measured(self):
        said = run(PHIC, "bench", self.program, "--device=cuda", code=1).stderr
        self.assertEqual(said, f"phic: error: --device=cuda: this machine has none that runs {self.program}, and an emulator has no speed to "
                               "measure\n")

    def test_a_stage_that_reads_elsewhere_is_named(self):
        with open(self.program, "rb") as file:
            data = bytearray(file.read())
        at = -1
        while True:  # the runtime's own code has the number too
            at = data.index(MAGIC, at + 1)
            header = HEADER.unpack_from(data, at)
            if at % 64 == 0 and header[2] == 80:
                break
        # The last result in the arena that there is: of the norm before the LM head.
        for index in range(header[ARGUMENT_COUNT] - 1, -1, -1):
            place = at + header[ARGUMENTS] + index * ARGUMENT.size
            space, slot, offset = ARGUMENT.unpack_from(data, place)
            if space == ARENA:
                ARGUMENT.pack_into(data, place, space, slot, offset + 64)
                break
        wrong = self.path("wrong")
        with open(wrong, "wb") as file:
            file.write(seal(data))
        os.chmod(wrong, 0o755)
        said = run(PHIC, "verify", wrong, "--device=cuda", code=3, driver=False).stderr
        self.assertRegex(said, r"stage 'lm_head' diverges from its meaning")


if __name__ == "__main__":
    unittest.main()
