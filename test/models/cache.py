# cache.py - What the compile cache promises
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A cached output is the bytes that compiling would make, whatever changed and whoever wrote to the cache, the outputs or
the inputs meanwhile.

    cache.py PHIC [test...]
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PHIC = os.path.abspath(sys.argv.pop(1))
ONNX = os.path.join(HERE, "tiny-llama", "ort-genai-int4")
FROM_CACHE = "as compiled before, from the cache"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


class Cache(unittest.TestCase):
    expected = None  # the program, compiled without a cache

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="phic-cache-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.model = shutil.copytree(ONNX, self.path("model"))
        if Cache.expected is None:
            self.build("--cache-dir", "cache", "--no-cache")
            self.assertFalse(os.path.exists(self.path("cache")))
            Cache.expected = self.program()
            os.remove(self.path("program"))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def command(self, *flags, output="program", model="model", phic=PHIC):
        flags = ("--cache-dir", "cache") + flags if "--cache-dir" not in flags else flags
        return [phic, "build", model, "-o", output, "--cpu=x86-64-v3", *flags]  # one level: the same cache, half the work

    def build(self, *flags, code=0, **where):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PHIC_")}
        done = subprocess.run(self.command(*flags, **where), cwd=self.folder, env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def hits(self, *flags, **where):
        return FROM_CACHE in self.build(*flags, **where)

    def program(self, name="program"):
        return read(self.path(name))

    def entries(self):
        return sorted(glob.glob(self.path("cache", "outputs", "*", "*")))

    def run_cache(self, *flags):
        return subprocess.run([PHIC, "cache", "--cache-dir", "cache", *flags], cwd=self.folder, capture_output=True,
                              text=True, check=True).stdout

    def test_a_hit_is_the_same_bytes(self):
        self.assertFalse(self.hits())
        self.assertEqual(self.program(), self.expected)
        os.remove(self.path("program"))
        os.rename(self.model, self.path("elsewhere"))
        self.assertTrue(self.hits(model=self.path("elsewhere")))
        self.assertEqual(self.program(), self.expected)
        self.assertTrue(os.access(self.path("program"), os.X_OK))
        subprocess.run([self.path("program"), "--tokens", "1,2,3", "-n", "2"], check=True, capture_output=True)

    def test_a_gguf_may_move(self):
        shutil.copy(os.path.join(HERE, "tiny-llama", "gguf-Q4_1", "tiny-llama-Q4_1.gguf"), self.path("x.gguf"))
        self.assertFalse(self.hits(model="x.gguf"))
        os.mkdir(self.path("other"))
        os.rename(self.path("x.gguf"), self.path("other", "x.gguf"))
        self.assertTrue(self.hits(model="other/x.gguf"))

    def test_contents_decide_not_times(self):
        self.build()
        weights = os.path.join(self.model, "model.onnx.data")
        os.utime(weights)
        self.assertTrue(self.hits())
        flip(weights, 1000)
        self.assertFalse(self.hits())
        self.assertNotEqual(self.program(), self.expected)
        flip(weights, 1000)
        self.assertTrue(self.hits())
        self.assertEqual(self.program(), self.expected)

    def test_a_large_file_is_read_once_and_its_changes_are_seen(self):
        weights = os.path.join(self.model, "model.onnx.data")
        os.truncate(weights, 4 << 20)
        os.utime(weights, (1, 1))
        time.sleep(2.1)  # a younger file gets no note
        self.build()
        notes = [os.path.getsize(note) for note in glob.glob(self.path("cache", "files", "*", "*"))]
        self.assertGreaterEqual(len(notes), 2, "neither the weights nor libc.a are noted")
        self.assertTrue(self.hits())
        flip(weights, 1000)
        os.utime(weights, (1, 1))  # size and time as before
        self.assertFalse(self.hits())

    def test_a_file_that_appears_is_seen(self):
        self.build()
        os.rename(os.path.join(self.model, "chat_template.jinja"), self.path("kept"))
        self.assertFalse(self.hits())
        os.rename(self.path("kept"), os.path.join(self.model, "chat_template.jinja"))
        self.assertTrue(self.hits())
        with open(os.path.join(self.model, "generation_config.json"), "w") as file:
            file.write('{"eos_token_id": 5}')
        self.assertFalse(self.hits())

    def test_flags_decide(self):
        self.build()
        for flags in (["--act=f32"], ["--kv", "f32"], ["--max-context=64"]):
            self.assertFalse(self.hits(*flags), flags)
            self.assertTrue(self.hits(*flags), flags)
        self.assertTrue(self.hits("--depfile", "x.d", "--cache-size=1G", "--jobs=1"))

    def test_another_phic_is_another_key(self):
        self.build()
        root = os.path.dirname(os.path.dirname(PHIC))
        for part in ("bin/phic", "lib/libphic.so"):
            os.makedirs(self.path("phic", os.path.dirname(part)), exist_ok=True)
            shutil.copy2(os.path.join(root, part), self.path("phic", part))
        shutil.copytree(os.path.join(root, "lib", "phic"), self.path("phic", "lib", "phic"))
        os.symlink(os.path.join(root, "lib", "libHalide.so"), self.path("phic", "lib", "libHalide.so"))
        phic = self.path("phic", "bin", "phic")
        self.assertTrue(self.hits(phic=phic))
        with open(self.path("phic", "lib", "phic", "x86_64-linux", "program.ld"), "a") as file:
            file.write("/* another */\n")
        self.assertFalse(self.hits(phic=phic))
        # What phic cannot link since it is not whole itself is nobody else's fault.
        os.remove(self.path("phic", "lib", "phic", "x86_64-linux", "program.ld"))
        self.assertIn("phic: error: ", self.build("--no-cache", phic=phic, code=3))

    def test_a_depfile_is_written_on_a_hit(self):
        self.build("--depfile", "compiled.d")
        self.assertTrue(self.hits("--depfile", "cached.d"))
        self.assertEqual(read(self.path("compiled.d")), read(self.path("cached.d")))

    def test_warnings_are_repeated(self):
        os.remove(os.path.join(self.model, "tokenizer.json"))
        first = [line for line in self.build().splitlines() if ": warning: " in line]
        self.assertTrue(first)
        second = self.build()
        self.assertIn(FROM_CACHE, second)
        self.assertEqual(first, [line for line in second.splitlines() if ": warning: " in line])

    def test_a_damaged_entry_is_replaced(self):
        self.build()
        kept = os.path.join(self.entries()[0], "0")
        os.chmod(kept, 0o644)
        flip(kept, 5000)
        said = self.build()
        self.assertIn("the cache's entry for this model was damaged", said)
        self.assertNotIn(FROM_CACHE, said)
        self.assertEqual(self.program(), self.expected)
        self.assertTrue(self.hits())
        self.assertEqual(self.program(), self.expected)
        facts = os.path.join(self.entries()[0], "entry.json")
        os.truncate(facts, os.path.getsize(facts) // 2)
        self.assertFalse(self.hits())

    def test_writing_to_an_output_leaves_the_cache_alone(self):
        self.build()
        flip(self.path("program"), 5000)
        self.assertTrue(self.hits(output="program"))
        self.assertEqual(self.program(), self.expected)
        with open(self.path("program"), "r+b") as file:  # one that came from the cache
            file.write(b"damaged")
        self.assertTrue(self.hits())
        self.assertEqual(self.program(), self.expected)

    def test_processes_share_a_cache(self):
        running = [subprocess.Popen(self.command("--depfile", f"{i}/d", output=f"{i}/program"), cwd=self.folder, stderr=subprocess.PIPE)
                   for i in range(5) if not os.mkdir(self.path(str(i)))]
        for i, process in enumerate(running):
            self.assertEqual(process.wait(), 0, process.communicate()[1])
            self.assertEqual(self.program(f"{i}/program"), self.expected)
        self.assertEqual(len(self.entries()), 1)
        self.assertEqual(os.listdir(self.path("cache", "aside")), [])
        self.assertTrue(self.hits())

    def test_the_least_recently_used_goes_first(self):
        for context in (64, 128, 192):
            self.build(f"--max-context={context}")
            time.sleep(0.05)
        self.assertTrue(self.hits("--max-context=64"))
        size = sum(os.path.getsize(file) for file in glob.glob(self.path("cache", "outputs", "*", "*", "*")))
        self.assertRegex(self.run_cache("--prune", "--cache-size", str(size * 2 // 3 + 2000)), r"deleted: 1 entry, 0\.3 MiB")
        self.assertTrue(self.hits("--max-context=64"))
        self.assertFalse(self.hits("--max-context=128", "--cache-size", str(size * 2 // 3 + 2000)))
        self.assertEqual(len(self.entries()), 2)
        self.assertFalse(self.hits("--max-context=192"))
        self.assertRegex(self.run_cache("--clear"), r"cache: 0 entries, 0\.0 MiB")

    def test_a_cache_that_cannot_be(self):
        said = self.build("--cache-dir", self.path("model", "model.onnx", "x"), code=1)
        self.assertIn("phic: error: cannot use", said)
        self.assertIn("as cache folder: Not a directory", said)
        self.assertFalse(os.path.exists(self.path("program")))

    def test_a_report_is_written_each_time(self):
        if b"--report " not in subprocess.run([PHIC, "build", "--help"], capture_output=True, check=True).stdout:
            self.skipTest("[SKIP] this phic has no --report")
        for _ in range(2):
            self.assertFalse(self.hits("--report", "report.txt"))
            os.remove(self.path("report.txt"))

    def test_outputs_beside_the_first_come_too(self):
        flags = ("--emit=lib,header", "--weights=sidecar")
        self.assertFalse(self.hits(*flags, output="liba.a"))
        made = {name: self.program(name) for name in ("liba.a", "a.h", "a.weights")}
        for name in made:
            os.remove(self.path(name))
        self.assertTrue(self.hits(*flags, output="liba.a"))
        self.assertEqual(made, {name: self.program(name) for name in made})
        self.assertFalse(self.hits(*flags, output="libb.a"))  # its symbol has another name

    def test_ir_does_not_come_from_the_cache(self):
        self.build()
        self.build("--stop-after=import", output="import.mlir")
        self.assertIn(b"phiq.matmul", read(self.path("import.mlir")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
