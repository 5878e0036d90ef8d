//===- RowOps.h - Questions about ops that many ask ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The model's function, its weights, and what RowOpInterface says of any op, also
// of one that is no row op.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_ROWOPS_H
#define PHIC_DIALECTS_PHIQ_ROWOPS_H

#include "dialects/phiq/Phiq.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace phic {

/// The function that importers make.
inline constexpr llvm::StringLiteral kModelFunction = "model";
inline mlir::func::FuncOp modelFunction(mlir::ModuleOp module) {
  return module.lookupSymbol<mlir::func::FuncOp>(kModelFunction);
}

/// Constants, trained or computed: what packs into the weight segment.
bool isWeight(mlir::Operation *op);

/// A constant as rows of floats, which layouts know: a vector is one row, a phiq.constant one of 4-byte words.
std::pair<int64_t, int64_t> rowsAndColumns(mlir::Operation *weight);
/// What people call it.
std::string weightName(mlir::Operation *weight);

/// What is known of a row op; nothing of another op.
inline std::optional<phiq::RowFacts> rowFacts(mlir::Operation *op) {
  auto row = mlir::dyn_cast_if_present<phiq::RowOpInterface>(op);
  return row ? std::optional(row.getFacts()) : std::nullopt;
}
inline bool hasWork(mlir::Operation *op, phiq::RowWork work) {
  std::optional<phiq::RowFacts> facts = rowFacts(op);
  return facts && facts->work == work;
}
inline bool isCore(mlir::Operation *op) { return hasWork(op, phiq::RowWork::Core); }
inline bool isNorm(mlir::Operation *op) { return hasWork(op, phiq::RowWork::Norm); }
inline bool isElementwise(mlir::Operation *op) { return hasWork(op, phiq::RowWork::Elementwise); }

/// As what an op reads a value; nothing where it is no row op.
inline std::optional<phiq::OperandRole> roleOf(mlir::OpOperand &use) {
  std::optional<phiq::RowFacts> facts = rowFacts(use.getOwner());
  return facts ? std::optional(facts->role(use.getOperandNumber())) : std::nullopt;
}

/// An op that is a grid stage by itself.
inline bool isGrid(mlir::Operation *op) { return mlir::isa_and_nonnull<phiq::GridOpInterface>(op); }

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_ROWOPS_H
