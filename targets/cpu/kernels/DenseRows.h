//===- DenseRows.h - Rows of a tensor as weights ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where both operands of a contraction are made when the program runs, the right one lies as rows [N, K], too. They are
// gathered as those of the left one are, and turned in squares: a word of each beside the other. Pairs of s16 have their zero
// points taken off; bytes are multiplied as they are, so that of each chunk of K
//
//     sum (x - zx) (w - zw) = sum x w + zx (length zw - sum w) - zw sum x
//
// the second part is a number of each column, the third a number of each column times one of each row.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_DENSEROWS_H
#define PHIC_TARGETS_CPU_KERNELS_DENSEROWS_H

#include "targets/cpu/kernels/Contraction.h"

namespace phic {

/// A group of the right operand's rows, and a chunk of K.
struct DenseRowsCall {
  mlir::Value rows, there; ///< the group's first, and how many there are
  int64_t width; ///< columns of words; those that are not there repeat the last
  mlir::Value zeros; ///< of the columns, i32 in memory; null: 0
  mlir::Value k, length;
  mlir::Value scratch; ///< `width` rows of words
  mlir::Value to; ///< words [length][width]
};

class DenseRows {
public:
  DenseRows(KernelBuilder &b, const ContractionShape &shape, const WordProduct &dot, int64_t lanes)
      : b(b), shape(shape), dot(dot), lanes(lanes) {}

  /// Bytes are multiplied unsigned by signed: the top bit of a code that is neither is turned, its zero point with it.
  mlir::Value storedLhsZero(mlir::Value zero);

  void turn(const DenseRowsCall &call);

  /// Sums of bytes, i32, of each of `count` rows of the left operand, whose last words end in zeros.
  void sumRows(mlir::Value rows, mlir::Value count, mlir::Value words, mlir::Value to);
  /// Of words that have been turned: `starts` [width], the second part above, and `factors` [width], what a row's sum
  /// is multiplied by.
  void startColumns(const DenseRowsCall &call, mlir::Value lhsZero, mlir::Value starts, mlir::Value factors);

private:
  KernelBuilder &b;
  const ContractionShape &shape;
  const WordProduct &dot;
  const int64_t lanes;

  void turnRows(const DenseRowsCall &call, mlir::Value from, int64_t rowBytes, mlir::Value steps);
  void turnSquares(const DenseRowsCall &call, llvm::ArrayRef<mlir::Value> rows, llvm::ArrayRef<mlir::Value> zeros,
                   mlir::Value n, mlir::Value steps);
};

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_DENSEROWS_H
