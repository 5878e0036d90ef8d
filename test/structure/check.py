#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Holds the tree to its own rules: headers, guards, include arrows, mirrored tests, inert CHECK lines.

Each rule is one function yielding "path:line: what is wrong". Prints every offence, then 'N passed, N failed'."""
import pathlib
import re
import subprocess
import sys

import filecheck
import rooms

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE = {".h", ".cpp", ".td", ".def"}
MAX_LINES = 500

# Folder -> folders its files may include (besides itself). docs/architecture.md has the arrows.
ARROWS = {
    "dialects": set(),
    "targets": {"dialects", "runtime/include"},
    "passes": {"dialects", "targets", "runtime/include"},
    "compiler": {"dialects", "passes", "targets", "runtime/include"},
    "runtime": {"runtime/include"},
}

def tracked():
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [pathlib.Path(name) for name in names.stdout.splitlines() if (ROOT / name).is_file()]


FILES = tracked()


def code_files():
    return [f for f in FILES if f.suffix in CODE]


def text(path):
    return (ROOT / path).read_text(errors="replace")


def title_names_the_file():
    for f in code_files():
        lines = text(f).splitlines()[:2]
        if not lines or not re.match(rf"//===- {re.escape(f.name)} - \S.*\S -*\*- .* -\*-+===//$|//===- {re.escape(f.name)} - ", lines[0]):
            yield f"{f}:1: the first line must be '//===- {f.name} - Title'"
        elif len(lines) < 2 or "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception" not in lines[1]:
            yield f"{f}:2: the second line must be the license tag"


def guard_follows_the_path():
    for f in code_files():
        if f.suffix != ".h":
            continue
        path = str(f)
        want = re.sub(r"[/.\-]", "_", path.removeprefix("runtime/include/").upper())
        want = ("PHI_" if path.startswith("runtime/") else "PHIC_") + want if not path.startswith("runtime/include/") else want
        if path.startswith(".cmake/"):
            want = "PHIC_PCH_H"
        found = re.search(r"#ifndef (\S+)", text(f))
        if not found or found.group(1) != want:
            yield f"{f}:1: include guard must be {want}, found {found.group(1) if found else 'none'}"


def includes_follow_the_arrows():
    for f in code_files():
        top = f.parts[0]
        if top not in ARROWS:
            continue
        for number, line in enumerate(text(f).splitlines(), 1):
            found = re.match(r'\s*#include "((dialects|targets|passes|compiler|runtime)/[^"]*)"', line)
            if not found:
                continue
            to = found.group(2) if not found.group(1).startswith("runtime/include") else "runtime/include"
            if to != top and to not in ARROWS[top]:
                yield f"{f}:{number}: {top} must not include {to}"


def includes_stay_in_the_rooms():
    yield from rooms.offences(FILES, text)


def libraries_link_their_rooms():
    yield from rooms.link_offences(FILES, text)


def rooms_are_drawn():
    page = pathlib.Path("docs/architecture.md")
    if page in FILES and "\n".join(rooms.drawing()) not in text(page):
        yield f"{page}:1: the table of rooms is not as rooms.py prints it"


def passes_have_a_test():
    names = {str(f) for f in FILES}
    for f in FILES:
        if f.parts[0] in {"passes", "targets"} and f.suffix == ".cpp" and "#define GEN_PASS_DEF_" in text(f):
            kebab = re.sub(r"(?<!^)(?=[A-Z])", "-", f.stem).lower()
            want = f"test/{f.parent}/{kebab}.mlir"
            if want not in names:
                yield f"{f}:1: no test {want}"


def checks_check():
    for f in FILES:
        if f.parts[0] == "test" and f.suffix in {".mlir", ".ll"}:
            for number, what in filecheck.offences(text(f)):
                yield f"{f}:{number}: {what}"


def lines_with(pattern, allowed, folders, what):
    """Lines of code in top-level `folders` that the pattern finds, comments aside, but for the files that may have them."""
    for f in code_files():
        if f.parts[0] in folders and str(f) not in allowed:
            for number, line in enumerate(text(f).splitlines(), 1):
                if pattern.search(line.split("//")[0]):
                    yield f"{f}:{number}: {what}"


# What opens a file to write it, and who may: OutputFile for all outputs, the cache in its own folder, ProgramOutputs for programs.
WRITES = re.compile(r"raw_fd_ostream \w+\((?!.*shouldClose)|\bofstream\b|\bfopen\(|\bO_(CREAT|TRUNC|RDWR|TMPFILE)\b|writeToOutput\("
                    r"|openFileFor(Read)?Write|ToolOutputFile|openOutputFile|FileOutputBuffer|TempFile::create|\bcreateFile\(")
WRITERS = {"compiler/files/OutputFile.cpp", "compiler/cache/CopyFile.cpp", "compiler/cache/FileHash.cpp", "compiler/cache/OutputStore.cpp",
           "compiler/verify/GraphInputs.cpp", "runtime/Os.h", "runtime/Os_posix.cpp", "runtime/ProgramOutputs.cpp", "runtime/macos/LibSystem.h"}


def outputs_go_through_output_file():
    yield from lines_with(WRITES, WRITERS, ARROWS,
                          "opens a file to write it: OutputFile sees to it that no input is overwritten")


# What opens a file to read it, and who may: InputFile for all inputs; the cache its own files, verify the pipe of a program
# that it started, a program its files, Halide's own temporary ones.
READS = re.compile(r"MemoryBuffer::get(File|OpenFile|STDIN)|openNativeFileForRead|openFileForRead|\bifstream\b|\bfopen\(|O_RDONLY"
                   r"|\bcreateBinary\(path|parseSourceFile")
READERS = {"compiler/files/InputFile.cpp", "compiler/cache/CopyFile.cpp", "compiler/verify/ProgramPipe.cpp", "runtime/Os_posix.cpp",
           "runtime/Os_linux.cpp", "runtime/Os_macos.cpp", "runtime/macos/LibSystem.h", "targets/cpu/regions/Halide.cpp"}


def inputs_go_through_input_file():
    yield from lines_with(READS, READERS, ARROWS,
                          "opens a file to read it: InputFile sees to it that it is a regular one")


# What reads or writes JSON: parseJson bounds and checks what comes from outside, and its accessors cannot throw.
JSON = re.compile(r'nlohmann|llvm/Support/JSON\.h|\bjson::|\bJson::(sax_)?parse\(|\.dump\(|\.value\("')
JSON_FILES = {"compiler/files/Json.h", "compiler/files/Json.cpp"}


def json_goes_one_way():
    yield from lines_with(JSON, JSON_FILES, ARROWS,
                          "JSON that does not go through compiler/files/Json.h")


# What follows an offset of a blob: a TableView has an answer for any.
TABLES = re.compile(r"\bblob \+|\bblob\[")
TABLE_READERS = {"runtime/Tables.h", "runtime/Tables.cpp", "runtime/include/phi/tokenizer.h"}


def tables_are_read_through_views():
    yield from lines_with(TABLES, TABLE_READERS, {"runtime"}, "reads a table past runtime/Tables.h, which bounds it")


TYPE = re.compile(r"^(?:template <.*> )?(?:class|struct|union|enum|enum class) (\w+)(?: final)?(?: :.*)? \{", re.M)


def one_meaning_a_name():
    places = {}
    for f in code_files():
        if f.parts[0] in ARROWS and f.suffix in {".h", ".cpp"}:
            for name in TYPE.findall(text(f)):
                places.setdefault(name, []).append(f)
    for name, files in places.items():
        if len(files) > 1 and any(f.suffix == ".h" for f in files):
            yield f"{files[-1]}:1: a second type {name}: the other is in {files[0]}"


# What prints, and who may: Console for all tools' text; Progress moves the cursor.
PRINTS = re.compile(r"\b(outs|errs|dbgs)\(\)|\bstd::(cout|cerr|clog)\b|\b(printf|puts|perror)\(|\bfprintf\(")
PRINTERS = {"compiler/files/Console.cpp", "compiler/messages/Progress.cpp"}


def tools_print_through_the_console():
    yield from lines_with(PRINTS, PRINTERS, {"compiler"},
                          "prints past compiler/files/Console.h, which keeps names from moving a terminal's cursor")


def files_stay_short():
    for f in code_files():
        count = text(f).count("\n")
        if count > MAX_LINES and f.suffix in {".h", ".cpp"}:
            yield f"{f}:1: {count} lines, more than {MAX_LINES}: is there a seam?"


def formatted():
    names = [str(f) for f in FILES if f.suffix in {".h", ".cpp", ".c"}]
    result = subprocess.run(["clang-format-22", "--dry-run", *names], cwd=ROOT, capture_output=True, text=True)
    if result.returncode:
        yield f"clang-format-22: {result.stderr.strip() or 'failed'}"
    for name in sorted(set(re.findall(r"^([^:\n]+):\d+:\d+: warning", result.stderr, re.M))):
        yield f"{name}:1: not as clang-format-22 -i leaves it"


def no_machine_paths():
    for f in FILES:
        if f.suffix in {".onnx", ".gguf", ".npz", ".data"} or f.parts[:2] == ("test", "structure"):
            continue
        for number, line in enumerate(text(f).splitlines(), 1):
            if re.search(r"(^|[\s\"'=(])/(work|root|farm)/", line):
                yield f"{f}:{number}: names a path of one machine"


def no_large_files():
    for f in FILES:
        if (ROOT / f).stat().st_size > 4 << 20:
            yield f"{f}:1: larger than 4 MB"


RULES = [title_names_the_file, guard_follows_the_path, includes_follow_the_arrows, includes_stay_in_the_rooms,
         libraries_link_their_rooms, rooms_are_drawn, passes_have_a_test, checks_check, outputs_go_through_output_file,
         inputs_go_through_input_file, json_goes_one_way, tables_are_read_through_views, one_meaning_a_name, tools_print_through_the_console, files_stay_short,
         formatted, no_machine_paths, no_large_files]


def main():
    failed = not FILES  # a tree of nothing
    for rule in RULES:
        offences = list(rule())
        failed += bool(offences)
        for offence in offences:
            print(f"{offence}  [{rule.__name__}]")
    print(f"{len(RULES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
