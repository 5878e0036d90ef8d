#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the page of ONNX operators (Markdown) from the tables of importers and from what importers refuse:
onnx_ops.py OUT.md GraphTable.def ImportTable.def MapFunctions.cpp IMPORTER.cpp...

Limits are the refusals' own words: those of an importer's function, and of the functions of its file that it calls."""
import re
import sys

import formats

HEAD = """# ONNX operators

Generated from the tables in compiler/import/onnx. A model may import any operator sets in the ranges; `phic check` names every
node that is outside of them. Types are those of the first input; `any` are float, bool, int4, uint4, int8, uint8, int32 and int64.
float16, bfloat16 and double are read as constants of graphs, and no further."""
TYPES = {"Numbers": "all but bool", "Floats": "float", "FloatTest": "float", "Truth": "bool"}
FUNCTION = re.compile(r"^(?:template <[^\n]*>\n)?[A-Za-z][^\n;={}]*\b(\w+)\([^;{}]*\)(?: const)? \{(.*?)(?:^\}|\}$)", re.M | re.S)
REFUSAL = re.compile(r'unsupported(Attribute|Input|)\(\s*([^;]*?)\);', re.S)
KNOWN = re.compile(r"integersOf\(node, (\d)\)")
REQUIRED = re.compile(r'require\("(\w+)", (-?\d+)\)')


def functions(path):
    return {name: body for name, body in FUNCTION.findall(open(path).read())}


def reached(name, known, seen):
    """The text of a function and of those that it calls."""
    if name in seen or name not in known:
        return ""
    seen.add(name)
    return known[name] + "".join(reached(called, known, seen) for called in re.findall(r"\b(\w+)(?:<[^()\n]*>)?\(", known[name]))


def words(kind, arguments):
    """A refusal as a limit, up to what was found; nothing where it is put together while importing."""
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
    text = next((part for part in strings if "must be" in part), "")
    text = text.split(", found")[0].strip()
    if not text or text.count("[") != text.count("]") or text.endswith(("must be", "for each of", "of rank", "with K =", "one for each of", "at most", "add up to")):
        return ""
    if kind == "Input":
        return f"input {arguments.split(',')[0]} {text}" if arguments[0].isdigit() else ""
    return f"`{strings[0]}` {text}" if kind == "Attribute" and len(strings) > 1 else "" if kind == "Attribute" else text


def limits(body):
    found = [f"`{name}` must be {value}" for name, value in REQUIRED.findall(body)]
    found += [words(kind, arguments) for kind, arguments in REFUSAL.findall(body)]
    found += [f"input {number} must be known when compiling" for number in KNOWN.findall(body)]
    return "; ".join(dict.fromkeys(filter(None, found)))


def operators(table, macro):
    return formats.rows(open(table).read(), macro)


def named(op, domain):
    return f"{op} ({domain})" if domain else op


def main(out, graphs, decoders, maps, *importers):
    bodies = {}
    for path in importers:
        known = functions(path)
        bodies.update({name: reached(name, known, set()) for name in known})
    types = dict(re.findall(r"MapFunction::(\w+), \d+, MapTypes::(\w+)", open(maps).read()))
    rows = [[named(op, domain), f"{first} to {last}", TYPES.get(types.get(function, ""), "any"), ""]
            for op, domain, first, last, function in operators(graphs, "PHIC_GRAPH_MAP")]
    for op, domain, first, last, function in operators(graphs, "PHIC_GRAPH_OP"):
        body = bodies.get(function)
        assert body is not None, f"{function} is in none of the files given"
        rows.append([named(op, domain), f"{first} to {last}", "float" if "floatsOf(node, 0)" in body else "any", limits(body)])
    page = [HEAD, "", "## Of graphs", ""] + formats.table(["operator", "operator sets", "types", "limits"], sorted(rows))
    rows = [[named(op, domain), f"{first} to {last}"] for macro in ("PHIC_ONNX_OP", "PHIC_ONNX_UNARY")
            for op, domain, first, last, _ in operators(decoders, macro)]
    page += ["", "## Of decoders", ""] + formats.table(["operator", "operator sets"], sorted(rows))
    with open(out, "w") as file:
        file.write("\n".join(page) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
