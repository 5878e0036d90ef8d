//===- FoldTransposes.cpp - Transposed weights cost nothing ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A storage layout says in which order a file holds a weight's axes, so a
// transposed weight is the same bytes under the mirrored layout:
//
//     %w = phiq.weight "w" layout = "dense_nk" [#r] : tensor<96x256xf32>
//     %t = phiq.transpose %w     ->     %t = phiq.weight "w" layout = "dense_kn" [#r] : tensor<256x96xf32>
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Phiq.h"
#include "passes/Passes.h"
#include "passes/RewritePass.h"

namespace phic {
#define GEN_PASS_DEF_FOLDTRANSPOSESPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

/// The layout that reads the same bytes with the axes exchanged. Block-quantized layouts have none: their blocks
/// would run along N, where the type says K.
std::optional<StorageLayout> mirrored(const StoredAs &storedAs) {
  if (storedAs == StorageLayout::DenseNK)
    return StorageLayout::DenseKN;
  if (storedAs == StorageLayout::DenseKN)
    return StorageLayout::DenseNK;
  return std::nullopt;
}

/// transpose(weight) -> weight of the mirrored layout
struct FoldTranspose : OpRewritePattern<phiq::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::TransposeOp op, PatternRewriter &rewriter) const override {
    auto weight = op.getW().getDefiningOp<phiq::WeightOp>();
    if (!weight)
      return rewriter.notifyMatchFailure(op, "requires the transpose of a weight");
    std::optional<StorageLayout> layout = mirrored(weight.getStoredAs());
    if (!layout)
      return rewriter.notifyMatchFailure(op, "requires a layout that can be read in either order");
    if (weight.getMethod())
      return rewriter.notifyMatchFailure(op, "requires a weight as it is stored: a conversion has an axis");
    rewriter.setInsertionPoint(weight);
    rewriter.replaceOpWithNewOp<phiq::WeightOp>(op, op.getType(), weight.getName(), *layout, weight.getRanges());
    return success();
  }
};

struct FoldTransposes : RewritePass<impl::FoldTransposesPassBase<FoldTransposes>, FoldTranspose> {};

} // namespace
} // namespace phic
