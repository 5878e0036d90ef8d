//===- MatmulProblem.cpp - Operands for matmul kernels ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Activations are normal; half of the weight rows have codes at their extremes.
//===----------------------------------------------------------------------===//
#include "MatmulProblem.h"
#include "dialects/phiq/Numerics.h"
#include "targets/Target.h"
#include <algorithm>
#include <cstring>

using namespace mlir;

namespace phic {

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

MatmulProblem::MatmulProblem(const BlockFormat *format, Scalar element, int64_t lhsBlock, int64_t M, int64_t N, int64_t K)
    : format(format), M(M), N(N) {
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
        row = randomRow(random);
    uint8_t *out = rhs.data() + p * layout.panelBytes(K);
    format ? layout.packPanel(rows.data(), count, K, out) : layout.packPanel(floats.data(), count, K, out);
  }
  for (int64_t n = 0; n < N; ++n)
    layout.dequantizeRow(rhs.data(), K, n, &w[n * K]);
}

BlockRow MatmulProblem::randomRow(std::mt19937 &random) const {
  // Codes at their extremes half of the time: sums in s16 must hold the worst case.
  std::uniform_int_distribution<int> code(leastCode(format->codes), greatestCode(format->codes));
  std::uniform_real_distribution<float> real(-0.01f, 0.01f);
  const int64_t blocks = operands.rhs.blocks(operands.K);
  BlockRow row;
  bool extreme = random() % 2;
  for (int64_t k = 0; k < operands.K; ++k)
    row.codes.push_back(int16_t(extreme ? (random() % 4 ? greatestCode(format->codes) : leastCode(format->codes)) : code(random)));
  for (int64_t b = 0; b < blocks; ++b) {
    row.scale.push_back(roundTo(format->scale, real(random)));
    row.zero.push_back(format->zero == Scalar::None ? float(format->zeroConstant)
                       : isFloat(format->zero)      ? roundTo(format->zero, 8 + 100 * real(random))
                                                   : float(code(random)));
    row.min.push_back(format->min == Scalar::None ? 0 : roundTo(format->min, real(random)));
  }
  return row;
}

} // namespace phic
