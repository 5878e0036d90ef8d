//===- FuseDequantize.cpp - Read quantized weights quantized ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matmuls and embeddings mean exact arithmetic on dequantized operands (exact matmul), so
// that a dequantized weight and the quantized one are the same operand:
//
//     %f = phiq.dequantize %w
//     %y = phiq.matmul %x, %f     ->     %y = phiq.matmul %x, %w
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Phiq.h"
#include "passes/Passes.h"
#include "passes/RewritePass.h"

namespace phic {
#define GEN_PASS_DEF_FUSEDEQUANTIZEPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

/// The weight an operand was dequantized from; null for anything else. Quantized activations stay: a graph that
/// states them means the rounding.
Value quantizedWeight(Value operand) {
  auto dequantize = operand.getDefiningOp<phiq::DequantizeOp>();
  return dequantize && dequantize.getX().getDefiningOp<phiq::WeightOp>() ? dequantize.getX() : Value();
}

LogicalResult fuse(Operation *op, OpOperand &operand, PatternRewriter &rewriter) {
  Value weight = quantizedWeight(operand.get());
  if (!weight)
    return rewriter.notifyMatchFailure(op, "requires a dequantized weight");
  rewriter.modifyOpInPlace(op, [&] { operand.set(weight); });
  return success();
}

/// matmul(x, dequantize(weight)) -> matmul(x, weight)
struct FuseIntoMatmul : OpRewritePattern<phiq::MatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::MatmulOp op, PatternRewriter &rewriter) const override {
    return fuse(op, op.getRhsMutable(), rewriter);
  }
};

/// embed(ids, dequantize(weight)) -> embed(ids, weight)
struct FuseIntoEmbed : OpRewritePattern<phiq::EmbedOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::EmbedOp op, PatternRewriter &rewriter) const override {
    return fuse(op, op.getTableMutable(), rewriter);
  }
};

struct FuseDequantize : RewritePass<impl::FuseDequantizePassBase<FuseDequantize>, FuseIntoMatmul, FuseIntoEmbed> {};

} // namespace
} // namespace phic
