//===- Pipeline.h - Which passes each phase runs ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of contents of the compiler.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_PIPELINE_H
#define PHIC_COMPILER_PIPELINE_H

#include "compiler/Options.h"

namespace mlir {
class OpPassManager;
}
namespace llvm {
class raw_ostream;
}

namespace phic {

/// Appends the passes of a phase. `import`, `target`'s code emission and `link`
/// are not passes: Compiler.cpp runs them.
void addPhase(mlir::OpPassManager &passes, Phase phase, const Options &options);

/// Prints every phase with its meaning and its passes, in order.
void printPipeline(llvm::raw_ostream &os, const Options &options);

} // namespace phic

#endif // PHIC_COMPILER_PIPELINE_H
