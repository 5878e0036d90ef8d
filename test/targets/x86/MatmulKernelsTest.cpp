//===- MatmulKernelsTest.cpp - Matmul microkernels -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every weight format against a double-precision sum over the dequantized
// operands, within the bound that the kernel's own arithmetic implies.
//===----------------------------------------------------------------------===//
#include "../KernelJit.h"
#include "dialects/phiq/Numerics.h"
#include "targets/Microkernels.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <random>

using namespace phic;
using namespace mlir;

namespace {

using Core = void(const uint8_t *lhs, const uint8_t *rhs, float *out, int64_t outRowBytes, int64_t panels);

std::string coreName(int64_t MR) { return "core" + std::to_string(MR); }

/// One function for each register tile of the operands.
OwningOpRef<ModuleOp> emitCores(MLIRContext &context, const MatmulOperands &operands) {
  Location loc = UnknownLoc::get(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  KernelBuilder b(loc, &context);
  const Microkernels &kernels = microkernelsOf(defaultTarget());
  for (const RegisterTile &tile : kernels.matmulTiles(operands)) {
    Type pointer = b.ptrType(), i64 = b.getI64Type();
    auto function = beginFunction(b, *module, coreName(tile.MR), {pointer, pointer, pointer, i64, i64}, LLVM::Linkage::External);
    Block &entry = function.getBody().front();
    kernels.emitMatmul(b, operands, tile, entry.getArgument(0), entry.getArgument(1), entry.getArgument(2),
                       entry.getArgument(3), entry.getArgument(4));
    LLVM::ReturnOp::create(b, ValueRange{});
  }
  return module;
}

/// Random operands and what they stand for.
struct Problem {
  MatmulOperands operands;
  int64_t M, N;
  std::vector<uint8_t> lhs, rhs;
  std::vector<float> x, w, xScale; ///< [M, K] and [N, K] dequantized, [M, K] scale of the element's block

  void makeLhs(std::mt19937 &random) {
    const int64_t K = operands.K, block = operands.lhsBlock;
    std::normal_distribution<float> normal;
    lhs.assign(M * operands.lhsRowBytes, 0);
    x.resize(M * K);
    for (int64_t m = 0; m < M; ++m) {
      float *row = &x[m * K];
      for (int64_t k = 0; k < K; ++k)
        row[k] = normal(random);
      uint8_t *out = &lhs[m * operands.lhsRowBytes];
      if (block == 0) {
        std::memcpy(out, row, K * sizeof(float));
        continue;
      }
      QuantizedRow layout{K, block};
      std::vector<float> scales(layout.blocks()), sums(layout.blocks());
      quantizeRow(row, K, block, reinterpret_cast<int8_t *>(out), scales.data(), sums.data());
      std::memcpy(out + layout.scalesOffset(), scales.data(), 4 * scales.size());
      std::memcpy(out + layout.sumsOffset(), sums.data(), 4 * sums.size());
      for (int64_t k = 0; k < K; ++k)
        row[k] = float(int8_t(out[k])) * scales[k / block];
    }
  }

  void makeRhs(const BlockFormat *format, std::mt19937 &random) {
    const PackedLayout &layout = operands.rhs;
    const int64_t K = operands.K;
    rhs.resize(layout.bytes(N, K));
    w.resize(N * K);
    std::normal_distribution<float> normal(0, 0.05f);
    for (int64_t p = 0; p < layout.panels(N); ++p) {
      const int64_t count = std::min<int64_t>(8, N - 8 * p);
      std::vector<float> floats(count * K);
      std::vector<BlockRow> rows(count);
      for (float &value : floats)
        value = roundTo(layout.element, normal(random));
      for (BlockRow &row : rows)
        if (format)
          row = randomRow(*format, random);
      uint8_t *out = rhs.data() + p * layout.panelBytes(K);
      format ? layout.packPanel(rows.data(), count, K, out) : layout.packPanel(floats.data(), count, K, out);
    }
    for (int64_t n = 0; n < N; ++n)
      layout.dequantizeRow(rhs.data(), K, n, &w[n * K]);
  }

  BlockRow randomRow(const BlockFormat &format, std::mt19937 &random) {
    // Codes at their extremes half of the time: sums in s16 must hold the worst case.
    std::uniform_int_distribution<int> code(leastCode(format.codes), greatestCode(format.codes));
    std::uniform_real_distribution<float> real(-0.01f, 0.01f);
    const int64_t blocks = operands.rhs.blocks(operands.K);
    BlockRow row;
    bool extreme = random() % 2;
    for (int64_t k = 0; k < operands.K; ++k)
      row.codes.push_back(int16_t(extreme ? (random() % 4 ? greatestCode(format.codes) : leastCode(format.codes)) : code(random)));
    for (int64_t b = 0; b < blocks; ++b) {
      row.scale.push_back(roundTo(format.scale, real(random)));
      row.zero.push_back(format.zero == Scalar::None ? float(format.zeroConstant)
                         : isFloat(format.zero)      ? roundTo(format.zero, 8 + 100 * real(random))
                                                     : float(code(random)));
      row.min.push_back(format.min == Scalar::None ? 0 : roundTo(format.min, real(random)));
    }
    return row;
  }
};

/// Every partial result is at most `magnitude` = sum |x| (|s| (|q| + |z|) + |m|) and is rounded at most once an
/// element and three times a block: gamma(K + 3) of it.
void checkResult(const Problem &problem, const BlockFormat *format, const std::vector<float> &out, int64_t stride) {
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
  std::mt19937 random(7);
  Problem problem;
  problem.M = 4;
  problem.N = N;
  problem.operands.K = K;
  problem.operands.lhsBlock = lhsBlock;
  problem.operands.lhsRowBytes = lhsBlock ? QuantizedRow{K, lhsBlock}.rowBytes() : floatRowBytes(K);
  problem.operands.rhs = format ? *PackedLayout::blockPanel(*format, K, nullptr) : PackedLayout::floatPanel(element);
  problem.makeLhs(random);
  problem.makeRhs(format, random);
  std::unique_ptr<MLIRContext> context = makeKernelContext();
  OwningOpRef<ModuleOp> module = emitCores(*context, problem.operands);
  KernelJit jit(*module, defaultTarget());
  ASSERT_TRUE(jit.ok());
  const int64_t panels = problem.operands.rhs.panels(N), stride = panels * 8;
  std::vector<float> first;
  for (const RegisterTile &tile : microkernelsOf(defaultTarget()).matmulTiles(problem.operands)) {
    std::vector<float> out(problem.M * stride, NAN);
    Core *core = jit.get<Core>(coreName(tile.MR));
    for (int64_t m = 0; m < problem.M; m += tile.MR)
      core(&problem.lhs[m * problem.operands.lhsRowBytes], problem.rhs.data(), &out[m * stride], stride * 4, panels);
    if (first.empty())
      checkResult(problem, format, out, stride);
    else
      EXPECT_EQ(std::memcmp(out.data(), first.data(), out.size() * 4), 0) << "a row's result depends on MR " << tile.MR;
    first = out;
  }
}

class MatmulKernels : public testing::Test {
protected:
  void SetUp() override {
    if (!hostRuns(defaultTarget()))
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
