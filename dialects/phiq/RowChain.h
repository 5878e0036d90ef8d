//===- RowChain.h - Rows made of rows made of rows -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops of which each makes a row out of that row of what the one before it made:
//
//     contract -> maps -> (softmax or normalize -> maps)* -> contract -> maps
//
// so that some rows can go all the way while they lie in a cache. Between the contractions nothing else is read but what
// other stages make, broadcast to the rows; `batched`, both have factors of their own in each product, and the same products
// of as many rows. Reshapes between the ops keep rows as they are.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_ROWCHAIN_H
#define PHIC_DIALECTS_PHIQ_ROWCHAIN_H

#include "dialects/phiq/Grid.h"

namespace phic {

/// What reads an op's results, also through reshapes.
llvm::SmallVector<mlir::Operation *> readersOf(mlir::Operation *op);

struct RowChain {
  /// What becomes of `rows`, as they are read: maps of their shape, and the op that reads the last of them: softmax,
  /// normalize, or the chain's last contraction, which reads them as its x.
  struct Step {
    mlir::Value rows;
    llvm::SmallVector<phiq::MapOp> maps = {};
    mlir::Operation *reader = nullptr;

    mlir::Value made() const { return maps.empty() ? rows : phiq::MapOp(maps.back()).getResult(); }
  };

  phiq::ContractOp first, last;
  llvm::SmallVector<Step> steps;
  llvm::SmallVector<mlir::Operation *> behind; ///< from the last contraction on

  /// Nothing where the ops, in program order and without reshapes, are no chain.
  static std::optional<RowChain> of(llvm::ArrayRef<mlir::Operation *> ops);
  /// The same of what a stage does.
  static std::optional<RowChain> of(mlir::Block &body);
};

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_ROWCHAIN_H
