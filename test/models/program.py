# program.py - What a program promises, whole
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Properties of built programs that no unit sees: equal bytes, equal bits for any thread count, an empty root
directory, damaged files, and that `phic verify` passes a right program and names the stage of a wrong one.

    program.py PHIC [test...]
"""
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import onnx

import reference
from seal import image, seal, sections, segments

HERE = os.path.dirname(os.path.abspath(__file__))
PHIC = os.path.abspath(sys.argv.pop(1))
ONNX = os.path.join(HERE, "tiny-llama", "ort-genai-int4")
GGUF = os.path.join(HERE, "tiny-llama", "gguf-Q4_K_M", "tiny-llama-Q4_K_M.gguf")
LONGROPE = os.path.join(HERE, "tiny-phi35-longrope", "gguf-Q4_0")
TOKENS = "1,90,485,204,60,77,293,340,349,36,2,204,1,448,88,275,89,393,204"


def run(*command, code=0, **kwargs):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **kwargs)
    assert done.returncode == code, f"{' '.join(map(str, command))}: exit code {done.returncode}, not {code}: {done.stderr}"
    return done


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data, executable=False):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o755 if executable else 0o644)
    return path


class Programs(unittest.TestCase):
    FLAGS = []  # of the build

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="phic-program-")
        cls.program = cls.path("program")
        cls.build(ONNX, cls.program)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def build(cls, model, output, *flags, **kwargs):
        return run(PHIC, "build", model, "-o", output, "-q", *cls.FLAGS, *flags, **kwargs)

    def logits(self, program, *flags):
        file = self.path("logits.npy")
        run(program, "--tokens", TOKENS, "--logits", file, *flags)
        return np.load(file)

    def refuses(self, done):
        """One sentence on stderr, not a crash."""
        self.assertGreater(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"\w+ \w+")
        self.assertNotIn("Stack dump", done.stderr)
        self.assertNotIn("Assertion", done.stderr)


class Determinism(Programs):
    def test_two_builds_are_byte_equal_from_any_path(self):
        elsewhere = self.path("another/place/for/the/model")
        shutil.copytree(ONNX, elsewhere)
        self.build(elsewhere, self.path("again"), cwd="/", env={**os.environ, "LC_ALL": "C", "TZ": "Asia/Tokyo"})
        self.assertEqual(read(self.program), read(self.path("again")))

    def test_jobs_do_not_change_a_byte(self):
        for model in ONNX, GGUF:
            for jobs in 1, 2, 5:
                self.build(model, self.path(f"jobs-{jobs}"), f"--jobs={jobs}")
            self.assertEqual(read(self.path("jobs-1")), read(self.path("jobs-2")))
            self.assertEqual(read(self.path("jobs-1")), read(self.path("jobs-5")))

    def test_threads_do_not_change_a_bit(self):
        one = self.logits(self.program, "--threads", 1)
        for threads in (2, 3):
            self.assertEqual(one.tobytes(), self.logits(self.program, "--threads", threads).tobytes())
        generate = lambda threads: run(self.program, "--tokens", TOKENS, "-n", 12, "--temp", 0, "--ignore-eos", "--print-ids", "--threads", threads).stdout
        self.assertEqual(len(generate(1).split()), 12)
        self.assertEqual(generate(1), generate(2))

    def test_a_row_does_not_depend_on_the_rows_beside_it(self):
        """verify (5 rows) and prefill (19 rows) give row 4 the same bits."""
        file = self.path("short.npy")
        run(self.program, "--tokens", ",".join(TOKENS.split(",")[:5]), "--logits", file)
        self.assertEqual(np.load(file).tobytes(), self.logits(self.program)[:5].tobytes())

    def test_guesses_do_not_change_a_token(self):
        """Tokens that --prompt-lookup guesses right come from `verify`, in steps of up to 8 rows, and are those of `decode`."""
        repeating = ",".join(["11,42,7,99,5,301,18"] * 4)
        for sampling in (["--temp", 0], ["--temp", 0.7, "--seed", 3]):
            flags = ["--tokens", repeating, "-n", 200, "--ignore-eos", "--print-ids", "--stats=json", *sampling]
            plain = run(self.program, *flags).stdout
            for most in (1, 4, 7):
                done = run(self.program, *flags, "--prompt-lookup", most)
                self.assertEqual(done.stdout, plain)
                stats = json.loads(done.stderr.splitlines()[-1])
                self.assertEqual(stats["decode_tokens"], 199)
                self.assertGreater(stats["guessed_tokens"], 0)

    def test_runs_in_an_empty_root_directory(self):
        root = self.path("root")
        os.makedirs(root, exist_ok=True)
        shutil.copy(self.program, os.path.join(root, "program"))
        command = ["/program", "--tokens", TOKENS, "-n", "4", "--temp", "0", "--print-ids"]
        chroot = ["chroot", root] if os.geteuid() == 0 else ["unshare", "--map-root-user", "chroot", root]
        probe = subprocess.run(chroot + ["/program", "--version"], capture_output=True, text=True)
        if probe.returncode and "not permitted" in probe.stderr:
            self.skipTest("[SKIP] this user may not change the root directory")
        self.assertEqual(run(*chroot, *command).stdout, run(self.program, *command[1:]).stdout)


class Memory(Programs):
    def test_check_predicts_the_memory_of_a_run(self):
        """What the runtime reserves to the byte, and the resident peak at a full context from above."""
        checked = json.loads(run(PHIC, "check", ONNX, "--json", "--machine=reference", "--threads", 2).stdout)["memory"]
        count = checked["context"] - len(TOKENS.split(","))
        stats = json.loads(run(self.program, "--tokens", TOKENS, "-n", count, "--ignore-eos", "--temp", 0, "--print-ids",
                               "--threads", 2, "--stats=json").stderr)
        for key in ("weight_bytes", "kv_bytes", "arena_bytes", "scratch_bytes"):
            self.assertEqual(checked[key], stats[key], key)
        self.assertLessEqual(stats["peak_rss_bytes"], checked["total_bytes"])
        self.assertGreater(stats["peak_rss_bytes"], checked["weight_bytes"] + checked["kv_bytes"])

    def test_peak_memory_is_the_programs_own(self):
        """Linux lets a process begin with the peak of the one that forked it."""
        command = [self.program, "--tokens", "1,2", "-n", "2", "--print-ids", "--stats=json"]
        large = "x = bytearray(300 << 20); import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
        done = run(sys.executable, "-c", large, *command)
        self.assertLess(json.loads(done.stderr)["peak_rss_bytes"], 64 << 20)

    def test_a_program_that_needs_too_much_is_not_built(self):
        output = self.path("too-large")
        done = run(PHIC, "build", ONNX, "-o", output, "--max-memory=1MB", code=2)
        self.assertRegex(done.stderr, r"phic: error: the program needs [\d.]+ MiB with 512 tokens and 2 threads, more than --max-memory=1.0 MiB")
        self.assertIn("phic: note: KV cache of 512 tokens takes 128.0 KiB", done.stderr)
        self.assertFalse(os.path.exists(output))
        run(PHIC, "build", ONNX, "-o", output, "--max-memory=1GiB")


class Damage(Programs):
    def run_damaged(self, name, data):
        self.refuses(subprocess.run([write(self.path(name), data, executable=True), "--tokens", "1,2", "-n", "1"],
                                    capture_output=True, text=True))

    def test_program_cut_short(self):
        whole = read(self.program)
        weights, size = sections(whole)[".phi_weights"]
        self.run_damaged("cut-in-the-weights", whole[:weights + size // 2])
        self.run_damaged("cut-at-the-end", whole[:weights + size - 8])

    def test_program_of_another_version(self):
        whole = bytearray(read(self.program))
        model, _ = sections(whole)[".phi_model"]
        whole[model + 4] ^= 0x40
        self.run_damaged("other-version", seal(whole))

    def test_any_other_byte_is_refused(self):
        """Of code, constants, the model struct and the tables, before anything of it is used. In the first page there may be
        nothing left that could refuse."""
        whole, chance = read(self.program), random.Random(31)
        tables, size = sections(whole)[".phi_tokenizer"]
        parts = [(max(begin, 4096), end) for begin, end in [*image(whole), (tables, tables + size)]]
        places = [chance.randrange(*part) for part in parts for _ in range(12)]
        places += [begin for begin, _ in parts] + [end - 1 for _, end in parts]
        for place in places:
            changed = bytearray(whole)
            changed[place] ^= 1 << chance.randrange(8)
            with self.subTest(place=place):
                done = subprocess.run([write(self.path("changed"), changed, executable=True), "hello", "-n", "1"],
                                      capture_output=True, text=True, timeout=20)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertRegex(done.stderr, "file is damaged")
                if place < tables:
                    self.refuses(run(PHIC, "inspect", self.path("changed"), code=2))

    def test_a_program_cut_anywhere_behind_its_front_is_refused(self):
        whole = read(self.program)
        weights, size = sections(whole)[".phi_weights"]
        for length in [4096, 4097, 10000, *range(20000, weights + size, 24001), weights, len(whole) - 1]:
            done = subprocess.run([write(self.path("cut"), whole[:length], executable=True), "hello", "-n", "1"],
                                  capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 2, length)
            self.assertRegex(done.stderr, "file is damaged", length)

    def test_a_manifest_that_was_changed_is_refused(self):
        whole = read(self.program)
        offset, size = sections(whole)[".phi_manifest"]
        changed = bytearray(whole)
        changed[offset + size // 2] ^= 1
        for verb in ("inspect", "verify"):
            said = run(PHIC, verb, write(self.path("changed"), changed, executable=True), code=2).stderr
            self.assertIn("its manifest has been changed", said)
        # What was linked with values of other types: what reads them says so.
        manifest = json.loads(whole[offset:offset + size])
        del manifest["act"]  # makes room
        for key in ("phic", "kernels", "formats", "entries", "plans", "files", "vocab"):
            for value in (5, "x", [5], {"x": 5}, None):
                if type(value) is type(manifest[key]) and not isinstance(value, (list, dict)):
                    continue
                text = json.dumps({**manifest, key: value}, separators=(",", ":")).encode().ljust(size)
                wrong = write(self.path("types"), seal(whole[:offset] + text + whole[offset + size:]), executable=True)
                said = run(PHIC, "inspect", wrong, code=2).stderr
                self.assertRegex(said, f"the manifest is damaged: '{key}")

    def test_inspect_and_verify_refuse_foreign_files(self):
        whole = read(self.program)
        weights, size = sections(whole)[".phi_weights"]
        flipped = bytearray(whole)
        flipped[weights + size // 2] ^= 1
        for name, data in (("text", b"no program"), ("empty", b""), ("cut", whole[:1000]), ("half", whole[:len(whole) // 2])):
            for verb in ("inspect", "verify"):
                self.refuses(run(PHIC, verb, write(self.path(name), data, executable=True), code=2))
        self.refuses(run(PHIC, "verify", write(self.path("flipped"), flipped, executable=True), code=2))


class DamagedModels(Programs):
    def build_damaged(self, model):
        output = self.path("never")
        done = run(PHIC, "build", model, "-o", output, code=2)
        self.refuses(done)
        self.assertFalse(os.path.exists(output), "a failed build leaves nothing")

    def test_onnx_files_cut_short(self):
        for file in ("model.onnx", "model.onnx.data"):
            model = self.path("cut-" + file)
            shutil.copytree(ONNX, model)
            data = read(os.path.join(model, file))
            write(os.path.join(model, file), data[:len(data) * 2 // 3])
            self.build_damaged(model)

    def test_gguf_files_cut_short(self):
        data = read(GGUF)
        for length in (6, 100, 5000, len(data) // 2, len(data) - 1):
            self.build_damaged(write(self.path(f"cut-{length}.gguf"), data[:length]))


class Hardening(Programs):
    def test_programs_lie_anywhere_and_close_what_they_do_not_write(self):
        whole = read(self.program)
        self.assertEqual(struct.unpack_from("<H", whole, 16)[0], 3)  # ET_DYN
        kinds = {part[0] for part in segments(whole)}
        self.assertNotIn(3, kinds, "no loader")  # PT_INTERP
        self.assertIn(0x6474E552, kinds)  # PT_GNU_RELRO
        for kind, flags, *_ in segments(whole):
            self.assertFalse(flags & 1 and flags & 2, "written and executed")
            if kind == 0x6474E551:  # PT_GNU_STACK
                self.assertFalse(flags & 1)

    def test_pointers_are_closed_when_it_runs(self):
        """Of the image, only plain data is still written to; and no two runs lie in one place."""
        bases = set()
        for _ in range(4):
            with subprocess.Popen([self.program, "-i", "--stats"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
                running.stdin.write(b"hello\n")
                running.stdin.flush()
                running.stdout.read(1)  # it answers
                with open(f"/proc/{running.pid}/maps") as maps:
                    own = [line.split() for line in maps if self.program in line]
                running.kill()
            bases.add(own[0][0])
            self.assertEqual([line[1] for line in own].count("rw-p"), 1, own)
            self.assertIn("r-xp", own[0][1])
        self.assertGreater(len(bases), 1)


class Verify(Programs):
    def verify(self, program, *flags, code=0):
        return run(PHIC, "verify", program, *flags, code=code)

    def test_right_programs_pass(self):
        for model, flags in ((ONNX, []), (ONNX, ["--act=f32", "--kv=f32"]), (GGUF, []), (LONGROPE, [])):
            program = self.path("right")
            run(PHIC, "build", model, "-o", program, "-q", *flags)
            self.assertIn("every value within its bound", self.verify(program, f"--model={model}").stdout)

    def patched(self, name, opcode, other):
        """The program with an instruction VEX.256.66.0F38 replaced, everywhere, by another one of that form."""
        whole = bytearray(read(self.program))
        offset, size = sections(whole)[".text"]
        second, third = bytes(b << 5 | 2 for b in range(8)), bytes(b << 3 | 5 for b in range(32))
        pattern = rb"\xc4([" + re.escape(second) + rb"])([" + re.escape(third) + rb"])" + re.escape(bytes([opcode]))
        text, count = re.subn(pattern, lambda m: b"\xc4" + m[1] + m[2] + bytes([other]), bytes(whole[offset:offset + size]), flags=re.DOTALL)
        self.assertGreater(count, 0)
        whole[offset:offset + size] = text
        return write(self.path(name), seal(whole), executable=True)

    def test_a_wrong_dot_product_instruction_is_named(self):
        # vpmaddubsw becomes vpmulhrsw in the AVX2 code: every integer matmul is wrong, the first one is found.
        program = self.patched("wrong-dot", opcode=0x04, other=0x0b)
        self.assertRegex(self.verify(program, "--cpu-variant=x86-64-v3", code=3).stderr,
                         r"stage 'layers\.0\.attn\.qkv' diverges .* of x86-64-v3:")

    def test_a_wrong_fma_is_named(self):
        # vfmadd231ps becomes vfnmadd231ps.
        program = self.patched("wrong-fma", opcode=0xb8, other=0xbc)
        self.assertRegex(self.verify(program, "--cpu-variant=x86-64-v3", code=3).stderr, r"stage '[\w.]+' diverges from its meaning in step 0")

    def test_a_constant_off_by_a_hundredth_is_named(self):
        # The manifest's IR says another attention scale than the kernels were made with.
        whole = read(self.program)
        changed, count = re.subn(rb"(phiq\.attend [^\n]*?scale = )(\d)\.(\d)(\d)", lambda m: m[1] + m[2] + b"." + m[3] + (b"1" if m[4] != b"1" else b"2"), whole)
        self.assertGreater(count, 0)
        program = write(self.path("wrong-scale"), seal(changed), executable=True)
        self.assertIn("stage 'layers.0.attn.attend' diverges", self.verify(program, code=3).stderr)

    def test_another_models_weights_are_found(self):
        """--model reads the files by the hashes in the IR."""
        model = self.path("other-model")
        shutil.copytree(ONNX, model)
        file = os.path.join(model, "model.onnx.data")
        data = bytearray(read(file))
        data[len(data) // 2] ^= 1
        write(file, data)
        self.refuses(self.verify(self.program, f"--model={model}", code=2))


class StatedQuantization(Programs):
    """Activations that the graph itself rounds (contract exact matmul): none may be lost or done in another way."""

    def verify(self, program, model):
        done = run(PHIC, "verify", program, f"--model={model}")
        self.assertIn("every value within its bound", done.stdout)

    def test_agrees_with_onnx(self):
        """One scale and one a column, u8 and s8, after every kind of stage; no value is near the middle of two codes."""
        model = os.path.join(HERE, "..", "compiler", "import", "onnx", "models", "qdq_activations.onnx")
        tokens = [12, 1, 2, 3, 2, 12, 13, 9, 0]
        expected, nearest = reference.run(model, tokens)
        self.assertGreater(nearest, 1e-3)
        program, file = self.path("qdq-activations"), self.path("qdq-logits.npy")
        run(PHIC, "build", model, "-o", program, "-q", "--act=f32", "--kv=f32")
        run(program, "--tokens", ",".join(map(str, tokens)), "--logits", file)
        np.testing.assert_allclose(np.load(file), expected, rtol=0, atol=2e-6)
        for flags in (["--act=f32"], []):
            run(PHIC, "build", model, "-o", program, "-q", *flags)
            self.verify(program, model)

    def test_a_real_graph_with_quantized_activations(self):
        """QuantizeLinear and DequantizeLinear before each matmul, u8 and s8 in turn; none may be lost."""
        model = self.path("quantized-activations")
        shutil.copytree(ONNX, model)
        graph = onnx.load(os.path.join(model, "model.onnx"), load_external_data=False)
        nodes = list(graph.graph.node)
        del graph.graph.node[:]
        for kind, zero in (("u8", np.uint8(117)), ("s8", np.int8(-5))):
            graph.graph.initializer.append(onnx.numpy_helper.from_array(np.array(zero), f"{kind}_zero"))
            graph.graph.initializer.append(onnx.numpy_helper.from_array(np.array(0.03, np.float32), f"{kind}_scale"))
        matmuls = 0
        for node in nodes:
            if node.op_type == "MatMulNBits":
                kind = ("u8", "s8")[matmuls % 2]
                parameters, codes, rounded = [f"{kind}_scale", f"{kind}_zero"], f"codes{matmuls}", f"rounded{matmuls}"
                graph.graph.node.append(onnx.helper.make_node("QuantizeLinear", [node.input[0], *parameters], [codes]))
                graph.graph.node.append(onnx.helper.make_node("DequantizeLinear", [codes, *parameters], [rounded]))
                node.input[0] = rounded
                matmuls += 1
            graph.graph.node.append(node)
        onnx.save(graph, os.path.join(model, "model.onnx"))
        for flags in ([], ["--act=f32"]):
            program = self.path("quantized-activations-program")
            run(PHIC, "build", model, "-o", program, "-q", *flags)
            self.assertEqual(len(re.findall(rb"= phiq\.snap ", read(program))), matmuls)
            self.verify(program, model)


if __name__ == "__main__":
    unittest.main(verbosity=2)
