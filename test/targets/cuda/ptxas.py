# ptxas.py - NVIDIA's assembler takes what phic prints
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Assembles the PTX in programs for every GPU that may get it, with NVIDIA's own ptxas: it must be taken, without spills,
stack frames, local memory or divisions of 64 bits (which are calls).

    ptxas.py PHIC                  builds programs of the models in test/models, and checks them
    ptxas.py --programs FILE...    checks these, and prints registers, occupancy and shared memory of each kernel
"""
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "..", "models")
sys.path.insert(0, os.path.join(HERE, "..", "gpu"))
import blob  # noqa: E402

# Beside phic's other needs (.ci/install-deps --tests): it is no file of a system.
PTXAS = os.path.join(sysconfig.get_path("purelib"), "nvidia", "cu13", "bin", "ptxas")
# Compute capability: what a multiprocessor has of warps, blocks and bytes of shared memory (CUDA's programming guide).
MACHINES = {75: (32, 16, 65536), 80: (64, 32, 167936), 86: (48, 16, 102400), 89: (48, 24, 102400), 90: (64, 32, 233472),
            100: (64, 32, 233472), 120: (48, 24, 102400)}
REGISTERS, REGISTERS_TOGETHER = 65536, 256  # of a multiprocessor, and given to a warp at a time
RESERVED = 1024  # shared memory of each block, from 8.0 on
REPORT = re.compile(r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads"
                    r".*?Used (\d+) registers(?:[^\n]*?, (\d+) bytes smem)?", re.S)
UNWANTED = (r"\.local\b", r"\b(?:div|rem)(?:\.\w+)*\.[su]64\b", r"\bcall\b")
MODEL_FORMS = ("tiny-llama/ort-genai-fp32", "tiny-llama/ort-genai-int4", "tiny-phi3/ort-genai-int4-asym",
               "tiny-llama/gguf-Q4_K_M/tiny-llama-Q4_K_M.gguf", "tiny-phi35-longrope/ort-genai-fp16")


def assemble(text, machine):
    """What ptxas says, or raises."""
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([PTXAS, "-v", f"-arch=sm_{machine}", file.name, "-o", "/dev/null"], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"ptxas for sm_{machine}: {done.stderr}")
    return done.stderr


def needs(text, machine):
    """Kernel -> (registers, bytes of shared memory); raises where one is not as it should be."""
    found, faults = {}, []
    for name, frame, stores, loads, registers, shared in REPORT.findall(assemble(text, machine)):
        found[name] = int(registers), int(shared or 0)
        if int(frame) + int(stores) + int(loads) > 0:
            faults.append(f"{name} on sm_{machine}: {frame} bytes of stack, {stores} and {loads} bytes of spills")
    if faults:
        raise AssertionError("\n".join(faults))
    return found


def unwanted(text):
    """Lines that no kernel should have."""
    code = [line.split("//")[0] for line in text.splitlines()]
    return [line.strip() for line in code for pattern in UNWANTED if re.search(pattern, line)]


def check(code):
    """Machine -> needs of each kernel."""
    lines = unwanted(code.text)
    assert not lines, "the text has " + "; ".join(lines[:5])
    machines = [machine for machine in MACHINES if machine >= code.least]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(machines, pool.map(lambda machine: needs(code.text, machine), machines)))
    names = {kernel.name for kernel in code.kernels}
    for machine, kernels in found.items():
        assert set(kernels) == names, f"sm_{machine}: kernels are {sorted(kernels)}, and the table has {sorted(names)}"
    return found


def occupancy(machine, registers, shared, threads):
    """The share of a multiprocessor's warps that can be there at once."""
    warps, blocks, memory = MACHINES[machine]
    each = -(-threads // 32)
    of_warp = -(-32 * registers // REGISTERS_TOGETHER) * REGISTERS_TOGETHER
    block_memory = shared + (RESERVED if machine >= 80 else 0)
    resident = min(blocks, warps // each, REGISTERS // of_warp // each, memory // block_memory if block_memory else blocks)
    return resident * each / warps


def show(path):
    for code in blob.codes(path):
        found = check(code)
        print(f"{path}: PTX {code.language / 10} for sm_{code.least}, {len(code.text)} bytes, {len(code.kernels)} kernels, "
              f"{code.workspace} bytes of workspace")
        print(f"  {'registers, occupancy on sm_':>64}" + "".join(f"{machine:10}" for machine in found) + "  shared  threads")
        for kernel in code.kernels:
            needed = {machine: kernels[kernel.name] for machine, kernels in found.items()}
            columns = "".join(f"{registers:5} {occupancy(machine, registers, shared, kernel.threads):4.0%}"
                              for machine, (registers, shared) in needed.items())
            print(f"  {kernel.name:64}{columns}{max(shared for _, shared in needed.values()):8}{kernel.threads:9}")


class Programs(unittest.TestCase):
    def test_every_text_is_taken(self):
        with tempfile.TemporaryDirectory(prefix="phic-ptxas-") as folder:
            program = os.path.join(folder, "program")
            for form in MODEL_FORMS:
                with self.subTest(form=form):
                    subprocess.run([PHIC, "build", os.path.join(MODELS, form), "-o", program, "-q", "--device=cuda"], check=True)
                    codes = blob.codes(program)
                    self.assertEqual(sorted(code.least for code in codes), [75, 80])
                    for code in codes:
                        self.assertIn(f".target sm_{code.least}", code.text)
                        self.assertIn(f".version {code.language // 10}.{code.language % 10}", code.text)
                        self.assertTrue(code.kernels)
                        check(code)


class Faults(unittest.TestCase):
    """What is checked is found."""
    HEAD = ".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 p) {\n"

    def kernel(self, body, name="k"):
        return blob.Code(80, 70, self.HEAD.replace("entry k", "entry " + name) + body + "ret;\n}\n", [blob.Kernel("k", 32, 1)], 0)

    def refused(self, code, words):
        with self.assertRaisesRegex(AssertionError, words):
            check(code)

    def test_a_kernel_that_is_as_it_should_be(self):
        found = check(self.kernel(".reg .b32 %r;\nmov.u32 %r, %tid.x;\n"))
        self.assertEqual(list(found), [machine for machine in MACHINES if machine >= 80])

    def test_local_memory(self):
        local = ".local .b32 a[64];\n.reg .b32 %r, %s; .reg .b64 %p, %q;\nmov.u32 %r, %tid.x; mul.wide.u32 %p, %r, 4; mov.u64 %q, a;\n" \
                "add.s64 %q, %q, %p; st.local.u32 [%q], %r; ld.local.u32 %s, [a+8]; ld.param.u64 %p, [p]; st.global.u32 [%p], %s;\n"
        self.refused(self.kernel(local), "the text has .local")
        with self.assertRaisesRegex(AssertionError, "256 bytes of stack"):
            needs(self.kernel(local).text, 80)

    def test_occupancy(self):
        # By registers: 2 blocks of 8 warps at 128, of 64. By shared memory: 4 blocks of 33 KiB in 164. By blocks: 32 of one warp.
        self.assertEqual(occupancy(80, 128, 0, 256), 16 / 64)
        self.assertEqual(occupancy(80, 32, 32768, 256), 32 / 64)
        self.assertEqual(occupancy(80, 24, 0, 32), 32 / 64)
        self.assertEqual(occupancy(75, 32, 0, 256), 1)

    def test_division_of_64_bits(self):
        self.refused(self.kernel(".reg .b64 %a;\nmov.b64 %a, 7;\nrem.u64 %a, %a, %a;\n"), "the text has rem.u64")

    def test_what_is_no_ptx(self):
        self.refused(self.kernel("phi.u64 %a;\n"), "ptxas for sm_80")

    def test_another_kernel_than_in_the_table(self):
        self.refused(self.kernel("", name="other"), "the table has")


if __name__ == "__main__":
    if not os.access(PTXAS, os.X_OK):
        sys.exit(f"{PTXAS} is missing: .ci/install-deps --tests installs it")
    if sys.argv[1:2] == ["--programs"]:
        for path in sys.argv[2:]:
            show(path)
    else:
        PHIC = os.path.abspath(sys.argv.pop(1))
        unittest.main()
