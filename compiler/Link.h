//===- Link.h - The last phase: a module becomes a program -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_LINK_H
#define PHIC_COMPILER_LINK_H

#include "compiler/request/BuildRequest.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "targets/Backend.h"

namespace llvm {
class raw_ostream;
}

namespace phic {

class OutputFiles;
class WeightStore;
struct CompiledTokenizer;

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

/// What all systems' programs are made of.
struct ModelParts {
  WeightStore &weights; ///< of the files that the modules name
  const CompiledTokenizer &tokenizer;
};

/// Emits the code of each level, packs the weights and writes the outputs, which are `planned`.
ExitCode linkModel(const LinkTask &task, const ModelParts &model, const BuildRequest &request, OutputFiles &planned,
                   llvm::raw_ostream &log);

} // namespace phic

#endif // PHIC_COMPILER_LINK_H
