//===- Pipeline.h - Which passes each phase runs ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of contents of the compiler.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_PIPELINE_H
#define PHIC_COMPILER_PIPELINE_H

#include "compiler/Options.h"
#include "targets/Target.h"
#include "llvm/ADT/ArrayRef.h"
#include <string>

namespace mlir {
class OpPassManager;
}
namespace llvm {
class raw_ostream;
}

namespace phic {

/// The last phase whose result is the same for every machine. `layout` runs once a family of machines, later phases once
/// a level, each on its own module.
inline constexpr Phase kLastSharedPhase = Phase::Fuse;
class PluginRegistry;

/// Appends the passes of a phase. `import`, the emission of code and `link` are not passes: Compilation.cpp runs them.
/// Shared phases are for all of `levels`, which is not empty, `layout` for the family of the first, later ones for it.
void addPhase(mlir::OpPassManager &passes, Phase phase, const CompileSettings &settings,
              llvm::ArrayRef<const Target *> levels);

/// Appends what must hold of IR that `first` goes on with: the checks which end the phases before, for IR that a hand may have
/// changed since.
void addEntryChecks(mlir::OpPassManager &passes, Phase first, llvm::ArrayRef<const Target *> levels);

/// Prints every phase with its meaning and its passes, in order, hooks among them. `levels`: one of each family.
void printPipeline(llvm::raw_ostream &os, const CompileSettings &settings, llvm::ArrayRef<const Target *> levels,
                   const PluginRegistry &plugins);

} // namespace phic

#endif // PHIC_COMPILER_PIPELINE_H
