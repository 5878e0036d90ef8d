//===- MatmulProblem.cpp - Operands for matmul kernels ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Activations are normal; half of the weight rows have codes at their extremes.
//===----------------------------------------------------------------------===//
#include "MatmulProblem.h"
#include "RandomRow.h"
#include "targets/cpu/CpuTarget.h"
#include <algorithm>
#include <cmath>
#include <cstring>

using namespace mlir;

namespace phic {
namespace {

constexpr BlockFormat kFormats[] = {
    {.codes = {4, false}, .block = 32, .scale = Scalar::F16, .zeroConstant = 8},
    {.codes = {4, false}, .block = 32, .scale = Scalar::F16, .min = Scalar::F16},
    {.codes = {4, false}, .block = 16, .scale = Scalar::F32, .zero = Scalar::U4},
    {.codes = {4, false}, .block = 128, .scale = Scalar::F32, .zeroConstant = 8},
    {.codes = {4, true}, .block = 256, .scale = Scalar::F32, .zero = Scalar::I4},
    {.codes = {4, false}, .block = 64, .scale = Scalar::F16, .zero = Scalar::F16},
    {.codes = {4, false}, .block = 32, .scale = Scalar::F16, .subScaleBits = 6, .min = Scalar::F16},
    {.codes = {5, false}, .block = 32, .scale = Scalar::F16, .zeroConstant = 16},
    {.codes = {5, false}, .block = 32, .scale = Scalar::F16, .subScaleBits = 6, .min = Scalar::F16},
    {.codes = {6, false},
     .block = 16,
     .scale = Scalar::F16,
     .subScaleBits = 8,
     .subScaleSigned = true,
     .zeroConstant = 32},
    {.codes = {2, false}, .block = 16, .scale = Scalar::F16, .subScaleBits = 4, .min = Scalar::F16},
    {.codes = {3, true}, .block = 32, .scale = Scalar::F16},
    {.codes = {7, false}, .block = 32, .scale = Scalar::F32, .zero = Scalar::U8},
    {.codes = {8, true}, .block = 32, .scale = Scalar::F16},
    {.codes = {8, false}, .block = 128, .scale = Scalar::F32, .zero = Scalar::U8},
    {.codes = {8, true}, .block = 4096, .scale = Scalar::F32},
};

} // namespace

std::span<const BlockFormat> matmulFormats() { return kFormats; }

std::string coreName(int64_t MR) { return "core" + std::to_string(MR); }

LLVM::LLVMFuncOp emitCore(KernelBuilder &b, ModuleOp module, const CpuTarget &target, const MatmulOperands &operands,
                          const RegisterTile &tile, llvm::StringRef name, LLVM::Linkage linkage) {
  Type pointer = b.ptrType(), i64 = b.getI64Type();
  auto function = beginFunction(b, *module.getBody(), name, {pointer, pointer, pointer, i64, i64}, linkage);
  auto a = function.getBody().front().getArguments();
  const Microkernels &kernels = microkernelsOf(target);
  Value scratch =
      LLVM::AllocaOp::create(b, pointer, b.getI8Type(), b.i64(kernels.scratchBytes(operands, tile)), /*alignment=*/64);
  kernels.emitMatmul(b, operands, tile, a[0], a[1], a[2], a[3], a[4], scratch);
  LLVM::ReturnOp::create(b, ValueRange{});
  return function;
}

OwningOpRef<ModuleOp> emitCores(MLIRContext &context, const CpuTarget &target, const MatmulOperands &operands) {
  Location loc = UnknownLoc::get(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  KernelBuilder b(loc, &context);
  const Microkernels &kernels = microkernelsOf(target);
  for (const RegisterTile &tile : kernels.matmulTiles(operands))
    emitCore(b, *module, target, operands, tile, coreName(tile.MR), LLVM::Linkage::External);
  if (!kernels.tallTile(operands))
    return module;
  Type pointer = b.ptrType(), i64 = b.getI64Type();
  auto tall = beginFunction(b, *module->getBody(), "tall", {pointer, pointer, pointer, i64, i64, i64, pointer},
                            LLVM::Linkage::External);
  auto a = tall.getBody().front().getArguments();
  kernels.emitTallMatmul(
      b, operands,
      {.lhs = a[0], .rhs = a[1], .out = a[2], .outRowBytes = a[3], .panels = a[4], .rows = a[5], .scratch = a[6]});
  LLVM::ReturnOp::create(b, ValueRange{});
  return module;
}

MatmulProblem::MatmulProblem(const BlockFormat *format, Scalar element, int64_t lhsBlock, int64_t M, int64_t N,
                             int64_t K, Numbers numbers)
    : format(format), M(M), N(N), numbers(numbers) {
  std::mt19937 random(7);
  operands.K = K;
  operands.lhsBlock = lhsBlock;
  operands.lhsRowBytes = lhsBlock ? QuantizedRow{K, lhsBlock}.rowBytes() : floatRowBytes(K);
  operands.rhs = format ? *PackedLayout::blockPanel(*format, K, nullptr) : PackedLayout::floatPanel(element);
  makeLhs(random);
  makeRhs(random);
}

void MatmulProblem::makeLhs(std::mt19937 &random) {
  const int64_t K = operands.K, block = operands.lhsBlock;
  std::normal_distribution<float> normal;
  lhs.assign(M * operands.lhsRowBytes, 0);
  x.resize(M * K);
  for (int64_t m = 0; m < M; ++m) {
    float *row = &x[m * K];
    for (int64_t k = 0; k < K; ++k)
      row[k] = normal(random);
    uint8_t *out = &lhs[m * operands.lhsRowBytes];
    block == 0 ? (void)std::memcpy(out, row, K * sizeof(float)) : quantizeLhs(random, row, out);
  }
}

/// Replaces the row by what its codes stand for.
void MatmulProblem::quantizeLhs(std::mt19937 &random, float *row, uint8_t *out) const {
  const int64_t K = operands.K, block = operands.lhsBlock;
  const QuantizedRow layout{K, block};
  auto *codes = reinterpret_cast<int8_t *>(out);
  std::vector<float> scales(layout.blocks(), 1), sums(layout.blocks(), 0);
  if (numbers == Numbers::Random) {
    quantizeRow(row, K, block, codes, scales.data(), sums.data());
  } else {
    std::uniform_int_distribution<int> code(-127, 127);
    for (int64_t k = 0; k < K; ++k) {
      codes[k] = int8_t(code(random));
      sums[k / block] += float(codes[k]);
    }
  }
  std::memcpy(out + layout.scalesOffset(), scales.data(), 4 * scales.size());
  std::memcpy(out + layout.sumsOffset(), sums.data(), 4 * sums.size());
  for (int64_t k = 0; k < K; ++k)
    row[k] = float(codes[k]) * scales[k / block];
}

void MatmulProblem::makeRhs(std::mt19937 &random) {
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
        row = makeRow(random);
    uint8_t *out = rhs.data() + p * layout.panelBytes(K);
    format ? layout.packPanel(rows.data(), count, K, out) : layout.packPanel(floats.data(), count, K, out);
  }
  for (int64_t n = 0; n < N; ++n)
    layout.dequantizeRow(rhs.data(), K, n, &w[n * K]);
}

BlockRow MatmulProblem::makeRow(std::mt19937 &random) const {
  BlockRow row = randomRow(*format, operands.K, 0.01f, random);
  // Codes at their extremes half of the time: sums in s16 must hold the worst case.
  if (random() % 2)
    for (int16_t &code : row.codes)
      code = int16_t(random() % 4 ? greatestCode(format->codes) : leastCode(format->codes));
  if (numbers == Numbers::Random)
    return row;
  for (std::vector<float> *ones : {&row.scale, &row.superScale})
    std::ranges::fill(*ones, 1.0f);
  for (std::vector<float> *zeros : {&row.min, &row.superMin})
    std::ranges::fill(*zeros, 0.0f);
  for (float &zero : row.zero)
    zero = std::nearbyint(zero);
  return row;
}

double MatmulProblem::exact(int64_t m, int64_t n) const {
  double sum = 0;
  for (int64_t k = 0; k < operands.K; ++k)
    sum += double(x[m * operands.K + k]) * double(w[n * operands.K + k]);
  return sum;
}

/// Every partial result is at most `magnitude` = sum |x| (|s| (|q| + |z|) + |m|) and is rounded at most once an
/// element and three times a block: gamma(K + 3) of it.
MatmulProblem::WorstShare MatmulProblem::worstShare(const float *out, int64_t stride) const {
  const int64_t K = operands.K;
  const PackedLayout &layout = operands.rhs;
  const double gamma = double(K + 8) * 0x1p-24;
  WorstShare worst;
  for (int64_t n = 0; n < N; ++n) {
    BlockRow row;
    std::vector<double> most(K);
    if (format)
      layout.unpackRow(rhs.data(), K, n, &row);
    for (int64_t k = 0; k < K; ++k) {
      const double shift = double(layout.codeShift());
      const int64_t b = format ? k / layout.block : 0;
      most[k] = format ? std::abs(row.scale[b]) * (std::abs(row.codes[k] - shift) + std::abs(row.zero[b] - shift)) +
                             std::abs(row.min[b])
                       : std::abs(double(w[n * K + k]));
    }
    for (int64_t m = 0; m < M; ++m) {
      double magnitude = 0;
      for (int64_t k = 0; k < K; ++k)
        magnitude += std::abs(double(x[m * K + k])) * most[k];
      const double error = std::abs(double(out[m * stride + n]) - exact(m, n));
      const double share = error == 0 ? 0 : error / (gamma * magnitude);
      if (!(share <= worst.share))
        worst = {share, m, n};
      if (std::isnan(share))
        return worst;
    }
  }
  return worst;
}

} // namespace phic
