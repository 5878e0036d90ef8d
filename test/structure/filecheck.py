# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lines of lit tests that look like checks and check nothing.

FileCheck passes over what it does not take for a directive, and so does MLIR's diagnostics verifier. offences(text) yields
(line number, what is wrong) for one test file."""
import re

SUFFIXES = r"(-NEXT|-SAME|-NOT|-DAG|-LABEL|-EMPTY|-COUNT-\d+)?"
LIT_WORDS = {"RUN", "XFAIL", "REQUIRES", "UNSUPPORTED", "DEFINE", "REDEFINE"}
COMMENT_WORD = re.compile(r"(?:^|\s)(?://|;|#)\s*([A-Z][A-Z0-9_]*(?:-[A-Z0-9]+)*)(?:\{LITERAL\})?(.?)")


def run_lines(text):
    """Each RUN command, lines that end in a backslash joined."""
    commands, open_command = [], False
    for found in re.finditer(r"RUN:(.*)", text):
        if open_command:
            commands[-1] += found[1]
        else:
            commands.append(found[1])
        open_command = commands[-1].endswith("\\")
        commands[-1] = commands[-1].rstrip("\\")
    return commands


def filecheck_prefixes(command):
    """The prefixes of each FileCheck in a command."""
    for call in re.findall(r"\bFileCheck\b([^|;&]*)", command):
        named = re.findall(r"--?check-prefix(?:es)?[= ](\S+)", call)
        yield [prefix for names in named for prefix in names.split(",")] or ["CHECK"]


def directives(text, prefixes):
    """(line number, prefix, suffix) of every line that FileCheck takes for a check."""
    pattern = re.compile(rf"(?<![A-Za-z0-9_-])({'|'.join(map(re.escape, sorted(prefixes, key=len, reverse=True)))}){SUFFIXES}(?:\{{LITERAL\}})?:")
    for number, line in enumerate(text.splitlines(), 1):
        if found := pattern.search(line):
            yield number, found[1], found[2] or ""


def inert_words(text, prefixes):
    """Comments that begin like a check and are none."""
    known = "|".join(map(re.escape, prefixes | {"CHECK"}))
    for number, line in enumerate(text.splitlines(), 1):
        for word, after in COMMENT_WORD.findall(line):
            if word in LIT_WORDS:
                continue
            base = re.fullmatch(rf"({known})({SUFFIXES})", word)
            if base and after != ":":
                yield number, f"{word} without a colon right behind it does nothing"
            elif base and base[1] not in prefixes or not base and after == ":":
                near = re.match(rf"({known})-", word)
                yield number, f"{word}: is {'no directive of FileCheck' if near else 'a prefix that no RUN line names'}: it does nothing"


def unused_prefixes(text, commands):
    for command in commands:
        for prefixes in filecheck_prefixes(command):
            found = list(directives(text, set(prefixes)))
            for prefix in prefixes:
                if not any(each == prefix for _, each, _ in found):
                    yield 1, f"a RUN line names the prefix {prefix}, which checks nothing here"
            suffixes = [suffix for _, _, suffix in found]
            if suffixes and all(suffix == "-NOT" for suffix in suffixes):
                yield found[0][0], f"{prefixes[0]} only says what must not be there: anything else passes, an empty output too"
            elif suffixes and suffixes[0] == "-NOT":
                yield found[0][0], (f"{found[0][1]}-NOT before the first line that must be there reads only what stands above it: "
                                    "--implicit-check-not reads all")


def diagnostics(text, commands):
    """Comments for --verify-diagnostics."""
    verifies = [command for command in commands if re.search(r"-verify-diagnostics\b", command)]
    for number, line in enumerate(text.splitlines(), 1):
        for found in re.finditer(r"//\s*expected-(\w+)(.*)", line):
            if not verifies:
                yield number, "expected-... does nothing without --verify-diagnostics"
            elif not re.fullmatch(r"error|warning|remark|note", found[1]) or not re.match(r"(-re)?\s*(@\S+\s*)?\{\{", found[2]):
                yield number, f"expected-{found[1]} is no expectation that the verifier reads: it does nothing"


def offences(text):
    commands = run_lines(text)
    prefixes = {prefix for command in commands for names in filecheck_prefixes(command) for prefix in names}
    yield from inert_words(text, prefixes)
    yield from unused_prefixes(text, commands)
    yield from diagnostics(text, commands)
