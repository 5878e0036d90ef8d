//===- SystemOptions.h - One compilation for each system -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_SYSTEMOPTIONS_H
#define PHIC_COMPILER_SYSTEMOPTIONS_H

#include "compiler/Options.h"
#include "llvm/Support/Error.h"

namespace phic {

/// The options of each system that --target names, alone: the first system's outputs are as -o names them, those of a
/// further one have its name behind the stem (`-o out/phi` makes out/phi and out/phi-aarch64-linux).
llvm::Expected<std::vector<Options>> optionsOfSystems(const Options &options);

/// Every file that a compilation without mistakes writes.
llvm::Expected<std::vector<std::string>> pathsOfSystems(const Options &options);

} // namespace phic

#endif // PHIC_COMPILER_SYSTEMOPTIONS_H
