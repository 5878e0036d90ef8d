//===- Console.h - The two streams a person reads --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All that a tool prints goes through here. Names in a model are anybody's: nothing of them moves a terminal's cursor or
// ends a line of JSON. And what standard output does not take is an error, never a silence.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_FILES_CONSOLE_H
#define PHIC_COMPILER_FILES_CONSOLE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace phic {

/// The text as a terminal may have it: control characters other than tabs and line ends, and marks that turn the direction
/// of writing, become \u001b, as JSON spells them; what is no UTF-8 becomes U+FFFD.
std::string printable(llvm::StringRef text);
/// The same with line ends and tabs as \u000a: for names.
std::string printableName(llvm::StringRef name);

/// Standard output: what was asked for. Standard error: what there is to say about it.
llvm::raw_ostream &reports();
llvm::raw_ostream &messages();

/// First of all in main(): no file that is opened gets the number of a standard descriptor which the caller has closed, and
/// a reader that goes away is a failed write.
void openConsole();
/// Whether standard output took all that was printed until now and, as far as that can be known, would take more: asked by
/// whoever is about to work for long on what there is to print. Why not, flushReports says in the end.
bool reportsArrive();
/// Whether standard output took all that was printed, and why not; asked again, of what came later.
llvm::Error flushReports();
/// Dies of SIGPIPE, which scripts know, as most tools do: a reader that has read enough (`phic ... | head`) is nobody to
/// complain to. Returns where the caller had that signal ignored.
void dieOfBrokenPipe();

} // namespace phic

#endif // PHIC_COMPILER_FILES_CONSOLE_H
