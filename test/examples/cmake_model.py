# cmake_model.py - What phic_add_model does in a project
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""phic_add_model from the installed package: when it compiles again and when it does not, with both kinds of generator;
cross compiling; mistakes in its arguments.

    cmake_model.py PREFIX MODEL [test...]
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

PREFIX, MODEL = map(os.path.abspath, (sys.argv.pop(1), sys.argv.pop(1)))
PROJECT = """cmake_minimum_required(VERSION 3.25)
project(test LANGUAGES NONE)
set(CMAKE_INSTALL_LIBDIR lib)
find_package(phic REQUIRED)
phic_add_model({arguments})
"""

USER = """
add_executable(user user.c)
target_link_libraries(user PRIVATE tiny)
file(GENERATE OUTPUT weights-path CONTENT $<TARGET_PROPERTY:tiny,PHIC_WEIGHTS>)
install(EXPORT models DESTINATION lib/cmake/tiny)
"""
USER_SOURCE = """
#include <stdio.h>
#include <stdlib.h>
#include <tiny.h>
int main(int argc, char **argv) { /* the hash of the weights that are linked in, or lie in argv[1] */
  const phi_api *api = phi_query_tiny(PHI_ABI_VERSION);
  phi_facts facts = {sizeof(facts)};
  phi_model_options options = {sizeof(options)};
  phi_model *model;
  phi_error error;
  options.weights_path = argc > 1 ? argv[1] : NULL;
  if (api->model_open(&options, aligned_alloc(64, (api->model_bytes() + 63) / 64 * 64), api->model_bytes(), &model, &error))
    return fprintf(stderr, "%s\\n", error.text);
  api->facts(&facts);
  printf("%llx\\n", (unsigned long long)facts.weights_hash);
  return 0;
}
"""


def read(path):
    with open(path, "rb") as file:
        return file.read()


class AddModel(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="phic cmake ")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.model = shutil.copytree(MODEL, self.path("my model"))
        self.arguments('tiny MODEL "my model" EMIT exe')

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def arguments(self, text):
        with open(self.path("CMakeLists.txt"), "w") as file:
            file.write(PROJECT.format(arguments=text))

    def run_cmake(self, *arguments, code=0):
        done = subprocess.run(["cmake", *arguments], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode == 0, code == 0, done.stdout)
        return " ".join(done.stdout.split())

    def configure(self, *flags, code=0):
        return self.run_cmake("-B", "build", "-DCMAKE_PREFIX_PATH=" + PREFIX, "-DPHIC_CACHE_DIR=" + self.path("cache"), *flags, code=code)

    def compiles(self, what):
        begin = time.time()
        compiled = "Compiling model tiny" in self.run_cmake("--build", "build")
        print(f"  {what}: {time.time() - begin:.2f} s", flush=True)
        return compiled

    def program(self):
        return read(self.path("build", "tiny.phic", "tiny"))

    def rebuild(self, generator):
        weights = os.path.join(self.model, "model.onnx.data")
        self.configure("-G", generator)
        print("\n" + generator)
        self.assertTrue(self.compiles("first"))
        first = self.program()
        self.assertFalse(self.compiles("nothing changed"))
        os.utime(weights)
        self.assertTrue(self.compiles("touched, without a change: from the cache"))
        self.assertEqual(self.program(), first)
        self.assertFalse(self.compiles("nothing changed"))
        with open(weights, "r+b") as file:
            file.write(b"\1")
        self.assertTrue(self.compiles("another byte of the weights"))
        self.assertNotEqual(self.program(), first)
        shutil.copy(os.path.join(MODEL, "model.onnx.data"), weights)
        self.assertTrue(self.compiles("the old weights again: from the cache"))
        self.assertEqual(self.program(), first)
        os.remove(os.path.join(self.model, "chat_template.jinja"))
        self.assertTrue(self.compiles("a file less"))
        # CMake's Makefiles add to what they know of a depfile, and forget nothing.
        self.assertEqual(self.compiles("nothing changed"), generator == "Unix Makefiles")

    def test_rebuilds_with_ninja(self):
        self.rebuild("Ninja")

    def test_rebuilds_with_make(self):
        self.rebuild("Unix Makefiles")

    def link(self, generator, kind, weights):
        with open(self.path("CMakeLists.txt"), "w") as file:
            file.write(PROJECT.format(arguments=f'tiny MODEL "my model" EMIT {kind} header WEIGHTS {weights} EXPORT models')
                       .replace("LANGUAGES NONE", "C").replace("set(CMAKE_INSTALL_LIBDIR lib)\n", "") + USER)
        with open(self.path("user.c"), "w") as file:
            file.write(USER_SOURCE)
        self.configure("-G", generator)
        first = self.weights_hash()
        with open(os.path.join(self.model, "model.onnx.data"), "r+b") as file:
            file.write(b"\1")
        self.assertNotEqual(first, self.weights_hash(), "the program still has the old weights")
        self.run_cmake("--install", "build", "--prefix", self.path("installed"))
        return self.path("installed")

    def weights_hash(self):
        self.run_cmake("--build", "build")
        sidecar = read(self.path("build", "weights-path")).decode()
        return subprocess.run([self.path("build", "user"), *([sidecar] if sidecar else [])], capture_output=True, text=True, check=True).stdout

    def test_a_library_is_linked_again_with_ninja(self):
        installed = self.link("Ninja", "lib", "embed")
        self.assertEqual({"include/tiny.h", "lib/libtiny.a"}, {os.path.relpath(os.path.join(at, name), installed)
                         for at, _, names in os.walk(installed) for name in names if name.startswith(("tiny.", "libtiny."))})

    def test_a_library_is_linked_again_with_make(self):
        self.link("Unix Makefiles", "obj", "embed")

    def test_a_shared_library_with_a_sidecar(self):
        installed = self.link("Ninja", "shared", "sidecar")
        for name in ("lib/libtiny.so", "lib/tiny.weights", "include/tiny.h", "lib/cmake/tiny/models.cmake"):
            self.assertTrue(os.path.exists(os.path.join(installed, name)), name)

    def test_without_a_cache(self):
        self.configure("-DPHIC_CACHE_DIR=OFF")
        self.assertTrue(self.compiles("first"))
        self.assertFalse(os.path.exists(self.path("cache")))

    def test_installs(self):
        self.configure()
        self.compiles("first")
        self.run_cmake("--install", "build", "--prefix", self.path("installed"))
        self.assertEqual(read(self.path("installed", "bin", "tiny")), self.program())
        self.assertTrue(os.access(self.path("installed", "bin", "tiny"), os.X_OK))

    def test_cross_compiles(self):
        emulator = shutil.which("qemu-aarch64")
        if not emulator or not os.path.isdir(os.path.join(PREFIX, "lib", "phic", "aarch64-linux")):
            self.skipTest("[SKIP] needs qemu-aarch64 and a phic with the runtime for aarch64-linux")
        self.configure("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64")
        self.compiles("for aarch64-linux")
        self.assertEqual(int.from_bytes(self.program()[18:20], "little"), 183, "EM_AARCH64")
        ids = subprocess.run([emulator, self.path("build", "tiny.phic", "tiny"), "--tokens", "1,2,3", "-n", "4", "--print-ids"],
                             check=True, capture_output=True).stdout.split()
        self.assertEqual(len(ids), 4)

    def test_a_system_that_phic_does_not_know(self):
        said = self.configure("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=riscv64", code=1)
        self.assertIn("phic_add_model(tiny): phic does not compile for 'riscv64-linux' (CMAKE_SYSTEM_PROCESSOR is 'riscv64', "
                      "CMAKE_SYSTEM_NAME 'Linux'); it does for", said)
        self.assertIn("x86_64-linux", said)

    def test_mistakes(self):
        for arguments, sentence in (
                ("tiny EMIT exe", "phic_add_model(tiny): needs MODEL: a directory, an .onnx or a .gguf file"),
                ("tiny MODEL x EMIT dll", "phic_add_model(tiny): EMIT dll is no kind of output; kinds are lib, shared, obj, exe, header"),
                ("tiny MODEL x EMIT lib obj", "phic_add_model(tiny): EMIT has 2 kinds to link to (lib;obj); give one of lib, shared, obj"),
                ("tiny model MODEL x", "phic_add_model(tiny): unknown argument 'model'")):
            self.arguments(arguments)
            self.assertIn(sentence, self.configure(code=1))

    def test_what_phic_cannot_honour_is_its_error(self):
        self.arguments('tiny MODEL "my model" EMIT exe CPU x86-64-v9')
        self.configure()
        self.assertIn("phic: error: --cpu=x86-64-v9 is no CPU level or processor phic knows", self.run_cmake("--build", "build", code=1))
        self.assertFalse(os.path.exists(self.path("build", "tiny.phic", "tiny")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
