# library.py - What --emit's libraries promise
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A library has one symbol, needs little, links everywhere, and answers as the program does.

    library.py PHIC CLANG CLANGXX RUNTIME_DIR [test...]

The examples of docs/examples are the programs that use it; each is also run under AddressSanitizer and ThreadSanitizer,
which watch the example and its memory, not the inside of the library (LibraryTest_address and LibraryTest_thread do that).
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PHIC, CLANG, CLANGXX, RUNTIME = (os.path.abspath(sys.argv.pop(1)) for _ in range(4))
TOOLS = os.path.dirname(os.path.realpath(CLANG))
EXAMPLES = os.path.join(HERE, "..", "..", "docs", "examples")
MODEL = os.path.join(HERE, "tiny-llama", "ort-genai-int4")
OTHER = os.path.join(HERE, "tiny-phi3", "ort-genai-int4-asym")

# All that a library may ask of the C library: functions of C and POSIX, and three of Linux, with the same meaning and the
# same data layouts in glibc and musl.
ALLOWED = set("""
    __stack_chk_fail __stack_chk_guard memcpy memmove memset bcmp memcmp strcmp strlen strchr strrchr strerror __errno_location
    open close read lseek stat mmap munmap madvise
    pthread_create pthread_join pthread_sigmask pthread_attr_init pthread_attr_setstacksize pthread_attr_destroy
    sigfillset sigdelset
    sched_getaffinity sched_setaffinity sched_getcpu sched_yield syscall""".split())
C_FLAGS = ["-std=c99", "-D_POSIX_C_SOURCE=200112L", "-Wall", "-Wextra", "-pedantic", "-Werror"]
CXX_FLAGS = ["-std=c++17", "-Wall", "-Wextra", "-pedantic", "-Werror"]


def run(*command, code=0, **more):
    done = subprocess.run(command, capture_output=True, **more)
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    assert done.returncode == code, f"{command} gave {done.returncode}:\n{out}{err}"
    return err if code else out


def tool(name, *arguments):
    return run(os.path.join(TOOLS, name), *arguments)


def skip(reason):
    print(f"[SKIP] {reason}", file=sys.stderr)


class Library(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="phic-library-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for name in ("c/generate.c", "c/two_models.c", "cpp/sessions.cpp"):
            shutil.copy(os.path.join(EXAMPLES, name), cls.folder)
        cls.build(MODEL, "libmodel.a", "lib,header,obj,shared,exe")
        cls.build(OTHER, "libother.a", "lib,header,exe")

    @classmethod
    def build(cls, model, output, emit, *flags, code=0, folder=None):
        return run(PHIC, "build", model, "-o", output, f"--emit={emit}", "--quiet", *flags, code=code, cwd=folder or cls.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def compile(self, compiler, output, *arguments, flags=()):
        run(compiler, *flags, *arguments, "-o", output, "-lpthread", cwd=self.folder)
        return self.path(output)

    def answer(self, program="model"):
        return run(self.path(program), "Hello", "-n", "16", "--temp", "0")

    # What is in a library.

    def test_the_query_function_is_the_only_symbol(self):
        for name in ("libmodel.a", "model.o"):
            symbols = [line.split() for line in tool("llvm-nm", "--extern-only", "--format=posix", self.path(name)).splitlines()]
            symbols = [s for s in symbols if len(s) > 1]
            self.assertEqual([s[0] for s in symbols if s[1] != "U"], ["phi_query_model"], name)
            self.assertLessEqual({s[0] for s in symbols if s[1] == "U"}, ALLOWED, name)
        dynamic = tool("llvm-nm", "--dynamic", "--defined-only", "--format=posix", self.path("libmodel.so"))
        self.assertEqual([line.split()[0] for line in dynamic.splitlines()], ["phi_query_model"])
        self.assertNotIn("NEEDED", tool("llvm-readelf", "--dynamic", self.path("libmodel.so")))

    def test_no_globals_and_no_constructors(self):
        sections = tool("llvm-readelf", "-SW", self.path("model.o"))
        for name in (".bss", ".tbss", ".tdata", ".init_array", ".ctors", ".eh_frame", ".text.startup"):
            self.assertNotRegex(sections, rf"\s{re.escape(name)}\s")
        self.assertNotRegex(sections, r"\s\.data\s+PROGBITS\s+\S+ \S+ (?!000000)")
        self.assertIn(".note.GNU-stack", sections)

    def test_sizes(self):
        self.build(MODEL, "libalone.a", "lib,header", "--weights=sidecar")
        self.assertLessEqual(os.path.getsize(self.path("libalone.a")), 400 << 10)
        with open(self.path("model.h")) as file:
            self.assertLessEqual(len(file.readlines()), 175)

    def test_inspect_reads_all(self):
        for name, kind in (("libmodel.a", "static library"), ("model.o", "object"), ("libmodel.so", "shared library"), ("model", "program")):
            said = run(PHIC, "inspect", self.path(name))
            self.assertRegex(said, rf"kind +{kind}\n")
            self.assertIn("bits per weight", said)
        self.assertIn("a library does not run by itself", run(PHIC, "verify", self.path("libmodel.a"), code=2))

    def test_the_same_bytes_every_time(self):
        again = self.path("again")
        os.mkdir(again)
        self.build(MODEL, "libmodel.a", "lib,header,obj,shared,exe", folder=again)
        for name in ("libmodel.a", "model.h", "model.o", "libmodel.so", "model"):
            with open(self.path(name), "rb") as first, open(os.path.join(again, name), "rb") as second:
                self.assertEqual(first.read(), second.read(), name)

    # Headers.

    def test_headers_are_c99_and_cxx17(self):
        text = '#include "model.h"\n#include "other.h"\n#include "model.h"\n'
        use = "int main(void) { return phi_query_model(PHI_ABI_VERSION) == phi_query_other(0) || PHI_MODEL_VOCAB == PHI_OTHER_VOCAB; }\n"
        for name in ("use.c", "use.cpp"):
            with open(self.path(name), "w") as file:
                file.write(text + use)
        for c, cxx in ((CLANG, CLANGXX), ("gcc", "g++")):
            for compiler, flags, name in ((c, C_FLAGS, "use.c"), (cxx, CXX_FLAGS, "use.cpp")):
                if shutil.which(compiler):
                    run(compiler, *flags, "-fsyntax-only", name, cwd=self.folder)
                else:
                    skip(f"no {compiler} here")

    # Programs.

    def test_answers_as_the_program_does(self):
        self.assertEqual(run(self.compile(CLANG, "generate", "generate.c", "libmodel.a", flags=C_FLAGS), "Hello", "16"), self.answer())
        self.assertEqual(run(self.compile(CLANG, "generate_o", "generate.c", "model.o"), "Hello", "16"), self.answer())
        self.assertEqual(run(self.compile(CLANG, "generate_so", "generate.c", "libmodel.so", "-Wl,-rpath,$ORIGIN"), "Hello", "16", cwd=self.folder), self.answer())

    def test_links_with_any_linker_anywhere(self):
        for linker in ("bfd", "lld"):
            for pie in ("-pie", "-no-pie"):
                if not shutil.which(f"ld.{linker}"):
                    skip(f"no ld.{linker} here")
                    continue
                compiler = shutil.which("gcc") or CLANG
                flags = [f"-fuse-ld={linker}", pie, "-fPIE" if pie == "-pie" else "-fno-pie"]
                program = self.compile(compiler, f"generate_{linker}{pie}", "generate.c", "libmodel.a", flags=flags)
                self.assertEqual(run(program, "Hello", "16"), self.answer(), flags)

    def test_links_with_musl(self):
        musl = "/usr/include/x86_64-linux-musl"
        if not os.path.isdir(musl):
            return skip(f"no {musl}")
        builtin = run(CLANG, "-print-resource-dir").strip() + "/include"
        run(CLANG, "--target=x86_64-linux-musl", *C_FLAGS, "-nostdinc", "-isystem", builtin, "-isystem", musl, "-c", "generate.c",
            "-o", "musl.o", cwd=self.folder)
        runtime = [os.path.join(RUNTIME, name) for name in ("Scrt1.o", "crti.o", "libc.a", "crtn.o")]
        tool("ld.lld", "-static", *runtime[:2], self.path("musl.o"), self.path("libmodel.a"), *runtime[2:], "-o", self.path("generate_musl"))
        self.assertEqual(run(self.path("generate_musl"), "Hello", "16"), self.answer())

    def test_two_models_in_one_program(self):
        wanted = "".join(run(self.path(name), "--tokens", "1,2,3", "-n", "8", "--print-ids", "--temp", "0", "--ignore-eos").replace("\n", " ").strip() + "\n"
                         for name in ("model", "other"))
        for sanitizer in ([], ["-fsanitize=address"], ["-fsanitize=thread"]):
            program = self.compile(CLANG, "two_models", "two_models.c", "libmodel.a", "libother.a", flags=C_FLAGS + sanitizer)
            self.assertEqual(run(program), wanted, sanitizer)

    def test_sessions_share_a_model(self):
        for sanitizer in ([], ["-fsanitize=address"], ["-fsanitize=thread"]):
            program = self.compile(CLANGXX, "sessions", "sessions.cpp", "libmodel.a", flags=CXX_FLAGS + sanitizer)
            first, second = run(program, "Once upon a time").split("\n")[:2]
            self.assertEqual(first, second)
            self.assertEqual(run(self.compile(CLANG, "generate_s", "generate.c", "libmodel.a", flags=C_FLAGS + sanitizer), "Hello", "16"), self.answer())

    # Weights in a file of their own.

    def test_sidecar_is_beside_the_code(self):
        apart = self.path("apart")
        os.mkdir(apart)
        self.build(MODEL, "libmodel.a", "lib,header,shared,exe", "--weights=sidecar", folder=apart)
        self.assertEqual(sorted(os.listdir(apart)), ["libmodel.a", "libmodel.so", "model", "model.h", "model.weights"])
        programs = [os.path.join(apart, name) for name in ("generate", "generate_so")]
        run(CLANG, "-I", apart, "generate.c", os.path.join(apart, "libmodel.a"), "-lpthread", "-o", programs[0], cwd=self.folder)
        lib = os.path.join(apart, "lib")
        os.mkdir(lib)
        shutil.move(os.path.join(apart, "libmodel.so"), lib)
        shutil.copy(os.path.join(apart, "model.weights"), lib)
        run(CLANG, "-I", apart, "generate.c", os.path.join(lib, "libmodel.so"), "-Wl,-rpath,$ORIGIN/lib", "-o", programs[1], cwd=self.folder)
        program = os.path.join(apart, "model")
        for example in programs:
            self.assertEqual(run(example, "Hello", "16", cwd="/"), self.answer())
        self.assertEqual(run(program, "Hello", "-n", "16", "--temp", "0", cwd="/"), self.answer())
        run(PHIC, "verify", program)

        # Moved away: never found in the working directory, only where it is said to be.
        elsewhere = self.path("elsewhere")
        os.mkdir(elsewhere)
        for folder in (apart, lib):
            shutil.move(os.path.join(folder, "model.weights"), os.path.join(elsewhere, "model.weights"))
        for example, place in zip(programs, (apart, lib)):
            self.assertIn(f"cannot open the weights, {place}/model.weights: No such file", run(example, "Hello", "16", code=1, cwd=elsewhere))
        self.assertIn("No such file", run(program, "Hello", code=2, cwd=elsewhere))
        weights = os.path.join(elsewhere, "model.weights")
        self.assertEqual(run(program, "Hello", "-n", "16", "--temp", "0", "--weights", weights, cwd="/"), self.answer())
        self.assertIn("No such file", run(PHIC, "verify", program, code=2))

        # Another model's, cut short, or no weights at all.
        self.build(OTHER, "other", "exe", "--weights=sidecar", folder=elsewhere)
        self.assertIn("holds other weights", run(program, "Hello", "--weights", os.path.join(elsewhere, "other.weights"), code=2))
        os.truncate(weights, os.path.getsize(weights) - 1)
        self.assertIn("is damaged", run(program, "Hello", "--weights", weights, code=2))
        self.assertIn("holds no weights", run(program, "Hello", "--weights", PHIC, code=2))
        self.assertIn("are embedded", run(self.path("model"), "Hello", "--weights", weights, code=1))

    # Mistakes.

    def test_mistakes_are_told(self):
        def mistake(*flags):
            before = sorted(os.listdir(self.folder))
            text = run(PHIC, "build", MODEL, *flags, code=1, cwd=self.folder)
            self.assertEqual(sorted(os.listdir(self.folder)), before)
            return text
        self.assertIn("--emit", mistake("-o", "x", "--emit=lib,dll"))
        self.assertIn("two outputs would be x.o", mistake("-o", "x.o", "--emit=exe,obj"))
        self.assertIn("--name=a-b is no C identifier", mistake("-o", "x", "--emit=lib", "--name=a-b"))
        self.assertIn("--name names a library's query function, but --emit=exe has none", mistake("-o", "x", "--name=a"))
        self.assertIn("--weights", mistake("-o", "x", "--weights=elsewhere"))

    def test_names(self):
        self.build(MODEL, "phi-3.5.a", "lib,header")
        self.assertIn("phi_query_phi_3_5", tool("llvm-nm", self.path("phi-3.5.a")))
        with open(self.path("phi-3.5.h")) as file:
            self.assertIn("phi_query_phi_3_5(uint32_t version)", file.read())
        self.build(MODEL, "named.o", "obj", "--name=mine")
        self.assertIn("T phi_query_mine", tool("llvm-nm", self.path("named.o")))


if __name__ == "__main__":
    unittest.main()
