//===- Moves.h - Where moved elements come from ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What moves mean, once for the interpreter, error bounds and kernels. Of permute, slice, concat, broadcast and pad it is
// known in advance: they are *pieces*, boxes of the result that an operand fills in even steps.
//
//     phiq.concat %a [8, 3], %b [8, 5], axis 1  ->  {a, [8, 3], from 0 by (3, 1), to 0 by (8, 1)},
//                                                   {b, [8, 5], from 0 by (5, 1), to 3 by (8, 1)}
//
// Gathers read runs of elements whose place depends on indices.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_MOVES_H
#define PHIC_DIALECTS_PHIQ_MOVES_H

#include "dialects/phiq/Grid.h"

namespace phic {

/// A box of a move's result, with axes in its order; steps and places in elements.
struct MovePiece {
  unsigned operand = 0;
  llvm::SmallVector<int64_t> shape, from, to;
  int64_t fromFirst = 0, toFirst = 0;

  bool isEmpty() const { return llvm::is_contained(shape, 0); }
};

/// Those of permute, slice, concat, broadcast or pad, which make up the result.
llvm::SmallVector<MovePiece> movePieces(mlir::Operation *move);

/// A gather's result: `count` runs of `run` elements that lie side by side as they do in x. The digits of a run's number,
/// the last innermost, say where its indices are, and where it lies in x but for them.
struct GatherRuns {
  struct Index {
    int64_t size, step; ///< of the axis of x that it is along
  };
  int64_t run = 1, count = 1;
  llvm::SmallVector<int64_t> digits;
  llvm::SmallVector<int64_t> from; ///< steps in x, one a digit
  llvm::SmallVector<int64_t> indexAt; ///< steps in the indices to the first of the run's, one a digit
  llvm::SmallVector<Index> indices; ///< of a run, side by side
};
/// Of a scatter, the runs of its updates, and where in the result they go.
GatherRuns gatherRuns(mlir::Operation *gather);

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_MOVES_H
