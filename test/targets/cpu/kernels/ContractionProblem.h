//===- ContractionProblem.h - Operands of contractions ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A random tensor, a packed weight, and the exact product of the rows of a window over one with the other: what the test
// and the benchmark of contractions share.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_CPU_KERNELS_CONTRACTIONPROBLEM_H
#define PHIC_TEST_TARGETS_CPU_KERNELS_CONTRACTIONPROBLEM_H

#include "mlir/IR/OwningOpRef.h"
#include "targets/cpu/kernels/Contraction.h"
#include <vector>

namespace phic {

/// sums [rows padded][columns padded] of rows [row, row + count).
using ContractionCore = void(const uint8_t *lhs, const uint8_t *rhs, const int32_t *rhsZeros, uint8_t *sums,
                             uint8_t *scratch, int64_t row, int64_t count);

struct ContractionProblem {
  /// With a window K is what it sees of a pixel's surroundings, and M what fits; else rows are [M, K].
  ContractionProblem(RowSource::Element element, Scalar rhs, int64_t M, int64_t N, int64_t K,
                     std::optional<WindowShape> window = std::nullopt);

  /// Element k of row i, zero point taken off.
  double element(int64_t i, int64_t k) const;
  /// Exact, an integer's remainder by 2^32.
  double exact(int64_t i, int64_t n) const;
  /// Sum of |element| |weight|.
  double magnitude(int64_t i, int64_t n) const;

  /// "core" for tiles of a multiple of MR rows, and as many more as M has.
  mlir::OwningOpRef<mlir::ModuleOp> emit(mlir::MLIRContext &context, const Contraction &contraction) const;

  ContractionShape shape;
  int64_t M, N;
  int32_t lhsZero = 0, fill = 0; ///< of codes; a float's fill is 0
  std::vector<int32_t> rhsZeros; ///< of stored codes, padded to 16
  std::vector<uint8_t> lhs, rhs;
  std::vector<float> weights; ///< [N][K], codes as they are stored

  /// Makes weights of codes as trained ones are: of a normal distribution, so that few pairs of them saturate.
  void drawUsualCodes();
  /// Makes all of them one.
  void fillWeights(float stored);
  /// Lays the weights down as rows of f32, i8 or u8, as activations are.
  void layDense(Scalar element);
  /// Makes each column's zero point another one.
  void drawRhsZeros();
  /// Makes the weight one in blocks, beside floats.
  void drawBlocks(const BlockFormat &format);

private:
  void packWeights();
  double stored(int64_t index) const;
  double sum(int64_t i, int64_t n, double (*term)(double, double)) const;
};

} // namespace phic

#endif // PHIC_TEST_TARGETS_CPU_KERNELS_CONTRACTIONPROBLEM_H
