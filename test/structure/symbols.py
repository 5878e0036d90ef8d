#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A room's library uses what is defined in rooms that its arrows lead to, and nothing else: what includes do not show, the
symbols of its objects do. Lists use all that they list, and may be asked by all.

    symbols.py NM OBJECTS       lines of OBJECTS: ROOM;OBJECT;OBJECT;...
"""
import collections
import subprocess
import sys

import rooms


def symbols(nm, objects):
    """Symbols that objects define, strongly, and symbols that they lack."""
    text = subprocess.run([nm, "--extern-only", "--format=posix", *objects], capture_output=True, text=True, check=True).stdout
    kinds = [line.split()[:2] for line in text.splitlines() if len(line.split()) > 1]
    return {name for name, kind in kinds if kind in "TDBR"}, {name for name, kind in kinds if kind == "U"}


def main(nm, path):
    with open(path) as file:
        rows = [line.rstrip("\n").split(";") for line in file]
    where, lacking = {}, collections.defaultdict(set)
    for room, *objects in rows:
        if room:
            defined, undefined = symbols(nm, objects)
            where.update(dict.fromkeys(defined, room))
            lacking[room] |= undefined
    offences = 0
    for room, names in sorted(lacking.items()):
        if room in rooms.LISTS:
            continue
        may = rooms.reached_from(room) | rooms.LISTS | {room}
        for name in sorted(names):
            if where.get(name, room) not in may:
                print(f"{room} uses {name} of {where[name]}")
                offences += 1
    print(f"{len(where)} symbols of {len(lacking)} rooms, {offences} used against an arrow")
    return 1 if offences or len(lacking) < len(rooms.ROOMS) // 2 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
