# outputs.py - No output is an input
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Nothing that a run of phic or of a program reads is written to, whatever it is called: exit code 1, one sentence, and
every file as it was. That all outputs go through the one function which checks this is a rule of test/structure/check.py.

    outputs.py PHIC PHIC-OPT PHIC-INTERPRET PLUGIN [test...]
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PHIC, OPT, INTERPRET, PLUGIN = (os.path.abspath(sys.argv.pop(1)) for _ in range(4))
ONNX = os.path.join(HERE, "tiny-llama", "ort-genai-int4")
GGUF = os.path.join(HERE, "tiny-llama", "gguf-Q4_1", "tiny-llama-Q4_1.gguf")
TILES = ('{"x86-64-v3": {"decode": {"columns": 32, "rows": 1, "attend_rows": 1}, "verify": {"columns": 64, "rows": 64, '
         '"attend_rows": 16}, "prefill": {"columns": 64, "rows": 64, "attend_rows": 16}}}')


def contents(folder):
    """Path -> bytes of every file below, links followed."""
    found = {}
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


class Outputs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="phic-outputs-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        shutil.copytree(ONNX, self.path("model"), ignore=shutil.ignore_patterns("golden*"))
        shutil.copy(GGUF, self.path("a.gguf"))
        shutil.copy(PLUGIN, self.path("plugin.so"))
        for name, text in ("tiles.json", TILES), ("tokens.txt", "1,2,3\n"):
            with open(self.path(name), "w") as file:
                file.write(text)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_in_folder(self, command, **more):
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, shell=isinstance(command, str), **more)

    def build(self, *arguments):
        done = self.run_in_folder([PHIC, "build", *arguments, "-q"])
        self.assertEqual(done.returncode, 0, done.stderr)

    def refused(self, command, says="cannot write .*; choose another name"):
        before = contents(self.folder)
        done = self.run_in_folder(command)
        with self.subTest(command=command):
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, rf"\A(phic(-opt|-interpret)?: error: )?{says}\n\Z")
            after = contents(self.folder)
            self.assertEqual(before.keys(), after.keys())
            self.assertEqual([name for name in before if before[name] != after[name]], [])

    def test_the_name_of_a_descriptor_is_not_replaced(self):
        # As /dev/stdout is, which whoever may write to /dev would lose.
        os.symlink("/proc/self/fd/1", self.path("out"))
        os.symlink("out", self.path("over"))
        with open(self.path("report"), "w") as file:
            file.write("before\n")
        for name in "out", "over":
            done = self.run_in_folder(f"{PHIC} build model -o prog -q --report={name} --report-format=text >>report")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.readlink(self.path("out")), "/proc/self/fd/1")
        self.assertEqual(os.readlink(self.path("over")), "out")
        with open(self.path("report")) as file:
            self.assertRegex(file.read(), r"\Abefore\nmodel        llama\n(?s:.*)\nmodel        llama\n")
        self.assertEqual(self.run_in_folder(f"{PHIC} build model -o out -q >>report").returncode, 1)

    def test_every_input_of_a_build(self):
        inputs = ["model/" + name for name in sorted(os.listdir(self.path("model")))]
        self.assertTrue({"model/model.onnx", "model/model.onnx.data", "model/genai_config.json", "model/tokenizer.json",
                         "model/tokenizer_config.json", "model/chat_template.jinja"} <= set(inputs), inputs)
        for name in inputs:
            self.refused([PHIC, "build", "model", "-o", name, "-q"])
            self.refused([PHIC, "build", "model", "-o", name, "-q", "--stop-after=import"])
        for name in "tiles.json", "plugin.so":
            self.refused([PHIC, "build", "model", "-o", name, "-q", "--cpu=x86-64-v3", "--tiles=tiles.json",
                          "--load-pass-plugin=./plugin.so", "--run-after=import:canonicalize"])

    def test_every_output_of_a_build(self):
        shutil.copy(self.path("a.gguf"), self.path("b.weights"))
        shutil.copy(self.path("a.gguf"), self.path("c.h"))
        os.mkdir(self.path("dumps"))
        self.build("a.gguf", "--stop-after=import", "-o", "dumps/1-canonicalize.mlir")
        for model, flags in [("a.gguf", ["-o", "a.gguf"]), ("b.weights", ["-o", "b", "--weights=sidecar"]),
                             ("c.h", ["-o", "c.a", "--emit=lib,header"]), ("a.gguf", ["-o", "x", "--report=a.gguf"]),
                             ("a.gguf", ["-o", "x", "--depfile=a.gguf"]), ("a.gguf", ["-o", "x", "--depfile", "./a.gguf"])]:
            self.refused([PHIC, "build", model, *flags, "-q"])
        self.refused([PHIC, "build", "dumps/1-canonicalize.mlir", "--model-dir=.", "--start-from=canonicalize", "--stop-after=fuse",
                      "--dump-phases=dumps", "-o", "x", "-q"])

    def test_links(self):
        os.symlink("a.gguf", self.path("soft"))
        os.symlink("soft", self.path("softer"))
        os.link(self.path("a.gguf"), self.path("hard"))
        os.symlink(".", self.path("here"))
        for name in "soft", "softer", "hard", "here/a.gguf", os.path.realpath(self.path("a.gguf")):
            self.refused([PHIC, "build", "a.gguf", "-o", name, "-q"])
            self.refused([PHIC, "build", name, "-o", "a.gguf", "-q"])

    def test_from_the_cache(self):
        os.mkdir(self.path("elsewhere"))
        cache = "--cache-dir=cache"
        self.build("a.gguf", "-o", "elsewhere/a.gguf", cache)
        self.refused([PHIC, "build", "a.gguf", "-o", "a.gguf", "-q", cache])

    def test_phic_itself(self):
        home = os.path.dirname(os.path.dirname(PHIC))
        shutil.copytree(os.path.join(home, "lib", "phic"), self.path("lib/phic"))
        for name in "bin/phic", "lib/libphic.so", "lib/libHalide.so":
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            shutil.copy(os.path.join(home, name), self.path(name))
        for name in "bin/phic", "lib/libphic.so", "lib/phic/x86_64-linux/libphi_rt.a":
            self.refused([self.path("bin/phic"), "build", "a.gguf", "-o", name, "-q"])

    def test_two_outputs_of_one_name(self):
        says = "two outputs would be .*; choose another name for one"
        self.refused([PHIC, "build", "a.gguf", "-o", "x", "--report=x", "-q"], says)
        self.refused([PHIC, "build", "a.gguf", "-o", "x", "--report=y", "--depfile=./y", "-q"], says)
        self.refused([PHIC, "build", "a.gguf", "-o", "d.weights", "--weights=sidecar", "--depfile=d.weights", "-q"], says)
        self.build("a.gguf", "-o", "x", "--report=/dev/null", "--depfile=/dev/null")

    def test_tune(self):
        self.refused([PHIC, "tune", "a.gguf", "-o", "a.gguf"], "a.gguf: .*")
        with open(self.path("model/config.json"), "w") as file:
            file.write("{}")  # a file of tiles, too
        self.refused([PHIC, "tune", "model", "-o", "model/config.json", "-q"])

    def test_tools_of_developers(self):
        self.refused([INTERPRET, "model", "--tokens=1,2", "--logits", "model/model.onnx.data"])
        self.refused([INTERPRET, "a.gguf", "--tokens-file=tokens.txt", "--logits=tokens.txt"])
        self.build("a.gguf", "--stop-after=import", "-o", "a.mlir")
        self.refused([OPT, "a.mlir", "-o", "a.mlir"])

    def test_logits_of_a_program(self):
        self.build("a.gguf", "-o", "embedded")
        self.build("a.gguf", "-o", "beside", "--weights=sidecar")
        os.symlink("beside.weights", self.path("link"))
        os.link(self.path("embedded"), self.path("same"))
        for flags in ("./embedded --tokens 1 --logits embedded", "./embedded --tokens 1 --logits same",
                      "./beside --tokens 1 --logits beside", "./beside --tokens 1 --logits beside.weights",
                      "./beside --tokens 1 --logits link", "./beside --tokens 1 --logits link --weights ./beside.weights",
                      "./embedded --tokens-file tokens.txt --logits tokens.txt", "./embedded --raw --logits tokens.txt <tokens.txt"):
            self.refused(flags)
        done = self.run_in_folder("./embedded --tokens 1,2 -n 2 --print-ids --logits answer >answer")
        self.assertEqual((done.returncode, os.path.getsize(self.path("answer"))), (1, 0), done.stderr)
        done = self.run_in_folder("./embedded --tokens 1,2 --logits /dev/stdout >logits; ./embedded --tokens 1,2 --logits again; cmp logits again")
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        self.assertTrue(re.match(rb"\x93NUMPY", contents(self.folder)["again"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
