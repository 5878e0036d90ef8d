#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the format reference (Markdown) from Formats.def: formats.py Formats.def OUT.md"""
import re
import sys

FIELD = re.compile(r'"((?:[^"\\]|\\.)*)"|([\w.]+)')


def rows(text, macro):
    """The argument lists of a macro's uses, strings unquoted."""
    for line in re.findall(rf"^{macro}\((.*)\)$", text, re.M):
        yield [quoted or bare for quoted, bare in FIELD.findall(line)]


def table(header, body):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(row) + " |" for row in body]


def main(definitions, out):
    text = open(definitions).read()
    gguf = ([name, f"`!phiq.block<{fmt}>`" if "," in fmt else f"`{fmt}`", elements, size, f"{8 * int(size) / int(elements):.4g}"]
            for _, name, _, elements, size, fmt in rows(text, "PHIC_GGUF_TYPE"))
    layouts = ([f"`{name}`", ranges, description] for _, name, _, ranges, description in rows(text, "PHIC_STORAGE_LAYOUT"))
    others = ", ".join(name for _, name in rows(text, "PHIC_GGUF_OTHER"))
    page = ["# Weight formats", "", "Generated from dialects/phiq/Formats.def.", "", "## GGUF tensor types", ""]
    page += table(["type", "format", "elements", "bytes", "bits per weight"], gguf)
    page += ["", "Known by name only, and refused: " + others + ".", "", "## Storage layouts", ""]
    page += table(["layout", "ranges", "bytes"], layouts)
    open(out, "w").write("\n".join(page) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
