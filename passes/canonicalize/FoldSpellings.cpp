//===- FoldSpellings.cpp - Name spelled-out operations ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Graph exporters spell some operations as several nodes. Later phases see one op:
//
//     mulf(x, sigmoid(x)) -> silu(x)     transpose(transpose(w)) -> w
//     logit_rows(logit_rows(x)) -> logit_rows(x)
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Phiq.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/Passes.h"
#include "passes/RewritePass.h"

namespace phic {
#define GEN_PASS_DEF_FOLDSPELLINGSPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

/// mulf(x, sigmoid(x)), in either order -> silu(x)
struct FoldSilu : OpRewritePattern<arith::MulFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::MulFOp op, PatternRewriter &rewriter) const override {
    for (auto [x, other] : {std::pair(op.getLhs(), op.getRhs()), std::pair(op.getRhs(), op.getLhs())}) {
      auto sigmoid = other.getDefiningOp<phiq::SigmoidOp>();
      if (!sigmoid || sigmoid.getX() != x)
        continue;
      Location loc = rewriter.getFusedLoc({op.getLoc(), sigmoid.getLoc()});
      auto silu = phiq::SiluOp::create(rewriter, loc, x.getType(), x);
      rewriter.replaceOp(op, silu);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "requires a factor that is the sigmoid of the other");
  }
};

/// transpose(transpose(w)) -> w
struct FoldTransposePair : OpRewritePattern<phiq::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::TransposeOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getW().getDefiningOp<phiq::TransposeOp>();
    if (!inner || inner.getW().getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "requires the transpose of a transpose");
    rewriter.replaceOp(op, inner.getW());
    return success();
  }
};

/// logit_rows(logit_rows(x)) -> logit_rows(x), pruned where either is
struct FoldLogitRowsPair : OpRewritePattern<phiq::LogitRowsOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::LogitRowsOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getX().getDefiningOp<phiq::LogitRowsOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "requires the rows of a phiq.logit_rows");
    bool pruned = op.getPruned() || inner.getPruned();
    rewriter.modifyOpInPlace(op, [&] {
      op.getXMutable().assign(inner.getX());
      op.setPruned(pruned);
    });
    return success();
  }
};

struct FoldSpellings
    : RewritePass<impl::FoldSpellingsPassBase<FoldSpellings>, FoldSilu, FoldTransposePair, FoldLogitRowsPair> {};

} // namespace
} // namespace phic
