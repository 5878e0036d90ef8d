//===- MatmulKernelsTest.cpp - Matmul microkernels -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every weight format against a double-precision sum over the dequantized
// operands, within the bound that the kernel's own arithmetic implies.
//===----------------------------------------------------------------------===//
#include "../KernelJit.h"
#include "../MatmulProblem.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>

using namespace phic;
using namespace mlir;

namespace {

void checkMatmul(const BlockFormat *format, Scalar element, int64_t lhsBlock, int64_t K, int64_t N) {
  SCOPED_TRACE((format ? format->str() : std::string(scalarName(element))) + " lhs " + std::to_string(lhsBlock) + " K " + std::to_string(K));
  MatmulProblem problem(format, element, lhsBlock, /*M=*/4, N, K);
  std::unique_ptr<MLIRContext> context = makeKernelContext();
  OwningOpRef<ModuleOp> module = emitCores(*context, problem.operands);
  KernelJit jit(*module, defaultTarget());
  ASSERT_TRUE(jit.ok());
  const int64_t panels = problem.operands.rhs.panels(N), stride = panels * 8;
  std::vector<float> first;
  for (const RegisterTile &tile : microkernelsOf(defaultTarget()).matmulTiles(problem.operands)) {
    std::vector<float> out(problem.M * stride, NAN);
    MatmulCore *core = jit.get<MatmulCore>(coreName(tile.MR));
    for (int64_t m = 0; m < problem.M; m += tile.MR)
      core(&problem.lhs[m * problem.operands.lhsRowBytes], problem.rhs.data(), &out[m * stride], stride * 4, panels);
    if (first.empty()) {
      MatmulProblem::WorstShare worst = problem.worstShare(out.data(), stride);
      ASSERT_LE(worst.share, 1) << "of the bound, at m " << worst.row << " n " << worst.column;
    } else {
      EXPECT_EQ(std::memcmp(out.data(), first.data(), out.size() * 4), 0) << "a row's result depends on MR " << tile.MR;
    }
    first = out;
  }
}

class MatmulKernels : public testing::Test {
protected:
  void SetUp() override {
    if (!canRunHere(defaultTarget()))
      GTEST_SKIP() << "[SKIP] this machine does not run " << defaultTarget().name;
  }
};

TEST_F(MatmulKernels, IntegerActivations) {
  for (const BlockFormat &format : matmulFormats())
    for (auto [K, N] : {std::pair<int64_t, int64_t>{96, 40}, {160, 96}, {192, 8}, {576, 160}, {80, 24}})
      checkMatmul(&format, Scalar::F32, format.block % 32 == 0 ? 32 : 16, K, N);
}

TEST_F(MatmulKernels, IntegerActivationsInBlocksOf16) {
  for (const BlockFormat &format : matmulFormats())
    checkMatmul(&format, Scalar::F32, 16, 112, 24);
}

TEST_F(MatmulKernels, FloatActivations) {
  for (const BlockFormat &format : matmulFormats())
    for (auto [K, N] : {std::pair<int64_t, int64_t>{96, 40}, {160, 96}, {100, 24}, {77, 72}})
      checkMatmul(&format, Scalar::F32, 0, K, N);
}

TEST_F(MatmulKernels, FloatWeights) {
  for (Scalar element : {Scalar::F32, Scalar::F16, Scalar::BF16})
    for (auto [K, N] : {std::pair<int64_t, int64_t>{96, 40}, {160, 96}, {77, 72}})
      checkMatmul(nullptr, element, 0, K, N);
}

} // namespace
