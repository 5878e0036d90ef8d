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

/// Every partial result is at most `magnitude` = sum |x| (|s| (|q| + |z|) + |m|) and is rounded at most once an
/// element and three times a block: gamma(K + 3) of it.
void checkResult(const MatmulProblem &problem, const std::vector<float> &out, int64_t stride) {
  const BlockFormat *format = problem.format;
  const int64_t K = problem.operands.K;
  const PackedLayout &layout = problem.operands.rhs;
  const double gamma = double(K + 8) * 0x1p-24;
  for (int64_t n = 0; n < problem.N; ++n) {
    BlockRow row;
    if (format)
      layout.unpackRow(problem.rhs.data(), K, n, &row);
    for (int64_t m = 0; m < problem.M; ++m) {
      double exact = 0, magnitude = 0;
      for (int64_t k = 0; k < K; ++k) {
        double x = problem.x[m * K + k], w = problem.w[n * K + k], most = std::abs(w);
        if (format) {
          int64_t b = k / layout.block;
          double shift = double(layout.codeShift());
          most = std::abs(row.scale[b]) * (std::abs(row.codes[k] - shift) + std::abs(row.zero[b] - shift)) + std::abs(row.min[b]);
        }
        exact += x * w;
        magnitude += std::abs(x) * most;
      }
      ASSERT_LE(std::abs(out[m * stride + n] - exact), gamma * magnitude) << "m " << m << " n " << n;
    }
  }
}

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
    if (first.empty())
      checkResult(problem, out, stride);
    else
      EXPECT_EQ(std::memcmp(out.data(), first.data(), out.size() * 4), 0) << "a row's result depends on MR " << tile.MR;
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

/// Formats that reach every branch of the packers and emitters.
const BlockFormat kFormats[] = {
    {.codes = {4, false}, .block = 32, .scale = Scalar::F16, .zeroConstant = 8},
    {.codes = {4, false}, .block = 32, .scale = Scalar::F16, .min = Scalar::F16},
    {.codes = {4, false}, .block = 16, .scale = Scalar::F32, .zero = Scalar::U4},
    {.codes = {4, false}, .block = 128, .scale = Scalar::F32, .zeroConstant = 8},
    {.codes = {4, true}, .block = 256, .scale = Scalar::F32, .zero = Scalar::I4},
    {.codes = {4, false}, .block = 64, .scale = Scalar::F16, .zero = Scalar::F16},
    {.codes = {4, false}, .block = 32, .scale = Scalar::F16, .subScaleBits = 6, .min = Scalar::F16},
    {.codes = {5, false}, .block = 32, .scale = Scalar::F16, .zeroConstant = 16},
    {.codes = {6, true}, .block = 16, .scale = Scalar::F16, .subScaleBits = 8},
    {.codes = {7, false}, .block = 32, .scale = Scalar::F32, .zero = Scalar::U8},
    {.codes = {8, true}, .block = 32, .scale = Scalar::F16},
    {.codes = {8, false}, .block = 128, .scale = Scalar::F32, .zero = Scalar::U8},
    {.codes = {8, true}, .block = 4096, .scale = Scalar::F32},
};

TEST_F(MatmulKernels, IntegerActivations) {
  for (const BlockFormat &format : kFormats)
    for (auto [K, N] : {std::pair<int64_t, int64_t>{96, 40}, {160, 96}, {192, 8}, {576, 160}, {80, 24}})
      checkMatmul(&format, Scalar::F32, format.block % 32 == 0 ? 32 : 16, K, N);
}

TEST_F(MatmulKernels, IntegerActivationsInBlocksOf16) {
  for (const BlockFormat &format : kFormats)
    checkMatmul(&format, Scalar::F32, 16, 112, 24);
}

TEST_F(MatmulKernels, FloatActivations) {
  for (const BlockFormat &format : kFormats)
    for (auto [K, N] : {std::pair<int64_t, int64_t>{96, 40}, {160, 96}, {100, 24}, {77, 72}})
      checkMatmul(&format, Scalar::F32, 0, K, N);
}

TEST_F(MatmulKernels, FloatWeights) {
  for (Scalar element : {Scalar::F32, Scalar::F16, Scalar::BF16})
    for (auto [K, N] : {std::pair<int64_t, int64_t>{96, 40}, {160, 96}, {77, 72}})
      checkMatmul(nullptr, element, 0, K, N);
}

} // namespace
