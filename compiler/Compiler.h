//===- Compiler.h - From a model to a program ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_COMPILER_H
#define PHIC_COMPILER_COMPILER_H

#include "compiler/Options.h"

namespace llvm {
class raw_ostream;
}

namespace phic {

/// Compiles `options.model` and writes `options.output`, atomically: on failure
/// no output is left. Diagnostics, remarks and the summary go to `log`.
ExitCode compile(const Options &options, llvm::raw_ostream &log);

} // namespace phic

#endif // PHIC_COMPILER_COMPILER_H
