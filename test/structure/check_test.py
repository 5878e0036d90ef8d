#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""check.py finds what is planted: each of its rules, and each way in which a line of a lit test can be without effect."""
import pathlib
import shutil
import sys
import tempfile
import unittest

import check
import filecheck
import rooms

HEAD = "//===- {} - A title -*- C++ -*-===//\n// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n"

# A lit test -> part of what is wrong with it; None: nothing is.
LIT_TESTS = [
    ("// RUN: x %s | FileCheck %s\n// CHECK: a\n", None),
    ("// RUN: x %s | FileCheck %s\n// CHECK: a\n// CHECK-NOT: b\n// CHECK-DAG: c\n// CHECK-COUNT-2: d\n// CHECK-LABEL: e\n", None),
    ("// RUN: x %s | FileCheck %s\n// CHECK: a\n// CHECK{LITERAL}: [[b]]\n", None),
    ("// RUN: x %s | FileCheck %s\n// CHECK: a\n// CHECK b\n", "CHECK without a colon"),
    ("// RUN: x %s | FileCheck %s\n// CHECK: a\n// CHECK that: b\n", "CHECK without a colon"),
    ("// RUN: x %s | FileCheck %s\n// CHECK: a\n// CHECK-LABEL @b\n", "CHECK-LABEL without a colon"),
    ("// RUN: x %s | FileCheck %s\n// CHECK: a\n// CHECK-NXT: b\n", "no directive of FileCheck"),
    ("// RUN: x %s | FileCheck %s\n// CHECK: a\n// CHEKC: b\n", "a prefix that no RUN line names"),
    ("// RUN: x %s | FileCheck %s --check-prefix=V4\n// V4: a\n// CHECK: b\n", "a prefix that no RUN line names"),
    ("// RUN: x %s | FileCheck %s --check-prefix=V4\n// V4: a\n// V4-LABEL b\n", "V4-LABEL without a colon"),
    ("// RUN: x %s | FileCheck %s --check-prefixes=CHECK,V4\n// CHECK: a\n", "names the prefix V4"),
    ("// RUN: x %s | FileCheck %s \\\n// RUN:   -check-prefix V4\n// V4: a\n", None),
    ("// RUN: x %s | FileCheck %s\n// CHECK-NOT: a\n", "only says what must not be there"),
    ("// RUN: x %s | FileCheck %s\n// CHECK-NOT: a\n// CHECK-LABEL: b\n", "reads only what stands above it"),
    ("// RUN: x %s | FileCheck %s\n%0 = a // CHECK: a\n%1 = b // CHECK b\n", "CHECK without a colon"),
    ("// RUN: x %s --verify-diagnostics\n// expected-error @+1 {{a}}\n// expected-remark@below {{b}}\n", None),
    ("// RUN: x %s --verify-diagnostics\n// expected-eror {{a}}\n", "no expectation"),
    ("// RUN: x %s --verify-diagnostics\n// expected-error: a\n", "no expectation"),
    ("// RUN: x %s | FileCheck %s\n// CHECK: a\n// expected-error {{a}}\n", "without --verify-diagnostics"),
]

# Rule -> a tree of files that breaks it once.
TREES = {
    "title_names_the_file": {"passes/A.h": HEAD.format("B.h")},
    "guard_follows_the_path": {"passes/A.h": HEAD.format("A.h") + "#ifndef PHIC_B_H\n"},
    "includes_follow_the_arrows": {"dialects/A.cpp": HEAD.format("A.cpp") + '#include "passes/B.h"\n'},
    "includes_stay_in_the_rooms": {"compiler/files/A.cpp": HEAD.format("A.cpp") + '#include "compiler/Options.h"\n'},
    "libraries_link_their_rooms": {"compiler/files/CMakeLists.txt": "phic_room(\n  ROOMS compiler/link\n  PLAIN A.cpp)\n"},
    "rooms_are_drawn": {"docs/architecture.md": "# A house of one room\n"},
    "passes_have_a_test": {"passes/fuse/FuseA.cpp": HEAD.format("FuseA.cpp") + "#define GEN_PASS_DEF_FUSEA\n"},
    "checks_check": {"test/passes/a.mlir": "// RUN: x | FileCheck %s\n// CHECK: a\n// CHECK-NEXT b\n"},
    "outputs_go_through_output_file": {"compiler/A.cpp": HEAD.format("A.cpp") + "  llvm::raw_fd_ostream os(path, code);\n"},
    "inputs_go_through_input_file": {"compiler/A.cpp": HEAD.format("A.cpp") + "  auto text = llvm::MemoryBuffer::getFile(path);\n"},
    "json_goes_one_way": {"passes/A.cpp": HEAD.format("A.cpp") + "  auto a = json::parse(text);\n"},
    "tables_are_read_through_views": {"runtime/A.cpp": HEAD.format("A.cpp") + "  const uint8_t *text = blob + offset;\n"},
    "one_meaning_a_name": {"passes/A.h": HEAD.format("A.h") + "#ifndef PHIC_PASSES_A_H\nstruct Value {\n",
                           "targets/A.cpp": HEAD.format("A.cpp") + "class Value final : public Other {\n"},
    "tools_print_through_the_console": {"compiler/A.cpp": HEAD.format("A.cpp") + "  llvm::errs() << name;\n"},
    "files_stay_short": {"passes/A.cpp": HEAD.format("A.cpp") + "\n" * 500},
    "formatted": {"passes/A.cpp": HEAD.format("A.cpp") + "int  a;\n"},
    "no_machine_paths": {"docs/a.md": "in " + "/wo" + "rk/here\n"},
    "no_large_files": {"docs/a.bin": "0" * ((4 << 20) + 1)},
}


class Check(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="phic-check-")
        self.addCleanup(folder.cleanup)
        shutil.copy(check.ROOT / ".clang-format", folder.name)
        self.addCleanup(setattr, check, "ROOT", check.ROOT)
        self.addCleanup(setattr, check, "FILES", check.FILES)
        check.ROOT, check.FILES = pathlib.Path(folder.name), []

    def plant(self, tree):
        for name, text in tree.items():
            path = check.ROOT / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        check.FILES = [pathlib.Path(name) for name in tree]

    def test_every_rule_finds_its_offence(self):
        for rule in check.RULES:
            with self.subTest(rule=rule.__name__):
                self.assertTrue(rule.__name__ in TREES, "a rule without a planted offence")
                self.assertEqual(list(rule()), [], "of an empty tree")
                self.plant(TREES[rule.__name__])
                self.assertEqual(len(list(rule())), 1)
                check.FILES = []

    def test_a_room_without_a_library_is_found(self):
        self.plant({"compiler/link/A.cpp": HEAD.format("A.cpp"), "compiler/files/CMakeLists.txt": "phic_room(\n  PLAIN A.cpp)\n"})
        self.assertEqual(list(check.libraries_link_their_rooms()), ["compiler/link:1: no library: no phic_room of CMake's"])

    def test_no_arrow_leads_back(self):
        for room in rooms.ROOMS.keys() - {"runtime", "runtime/devices"}:
            self.assertNotIn(room, rooms.reached_from(room))

    def test_a_folder_of_a_kind_is_a_room(self):
        self.assertEqual(rooms.room_of("targets/sundial/layout/A.cpp"), "targets/sundial")
        self.plant({"targets/sundial/A.cpp": HEAD.format("A.cpp") + '#include "targets/cpu/CpuTarget.h"\n#include "targets/Target.h"\n'})
        self.assertEqual(list(check.includes_stay_in_the_rooms()), ["targets/sundial/A.cpp:1: targets/sundial must not include targets/cpu/CpuTarget.h"])

    def test_lit_tests(self):
        for text, part in LIT_TESTS:
            with self.subTest(text=text):
                found = [what for _, what in filecheck.offences(text)]
                self.assertEqual(len(found), 0 if part is None else 1, found)
                self.assertTrue(part is None or part in found[0], found)


if __name__ == "__main__":
    sys.exit(unittest.main())
