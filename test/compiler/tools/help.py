# help.py - What phic says about its own command line
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Help, man pages and completion come from the option table; the docs name every flag in it.

    help.py PHIC SHARE [test...]      SHARE: the folder of generated pages and scripts
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
PHIC = os.path.abspath(sys.argv.pop(1))
SHARE = os.path.abspath(sys.argv.pop(1))


def run(*command, code=0, **kwargs):
    done = subprocess.run(command, capture_output=True, text=True, **kwargs)
    assert done.returncode == code, f"{command}: exit code {done.returncode}, not {code}: {done.stderr}"
    return done


def table():
    return [line.split() for line in run(PHIC, "help", "--table").stdout.splitlines()]


VERBS = sorted({verb for verb, _ in table()} | {"help"})


class Help(unittest.TestCase):
    def test_help_of_a_verb_is_its_own(self):
        for verb in VERBS:
            self.assertEqual(run(PHIC, "help", verb).stdout, run(PHIC, verb, "--help").stdout)
        self.assertEqual(run(PHIC, "help").stdout, run(PHIC, "--help").stdout)

    def test_an_unknown_verb_is_refused(self):
        done = run(PHIC, "help", "fly", code=1)
        self.assertRegex(done.stderr, r"^phic: error: no verb 'fly' to help with; verbs are .*\bbuild\b")

    def test_the_docs_name_every_flag(self):
        with open(os.path.join(ROOT, "docs/using.md")) as file:
            text = file.read()
        self.assertGreater(len(table()), 30)
        missing = [f"{verb} {flag}" for verb, flag in table()
                   if flag not in ("--help", "-n") and not re.search(re.escape(flag) + r"(?![\w-])", text)]
        self.assertEqual(missing, [], "flags that docs/using.md does not name")


class ManPages(unittest.TestCase):
    def page(self, name):
        return os.path.join(SHARE, "man/man1", name + ".1")

    def test_there_is_one_for_phic_and_each_verb(self):
        self.assertEqual(sorted(os.listdir(os.path.join(SHARE, "man/man1"))), sorted(["phic.1"] + [f"phic-{verb}.1" for verb in VERBS]))
        with open(self.page("phic-build")) as file:
            self.assertEqual(file.read(), run(PHIC, "help", "build", "--man").stdout)

    def test_they_render_without_a_complaint(self):
        if shutil.which("groff"):
            command = ["groff", "-man", "-Tascii", "-ww"]
        elif shutil.which("mandoc"):
            command = ["mandoc", "-Tascii", "-Wwarning"]
        else:
            self.skipTest("[SKIP] neither groff nor mandoc is installed")
        for name in ["phic"] + [f"phic-{verb}" for verb in VERBS]:
            done = run(*command, self.page(name))
            self.assertEqual(done.stderr, "", name)
            plain = re.sub(r"\x1b\[[\d;]*m|.\x08", "", done.stdout)
            for heading in ("NAME", "SYNOPSIS", "OPTIONS", "EXIT STATUS", "SEE ALSO"):
                self.assertRegex(plain, rf"(?m)^{heading}$", name)
            for verb, flag in table():
                if name == f"phic-{verb}":
                    self.assertIn(flag, plain, name)


class Completion(unittest.TestCase):
    def script(self, path):
        return os.path.join(SHARE, path)

    def complete(self, *words):
        """What bash offers for the last word."""
        code = f"source '{self.script('bash-completion/completions/phic')}'; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _phic; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return run("bash", "-c", code, "bash", *words).stdout.split()

    def test_bash_parses(self):
        run("bash", "-n", self.script("bash-completion/completions/phic"))

    def test_zsh_and_fish_parse(self):
        for shell, path in (("zsh", "zsh/site-functions/_phic"), ("fish", "fish/vendor_completions.d/phic.fish")):
            with self.subTest(shell=shell):
                if not shutil.which(shell):
                    self.skipTest(f"[SKIP] {shell} is not installed")
                run(shell, "-n", self.script(path))

    def test_every_script_has_every_flag(self):
        with open(self.script("zsh/site-functions/_phic")) as zsh, open(self.script("fish/vendor_completions.d/phic.fish")) as fish:
            zsh, fish = zsh.read(), fish.read()
        for verb, flag in table():
            self.assertRegex(zsh, rf"'\*{re.escape(flag)}[=\[]")
            self.assertRegex(fish, rf"__fish_seen_subcommand_from {verb}'.* -(l|s) {re.escape(flag.lstrip('-'))} ")

    def test_bash_completes_verbs_and_flags(self):
        self.assertEqual(sorted(word for word in self.complete("phic", "") if not word.startswith("-")), VERBS)
        self.assertEqual(self.complete("phic", "ver"), ["verify"])
        for verb in VERBS:
            flags = [flag for v, flag in table() if v == verb]
            self.assertTrue(set(flags) <= set(self.complete("phic", verb, "-")), verb)
        self.assertEqual(self.complete("phic", "build", "model", "--max-c"), ["--max-context"])
        self.assertIn("build", self.complete("phic", "help", ""))

    def test_bash_completes_values_and_files(self):
        self.assertEqual(self.complete("phic", "build", "--kv", ""), ["f16", "f32"])
        self.assertEqual(self.complete("phic", "build", "--kv", "=", "f3"), ["f32"])
        self.assertEqual(self.complete("phic", "build", "--emit", "s"), ["shared"])
        with tempfile.TemporaryDirectory(prefix="phic-complete-") as folder:
            open(os.path.join(folder, "model.gguf"), "w").close()
            self.assertEqual(self.complete("phic", "build", folder + "/mod"), [folder + "/model.gguf"])
            self.assertEqual(self.complete("phic", "build", "-o", folder + "/mod"), [folder + "/model.gguf"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
