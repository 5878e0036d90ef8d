//===- Link.h - The last phase: a module becomes a program -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_LINK_H
#define PHIC_COMPILER_LINK_H

#include "compiler/BuildRequest.h"
#include "compiler/import/ModelPath.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "targets/Backend.h"

namespace llvm {
class raw_ostream;
}

namespace phic {

class InputFiles;
class OutputFiles;

/// The model as one family of machines takes it: a module that has been through `layout`.
struct FamilyModule {
  const Backend *backend;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// The model's code for one level: a module that has been through `target`.
struct LevelModule {
  const Target *target;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// The levels of one family, best first: they share a plan and a packed copy of the weights.
struct FamilyCode {
  const Backend *backend;
  std::vector<const LevelModule *> levels;

  /// What is asked of the plan is the same for all.
  mlir::ModuleOp plan() const { return *levels.front()->module; }
};

/// What is made for one system.
struct LinkTask {
  const System *system;
  llvm::ArrayRef<FamilyCode> families; ///< the CPU first
  const Outputs &outputs;
};

/// Emits the code of each level, compiles the model's tokenizer, packs its weights and writes the outputs. `inputs` is
/// told of the tokenizer's files.
ExitCode linkModel(const LinkTask &task, const ModelPath &model, const BuildRequest &request, InputFiles &inputs,
                   OutputFiles &planned, llvm::raw_ostream &log);

} // namespace phic

#endif // PHIC_COMPILER_LINK_H
