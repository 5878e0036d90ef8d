//===- MatmulProblem.h - Operands for matmul kernels -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random activations and packed weights, what they stand for, and the microkernels
// for them: what the tests and benchmarks of matmul share.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_CPU_KERNELS_MATMULPROBLEM_H
#define PHIC_TEST_TARGETS_CPU_KERNELS_MATMULPROBLEM_H

#include "mlir/IR/BuiltinOps.h"
#include "targets/code/KernelBuilder.h"
#include "targets/cpu/kernels/Microkernels.h"
#include <random>
#include <span>
#include <string>
#include <vector>

namespace phic {

/// A microkernel as a function.
using MatmulCore = void(const uint8_t *lhs, const uint8_t *rhs, float *out, int64_t outRowBytes, int64_t panels);

/// That for many rows.
using TallMatmulCore = void(const uint8_t *lhs, const uint8_t *rhs, float *out, int64_t outRowBytes, int64_t panels,
                            int64_t rows, uint8_t *scratch);

/// "core4" is the register tile of 4 rows.
std::string coreName(int64_t MR);
/// One register tile of a target as a function of `module`.
mlir::LLVM::LLVMFuncOp emitCore(KernelBuilder &b, mlir::ModuleOp module, const CpuTarget &target,
                                const MatmulOperands &operands, const RegisterTile &tile, llvm::StringRef name,
                                mlir::LLVM::Linkage linkage);
/// A module with one function for each register tile of the target for the operands, and "tall" where there is one for many rows.
mlir::OwningOpRef<mlir::ModuleOp> emitCores(mlir::MLIRContext &context, const CpuTarget &target,
                                            const MatmulOperands &operands);

/// What the numbers of a problem are like. Integers: all scales are 1, zero points integers and minima 0, so that a result
/// is an integer, exact in f32.
enum class Numbers { Random, Integers };

struct MatmulProblem {
  /// `format` null: float weights of type `element`. `lhsBlock` 0: f32 activations.
  MatmulProblem(const BlockFormat *format, Scalar element, int64_t lhsBlock, int64_t M, int64_t N, int64_t K,
                Numbers numbers = Numbers::Random);

  /// Where a result [M, N] is furthest from the exact product, as a share of the bound that the kernels' arithmetic
  /// implies; not a number where the result is none.
  struct WorstShare {
    double share = 0;
    int64_t row = 0, column = 0;
  };
  WorstShare worstShare(const float *out, int64_t stride) const;
  /// The exact result of row m, column n.
  double exact(int64_t m, int64_t n) const;

  const BlockFormat *format;
  MatmulOperands operands;
  int64_t M, N;
  std::vector<uint8_t> lhs, rhs;
  std::vector<float> x, w; ///< [M, K] and [N, K]: what they stand for

private:
  Numbers numbers;
  void makeLhs(std::mt19937 &random);
  void quantizeLhs(std::mt19937 &random, float *row, uint8_t *out) const;
  void makeRhs(std::mt19937 &random);
  BlockRow makeRow(std::mt19937 &random) const;
};

/// Formats that reach every branch of the packers and emitters.
std::span<const BlockFormat> matmulFormats();

} // namespace phic

#endif // PHIC_TEST_TARGETS_CPU_KERNELS_MATMULPROBLEM_H
