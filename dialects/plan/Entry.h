//===- Entry.h - What the model's entries bind -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads off the model's function what its entry points take, return and keep, in the order of the slots of the binding
// table. What makes a decoder is that it binds rows of a step; nothing here knows a model's name.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PLAN_ENTRY_H
#define PHIC_DIALECTS_PLAN_ENTRY_H

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <string>

namespace phic::plan {

/// An input, a result or a state. Without `plan.binding`, arguments are inputs "arg0", ..., results "result0", ...
struct Binding {
  BindingKind kind;
  std::string name;
  mlir::RankedTensorType type; ///< null: all KV caches, bytes per token of the context
  unsigned slot;               ///< of the binding table
  unsigned nextSlot;           ///< of a state: where a step writes what the next one reads
  bool isLogitRows = false;    ///< a result that has the wanted rows only
  uint32_t indexLimit = 0;     ///< an input's numbers are indices from -indexLimit to indexLimit - 1; 0: any
};

/// Says what an argument or a result is.
void nameArgument(mlir::func::FuncOp model, unsigned argument, BindingKind kind, llvm::StringRef name);
/// Says that an argument's numbers are indices.
void limitArgument(mlir::func::FuncOp model, unsigned argument, uint32_t indexLimit);
void nameResult(mlir::func::FuncOp model, unsigned result, BindingKind kind, llvm::StringRef name);

/// Inputs, results, states.
llvm::SmallVector<Binding> bindingsOf(mlir::func::FuncOp model);
/// How many slots the binding table has.
unsigned slotCount(mlir::func::FuncOp model);

inline unsigned slotOfArgument(mlir::BlockArgument argument) { return argument.getArgNumber(); }
inline unsigned slotOfResult(mlir::func::FuncOp model, unsigned result) { return model.getNumArguments() + result; }
/// All KV caches together, behind arguments and results.
inline unsigned slotOfCaches(mlir::func::FuncOp model) { return model.getNumArguments() + model.getNumResults(); }

/// The entry points: of a model with steps one an M class (targets/Target.h), else the one that runs it.
llvm::ArrayRef<llvm::StringLiteral> entryNames(mlir::func::FuncOp model);

/// Bytes from one index of the first dimension to the next of a value that lies dense in memory, as bindings do.
uint64_t denseRowBytes(mlir::Type type);

/// Whether the model works on a number of rows that a step chooses, as decoders do.
bool hasSteps(mlir::func::FuncOp model);

/// The rows that a stage works on where they are fixed: the first dimension of what it makes.
std::optional<int64_t> fixedRowsOf(StageOp stage);

} // namespace phic::plan

#endif // PHIC_DIALECTS_PLAN_ENTRY_H
