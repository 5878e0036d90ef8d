//===- PropagateLogitRows.cpp - Drop unwanted rows early -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moves the selection of the rows whose logits are wanted up through ops that
// work on single rows:
//
//     %n = phiq.rms_norm %h, %g            %r = phiq.logit_rows %h
//     %r = phiq.logit_rows %n       ->     %n = phiq.rms_norm %r, %g
//===----------------------------------------------------------------------===//
#include "dialects/phiq/RowOps.h"
#include "passes/Passes.h"
#include "passes/RewritePass.h"

namespace phic {
#define GEN_PASS_DEF_PROPAGATELOGITROWSPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

/// The only operand of rows of an op that computes row i of its result from row i of that operand and needs no
/// position. Null: another kind of op.
OpOperand *singleRows(Operation *op) {
  auto row = dyn_cast_if_present<phiq::RowOpInterface>(op);
  if (!row || row.getFacts().work == phiq::RowWork::Select || row.getFacts().needsPositions)
    return nullptr;
  SmallVector<OpOperand *> rows = row.rowOperands();
  return rows.size() == 1 ? rows.front() : nullptr;
}

/// logit_rows(f(x)) -> f(logit_rows(x)) where nothing else reads f(x)
struct PropagateThroughRowOp : OpRewritePattern<phiq::LogitRowsOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::LogitRowsOp op, PatternRewriter &rewriter) const override {
    Operation *producer = op.getX().getDefiningOp();
    OpOperand *rows = singleRows(producer);
    if (!rows)
      return rewriter.notifyMatchFailure(op, "requires the result of an op on single rows");
    if (!producer->hasOneUse())
      return rewriter.notifyMatchFailure(op, "requires rows that nothing else reads");
    if (!cast<ShapedType>(rows->get().getType()).getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "requires float rows");
    rewriter.setInsertionPoint(producer);
    auto selected =
        phiq::LogitRowsOp::create(rewriter, op.getLoc(), rows->get().getType(), rows->get(), op.getPruned());
    rewriter.modifyOpInPlace(producer, [&] { rows->set(selected); });
    rewriter.replaceOp(op, producer->getResults());
    return success();
  }
};

struct PropagateLogitRows : RewritePass<impl::PropagateLogitRowsPassBase<PropagateLogitRows>, PropagateThroughRowOp> {};

} // namespace
} // namespace phic
