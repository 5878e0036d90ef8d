//===- KernelProgram.h - Runs matmul kernels of any level ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Register tiles of a CPU level as a static program of their own, run where that level
// runs: on this machine, in test/emulators/avx512, or in qemu-aarch64.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_CPU_KERNELS_KERNELPROGRAM_H
#define PHIC_TEST_TARGETS_CPU_KERNELS_KERNELPROGRAM_H

#include "MatmulProblem.h"
#include "llvm/ADT/ArrayRef.h"

namespace phic {

/// Floats from one row of a result to the next: whole panels.
inline int64_t resultStride(const MatmulProblem &problem) {
  return problem.operands.rhs.panels(problem.N) * PackedLayout::kColumns;
}

struct KernelResults {
  /// Of each problem: the product of its first row, of its first two rows, ..., of all; each row has resultStride floats.
  std::vector<std::vector<float>> products;
  std::string missing; ///< why the level cannot be had here; what is broken is an error in `failure`
  std::string failure;

  /// Where the product of `rows` rows begins.
  static int64_t begin(const MatmulProblem &problem, int64_t rows) {
    return resultStride(problem) * (rows * (rows - 1) / 2);
  }
};

/// Rows are split over the register tiles as stages do it: as many as fit of those with most rows, then of the next.
KernelResults multiplyOn(const CpuTarget &level, llvm::ArrayRef<MatmulProblem> problems);

} // namespace phic

#endif // PHIC_TEST_TARGETS_CPU_KERNELS_KERNELPROGRAM_H
