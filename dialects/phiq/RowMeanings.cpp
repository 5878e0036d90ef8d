//===- RowMeanings.cpp - Meaning of the row-wise ops -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One short function an op, to be read beside the op's description in Ops.td.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Meanings.h"
#include "dialects/phiq/Numerics.h"
#include <cmath>
#include <numbers>

namespace phic::phiq {
namespace {

/// result[i] = function(x[i]).
template <typename Function> Rows eachElement(const Rows &x, Function function) {
  Rows result(x.rows, x.columns);
  for (size_t i = 0; i < x.values.size(); ++i)
    result.values[i] = float(function(double(x.values[i])));
  return result;
}

/// result[i] = function(x[i], y[i]).
template <typename Function> Rows eachPair(const Rows &x, const Rows &y, Function function) {
  Rows result(x.rows, x.columns);
  for (size_t i = 0; i < x.values.size(); ++i)
    result.values[i] = float(function(double(x.values[i]), double(y.values[i])));
  return result;
}

double meanOf(const float *x, int64_t columns, auto term) {
  double sum = 0;
  for (int64_t j = 0; j < columns; ++j)
    sum += term(double(x[j]));
  return sum / double(columns);
}

} // namespace

Rows EmbedOp::meaning(Scope &scope) {
  const std::vector<int32_t> &ids = scope.get(getIds()).ids;
  Rows result(int64_t(ids.size()), getType().getDimSize(1));
  for (int64_t i = 0; i < result.rows; ++i)
    scope.weightRows(getTable(), ids[size_t(i)], 1, result.row(i));
  return result;
}

Rows RmsNormOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  const std::vector<float> gamma = scope.vector(getGamma());
  const double epsilon = getEpsilon().convertToFloat();
  Rows result(x.rows, x.columns);
  for (int64_t i = 0; i < x.rows; ++i) {
    double meanSquare = meanOf(x.row(i), x.columns, [](double v) { return v * v; });
    for (int64_t j = 0; j < x.columns; ++j)
      result.row(i)[j] = float(x.row(i)[j] / std::sqrt(meanSquare + epsilon) * gamma[size_t(j)]);
  }
  return result;
}

Rows meaning::layerNorm(const Rows &x, llvm::ArrayRef<float> gamma, llvm::ArrayRef<float> beta, double epsilon) {
  Rows result(x.rows, x.columns);
  for (int64_t i = 0; i < x.rows; ++i) {
    double mu = meanOf(x.row(i), x.columns, [](double v) { return v; });
    double variance = meanOf(x.row(i), x.columns, [&](double v) { return (v - mu) * (v - mu); });
    for (int64_t j = 0; j < x.columns; ++j)
      result.row(i)[j] = float((x.row(i)[j] - mu) / std::sqrt(variance + epsilon) * gamma[size_t(j)] + beta[size_t(j)]);
  }
  return result;
}

Rows LayerNormOp::meaning(Scope &scope) {
  return meaning::layerNorm(scope.rows(getX()), scope.vector(getGamma()), scope.vector(getBeta()),
                            getEpsilon().convertToFloat());
}

Rows BiasOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  const std::vector<float> bias = scope.vector(getBias());
  Rows result(x.rows, x.columns);
  for (int64_t i = 0; i < x.rows; ++i)
    for (int64_t j = 0; j < x.columns; ++j)
      result.row(i)[j] = float(double(x.row(i)[j]) + bias[size_t(j)]);
  return result;
}

Rows meaning::add(mlir::arith::AddFOp op, Scope &scope) {
  return eachPair(scope.rows(op.getLhs()), scope.rows(op.getRhs()), [](double x, double y) { return x + y; });
}

Rows meaning::multiply(mlir::arith::MulFOp op, Scope &scope) {
  return eachPair(scope.rows(op.getLhs()), scope.rows(op.getRhs()), [](double x, double y) { return x * y; });
}

Rows ReluOp::meaning(Scope &scope) {
  return eachElement(scope.rows(getX()), [](double x) { return std::max(x, 0.0); });
}

Rows SigmoidOp::meaning(Scope &scope) {
  return eachElement(scope.rows(getX()), [](double x) { return 1 / (1 + std::exp(-x)); });
}

Rows SiluOp::meaning(Scope &scope) {
  return eachElement(scope.rows(getX()), [](double x) { return x / (1 + std::exp(-x)); });
}

Rows GeluOp::meaning(Scope &scope) {
  return eachElement(scope.rows(getX()), [](double x) { return x / 2 * (1 + std::erf(x / std::numbers::sqrt2)); });
}

Rows GeluTanhOp::meaning(Scope &scope) {
  return eachElement(scope.rows(getX()), [](double x) {
    return x / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
  });
}

Rows ColumnsOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  Rows result(x.rows, getType().getDimSize(1));
  for (int64_t i = 0; i < x.rows; ++i)
    std::copy_n(x.row(i) + getBegin(), result.columns, result.row(i));
  return result;
}

int64_t meaning::firstLogitRow(LogitRowsOp op, Scope &scope) {
  int64_t rows = scope.rows(op.getX()).rows;
  return op.getPruned() ? rows - 1 : std::min(scope.session.logitRow0, rows);
}

Rows LogitRowsOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  int64_t first = meaning::firstLogitRow(*this, scope);
  Rows result(x.rows - first, x.columns);
  std::copy(x.row(first), x.row(x.rows), result.values.begin());
  return result;
}

/// Dynamic: the scale follows from the block's greatest magnitude (Numerics.h).
static void quantizeDynamic(const Rows &x, Rows &result) {
  std::vector<int8_t> codes(size_t(x.columns));
  for (int64_t i = 0; i < x.rows; ++i) {
    float *scales = result.scales.data() + i * result.blocks();
    quantizeRow(x.row(i), x.columns, result.block, codes.data(), scales, /*sums=*/nullptr);
    for (int64_t j = 0; j < x.columns; ++j) {
      result.codes[size_t(i * x.columns + j)] = codes[size_t(j)];
      result.row(i)[j] = phic::dequantize(codes[size_t(j)], scales[j / result.block], 0);
    }
  }
}

Rows QuantizeOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  const BlockFormat format = mlir::cast<BlockType>(getType().getElementType()).getFormat();
  Rows result(x.rows, x.columns);
  result.block = format.block;
  result.codes.resize(x.values.size());
  result.scales.resize(size_t(x.rows * result.blocks()));
  if (!getScale()) {
    quantizeDynamic(x, result);
    return result;
  }
  const std::vector<float> scale = scope.vector(getScale());
  const auto zero = result.zero = int32_t(getZero().value_or(0));
  for (int64_t i = 0; i < x.rows; ++i)
    for (int64_t j = 0; j < x.columns; ++j) {
      float s = scale.size() == 1 ? scale[0] : scale[size_t(j)];
      int32_t code = phic::quantize(x.row(i)[j], s, zero, format.codes);
      result.codes[size_t(i * x.columns + j)] = code;
      result.scales[size_t(i * result.blocks() + j / result.block)] = s;
      result.row(i)[j] = phic::dequantize(code, s, float(zero));
    }
  return result;
}

Rows SnapOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  const std::vector<float> scale = scope.vector(getScale());
  const auto least = int32_t(getLeast()), greatest = int32_t(getGreatest());
  Rows result(x.rows, x.columns);
  for (int64_t i = 0; i < x.rows; ++i)
    for (int64_t j = 0; j < x.columns; ++j)
      result.row(i)[j] = phic::snap(x.row(i)[j], scale[size_t(j) % scale.size()], least, greatest);
  return result;
}

Rows DequantizeOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  Rows result(x.rows, x.columns);
  result.values = x.values;
  return result;
}

} // namespace phic::phiq
