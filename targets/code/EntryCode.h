//===- EntryCode.h - What entry points are made of -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CODE_ENTRYCODE_H
#define PHIC_TARGETS_CODE_ENTRYCODE_H

#include "dialects/plan/Plan.h"
#include "targets/code/KernelBuilder.h"
#include <string>
#include <vector>

namespace phic {

/// Begins `void phi_NAME_ISA(phi_frame *frame, int32_t thread)` (phi_entry) and moves the builder into it.
mlir::LLVM::LLVMFuncOp beginEntry(KernelBuilder &b, mlir::Block &functions, llvm::StringRef name, llvm::StringRef isa);
/// Whether a function is one of those.
bool isEntryPoint(llvm::StringRef symbol);

/// The symbols of the entry points that a module has for a level.
std::vector<std::string> entrySymbols(mlir::ModuleOp module, llvm::StringRef isa);

/// Rows of a step, i64, from its frame.
class EntryRows {
public:
  EntryRows(KernelBuilder &b, mlir::Value frame);
  /// ceil(rows / `tileRows`), rows being the stage's own, the step's, or those whose logits are wanted.
  mlir::Value tiles(plan::StageOp stage, int64_t tileRows);

private:
  KernelBuilder &b;
  mlir::Value rows, logitRows;
};

} // namespace phic

#endif // PHIC_TARGETS_CODE_ENTRYCODE_H
