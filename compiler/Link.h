//===- Link.h - The last phase: a module becomes a program -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_LINK_H
#define PHIC_COMPILER_LINK_H

#include "compiler/Options.h"
#include "compiler/import/ModelPath.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "targets/Target.h"

namespace llvm {
class raw_ostream;
}

namespace phic {

class InputFiles;
class OutputFiles;

/// The model's code for one CPU level: a module that has been through `target`.
struct LevelModule {
  const Target *target;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// Emits the object code of each level, best first, compiles the model's tokenizer, packs its weights and writes what
/// options.emit names, for the one system options.target. `inputs` is told of the tokenizer's files.
ExitCode linkModel(llvm::ArrayRef<const LevelModule *> levels, const ModelPath &model, const Options &options,
                   InputFiles &inputs, OutputFiles &planned, llvm::raw_ostream &log);

} // namespace phic

#endif // PHIC_COMPILER_LINK_H
