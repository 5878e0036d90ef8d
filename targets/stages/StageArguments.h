//===- StageArguments.h - The addresses that a kernel is given -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants of a stage: its inputs, then its results, then keys and values of each of
// its caches. How a family hands them to a kernel is its own.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_STAGES_STAGEARGUMENTS_H
#define PHIC_TARGETS_STAGES_STAGEARGUMENTS_H

#include "dialects/plan/Plan.h"

namespace phic {

struct StageArgument {
  enum class Space : uint8_t {
    Weights, ///< of the plan: a packed weight
    Arena,   ///< of the session: a buffer
    Binding, ///< a slot of the binding table
    Context, ///< of the slot of the caches: `offset` is for one token, times the context
  };
  Space space;
  unsigned slot = 0;   ///< Binding, Context
  uint64_t offset = 0; ///< bytes
};

llvm::SmallVector<StageArgument> argumentsOf(plan::StageOp stage);

/// In the order of their numbers (StageHook).
llvm::SmallVector<plan::StageOp> stagesOf(mlir::ModuleOp module);

} // namespace phic

#endif // PHIC_TARGETS_STAGES_STAGEARGUMENTS_H
