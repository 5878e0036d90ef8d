# depfile.py - What a depfile promises
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A file that a depfile names makes the output out of date, in Make's own reading; a file that it does not name has no
influence on the output.

    depfile.py PHIC [test...]
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PHIC = os.path.abspath(sys.argv.pop(1))
ONNX = os.path.join(HERE, "tiny-llama", "ort-genai-int4")
GGUF = os.path.join(HERE, "tiny-llama", "gguf-Q4_1")
IMPORTANT = {"model.onnx", "model.onnx.data", "genai_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Depfile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="phic-depfile-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def build(self, model, output="program", code=0, depfile=None):
        done = subprocess.run([PHIC, "build", model, "-o", output, "--quiet", "--depfile", depfile or output + ".d"],
                              cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def up_to_date(self):
        """What Make says, given the depfile."""
        with open(self.path("Makefile"), "w") as file:
            file.write("program:\n\tfalse\ninclude program.d\n")
        status = subprocess.run(["make", "-q", "program"], cwd=self.folder, capture_output=True).returncode
        self.assertIn(status, (0, 1), "Make cannot read the depfile")
        return status == 0

    def set_time(self, path, seconds):
        now = os.stat(self.path("program")).st_mtime
        os.utime(path, (now + seconds, now + seconds))

    def test_every_file_that_matters_is_named(self):
        model = shutil.copytree(ONNX, self.path("mo del#1$x"))
        for name in os.listdir(model):
            os.utime(os.path.join(model, name), (1, 1))
        self.build("mo del#1$x")
        self.assertTrue(self.up_to_date())
        for name in sorted(os.listdir(model)):
            path = os.path.join(model, name)
            self.set_time(path, 10)
            self.assertEqual(self.up_to_date(), name not in IMPORTANT, name)
            self.set_time(path, -10)
        self.assertTrue(self.up_to_date())

    def test_what_is_not_named_does_not_matter(self):
        model = shutil.copytree(ONNX, self.path("model"))
        self.build("model")
        for name in set(os.listdir(model)) - IMPORTANT:
            os.remove(os.path.join(model, name))
        self.build("model", "again")
        self.assertEqual(read(self.path("program")), read(self.path("again")))

    def test_a_file_that_is_gone_does_not_stop_make(self):
        model = shutil.copytree(ONNX, self.path("model"))
        self.build("model")
        os.remove(os.path.join(model, "chat_template.jinja"))
        self.assertFalse(self.up_to_date())

    def test_a_gguf_and_the_compiler_are_named(self):
        shutil.copytree(GGUF, self.path("model"))
        self.build("model")
        names = read(self.path("program.d")).decode()
        for name in ("tiny-llama-Q4_1.gguf", "libphic.so", "libHalide.so", "libphi_rt.a", os.path.realpath(PHIC)):
            self.assertIn(name, names)

    def test_no_output_where_the_depfile_cannot_be_written(self):
        shutil.copytree(ONNX, self.path("model"))
        done = self.build("model", depfile=self.path("no/such/folder/x.d"), code=1)
        self.assertIn("cannot write " + self.path("no/such/folder/x.d") + ": No such file or directory", done.stderr)
        self.assertEqual(os.listdir(self.folder), ["model"])

    def test_no_depfile_where_the_model_cannot_be_built(self):
        model = shutil.copytree(ONNX, self.path("model"))
        os.truncate(os.path.join(model, "model.onnx.data"), 1000)
        self.build("model", code=2)
        self.assertEqual(os.listdir(self.folder), ["model"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
