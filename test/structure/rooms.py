#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The rooms of the house and the arrows between them: which folder may include what of which other.

Run by itself it prints every room with its lines and its arrows; check.py holds the tree, and what CMake links, to the table. A
file belongs to the innermost room."""
import collections
import re

CODE = {".h", ".cpp", ".td", ".def"}
INCLUDE = re.compile(r'^\s*#?include "((?:dialects|targets|passes|compiler|runtime|phi)/[^"]*)"', re.M)

# What verbs and reports may ask: the IR, the passes, what there is to be asked of machines, and the driver.
IR = {"dialects/phiq", "dialects/plan", "passes", "targets"}
VERBS = IR | {"compiler", "compiler/files", "compiler/import", "compiler/link", "compiler/messages", "compiler/plugin", "compiler/report",
              "compiler/request", "compiler/verify", "runtime/include"}
# What a family of machines may include.
FAMILY = {"targets", "targets/code", "targets/layout", "targets/stages", "dialects/phiq", "dialects/plan", "runtime/include"}
# Room -> rooms, or single headers where that is all, that its files may include. No arrow leads back. Each is a library of CMake
# that links the rooms of its row (phic_room in .cmake/Phic.cmake). A `*` is any folder there that has no row of its own.
ROOMS = {
    "dialects/phiq": set(),
    "dialects/plan": {"dialects/phiq"},
    "targets": {"dialects/phiq", "dialects/plan"},
    "targets/layout": {"targets", "dialects/phiq", "dialects/plan"},
    "targets/code": {"targets/layout", "dialects/phiq", "dialects/plan", "runtime/include"},
    "targets/stages": {"targets", "targets/layout", "dialects/phiq", "dialects/plan", "runtime/include"},
    "targets/*": FAMILY,
    "targets/gpu": FAMILY,
    "targets/cuda": FAMILY | {"targets/gpu"},
    "passes": {"dialects/phiq", "dialects/plan", "targets"},
    "compiler/files": set(),
    "compiler/messages": {"compiler/files", "targets"},
    "compiler/weights": {"compiler/files", "dialects/phiq", "dialects/plan"},
    "compiler/tokenizer": {"compiler/files", "runtime/include"},
    "compiler/import": {"compiler/files", "compiler/tokenizer", "compiler/weights/WeightStore.h", "dialects/phiq", "runtime/include"},
    "compiler/import/decoder": {"compiler/weights/WeightStore.h", "dialects/phiq", "dialects/plan/Entry.h"},
    "compiler/import/*": {"compiler/files", "compiler/import/Importer.h", "compiler/import/decoder", "compiler/tokenizer",
                          "compiler/weights/WeightStore.h", "dialects/phiq"},
    "compiler/import/onnx": {"compiler/files", "compiler/import/Importer.h", "compiler/import/InputSettings.h", "compiler/tokenizer",
                             "compiler/weights/WeightStore.h", "dialects/phiq", "dialects/plan/Entry.h"},
    "compiler/manifest": {"compiler/files/Json.h", "compiler/link/EntryData.h", "dialects/phiq", "dialects/plan", "passes", "targets"},
    "compiler/link": {"compiler/files", "compiler/weights/WeightSink.h", "targets", "runtime/include"},
    "compiler/request": {"compiler/files", "compiler/import/InputSettings.h", "compiler/link", "passes/precision/PrecisionSpec.h", "targets", "runtime/include"},
    "compiler/plugin": {"compiler/files", "compiler/request", "compiler/import", "dialects/phiq", "dialects/plan", "passes", "targets"},
    "compiler/cache": {"compiler/files", "compiler/import", "compiler/link", "compiler/request"},
    "compiler/report": IR | {"compiler/files", "compiler/messages", "compiler/request", "runtime/include"},
    "compiler": IR | {"compiler/cache", "compiler/files", "compiler/import", "compiler/link", "compiler/manifest", "compiler/messages",
                      "compiler/plugin", "compiler/report", "compiler/request", "compiler/tokenizer", "compiler/weights",
                      "runtime/include"},
    "compiler/verify": VERBS - {"compiler/verify"} | {"compiler/manifest/ReadManifest.h", "compiler/weights"},
    "compiler/check": VERBS - {"compiler/verify"} | {"compiler/manifest/Entries.h", "compiler/tokenizer"},
    "compiler/bench": VERBS,
    "compiler/tune": VERBS | {"compiler/bench", "compiler/cache", "compiler/files"},
    "compiler/tools": VERBS | {"compiler/bench", "compiler/cache", "compiler/check", "compiler/files", "compiler/manifest",
                               "compiler/tune", "compiler/weights"},
    "runtime/include": set(),
    "runtime": {"runtime/include", "runtime/devices"},
    "runtime/devices": {"runtime", "runtime/include"},
}
# Headers that keep the place by which plugins include them (docs/extending.md), and the rooms that they open.
DOORS = {"compiler/Options.h": "compiler/request", "compiler/Plugin.h": "compiler/plugin"}
# Files that list the rows of a .def, whose rooms they link; everybody else asks them.
LISTS = {"targets/Backends.cpp", "compiler/import/Importers.cpp"}

GENERATED = {"compiler/Version.h"}
# Executables, which link libphic, and the runtime, whose archives are for programs.
WITHOUT_LIBRARY = {"compiler/tools", "runtime", "runtime/devices", "runtime/include"}
CALL = re.compile(r"^phic_(?:room|objects)\(([^)]*)\)", re.M)


def row_of(folder):
    """None: it is no room."""
    above, _, name = folder.rpartition("/")
    return ROOMS.get(folder, None if "." in name else ROOMS.get(above + "/*"))


def room_of(path):
    if path in DOORS or path in LISTS:
        return DOORS.get(path, path)
    folder = path.rpartition("/")[0]
    while folder and row_of(folder) is None:
        folder = folder.rpartition("/")[0]
    return folder or None


def rooms_of(arrows):
    return {arrow if row_of(arrow) is not None else room_of(arrow) for arrow in arrows}


def reached_from(room):
    """The rooms that a room's arrows lead to, over others too."""
    reached, ahead = set(), [room]
    while ahead:
        ahead += (new := rooms_of(row_of(ahead.pop())) - reached)
        reached |= new
    return reached


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
        if here not in LISTS and not {there, path} & row_of(here):
            yield f"{f}:1: {here} must not include {path}"


def links(files, text):
    """Room -> the rooms that its library links, as CMake is told."""
    linked = {}
    for f in files:
        for arguments in CALL.findall(text(f)) if f.name == "CMakeLists.txt" else ():
            words = " ".join(arguments.split())
            room = re.search(r"\bROOM (\S+)", words)
            rooms = re.search(r"\bROOMS ((?:[a-z_/]+(?: |$))*)", words)
            linked[room[1] if room else str(f.parent)] = set(rooms[1].split()) if rooms else set()
    return {room: rooms for room, rooms in linked.items() if row_of(room) is not None}


def link_offences(files, text):
    linked = links(files, text)
    for room in sorted({room_of(str(f)) for f in files if f.suffix == ".cpp"} - {None} - WITHOUT_LIBRARY - LISTS | set(linked)):
        row, found = rooms_of(row_of(room)), linked.get(room)
        if found is None:
            yield f"{room}:1: no library: no phic_room of CMake's"
        elif found != row:
            more, less = ", ".join(sorted(found - row)) or "nothing", ", ".join(sorted(row - found)) or "nothing"
            yield f"{room}:1: its library links {more} beside its row, and lacks {less}"


def drawing():
    """Lines of a table: each room (its row) and what it includes (columns): x a room, h a header of it. A room stands below all that
    it includes, so that marks right of the dots would be ways back."""
    order, left = [], list(ROOMS)
    while left:
        ready = [room for room in left if rooms_of(row_of(room)) - {room} <= set(order)] or left[:1]
        order.append(ready[0])
        left.remove(ready[0])
    yield " " * 27 + "".join(f"{i:3}" for i in range(1, len(order) + 1))
    for i, room in enumerate(order, 1):
        marks = "".join("  ." if there == room else "  x" if there in row_of(room) else "  h" if there in rooms_of(row_of(room)) else "   "
                        for there in order)
        yield f"{i:3} {room:23}{marks}".rstrip()


def main():
    import check
    lines = collections.Counter()
    for f in check.FILES:
        if f.suffix in CODE and (room := room_of(str(f))):
            lines[room] += check.text(f).count("\n")
    for room in sorted(lines):
        print(f"{room:30} {lines[room]:6}  -> {'what it lists' if room in LISTS else ', '.join(sorted(row_of(room)))}")
    print("\n".join(drawing()))


if __name__ == "__main__":
    main()
