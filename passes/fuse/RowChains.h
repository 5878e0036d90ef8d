//===- RowChains.h - Which rows go through several ops at once -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of a graph and whatever else is a RowChain, as far as one stage pays: where some rows of what the first
// contraction makes stay in a processor's second-level cache until the last has read them.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PASSES_FUSE_ROWCHAINS_H
#define PHIC_PASSES_FUSE_ROWCHAINS_H

#include "dialects/phiq/Grid.h"

namespace phic {

/// What makes floats of codes and has one map that reads them is computed where that is: between two stages lie codes.
bool goesWithReader(mlir::Operation *op);

class RowChains {
public:
  explicit RowChains(mlir::Block &model);

  /// The ops of the chain that an op is in, in program order, the last one its last contraction; empty: it is in none.
  llvm::ArrayRef<mlir::Operation *> chainOf(mlir::Operation *op) const;

private:
  llvm::SmallVector<llvm::SmallVector<mlir::Operation *>> chains;
  llvm::DenseMap<mlir::Operation *, unsigned> numbers;
};

} // namespace phic

#endif // PHIC_PASSES_FUSE_ROWCHAINS_H
