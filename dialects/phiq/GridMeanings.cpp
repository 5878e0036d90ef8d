//===- GridMeanings.cpp - Meaning of ops on whole tensors ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One short function an op, to be read beside the op's description in Ops.td, and one for its error bound, which is
// what moving the operands within theirs can do: the ops round as a kernel does, or not at all.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Meanings.h"
#include "dialects/phiq/Numerics.h"
#include <cmath>

using namespace mlir;

namespace phic::phiq {
namespace {

/// Room for a tensor: its first dimension of rows.
Rows rowsOf(Type type) {
  auto shaped = cast<ShapedType>(type);
  int64_t rows = shaped.getRank() == 0 ? 1 : shaped.getDimSize(0);
  return Rows(rows, rows ? shaped.getNumElements() / rows : 0);
}

CodeType codesOf(Type element) { return {8, !cast<IntegerType>(element).isUnsigned()}; }

/// The elements of x that a window of the result sees, in order: indices into x.
class Windows {
public:
  explicit Windows(MaxPoolOp op)
      : kernel(op.getKernel()), strides(op.getStrides()), pads(op.getPads()), dilations(op.getDilations()),
        x(cast<ShapedType>(op.getX().getType()).getShape()), y(cast<ShapedType>(op.getType()).getShape()) {}

  /// function(element of the result, element of x), window by window.
  void forEach(llvm::function_ref<void(size_t, size_t)> function) const {
    size_t at = 0;
    for (int64_t plane = 0; plane < y[0] * y[1]; ++plane)
      for (int64_t i = 0; i < y[2]; ++i)
        for (int64_t j = 0; j < y[3]; ++j, ++at)
          forEachIn(plane, i, j, [&](int64_t from) { function(at, size_t(from)); });
  }

private:
  void forEachIn(int64_t plane, int64_t i, int64_t j, llvm::function_ref<void(int64_t)> function) const {
    for (int64_t a = 0; a < kernel[0]; ++a)
      for (int64_t b = 0; b < kernel[1]; ++b) {
        int64_t h = i * strides[0] + a * dilations[0] - pads[0];
        int64_t w = j * strides[1] + b * dilations[1] - pads[1];
        if (h >= 0 && h < x[2] && w >= 0 && w < x[3])
          function((plane * x[2] + h) * x[3] + w);
      }
  }

  ArrayRef<int64_t> kernel, strides, pads, dilations, x, y;
};

} // namespace

Rows QuantizeLinearOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  const float scale = scope.vector(getScale())[0];
  Rows result = rowsOf(getType());
  for (size_t i = 0; i < x.values.size(); ++i)
    result.values[i] =
        float(phic::quantize(x.values[i], scale, int32_t(getZero()), codesOf(getType().getElementType())));
  return result;
}

Rows DequantizeLinearOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  const float scale = scope.vector(getScale())[0];
  Rows result = rowsOf(getType());
  for (size_t i = 0; i < x.values.size(); ++i)
    result.values[i] = phic::dequantize(int32_t(x.values[i]), scale, float(getZero()));
  return result;
}

Rows MaxPoolOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  Rows result = rowsOf(getType());
  std::vector<bool> seen(result.values.size());
  Windows(*this).forEach([&](size_t to, size_t from) {
    if (!seen[to] || x.values[from] > result.values[to])
      result.values[to] = x.values[from];
    seen[to] = true;
  });
  return result;
}

Rows ReshapeOp::meaning(Scope &scope) {
  Rows result = rowsOf(getType());
  result.values = scope.rows(getX()).values;
  return result;
}

/// The quotient rounds once in both, so that only e moves it; the code is monotone in it.
void QuantizeLinearOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX());
  const float scale = scope.vector(getScale())[0];
  auto codeOf = [&](double value) {
    return phic::quantize(float(value), scale, int32_t(getZero()), codesOf(getType().getElementType()));
  };
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  result.error.resize(result.values.size());
  for (size_t i = 0; i < result.values.size(); ++i)
    if (double e = x.errorAt(int64_t(i)); e > 0) {
      double low = codeOf(std::nextafterf(float(x.values[i] - e), -kInfinity));
      double high = codeOf(std::nextafterf(float(x.values[i] + e), kInfinity));
      result.error[i] = std::max(std::fabs(high - result.values[i]), std::fabs(result.values[i] - low));
    }
}

/// q - z is exact, the product rounds once in both.
void DequantizeLinearOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX());
  const double scale = std::fabs(scope.vector(getScale())[0]);
  result.error.resize(result.values.size());
  for (size_t i = 0; i < result.values.size(); ++i)
    if (double e = x.errorAt(int64_t(i)); e > 0)
      result.error[i] = scale * e * (1 + kUnit) + kUnit * std::fabs(result.values[i]);
}

/// A maximum moves no further than the operand that moves most.
void MaxPoolOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX());
  result.error.resize(result.values.size());
  Windows(*this).forEach(
      [&](size_t to, size_t from) { result.error[to] = std::max(result.error[to], x.errorAt(int64_t(from))); });
}

void ReshapeOp::bound(Scope &scope, Rows &result) { result.error = scope.rows(getX()).error; }

} // namespace phic::phiq
