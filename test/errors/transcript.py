# transcript.py - One user mistake a file
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The error tests, transcripts of what a user types and reads.

    # What the user did wrong, in a sentence.
    % mkdir full                          a command that prepares; it must succeed
    $ phic build nowhere -o prog          the mistake, exactly once; bash runs it
    phic: error: no such file or ...      all that it says, on both outputs, to the letter
    exit code 1

Each runs in an empty folder of its own, with links `models` (test/models) and `onnx` (the importer's small models), and
with TMPDIR in it: the mistake must leave the folder as it was. Between `exit code` and the end may stand

    leaves NAME            it leaves NAME, all the same
    needs mount            mounts are allowed in it (a mount namespace of its own); without the right: skipped

`...` alone in a line stands for any lines, and `*` in a line that begins with `~ ` for any text: for what differs
between machines.
"""
import os
import re
import shutil
import subprocess
import sys

import lit.formats
import lit.Test


class Transcript:
    def __init__(self, path):
        self.prepare, self.command, self.expected, self.code, self.leaves, self.needs_mount = [], None, [], None, set(), False
        with open(path, encoding="utf-8") as file:
            for line in file.read().splitlines():
                self.add(line)
        if self.command is None or self.code is None:
            raise ValueError("needs a line '$ command' and a line 'exit code N'")

    def add(self, line):
        if self.command is None:
            if line.startswith("% "):
                self.prepare.append(line[2:])
            elif line.startswith("$ "):
                self.command = line[2:]
            elif line and not line.startswith("#"):
                raise ValueError(f"unexpected line before the command: {line}")
        elif self.code is None:
            if found := re.fullmatch(r"exit code (\d+)", line):
                self.code = int(found[1])
            elif line.startswith("$ "):
                raise ValueError("a second command")
            else:
                self.expected.append(line)
        elif line.startswith("leaves "):
            self.leaves.add(line[7:])
        elif line == "needs mount":
            self.needs_mount = True
        elif line and not line.startswith("#"):
            raise ValueError(f"unexpected line after the exit code: {line}")

    def pattern(self):
        def of(line):
            if line == "...":
                return r"(?:.*\n)*?"
            if line.startswith("~ "):
                return ".*".join(map(re.escape, line[2:].split("*"))) + "\n"
            return re.escape(line + "\n")
        return "".join(map(of, self.expected))


def entries(folder):
    """Every path below, links not followed; and what lies in files, by size."""
    found = set()
    for base, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(base, name)
            size = os.path.getsize(path) if os.path.isfile(path) and not os.path.islink(path) else 0
            found.add(os.path.relpath(path, folder) + (f" ({size} bytes)" if size else ""))
    return found


class ErrorTests(lit.formats.FileBasedTest):
    """phic_bin: folder of the tools; source: the folder of all tests."""

    def __init__(self, phic_bin, source):
        super().__init__()
        self.phic_bin, self.source = phic_bin, source

    def execute(self, test, lit_config):
        try:
            transcript = Transcript(test.getSourcePath())
        except ValueError as problem:
            return lit.Test.Result(lit.Test.UNRESOLVED, str(problem))
        if transcript.needs_mount and not self.may_mount():
            reason = "[SKIP] " + test.getFullName() + ": this user may not mount file systems"
            print(reason, file=sys.__stderr__, flush=True)
            return lit.Test.Result(lit.Test.UNSUPPORTED, reason)
        folder = test.getExecPath() + ".dir"
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(os.path.join(folder, "tmp"))
        os.symlink(os.path.join(self.source, "models"), os.path.join(folder, "models"))
        os.symlink(os.path.join(self.source, "compiler", "import", "onnx", "models"), os.path.join(folder, "onnx"))
        problem = self.run(transcript, folder)
        return lit.Test.Result(lit.Test.FAIL if problem else lit.Test.PASS, problem)

    def run(self, transcript, folder):
        environment = {"PATH": f"{self.phic_bin}:/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR": os.path.join(folder, "tmp"),
                       "LC_ALL": "C.UTF-8", "HOME": folder}
        listing = os.path.join(folder, "..", os.path.basename(folder) + ".before")
        # One shell for both, so that a mount of the preparation is there for the mistake.
        script = "set -e\n" + "\n".join(transcript.prepare) + f"\nset +e\nfind . -xdev >{listing}\nexec 3>&- 2>&1\n{transcript.command}\n"
        command = ["bash", "-c", script]
        if transcript.needs_mount:
            command = ["unshare", "--mount", "--propagation", "private"] + command
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=120)
        problems = []
        if done.returncode != transcript.code:
            problems.append(f"exit code {done.returncode}, not {transcript.code}")
        if done.stderr:
            problems.append("the preparation says: " + done.stderr)
        if not re.fullmatch(transcript.pattern(), done.stdout):
            problems.append("it says:\n" + done.stdout + "and should say:\n" + "\n".join(transcript.expected))
        if os.path.exists(listing):
            with open(listing, encoding="utf-8") as file:
                before = {line.removeprefix("./") for line in file.read().splitlines()}
            after = {name.split(" (")[0] for name in entries(folder)}
            if left := sorted(after - before - transcript.leaves):
                problems.append("it leaves " + ", ".join(left))
            if missing := sorted(transcript.leaves - after):
                problems.append("it does not leave " + ", ".join(missing))
        return "\n".join(problems)

    @staticmethod
    def may_mount():
        probe = ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        return subprocess.run(probe, capture_output=True).returncode == 0
