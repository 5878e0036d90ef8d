# loader.py - Programs that start the system's loader
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A program with code for a device whose driver is a library of the system's has the system's C library where there is a loader,
and musl where there is none. What any program promises (program.py) it promises in both ways, and it asks for nothing that an old
system lacks. The abacus stands for such devices; the driver that is looked for is CUDA's.

    loader.py PHIC LIBRARIES CUDA READELF NM [test...]     (lib/phic, the folder of the stand-in, and two tools of LLVM's)
"""
import ctypes
import glob
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARIES, CUDA, READELF, NM = sys.argv[2:6]
del sys.argv[2:6]
import program  # noqa: E402  (takes PHIC)
from program import ONNX, PHIC, TOKENS, run  # noqa: E402
from seal import segments  # noqa: E402

LOADERS = {"x86_64-linux": "/lib64/ld-linux-x86-64.so.2", "aarch64-linux": "/lib/ld-linux-aarch64.so.1"}
LOADER = LOADERS["x86_64-linux"]
FLAGS = ["--device=abacus", "--kv=f32"]
INTERPRETER = 3
# What programs have of musl wherever they run: these functions have no state of a C library's, and no system.
PURE = set("bcmp expf memchr memcmp memcpy memmove memset rintf strchr strcmp strcspn strlen strrchr tanhf".split())
# Functions that the system's libraries have only under other names, or not for long enough.
OWN = {"stat", "fstat"}


class Damage(program.Damage):
    FLAGS = FLAGS


class Hardening(program.Hardening):
    FLAGS = FLAGS


class Determinism(program.Determinism):
    FLAGS = FLAGS
    test_jobs_do_not_change_a_byte = None  # of the compiler, and slow


def rows():
    """(library, name, version on x86-64) of what may be imported."""
    with open(os.path.join(HERE, "..", "..", "runtime", "loader", "Imports.def")) as file:
        return re.findall(r'^PHI_IMPORT\("(.*)", (.*), "(.*)", .*\)$', file.read(), re.M)


def imports(path):
    """Symbol to the version that is asked for."""
    said = run(READELF, "--dyn-syms", "-W", path).stdout
    return dict(re.findall(r" UND (\w+)(?:@(\S+))?$", said, re.M))


class Loader(program.Programs):
    FLAGS = FLAGS

    def answer(self, path, *flags, before=()):
        return run(*before, path, "--tokens", TOKENS, "-n", 6, "--temp", 0, "--ignore-eos", "--print-ids", *flags).stdout

    def test_it_has_the_systems_c_library(self):
        if not os.path.exists(LOADER):
            self.skipTest("[SKIP] this system has no loader of glibc's")
        with subprocess.Popen([self.program, "-i"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            running.stdin.write(b"hello\n")
            running.stdin.flush()
            running.stdout.read(1)  # it answers
            with open(f"/proc/{running.pid}/maps") as maps:
                mapped = maps.read()
            running.kill()
        self.assertRegex(mapped, r"/ld-linux|/ld-2")
        self.assertRegex(mapped, r"/libc[.-]")
        # Far above the addresses that the CUDA driver reserves, from 0x200000000 on.
        own = [int(line.split("-")[0], 16) for line in mapped.splitlines() if self.program in line]
        self.assertGreater(min(own), 1 << 40)

    def test_a_loader_may_be_called_as_a_command(self):
        if not os.path.exists(LOADER):
            self.skipTest("[SKIP] this system has no loader of glibc's")
        self.assertEqual(self.answer(self.program, before=[LOADER]), self.answer(self.program))

    def test_what_is_no_loader_is_left_alone(self):
        """In a root where the loader's file is of something else, the program runs by itself."""
        foreign = bytearray(program.read(self.program))
        foreign[18] ^= 1  # the machine that it is for
        for content in (b"", b"#!/bin/sh\n", foreign, foreign[:100], bytes(4096)):
            root = tempfile.mkdtemp(dir=self.folder.name)
            os.makedirs(root + os.path.dirname(LOADER))
            with open(root + LOADER, "wb") as file:
                file.write(content)
            shutil.copy(self.program, os.path.join(root, "program"))
            chroot = ["chroot", root] if os.geteuid() == 0 else ["unshare", "--map-root-user", "chroot", root]
            probe = subprocess.run([*chroot, "/program", "--version"], capture_output=True, text=True)
            if probe.returncode and "not permitted" in probe.stderr:
                self.skipTest("[SKIP] this user may not change the root directory")
            self.assertEqual(self.answer("/program", before=chroot), self.answer(self.program))

    def test_processors_compute_the_same_with_either_library(self):
        """Bit for bit what a program for processors alone computes, by the same kernels."""
        alone = self.path("alone")
        run(PHIC, "build", ONNX, "-o", alone, "-q", "--act=f32", "--kv=f32")
        want = self.logits(alone)
        for threads in (1, 2, 3):
            self.assertEqual(want.tobytes(), self.logits(self.program, "--device=cpu", "--threads", threads).tobytes())

    def test_weights_in_a_file_of_their_own(self):
        beside = self.path("beside")
        self.build(ONNX, beside, "--weights=sidecar")
        self.assertEqual(self.answer(beside), self.answer(self.program))
        os.rename(beside + ".weights", beside + ".away")
        self.refuses(run(beside, "--tokens", "1", code=2))

    def test_programs_for_arm_too(self):
        """In qemu, where there is no loader for ARM."""
        if not shutil.which("qemu-aarch64") or not os.path.isdir(os.path.join(LIBRARIES, "aarch64-linux")):
            self.skipTest("[SKIP] no qemu-aarch64, or no musl for it")
        path = self.path("arm")
        self.build(ONNX, path, "--target=aarch64-linux")
        self.assertEqual(self.answer(path, "--device=cpu", before=["qemu-aarch64"]), self.answer(self.program))

    # What it asks of systems.

    def test_imports_are_of_old_systems(self):
        oldest = {name: version for _, name, version in rows()}
        for system, loader in LOADERS.items():
            if not os.path.isdir(os.path.join(LIBRARIES, system)):
                continue
            path = self.path(system)
            self.build(ONNX, path, f"--target={system}")
            found = imports(path)
            self.assertIn("__libc_start_main", found)
            for name, version in found.items():
                want = "GLIBC_" + (oldest[name] if system == "x86_64-linux" else "2.17")
                self.assertEqual(version, want, name)
                self.assertLessEqual(tuple(map(int, version.removeprefix("GLIBC_").split("."))), (2, 17), name)
            dynamic = run(READELF, "-d", path).stdout
            needed = set(re.findall(r"NEEDED.*\[(.*)\]", dynamic))
            self.assertLessEqual({"libc.so.6"}, needed)
            self.assertLessEqual(needed, {library for library, *_ in rows()})
            self.assertIn("NOW", dynamic)
            for tag in ("RPATH", "RUNPATH", "TEXTREL", "INIT)", "RELR"):
                self.assertNotIn(tag, dynamic)

    def test_the_kernel_sees_no_loader_but_the_loader_sees_itself(self):
        with open(self.program, "rb") as file:
            whole = file.read()
        kinds = [part[0] for part in segments(whole)]
        self.assertNotIn(INTERPRETER, kinds)
        self.assertNotIn(7, kinds, "variables of threads")  # PT_TLS
        behind = struct.unpack_from("<Q", whole, 32)[0] + 56 * len(kinds)
        kind, _, offset, _, _, size, *_ = struct.unpack_from("<IIQQQQQQ", whole, behind)
        self.assertEqual((kind, whole[offset:offset + size]), (INTERPRETER, LOADER.encode() + b"\0"))

    def test_all_that_the_runtime_uses_is_a_row_or_has_no_system(self):
        """Another function would silently be musl's, beside the system's C library."""
        names = {name for _, name, _ in rows()}
        for system in LOADERS:
            archives = sorted(glob.glob(os.path.join(LIBRARIES, system, "libphi_*.a")))
            if not archives:
                continue
            self.assertEqual(len(archives), 3)
            used, defined = set(), set()
            for name, kind in re.findall(r"^(\S+) (\w)\b", run(NM, "--format=posix", *archives).stdout, re.M):
                (used if kind == "U" else defined).add(name)
            foreign = {name for name in used - defined if not name.startswith(("phi_", "musl_", "__ehdr_start"))}
            self.assertLessEqual(foreign - {"_start"}, names | PURE | OWN)
            self.assertLessEqual(OWN, defined)

    def test_stubs_have_the_rows_and_nothing_else(self):
        for system in LOADERS:
            if not os.path.isdir(os.path.join(LIBRARIES, system)):
                continue
            found = set()
            for stub in glob.glob(os.path.join(LIBRARIES, system, "imports", "*")):
                said = run(READELF, "--dyn-syms", "-W", stub).stdout
                found |= {(os.path.basename(stub), *pair) for pair in re.findall(r" (\w+)@@GLIBC_(\S+)", said)}
            x86 = system == "x86_64-linux"
            want = {(library, name, version if x86 else "2.17") for library, name, version in rows() if version or not x86}
            self.assertEqual(found, want)


class Driver(program.Programs):
    """A driver's library is found as the system's loader finds libraries, or missed in words."""
    FLAGS = ["--device=cuda", "--act=f32", "--kv=f32"]

    def setUp(self):
        if not os.path.exists(LOADER):
            self.skipTest("[SKIP] this system has no loader of glibc's")

    def tokens(self, *flags, stand_in=True, code=0):
        env = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
        if stand_in:
            env["LD_LIBRARY_PATH"] = CUDA
        return run(self.program, "--tokens", TOKENS, "-n", 3, "--temp", 0, "--ignore-eos", "--print-ids", "--stats=json", *flags, env=env, code=code)

    def test_a_stand_in_is_found(self):
        done = self.tokens()
        self.assertEqual(json.loads(done.stderr.splitlines()[-1])["device"], "cuda")
        self.assertEqual(done.stdout, self.tokens("--device=cpu").stdout)

    def test_without_a_driver_the_processor_runs(self):
        try:
            ctypes.CDLL("libcuda.so.1")
            self.skipTest("[SKIP] this machine has a driver")
        except OSError:
            pass
        missing = "lacks an NVIDIA driver (libcuda.so.1)"
        self.assertIn(missing, run(self.program, "--tokens", 1, "-n", 1).stderr)
        done = self.tokens(stand_in=False)
        self.assertEqual(json.loads(done.stderr.splitlines()[-1])["device"], "cpu")
        self.assertEqual(done.stdout, self.tokens("--device=cpu", stand_in=False).stdout)
        self.assertIn(missing, self.tokens("--device=cuda", stand_in=False, code=1).stderr)

    def test_libraries_find_it_as_the_program_that_they_are_in_does(self):
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            self.skipTest("[SKIP] no C compiler here")
        self.build(ONNX, self.path("libmodel.a"), "--emit=lib,shared,header")
        asked = imports(self.path("libmodel.so"))
        self.assertIn("dlopen", asked)
        self.assertLessEqual(set(asked), {name for _, name, _ in rows()} | PURE)  # without stat, which is new
        want = run(self.program, "Hello", "-n", 3, "--temp", 0, "--device=cpu").stdout
        example = os.path.join(HERE, "..", "..", "docs", "examples", "c", "generate.c")
        for library in ("libmodel.a", "libmodel.so"):
            user, counters = self.path("generate"), self.path("counters.json")
            run(compiler, "-I", self.folder.name, example, self.path(library), "-o", user, "-lpthread", "-ldl", "-Wl,-rpath,$ORIGIN")
            self.assertEqual(run(user, "Hello", 3).stdout, want)
            env = {**os.environ, "LD_LIBRARY_PATH": CUDA, "PHIC_CUDA_COUNTERS": counters}
            self.assertEqual(run(user, "Hello", 3, env=env).stdout, want)
            os.remove(counters)  # written by the stand-in

    def test_imports_are_all_of_the_runtime(self):
        self.assertLessEqual({"dlopen", "dlsym", "getenv", "access"}, set(imports(self.program)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
