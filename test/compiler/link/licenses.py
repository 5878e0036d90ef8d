# licenses.py - Notices of what is linked
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Everything that is linked into phic, installed with it or linked into programs has its notice in NOTICE, and programs print
those of what is in them. What is linked is asked of the build: its packages, its link lines, and the files that phic links
programs with. A new one that nobody has thought of fails here, by name.

    licenses.py PHIC BUILD
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

PHIC, BUILD = (os.path.abspath(path) for path in (sys.argv.pop(1), sys.argv.pop(1)))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
MODELS = os.path.join(ROOT, "test", "models")
# What a file or package is a part of: a heading of NOTICE; None: of phic itself, or of every system (the C library and such).
PARTS = {
    r"lib(LLVM|MLIR|lld)\w*|LLVM|MLIR|LLD": "LLVM, MLIR and LLD",
    r"(lib)?Halide": "Halide",
    r"CLI11": "CLI11",
    r"nlohmann_json": "nlohmann_json",
    r"libprotobuf|Protobuf": "Protocol Buffers",
    r"libicu\w+|ICU|icu-\w+": "ICU",
    r"(S|r)?crt[1in]|libc|libmusl": "musl",
    r"libphi\w*|libbenchmark\w*|GTest|benchmark|Python3|PkgConfig|Threads": None,
    r"lib(stdc\+\+|m|gcc_s|rt|dl|pthread|z|zstd|tinfo|xml2|edit)|ld-linux-x86-64": None,
}


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def sections():
    parts = re.split(r"^=+\n(.*?): .*\n=+\n", read(ROOT, "NOTICE"), flags=re.M)
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2])}


def part_of(name):
    for pattern, part in PARTS.items():
        if re.fullmatch(pattern, name):
            return part
    raise AssertionError(f"'{name}' is linked: NOTICE and {os.path.basename(__file__)} must say what it is")


def stem(path):
    return re.sub(r"(\.so|\.a|\.o|\.tbd)\b.*", "", os.path.basename(path))


class Licenses(unittest.TestCase):
    def has(self, names):
        for name in names:
            part = part_of(name)
            if part:
                self.assertIn(part, sections(), name)

    def test_packages_that_phic_is_built_of(self):
        text = read(ROOT, ".cmake", "Dependencies.cmake") + read(ROOT, "CMakeLists.txt")
        names = re.findall(r"find_package\((\w+)", text) + [n for l in re.findall(r"pkg_check_modules\((.*?)\)", text, re.S) for n in re.findall(r"icu-\w+", l)]
        self.assertIn("CLI11", names)
        self.has(names)

    def test_libraries_on_link_lines(self):
        lines = re.findall(r"^build (?:bin/phic|bin/phic-opt|lib/libphic\.so) *:.*\n(?:  .*\n)*", read(BUILD, "build.ninja").replace("$\n", ""), re.M)
        self.assertEqual(len(lines), 3)
        files = {word for line in lines for word in re.findall(r"\S+\.(?:a|so(?:\.\d+)*)(?=\s)", line)}
        self.assertIn("liblldELF", {stem(file) for file in files})
        self.has({stem(file) for file in files})

    def test_what_the_loader_finds(self):
        for file in ("bin/phic", "bin/phic-opt", "lib/libphic.so"):
            needed = subprocess.run(["readelf", "-d", os.path.join(BUILD, file)], capture_output=True, text=True, check=True).stdout
            self.has({stem(name) for name in re.findall(r"\(NEEDED\).*\[(.*)\]", needed)})

    def test_files_that_programs_are_linked_with(self):
        for system in os.listdir(os.path.join(BUILD, "lib", "phic")):
            for name in os.listdir(os.path.join(BUILD, "lib", "phic", system)):
                if name.endswith((".a", ".o")):
                    self.has([stem(name)])

    def test_programs_print_what_is_in_them(self):
        with tempfile.TemporaryDirectory(prefix="phic-licenses-") as folder:
            for model, *flags in (["tiny-llama/ort-genai-int4"], ["tiny-graph/graph.onnx", "--state=h_next=h", "--dim=batch=1"]):
                program = os.path.join(folder, "program")
                subprocess.run([PHIC, "build", os.path.join(MODELS, model), "-o", program, "-q", *flags], check=True)
                said = subprocess.run([program, "--licenses"], capture_output=True, text=True, check=True).stdout
                self.assertIn("Apache-2.0 WITH LLVM-exception", said)
                self.assertIn(sections()["musl"], said)
                self.assertLess(len(said), 4096)

    def test_they_are_installed(self):
        self.assertRegex(read(ROOT, "compiler", "package", "CMakeLists.txt"), r"install\(FILES .*NOTICE.* DESTINATION share/doc/phic\)")


unittest.main()
