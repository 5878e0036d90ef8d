//===- MatmulProblem.h - Operands for matmul kernels -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random activations and packed weights, what they stand for, and the microkernels
// for them: what the tests and benchmarks of matmul share.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_MATMULPROBLEM_H
#define PHIC_TEST_TARGETS_MATMULPROBLEM_H

#include "targets/Microkernels.h"
#include "mlir/IR/BuiltinOps.h"
#include <random>
#include <string>
#include <vector>

namespace phic {

/// A microkernel as a function.
using MatmulCore = void(const uint8_t *lhs, const uint8_t *rhs, float *out, int64_t outRowBytes, int64_t panels);

/// "core4" is the register tile of 4 rows.
std::string coreName(int64_t MR);
/// A module with one function for each register tile of the operands.
mlir::OwningOpRef<mlir::ModuleOp> emitCores(mlir::MLIRContext &context, const MatmulOperands &operands);

struct MatmulProblem {
  /// `format` null: float weights of type `element`. `lhsBlock` 0: f32 activations.
  MatmulProblem(const BlockFormat *format, Scalar element, int64_t lhsBlock, int64_t M, int64_t N, int64_t K);

  const BlockFormat *format;
  MatmulOperands operands;
  int64_t M, N;
  std::vector<uint8_t> lhs, rhs;
  std::vector<float> x, w;   ///< [M, K] and [N, K]: what they stand for

private:
  void makeLhs(std::mt19937 &random);
  void makeRhs(std::mt19937 &random);
  BlockRow randomRow(std::mt19937 &random) const;
};

} // namespace phic

#endif // PHIC_TEST_TARGETS_MATMULPROBLEM_H
