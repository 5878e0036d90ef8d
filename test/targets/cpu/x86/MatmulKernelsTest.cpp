//===- MatmulKernelsTest.cpp - Matmul microkernels -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every weight format against a double-precision sum over the dequantized
// operands, within the bound that the kernel's own arithmetic implies.
//===----------------------------------------------------------------------===//
#include "../kernels/KernelJit.h"
#include "../kernels/MatmulProblem.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <cstring>

using namespace phic;
using namespace mlir;

namespace {

void checkMatmul(const BlockFormat *format, Scalar element, int64_t lhsBlock, int64_t K, int64_t N) {
  SCOPED_TRACE((format ? format->str() : std::string(scalarName(element))) + " lhs " + std::to_string(lhsBlock) +
               " K " + std::to_string(K));
  MatmulProblem problem(format, element, lhsBlock, /*M=*/4, N, K);
  std::unique_ptr<MLIRContext> context = makeKernelContext();
  OwningOpRef<ModuleOp> module = emitCores(*context, defaultCpuLevel(), problem.operands);
  KernelJit jit(*module, defaultCpuLevel());
  ASSERT_TRUE(jit.ok());
  const int64_t panels = problem.operands.rhs.panels(N), stride = panels * 8;
  std::vector<float> first;
  for (const RegisterTile &tile : microkernelsOf(defaultCpuLevel()).matmulTiles(problem.operands)) {
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

/// A level's kernel for many rows, which there is, equals the register tiles bit for bit and writes nothing beside its tile.
void checkTallMatmul(const CpuTarget &level, const BlockFormat &format, int64_t lhsBlock, int64_t K, int64_t N) {
  SCOPED_TRACE(std::string(level.name) + " " + format.str() + " lhs " + std::to_string(lhsBlock) + " K " +
               std::to_string(K));
  constexpr int64_t kRows = 24, kBeside = 8;
  MatmulProblem problem(&format, Scalar::F32, lhsBlock, kRows, N, K);
  std::unique_ptr<MLIRContext> context = makeKernelContext();
  OwningOpRef<ModuleOp> module = emitCores(*context, level, problem.operands);
  KernelJit jit(*module, level);
  ASSERT_TRUE(jit.ok());
  const int64_t panels = problem.operands.rhs.panels(N), stride = panels * 8 + kBeside;
  std::vector<float> out(kRows * stride, -1.0f), expected(out);
  MatmulCore *core = jit.get<MatmulCore>(coreName(1));
  for (int64_t m = 0; m < kRows; ++m)
    core(&problem.lhs[m * problem.operands.lhsRowBytes], problem.rhs.data(), &expected[m * stride], stride * 4, panels);
  std::vector<uint8_t> scratch(microkernelsOf(level).tallScratchBytes(problem.operands) + kBeside, 0xa5);
  jit.get<TallMatmulCore>("tall")(problem.lhs.data(), problem.rhs.data(), out.data(), stride * 4, panels, kRows,
                                  scratch.data());
  EXPECT_EQ(std::memcmp(out.data(), expected.data(), out.size() * 4), 0);
  EXPECT_EQ(std::count(scratch.end() - kBeside, scratch.end(), 0xa5), kBeside) << "wrote behind its scratch memory";
}

class MatmulKernels : public testing::Test {
protected:
  void SetUp() override {
    if (!canRunHere(defaultCpuLevel()))
      GTEST_SKIP() << "[SKIP] this machine does not run " << defaultCpuLevel().name;
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

/// Whether a level has a kernel for many rows: bytes must be unsigned; AVX-512 has one for few bits.
bool takesManyRows(const CpuTarget &level, const PackedLayout &layout) {
  return level.name == "x86-64-v4" ? layout.storedBits() <= 4 : !layout.storedCodes().isSigned;
}

TEST_F(MatmulKernels, ManyRows) {
  for (const CpuTarget &level : cpuLevels()) {
    if (!canRunHere(level))
      continue;
    for (const BlockFormat &format : matmulFormats()) {
      const int64_t lhsBlock = format.block % 32 == 0 ? 32 : 16;
      const MatmulOperands operands = MatmulProblem(&format, Scalar::F32, lhsBlock, 1, 16, 96).operands;
      const bool tall = microkernelsOf(level).tallTile(operands).has_value();
      EXPECT_EQ(tall, takesManyRows(level, operands.rhs)) << level.name << " " << format.str();
      if (!tall)
        continue;
      for (auto [K, N] : {std::pair<int64_t, int64_t>{96, 32}, {80, 32}, {512, 64}, {1232, 32}})
        checkTallMatmul(level, format, lhsBlock, K, N);
    }
  }
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
