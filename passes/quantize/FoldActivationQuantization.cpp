//===- FoldActivationQuantization.cpp - Stated rounding of rows -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a graph states about activations is part of its meaning (exact matmul) and is
// neither dropped nor done in another precision:
//
//     %q = phiq.quantize %x, %s {zero = 100}
//     %y = phiq.dequantize %q       ->     %y = phiq.snap %x, %s {least = -100, greatest = 155}
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Numerics.h"
#include "dialects/phiq/Phiq.h"
#include "passes/Passes.h"
#include "passes/RewritePass.h"

namespace phic {
#define GEN_PASS_DEF_FOLDACTIVATIONQUANTIZATIONPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

/// dequantize(quantize(x, s, z)) -> snap(x, s) within the codes' range less z
struct FoldIntoSnap : OpRewritePattern<phiq::DequantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::DequantizeOp op, PatternRewriter &rewriter) const override {
    auto quantize = op.getX().getDefiningOp<phiq::QuantizeOp>();
    if (!quantize || !quantize.getScale())
      return rewriter.notifyMatchFailure(op, "requires activations quantized by a stated scale");
    const BlockFormat format = cast<phiq::BlockType>(quantize.getType().getElementType()).getFormat();
    auto zero = int64_t(quantize.getZero().value_or(0));
    int64_t least = leastCode(format.codes), greatest = greatestCode(format.codes);
    if (zero < least || zero > greatest)
      return rewriter.notifyMatchFailure(op, "requires a zero point that is a code");
    rewriter.replaceOpWithNewOp<phiq::SnapOp>(op, quantize.getX().getType(), quantize.getX(), quantize.getScale(),
                                              rewriter.getI64IntegerAttr(least - zero),
                                              rewriter.getI64IntegerAttr(greatest - zero));
    return success();
  }
};

struct FoldActivationQuantization
    : RewritePass<impl::FoldActivationQuantizationPassBase<FoldActivationQuantization>, FoldIntoSnap> {};

} // namespace
} // namespace phic
