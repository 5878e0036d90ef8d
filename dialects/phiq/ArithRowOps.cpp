//===- ArithRowOps.cpp - Sums and products as row ops ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// arith.addf and arith.mulf on tensors are row ops like those of phiq: the dialect
// gives them its interfaces where it is loaded.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/ErrorBounds.h"

namespace phic::phiq {
namespace {
using namespace mlir;

constexpr OperandRole kRows[] = {OperandRole::Rows};

struct SumRow : RowOpInterface::ExternalModel<SumRow, arith::AddFOp> {
  RowFacts getFacts(Operation *) const {
    return {"add", RowWork::Elementwise, EpiloguePlace::Elementwise, false, kRows};
  }
  RowExpr getExpression(Operation *, ArrayRef<RowExpr> x) const { return x[0] + x[1]; }
};

struct ProductRow : RowOpInterface::ExternalModel<ProductRow, arith::MulFOp> {
  RowFacts getFacts(Operation *) const {
    return {"mul", RowWork::Elementwise, EpiloguePlace::Elementwise, false, kRows};
  }
  RowExpr getExpression(Operation *, ArrayRef<RowExpr> x) const { return x[0] * x[1]; }
};

struct SumMeaning : MeaningInterface::ExternalModel<SumMeaning, arith::AddFOp> {
  Rows meaning(Operation *op, Scope &scope) const { return meaning::add(cast<arith::AddFOp>(op), scope); }
  void bound(Operation *op, Scope &scope, Rows &result) const { bound::add(cast<arith::AddFOp>(op), scope, result); }
};

struct ProductMeaning : MeaningInterface::ExternalModel<ProductMeaning, arith::MulFOp> {
  Rows meaning(Operation *op, Scope &scope) const { return meaning::multiply(cast<arith::MulFOp>(op), scope); }
  void bound(Operation *op, Scope &scope, Rows &result) const {
    bound::multiply(cast<arith::MulFOp>(op), scope, result);
  }
};

} // namespace

void attachArithRowOps(MLIRContext *context) {
  arith::AddFOp::attachInterface<SumRow, SumMeaning>(*context);
  arith::MulFOp::attachInterface<ProductRow, ProductMeaning>(*context);
}

} // namespace phic::phiq
