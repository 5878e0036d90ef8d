//===- ContractCode.h - The contractions of a stage ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A phiq.contract with its Contraction, for whoever divides its result into tiles: sums of some rows and columns, in scratch
// memory. Its x is an input of the stage, or rows that lie in scratch memory, too.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_CONTRACTCODE_H
#define PHIC_TARGETS_CPU_KERNELS_CONTRACTCODE_H

#include "targets/cpu/kernels/Contraction.h"
#include "targets/cpu/kernels/GridEmitter.h"

namespace phic {

/// The greatest tile. Its rows and sums stay in the second-level cache; gathering a row costs what a few columns do.
inline constexpr int64_t kMostRows = 96;
/// Tiles that a stage is divided into for a few threads, as far as they have so many times MR rows.
inline constexpr int64_t kEnoughTiles = 16, kLeastRowTiles = 2;

/// Rows of tiles of at most about `most` that are alike, a multiple of MR.
int64_t evenRows(int64_t M, int64_t most, int64_t MR);

/// Rows [row, row + count) of x, columns [column, column + width) of the result.
struct ContractTile {
  mlir::Value batch; ///< number of the product
  mlir::Value x, row, count; ///< of its rows
  mlir::Value column;
  int64_t width;
  mlir::Value sums; ///< words [count][paddedColumns(width)]
  mlir::Value scratch;
};

struct ContractCode {
  /// Fails with a diagnostic where the target has no kernel. `rowBytes`: distance of the rows of x, where they are not an
  /// input's.
  static mlir::FailureOr<ContractCode> of(const StageFacts &facts, phiq::ContractOp op, const CpuTarget &target,
                                          std::optional<int64_t> rowBytes = std::nullopt);

  /// The rows of x of a product, where an input has them.
  mlir::Value xOf(GridEmitter &g, mlir::Value batch) const;
  void emit(GridEmitter &g, const ContractTile &tile) const;
  /// Bytes at `scratch` for tiles of so many rows and columns.
  int64_t scratchBytes(int64_t rows, int64_t columns) const {
    return zerosBytes(columns) + contraction.scratchBytes(rows, columns);
  }
  /// What the code depends on beside the stage's text.
  const char *key() const { return shape.hasRhsZeros ? "zeros" : ""; }

  phiq::ContractOp op;
  ContractionShape shape;
  Contraction contraction;
  int64_t M, N; ///< of a product

private:
  int64_t zerosBytes(int64_t columns) const;
  mlir::Value weightsOf(GridEmitter &g, const ContractTile &tile) const;
  mlir::Value storedZeros(GridEmitter &g, const ContractTile &tile) const;
};

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_CONTRACTCODE_H
