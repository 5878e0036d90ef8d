# numbers.py - What the documentation says in numbers
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""numbers.py PHIC DEMO [test...]: sizes of programs and exit codes in README.md and docs/ are those of this tree.

DEMO is the model of `make demo`; sizes of its program are compared where it has been fetched, that they add up is always."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PHIC, DEMO = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = ROOT / "test/models/tiny-llama/ort-genai-int4"
PARTS = r"The program is ([\d.]+) MB: ([\d.]+) MB weights, ([\d.]+) MB tokenizer tables, ([\d.]+) MB manifest with the planned IR, ([\d.]+) MB code\."
CODE = r"\| program without weights, tokenizer and manifest, one level; {} \|[^|]*\| (\d+) KB; (\d+) KB with two levels \|"


def found(file, pattern):
    match = re.search(pattern, " ".join((ROOT / file).read_text(encoding="utf-8").split()))
    assert match, f"{file} has nothing like {pattern}"
    return match.groups()


def codes_of(header, enumeration):
    """The numbers of an enumeration's constants."""
    body = re.search(rf"enum {enumeration}[^{{]*{{(.*?)}};", (ROOT / header).read_text(encoding="utf-8"), re.S)[1]
    return {int(number) for number in re.findall(r"\bkExit\w+ = (\d+)", body)}


class Documentation(unittest.TestCase):
    def parts_of(self, model, *flags):
        with tempfile.TemporaryDirectory(prefix="phic-numbers-") as folder:
            subprocess.run([PHIC, "build", model, "-o", folder + "/program", "-q", *flags], check=True)
            return json.loads(subprocess.run([PHIC, "inspect", folder + "/program", "--json"], check=True, capture_output=True).stdout)

    def code_is(self, file_says, model, part):
        """Within what another compiler of the runtime makes of it."""
        for kilobytes, flags in zip(file_says, (["--cpu=x86-64-v3"], [])):
            self.assertAlmostEqual(int(kilobytes), self.parts_of(model, *flags)["code_bytes"] / 1000, delta=0.02 * int(kilobytes), msg=part)

    def test_code_of_the_small_model(self):
        self.code_is(found("docs/performance.md", CODE.format("tiny-llama")), TINY, "tiny-llama")

    def test_parts_of_the_demo_add_up(self):
        whole, *parts = map(float, found("README.md", PARTS))
        self.assertAlmostEqual(whole, sum(parts), delta=0.05 * len(parts))

    @unittest.skipUnless(os.path.exists(DEMO), "[SKIP] no model of make demo")
    def test_parts_of_the_demo(self):
        inspected = self.parts_of(DEMO)
        sizes = [inspected[name + "_bytes"] for name in ("file", "weight", "tokenizer", "code")]
        sizes.insert(3, sizes[0] - sum(sizes[1:]))  # the manifest, and what pages are filled up with
        self.assertEqual([f"{size / 1e6:.1f}" for size in sizes], list(found("README.md", PARTS)))
        self.code_is(found("docs/performance.md", CODE.format("SmolLM2")), DEMO, "SmolLM2")

    def test_exit_codes(self):
        for sentence, header, enumeration in (
                (r"Exit codes of every tool: (.*?) \(a reproducer", "compiler/Options.h", "ExitCode"),
                (r"exits with (130) .*?Exit codes: (.*?) file is damaged", "runtime/Program.h", "ProgramExit")):
            said = ", ".join(found("docs/using.md", sentence))
            self.assertEqual({int(number) for number in re.findall(r"\b\d+\b", said)}, codes_of(header, enumeration), said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
