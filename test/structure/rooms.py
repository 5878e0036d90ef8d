#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The rooms of the house and the arrows between them: which folder may include what of which other.

Run by itself it prints every room with its lines and its arrows; check.py holds the tree to the table. A file belongs to the
innermost room."""
import collections
import re

CODE = {".h", ".cpp", ".td", ".def"}
INCLUDE = re.compile(r'^\s*#?include "((?:dialects|targets|passes|compiler|runtime|phi)/[^"]*)"', re.M)

VERBS = {"compiler", "compiler/files", "compiler/import", "compiler/link", "compiler/report", "compiler/verify", "dialects/phiq", "dialects/plan", "passes",
         "targets", "runtime/include"}
# Room -> rooms, or single headers where that is all, that its files may include.
ROOMS = {
    "dialects/phiq": set(),
    "dialects/plan": {"dialects/phiq"},
    "targets": {"dialects/phiq", "dialects/plan", "runtime/include"},
    "targets/cpu": {"targets", "dialects/phiq", "dialects/plan", "runtime/include"},
    "passes": {"dialects/phiq", "dialects/plan", "targets"},
    "compiler/files": set(),
    "compiler/weights": {"compiler/files", "dialects/phiq", "dialects/plan"},
    "compiler/tokenizer": {"compiler/files", "runtime/include"},
    "compiler/import": {"compiler/files", "compiler/tokenizer", "compiler/weights/WeightStore.h", "dialects/phiq", "runtime/include"},
    "compiler/import/decoder": {"compiler/weights/WeightStore.h", "dialects/phiq", "dialects/plan/Entry.h"},
    "compiler/import/gguf": {"compiler/files", "compiler/import/Importer.h", "compiler/import/decoder", "compiler/tokenizer",
                             "compiler/weights/WeightStore.h", "dialects/phiq"},
    "compiler/import/onnx": {"compiler/files", "compiler/import/Importer.h", "compiler/weights/WeightStore.h", "dialects/phiq",
                             "dialects/plan/Entry.h"},
    "compiler/manifest": {"compiler/files/Json.h", "compiler/link/EntryData.h", "dialects/phiq", "dialects/plan", "passes", "targets"},
    "compiler/link": {"compiler/files", "compiler/weights/WeightSink.h", "targets", "runtime/include"},
    "compiler/cache": {"compiler", "compiler/files", "compiler/import", "compiler/link"},
    "compiler/plugin": {"compiler", "compiler/files", "dialects/phiq", "dialects/plan"},
    "compiler/report": VERBS,
    "compiler/verify": VERBS | {"compiler/weights"},
    "compiler/check": VERBS | {"compiler/manifest/Entries.h"},
    "compiler/bench": VERBS,
    "compiler/tune": VERBS | {"compiler/bench", "compiler/cache", "compiler/files"},
    "compiler/tools": VERBS | {"compiler/bench", "compiler/cache", "compiler/check", "compiler/files", "compiler/manifest/Entries.h",
                               "compiler/tune"},
    "compiler": {"compiler/cache", "compiler/files", "compiler/import", "compiler/link", "compiler/manifest", "compiler/report",
                 "compiler/tokenizer", "compiler/weights", "dialects/phiq", "dialects/plan", "passes", "targets", "runtime/include"},
    "runtime/include": set(),
    "runtime": {"runtime/include", "runtime/devices"},
    "runtime/devices": {"runtime", "runtime/include"},
}

GENERATED = {"compiler/Version.h"}

def room_of(path):
    return max((room for room in ROOMS if path.startswith(room + "/")), key=len, default=None)


def includes(files, text):
    """(file, what it includes, its room, the other room) of every include from one room to another."""
    for f in files:
        here = room_of(str(f))
        for path in INCLUDE.findall(text(f)) if here and f.suffix in CODE else ():
            if path in GENERATED:
                continue
            path = "runtime/include/" + path if path.startswith("phi/") else path
            there = room_of(path)
            if there and there != here:
                yield f, path, here, there


def offences(files, text):
    for f, path, here, there in includes(files, text):
        if there not in ROOMS[here] and path not in ROOMS[here]:
            yield f"{f}:1: {here} must not include {path}"


def main():
    import check
    lines = collections.Counter()
    for f in check.FILES:
        if room_of(str(f)) and f.suffix in CODE:
            lines[room_of(str(f))] += check.text(f).count("\n")
    for room, arrows in ROOMS.items():
        print(f"{room:24} {lines[room]:6}  -> {', '.join(sorted(arrows))}")


if __name__ == "__main__":
    main()
