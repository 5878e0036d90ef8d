//===- RowOps.h - Which ops work on single rows ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Facts about ops that more than one pass asks for.
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

/// Trained constants and computed tables: what packs into the weight segment.
inline bool isWeight(mlir::Operation *op) { return mlir::isa_and_nonnull<phiq::WeightOp, phiq::RopeTableOp>(op); }

/// A normalization of each row: needs the whole row before its first result.
inline bool isNorm(mlir::Operation *op) { return mlir::isa<phiq::RmsNormOp, phiq::LayerNormOp>(op); }

/// One element of the result from the same elements of the operands.
inline bool isElementwise(mlir::Operation *op) {
  return mlir::isa<phiq::SigmoidOp, phiq::SiluOp, phiq::GeluOp, phiq::GeluTanhOp, mlir::arith::AddFOp,
                   mlir::arith::MulFOp>(op);
}

/// As elementwise, with vectors of the model beside the one operand of rows.
inline bool isElementwiseWithVector(mlir::Operation *op) { return mlir::isa<phiq::BiasOp, phiq::SnapOp>(op); }

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_ROWOPS_H
