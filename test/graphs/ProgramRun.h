//===- ProgramRun.h - A graph's program, wherever it runs ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_GRAPHS_PROGRAMRUN_H
#define PHIC_TEST_GRAPHS_PROGRAMRUN_H

#include "compiler/Options.h"
#include "test/graphs/Arrays.h"
#include "llvm/Support/Error.h"

namespace phic::test {

/// An array by the name that the graph has for it.
using NamedArray = std::pair<std::string, Array>;

/// Empty, or what is needed to run a program that is compiled with these options.
std::string whatIsMissing(const Options &options);

/// Runs the program that was compiled with these options, on this machine or, where it does not run its level, in an emulator. Of
/// `results`, the arrays are overwritten.
llvm::Error runProgram(const Options &options, llvm::ArrayRef<NamedArray> inputs, std::vector<NamedArray> &results);

} // namespace phic::test

#endif // PHIC_TEST_GRAPHS_PROGRAMRUN_H
