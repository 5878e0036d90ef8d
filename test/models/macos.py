# macos.py - Programs and libraries for macOS, made and run on Linux
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The files are what macOS asks for (macho.py), and a planted flaw of each kind is found. The code in them runs in
test/emulators/macos: its logits are those of aarch64-linux, bit for bit, on every level, and `phic verify` agrees. No Mac
takes part.

    macos.py PHIC CLANG [test...]
"""
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import unittest

CLANG = sys.argv.pop(2)

import numpy as np

import macho
from levels import HERE, MODELS, PHIC, TOKENS, Programs, run

QEMU = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
FOLDER = os.path.join(os.path.dirname(PHIC), "..", "lib", "phic", "arm64-macos")
EMULATOR, STUB = os.path.join(FOLDER, "run-macos"), os.path.join(FOLDER, "LibSystem.tbd")
LLD = os.path.join(os.path.dirname(os.path.realpath(CLANG)), "ld64.lld")
# What qemu plays: the best level that it runs, and a number of threads.
PROCESSORS = {"cortex-a76": ("neon+dotprod", 1), "max": ("neon+i8mm", 3)}
SMALL, OTHER = "tiny-llama/ort-genai-int4", "tiny-phi3/ort-genai-int4-asym"
needs_emulator = lambda what: unittest.skipUnless(QEMU, "[SKIP] no qemu-aarch64: package qemu-user has it")(
    unittest.skipUnless(os.path.exists(EMULATOR), "[SKIP] this phic was built without musl for arm64, which .ci/install-deps gets")(what))


class Macos(Programs):
    def build_for(self, system, model, *flags, name=None):
        program = self.path(name or re.sub(r"\W", "-", f"{system}-{model}{''.join(flags)}"))
        if not os.path.exists(program):
            run(PHIC, "build", os.path.join(HERE, model), "-o", program, "-q", "--target", system, *flags)
        return program

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()


class Files(Macos):
    def program(self):
        return self.read(self.build_for("arm64-macos", SMALL))

    def complaints(self, data, is_program=True):
        return macho.complaints(bytes(data), STUB, is_program)

    def test_every_kind_of_program_is_what_macos_asks_for(self):
        for model, flags in MODELS + [(SMALL, ["--weights=sidecar"])]:
            with self.subTest(model=model, flags=flags):
                self.assertEqual(self.complaints(self.read(self.build_for("arm64-macos", model, *flags))), [])

    def test_a_shared_library_too(self):
        library = self.build_for("arm64-macos", SMALL, "--emit=shared", name="libllama.dylib")
        self.assertEqual(self.complaints(self.read(library), is_program=False), [])
        exported = run(os.path.join(os.path.dirname(LLD), "llvm-nm"), "-gU", library).stdout
        self.assertEqual(re.findall(r" [A-Z] (\S+)", exported), ["_phi_query_llama"])

    def test_what_may_be_imported_is_all_imported_or_the_compilers(self):
        """The stub lists nothing that is not needed, and the emulator has all of it."""
        file = macho.Macho(self.program())
        unused = macho.stub_symbols(STUB) - macho.imports_of(file)
        self.assertLessEqual(unused, {"_memset", "_memset_pattern16", "_memcmp", "_memmove", "_strcmp"}, "what code generation may call")
        with open(os.path.join(HERE, "..", "emulators", "macos", "libsystem.c")) as source:
            self.assertEqual(set(re.findall(r'\{"(_\w+)", ', source.read())), macho.stub_symbols(STUB))

    def test_builds_are_equal_whatever_their_name(self):
        again = self.build_for("arm64-macos", SMALL, name="another-name")
        self.assertEqual(self.read(again), self.program())
        libraries = [self.read(self.build_for("arm64-macos", SMALL, "--emit=lib", "--name=m", name=name)) for name in ("libm.a", "libother.a")]
        self.assertEqual(*libraries)

    def test_the_register_that_macos_clears_is_not_used(self):
        """x18 is the platform's: nothing would notice here, where it is anyone's, as the code for Linux shows."""
        def uses(system):
            code = run(os.path.join(os.path.dirname(LLD), "llvm-objdump"), "-d", "--no-show-raw-insn", self.build_for(system, SMALL)).stdout
            self.assertIn("smmla", code)
            return len(re.findall(r"\b[xw]18\b", code))
        self.assertEqual(uses("arm64-macos"), 0)
        self.assertGreater(uses("aarch64-linux"), 0)

    def flawed(self, change):
        """The complaints about a program after `change(bytes, Macho)`."""
        data = bytearray(self.program())
        change(data, macho.Macho(bytes(data)))
        return self.complaints(data)

    def test_a_planted_flaw_is_found(self):
        def flip(offset):
            def change(data, file):
                data[offset(file)] ^= 1
            return change

        def set_word(at, value, width="<I"):
            return lambda data, file: struct.pack_into(width, data, at(file), value)

        segment = lambda file, name: next(at for at in file.all(macho.SEGMENT) if file.data[at + 8:at + 24].rstrip(b"\0") == name)
        library = lambda file: file.all(macho.DYLIB)[0] + 24
        weights_pointer = lambda file: next(at for _, at, target in file.fixups()[0] if target == file.segment("__PHI").address)
        other_pointer = lambda file: next(at for _, at, target in file.fixups()[0] if target and target < file.segment("__PHI").address)

        def second_pointer(data, file):
            low = struct.unpack_from("<Q", data, weights_pointer(file))[0] & 0xfffffffff
            old, = struct.unpack_from("<Q", data, other_pointer(file))
            struct.pack_into("<Q", data, other_pointer(file), old & ~0xfffffffff | low)

        flaws = {
            "page": flip(lambda file: file.section("__text")[2] + 100),
            "page of ": flip(lambda file: file.section("__weights")[2] + 100),
            "signature is not the end": lambda data, file: data.extend(b"\0" * 16),
            "signature is of another": set_word(lambda file: struct.unpack_from("<I", file.data, file.all(macho.SIGNATURE)[0] + 8)[0] + 24 + 32, 0),
            "__TEXT is writable and executable": set_word(lambda file: segment(file, b"__TEXT") + 60, 7),
            "__PHI does not lie on pages": set_word(lambda file: segment(file, b"__PHI") + 24, 0x100001000, "<Q"),
            "overlaps": set_word(lambda file: segment(file, b"__DATA_CONST") + 32, 1 << 30, "<Q"),
            "weights are not read-only": set_word(lambda file: segment(file, b"__PHI") + 60, 3),
            "elsewhere in the file": set_word(lambda file: segment(file, b"__PHI") + 72 + 48, 16384),
            "needs the library": flip(lambda file: library(file) + 5),
            "imports _": flip(lambda file: file.fixups()[1][0] + 2),
            "begins outside": set_word(lambda file: file.all(macho.MAIN)[0] + 8, 8),
            "not for macOS": set_word(lambda file: file.all(macho.VERSION)[0] + 8, 2),
            "not position-independent": set_word(lambda file: 24, 0x85),
            "0 load commands 0x1b": set_word(lambda file: file.all(macho.UUID)[0], macho.TRIE),
            "a load command that phic does not write": set_word(lambda file: file.all(macho.UUID)[0], 0x26),
            "no table of exports": set_word(lambda file: file.all(macho.TRIE)[0] + 12, 0),
            "pointers lead into the weights": second_pointer,
            "no Mach-O": flip(lambda file: 0),
            "first 4 GiB": set_word(lambda file: segment(file, b"__PAGEZERO") + 32, 16384, "<Q"),
        }
        for wanted, change in flaws.items():
            with self.subTest(flaw=wanted):
                self.assertIn(wanted.removesuffix(" of "), " ".join(self.flawed(change)))

    def test_inspect_reads_them_and_names_damage(self):
        facts = json.loads(run(PHIC, "inspect", "--json", self.build_for("arm64-macos", SMALL)).stdout)
        self.assertEqual((facts["target"], facts["kind"], facts["cpu_variants"]), ("arm64-macos", "program", ["neon+i8mm", "neon+dotprod"]))
        self.assertLess(facts["code_bytes"], 300 << 10)
        for name, flags, kind in [("libllama.dylib", ["--emit=shared"], "shared library"), ("libllama.a", ["--emit=lib"], "static library")]:
            facts = json.loads(run(PHIC, "inspect", "--json", self.build_for("arm64-macos", SMALL, *flags, name=name)).stdout)
            self.assertEqual((facts["kind"], facts["weight_bytes"]), (kind, 195968))
        cut = self.path("cut")
        with open(cut, "wb") as file:
            file.write(self.program()[:-20000])
        self.assertIn("cut: the file is damaged: ", run(PHIC, "inspect", cut, code=2).stderr)

    def test_one_level_for_one_processor(self):
        facts = json.loads(run(PHIC, "inspect", "--json", self.build_for("arm64-macos", SMALL, "--cpu=apple-m1")).stdout)
        self.assertEqual(facts["cpu_variants"], ["neon+dotprod"])


@needs_emulator
class Runs(Macos):
    def mac(self, *words, processor="max", code=0):
        return run(QEMU, "-cpu", processor, EMULATOR, *words, code=code)

    def outcome(self, command, *flags):
        file = self.path("logits.npy")
        done = run(*command, "--tokens", TOKENS, "--logits", file, "-n", 3, "--temp", 0, "--ignore-eos", "--print-ids", "--stats=json", *flags)
        return np.load(file).tobytes(), done.stdout, json.loads(done.stderr)["cpu_variant"]

    def test_every_level_computes_what_it_does_on_linux(self):
        for model, flags in MODELS:
            on_linux, on_mac = (self.build_for(system, model, *flags) for system in ("aarch64-linux", "arm64-macos"))
            for processor, (level, threads) in PROCESSORS.items():
                with self.subTest(model=model, flags=flags, processor=processor):
                    wanted = self.outcome([QEMU, "-cpu", processor, on_linux])
                    self.assertEqual(wanted[2], level)
                    self.assertEqual(self.outcome([QEMU, "-cpu", processor, EMULATOR, on_mac], "--threads", threads), wanted)

    def test_verify_runs_the_very_program(self):
        program = self.build_for("arm64-macos", "tiny-llama/gguf-Q4_K_M")
        for processor in PROCESSORS:
            done = subprocess.run([PHIC, "verify", program], capture_output=True, text=True, env={**os.environ, "QEMU_CPU": processor})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("every value within its bound", done.stdout)

    def test_verify_names_a_wrong_instruction(self):
        data = bytearray(self.read(self.build_for("arm64-macos", SMALL, "--cpu=neon+i8mm")))
        _, size, offset, _ = macho.Macho(bytes(data)).section("__text")
        words = np.frombuffer(data, dtype="<u4", count=size // 4, offset=offset)
        signed = (words & 0xffe0fc00) == 0x4e80a400  # smmla
        self.assertGreater(int(signed.sum()), 0)
        words[signed] |= 1 << 29                     # ummla
        wrong = self.path("wrong")
        with open(wrong, "wb") as file:
            file.write(data)
        done = subprocess.run([PHIC, "verify", wrong], capture_output=True, text=True, env={**os.environ, "QEMU_CPU": "max"})
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("stage 'layers.0.attn.qkv' diverges", done.stderr)

    def test_a_processor_without_the_instructions_is_told(self):
        program = self.build_for("arm64-macos", SMALL)
        self.assertEqual(self.mac(program, "--tokens", "1", processor="cortex-a53", code=1).stderr,
                         "this model needs a processor with neon+dotprod; this one lacks DOTPROD (sdot)\n")

    def test_files_are_made_with_their_mode(self):
        """Variable arguments of `open` go where macOS has them."""
        file = self.path("mode.npy")
        before = os.umask(0o027)
        self.mac(self.build_for("arm64-macos", SMALL), "--tokens", "1", "--logits", file)
        os.umask(before)
        self.assertEqual(os.stat(file).st_mode & 0o777, 0o640)

    def test_text_in_and_out(self):
        done = subprocess.run([QEMU, "-cpu", "max", EMULATOR, self.build_for("arm64-macos", SMALL), "-n", "5", "--temp", "0"],
                              input=b"hello", capture_output=True)
        here = subprocess.run([self.build_for("x86_64-linux", SMALL), "-n", "5", "--temp", "0"], input=b"hello", capture_output=True)
        self.assertEqual((done.returncode, done.stdout), (0, here.stdout))
        self.assertIn("no-such-file", self.mac(self.build_for("arm64-macos", SMALL), "--tokens-file", "no-such-file", code=1).stderr)

    def test_an_interrupt_ends_it(self):
        process = subprocess.Popen([QEMU, "-cpu", "max", EMULATOR, self.build_for("arm64-macos", SMALL), "--tokens", "1,2,3", "--ignore-eos",
                                    "--print-ids", "--threads", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)

    def test_a_sidecar_lies_beside_it(self):
        program = self.build_for("arm64-macos", SMALL, "--weights=sidecar", name="aside")
        self.assertEqual(self.mac(program, "--tokens", "1,2,3", "-n", 3, "--print-ids").stdout,
                         self.mac(self.build_for("arm64-macos", SMALL), "--tokens", "1,2,3", "-n", 3, "--print-ids").stdout)
        os.rename(self.path("aside.weights"), self.path("moved.weights"))
        self.assertIn("cannot open the weights", self.mac(program, "--tokens", "1", code=2).stderr)
        self.mac(program, "--tokens", "1", "-n", 1, "--weights", self.path("moved.weights"))

    def test_the_emulator_refuses_what_macos_would(self):
        data = self.read(self.build_for("arm64-macos", SMALL))
        file = macho.Macho(data)
        text = next(at for at in file.all(macho.SEGMENT) if data[at + 8:at + 14] == b"__TEXT")
        for at, value, words in [(text + 60, 7, "writable and executable"), (file.fixups()[1][0], 0x41414141, "imports what this libSystem lacks"),
                                 (file.all(macho.VERSION)[0] + 8, 2, "not for macOS")]:
            wrong = bytearray(data)
            struct.pack_into("<I", wrong, at, value)
            if at == text + 60:
                struct.pack_into("<I", wrong, at - 4, value)
            path = self.path("refused")
            with open(path, "wb") as output:
                output.write(wrong)
            self.assertIn(words, self.mac(path, "--tokens", "1", code=126).stderr)

    def test_two_libraries_link_into_one_program(self):
        """One with its weights in it, one with a sidecar, which is found beside the program."""
        for model, name, flags in [(SMALL, "one", []), (OTHER, "two", ["--weights=sidecar"])]:
            run(PHIC, "build", os.path.join(HERE, model), "-o", self.path(f"lib{name}.a"), "-q", "--target=arm64-macos", "--emit=lib,header", *flags)
        program = self.path("both")
        run(CLANG, "--target=arm64-apple-macos12", "-x", "c", "-O1", "-Wall", "-Wextra", "-Werror", "-std=c99", "-nostdlibinc", "-fno-stack-protector",
            "-I", self.folder.name,
            "-c", os.path.join(HERE, "macos_libraries.c"), "-o", program + ".o")
        run(LLD, "-arch", "arm64", "-platform_version", "macos", "12.0", "12.0", "-adhoc_codesign", "-fixup_chains", "-dead_strip", program + ".o",
            self.path("libone.a"), self.path("libtwo.a"), STUB, "-o", program)
        got = subprocess.run([QEMU, "-cpu", "max", EMULATOR, program], capture_output=True, check=True).stdout
        wanted = b""
        for model in (SMALL, OTHER):
            file = self.path("logits.npy")
            run(QEMU, "-cpu", "max", self.build_for("aarch64-linux", model), "--tokens", "1,2,3", "--logits", file)
            wanted += np.load(file)[-1].tobytes()
        self.assertEqual(got, wanted)
        self.assertNotIn("__phi_manifest", [name for segment in macho.Macho(self.read(program)).segments for name in segment.sections])


if __name__ == "__main__":
    unittest.main(verbosity=2)
