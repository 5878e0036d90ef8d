//===- ContractionProblem.cpp - Operands of contractions -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A third of all 8-bit codes are at their extremes.
//===----------------------------------------------------------------------===//
#include "ContractionProblem.h"
#include "RandomRow.h"
#include "dialects/phiq/Numerics.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

using namespace mlir;

namespace phic {
namespace {

int64_t leastOf(bool isSigned) { return isSigned ? -128 : 0; }

int64_t drawCode(bool isSigned, std::mt19937 &random) {
  const int64_t code = random() % 3 == 0 ? 255 * int64_t(random() % 2) : int64_t(random() % 256);
  return leastOf(isSigned) + code;
}

} // namespace

ContractionProblem::ContractionProblem(RowSource::Element element, Scalar rhsElement, int64_t M, int64_t N, int64_t K,
                                       std::optional<WindowShape> window)
    : M(M), N(N) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  const bool isFloat = element == RowSource::Element::F32, isSigned = element == RowSource::Element::S8;
  shape.lhs = {.element = element, .rowBytes = K * (isFloat ? 4 : 1), .window = window};
  shape.M = M;
  shape.N = N;
  shape.K = K;
  shape.rhs = isFloat ? PackedLayout::floatPanel(rhsElement) : PackedLayout::codePanel(rhsElement);
  const int64_t elements =
      window ? M / (window->result[0] * window->result[1]) * window->height * window->width * window->channels : M * K;
  lhs.resize(elements * shape.lhs.elementBytes());
  for (int64_t i = 0; i < elements; ++i) {
    const float value = normal(random);
    if (isFloat)
      std::memcpy(&lhs[4 * i], &value, 4);
    else
      lhs[i] = uint8_t(drawCode(isSigned, random));
  }
  weights.resize(N * K);
  for (float &weight : weights)
    weight = isFloat ? roundTo(rhsElement, normal(random)) : float(drawCode(rhsElement == Scalar::I8, random));
  packWeights();
}

void ContractionProblem::packWeights() {
  rhs.resize(shape.rhs.bytes(N, shape.K));
  for (int64_t n = 0; n < N; n += 8)
    shape.rhs.packPanel(&weights[n * shape.K], std::min<int64_t>(8, N - n), shape.K,
                        &rhs[n / 8 * shape.rhs.panelBytes(shape.K)]);
  if (shape.rhs.kind == PackedLayout::Kind::CodePanel)
    for (float &weight : weights)
      weight -= float(shape.rhs.codeShift());
}

void ContractionProblem::drawUsualCodes() {
  std::mt19937 random(9);
  std::normal_distribution<float> normal(0, 30);
  for (float &weight : weights)
    weight = std::clamp(std::round(normal(random)), -127.0f, 127.0f) + float(shape.rhs.codeShift());
  packWeights();
}

void ContractionProblem::fillWeights(float stored) {
  std::fill(weights.begin(), weights.end(), stored + float(shape.rhs.codeShift()));
  packWeights();
}

void ContractionProblem::layDense(Scalar element) {
  if (element != Scalar::F32)
    for (float &weight : weights)
      weight += float(shape.rhs.codeShift());
  shape.rhs = PackedLayout::dense(element);
  shape.rhsElement = element == Scalar::F32  ? RowSource::Element::F32
                     : element == Scalar::I8 ? RowSource::Element::S8
                                             : RowSource::Element::U8;
  rhs.resize(shape.rhs.bytes(N, shape.K));
  shape.rhs.packPanel(weights.data(), N, shape.K, rhs.data());
}

void ContractionProblem::drawRhsZeros() {
  std::mt19937 random(5);
  shape.hasRhsZeros = true;
  rhsZeros.resize((N + 15) / 16 * 16);
  for (int32_t &zero : rhsZeros)
    zero = int32_t(drawCode(/*isSigned=*/true, random));
}

void ContractionProblem::drawBlocks(const BlockFormat &format) {
  std::mt19937 random(7);
  shape.rhs = *PackedLayout::blockPanel(format, shape.K, nullptr);
  rhs.assign(shape.rhs.bytes(N, shape.K), 0xff);
  std::vector<BlockRow> rows;
  for (int64_t n = 0; n < N; ++n) {
    rows.push_back(randomRow(format, shape.K, /*most=*/0.1f, random));
    dequantizeRow(rows.back(), format, &weights[n * shape.K]);
  }
  for (int64_t n = 0; n < N; n += 8)
    shape.rhs.packPanel(&rows[n], std::min<int64_t>(8, N - n), shape.K, &rhs[n / 8 * shape.rhs.panelBytes(shape.K)]);
}

double ContractionProblem::stored(int64_t index) const {
  if (shape.lhs.element == RowSource::Element::F32) {
    float value;
    std::memcpy(&value, &lhs[4 * index], 4);
    return value;
  }
  return shape.lhs.element == RowSource::Element::S8 ? int8_t(lhs[index]) : lhs[index];
}

double ContractionProblem::element(int64_t i, int64_t k) const {
  if (!shape.lhs.window)
    return stored(i * shape.K + k) - lhsZero;
  const WindowShape &w = *shape.lhs.window;
  const int64_t places = w.result[0] * w.result[1], n = i / places, y = i % places / w.result[1], x = i % w.result[1],
                c = k % w.channels, b = k / w.channels % w.kernel[1], a = k / w.channels / w.kernel[1];
  const int64_t row = y * w.strides[0] - w.pads[0] + a * w.dilations[0],
                column = x * w.strides[1] - w.pads[1] + b * w.dilations[1];
  const bool isInside = row >= 0 && row < w.height && column >= 0 && column < w.width;
  return (isInside ? stored(((n * w.height + row) * w.width + column) * w.channels + c) : fill) - lhsZero;
}

double ContractionProblem::sum(int64_t i, int64_t n, double (*term)(double, double)) const {
  double sum = 0;
  for (int64_t k = 0; k < shape.K; ++k)
    sum += term(element(i, k), weights[n * shape.K + k] - (rhsZeros.empty() ? 0 : rhsZeros[n]));
  return sum;
}

double ContractionProblem::exact(int64_t i, int64_t n) const {
  const double all = sum(i, n, [](double x, double w) { return x * w; });
  return shape.lhs.element == RowSource::Element::F32 ? all : double(int32_t(uint32_t(int64_t(all))));
}

double ContractionProblem::magnitude(int64_t i, int64_t n) const {
  return sum(i, n, [](double x, double w) { return std::abs(x * w); });
}

OwningOpRef<ModuleOp> ContractionProblem::emit(MLIRContext &context, const Contraction &contraction) const {
  Location loc = UnknownLoc::get(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  KernelLibrary library(*module);
  Type pointer = LLVM::LLVMPointerType::get(&context), i64 = IntegerType::get(&context, 64);
  library.define("core", "core", loc, LLVM::Linkage::External, {pointer, pointer, pointer, pointer, pointer, i64, i64},
                 [&](KernelBuilder &b, Block::BlockArgListType a) {
                   ContractionCall call{.lhs = a[0], .row = a[5], .count = a[6]};
                   if (shape.lhs.element != RowSource::Element::F32) {
                     call.lhsZero = b.i32(lhsZero);
                     call.fill = arith::ConstantOp::create(b, b.getI8IntegerAttr(int8_t(fill)));
                   }
                   call.rhs = a[1];
                   call.rhsZeros = a[2];
                   call.sums = a[3];
                   call.scratch = a[4];
                   contraction.emit(b, library, N, M % contraction.MR(), call);
                 });
  return module;
}

} // namespace phic
