# derived.py - Programs of weights that were converted once
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds with --convert=once: the packed weights are those of --convert=stream, whoever made or kept the derived files.

    derived.py PHIC [test...]
"""
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PHIC = os.path.abspath(sys.argv.pop(1))
MODEL = os.path.join(HERE, "tiny-llama", "ort-genai-fp32")
FORMATS = ("--precision=int4", "--precision-rule", "lm_head=fp16")


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Derived(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="phic-derived-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.mkdir(self.path("tmp"))
        os.mkdir(self.path("out"))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PHIC_")}
        return {**kept, "TMPDIR": self.path("tmp")}

    def phic(self, *arguments, code=0):
        done = subprocess.run([PHIC, *arguments], cwd=self.folder, env=self.environment(), capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def build(self, name, *flags, model=MODEL):
        return self.phic("build", model, "-o", f"out/{name}", "--cpu=x86-64-v3", *(FORMATS if model == MODEL else ()), *flags)

    def inspect(self, name):
        return json.loads(self.phic("inspect", f"out/{name}", "--json").stdout)

    def kept(self):
        return sorted(glob.glob(self.path("cache", "derived", "*")))

    def assertNothingLeft(self, *names):
        self.assertEqual(sorted(os.listdir(self.path("out"))), sorted(names))
        self.assertEqual(os.listdir(self.path("tmp")), [])

    def test_is_the_program_of_a_stream(self):
        stream, once = self.build("stream"), self.build("once", "--convert=once")
        self.assertNothingLeft("stream", "once")
        a, b = self.inspect("stream"), self.inspect("once")
        self.assertEqual(a["weights_hash"], b["weights_hash"])
        self.assertEqual(a["converted_weights"], b["converted_weights"])
        self.assertEqual(stream.stderr.replace("stream", "once"), once.stderr)
        self.assertEqual([name for name in a["files"] if name.startswith("derived:")], [])
        self.assertEqual(len([name for name in b["files"] if name.startswith("derived:")]), len(b["converted_weights"]))

    def test_threads_do_not_matter(self):
        self.build("one", "--convert=once", "--jobs=1", "--emit=lib", "--name=m")
        self.build("four", "--convert=once", "--jobs=4", "--emit=lib", "--name=m")
        self.assertEqual(self.inspect("one")["weights_hash"], self.inspect("four")["weights_hash"])
        self.assertEqual(self.phic("inspect", "out/one", "--ir").stdout, self.phic("inspect", "out/four", "--ir").stdout)

    def test_verify_makes_them_again(self):
        self.build("once", "--convert=once")
        self.phic("verify", "out/once", "--model", MODEL, "-n", "2")
        self.assertNothingLeft("once")

    def test_other_flags_find_them(self):
        self.build("first", "--convert=once", "--cache-dir=cache")
        files = {path: read(path) for path in self.kept()}
        inodes = [os.stat(path).st_ino for path in self.kept()]
        self.assertEqual(len(files), len(self.inspect("first")["converted_weights"]))
        self.build("second", "--convert=once", "--cache-dir=cache", "--kv=f32", "--act=f32")
        self.assertEqual({path: read(path) for path in self.kept()}, files)
        self.assertEqual([os.stat(path).st_ino for path in self.kept()], inodes)
        self.assertEqual(self.inspect("first")["weights_hash"], self.inspect("second")["weights_hash"])
        usage = self.phic("cache", "--cache-dir=cache").stdout
        self.assertIn(str(len(files) + 2), usage)
        self.phic("cache", "--cache-dir=cache", "--clear")
        self.assertEqual(self.kept(), [])

    def test_a_damaged_file_is_refused(self):
        self.build("first", "--convert=once", "--cache-dir=cache")
        path = self.kept()[0]
        whole = read(path)
        with open(path, "r+b") as file:
            file.seek(len(whole) // 2)
            file.write(bytes([whole[len(whole) // 2] ^ 1]))
        done = self.build("second", "--convert=once", "--cache-dir=cache", "--kv=f32")
        self.assertIn(f"phic: warning: derived weight {os.path.relpath(path, self.folder)}: is damaged; it is made anew", done.stderr)
        self.assertEqual(read(path), whole)
        self.assertEqual(self.inspect("first")["weights_hash"], self.inspect("second")["weights_hash"])

    def test_goes_on_from_ir(self):
        self.build("whole", "--convert=once")
        for cache in ((), ("--cache-dir=cache",)):
            for phase, following in (("precision", "fuse"), ("layout", "kernels"), ("target", "link")):
                self.phic("build", MODEL, "-o", "out/ir.mlir", "--cpu=x86-64-v3", "--convert=once", f"--stop-after={phase}", *FORMATS, *cache)
                levels = () if following == "link" else ("--cpu=x86-64-v3",)
                self.phic("build", "out/ir.mlir", "-o", "out/prog", f"--start-from={following}", f"--model-dir={MODEL}", *levels, *cache)
                self.assertEqual(self.inspect("whole")["weights_hash"], self.inspect("prog")["weights_hash"])
        self.assertNothingLeft("whole", "ir.mlir", "prog")

    def test_a_killed_build_leaves_nothing(self):
        ended = 0
        for step in range(1, 21):
            command = [PHIC, "build", MODEL, "-o", "out/prog", "--cpu=x86-64-v3", "--convert=once", "-q", *FORMATS]
            process = subprocess.Popen(command, cwd=self.folder, env=self.environment(), stderr=subprocess.DEVNULL)
            try:
                process.wait(timeout=0.02 * step)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                ended += 1
            if os.path.exists(self.path("out", "prog")):
                os.remove(self.path("out", "prog"))
            self.assertNothingLeft()
        self.assertGreaterEqual(ended, 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
