//===- FoldEqualWeights.cpp - One handle for one weight --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tied embeddings reach us as two weights of the same byte ranges. CSE leaves
// them, since their names differ; here the first one serves every use.
//
//     %a = phiq.weight "embed" layout = "nbits" [#r]
//     %b = phiq.weight "lm_head" layout = "nbits" [#r]   ->   (uses of %b take %a)
//===----------------------------------------------------------------------===//
#include "dialects/phiq/RowOps.h"
#include "passes/Passes.h"
#include "llvm/ADT/DenseMap.h"

namespace phic {
#define GEN_PASS_DEF_FOLDEQUALWEIGHTSPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

/// Everything that decides a weight's values: how which bytes are read as what type. Not its name.
Attribute valueKey(phiq::WeightOp op) {
  return ArrayAttr::get(op.getContext(), {op.getLayoutAttr(), op.getRanges(), TypeAttr::get(op.getType()),
                                          TypeAttr::get(op.getStoredElementType())});
}

struct FoldEqualWeights : impl::FoldEqualWeightsPassBase<FoldEqualWeights> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        foldIn(function.getBody().front());
  }

  void foldIn(Block &block) {
    llvm::DenseMap<Attribute, phiq::WeightOp> first;
    for (auto weight : llvm::make_early_inc_range(block.getOps<phiq::WeightOp>())) {
      auto [found, isNew] = first.try_emplace(valueKey(weight), weight);
      if (isNew)
        continue;
      weight.replaceAllUsesWith(found->second.getResult());
      weight.erase();
    }
  }
};

} // namespace
} // namespace phic
