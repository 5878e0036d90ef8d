//===- RewritePass.h - A pass that is a set of patterns --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What passes that only apply patterns share: the set is built once a context.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PASSES_REWRITEPASS_H
#define PHIC_PASSES_REWRITEPASS_H

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace phic {

/// `Base` is the generated base class; the patterns are applied until none matches.
template <typename Base, typename... Patterns> struct RewritePass : Base {
  mlir::LogicalResult initialize(mlir::MLIRContext *context) override {
    mlir::RewritePatternSet set(context);
    set.add<Patterns...>(context);
    patterns = std::move(set);
    return mlir::success();
  }
  void runOnOperation() override {
    if (mlir::failed(mlir::applyPatternsGreedily(this->getOperation(), patterns)))
      this->signalPassFailure();
  }
  mlir::FrozenRewritePatternSet patterns;
};

} // namespace phic

#endif // PHIC_PASSES_REWRITEPASS_H
