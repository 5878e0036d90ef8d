//===- GridMeanings.cpp - Meaning of ops on whole tensors ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One short function an op, to be read beside the op's description in GridOps.td, and one for its error bound, which is
// what moving the operands within theirs can do: the ops round as a kernel does, or not at all.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/Meanings.h"

using namespace mlir;

namespace phic::phiq {
namespace {

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

Rows MaxPoolOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  Rows result = roomFor(getType());
  std::vector<bool> seen(size_t(result.size()));
  Windows(*this).forEach([&](size_t to, size_t from) {
    if (!seen[to] || x.number(int64_t(from)) > result.number(int64_t(to)))
      result.take(int64_t(to), x, int64_t(from));
    seen[to] = true;
  });
  return result;
}

Rows ReshapeOp::meaning(Scope &scope) {
  Rows result = roomFor(getType());
  result.values = scope.rows(getX()).values;
  result.integers = scope.rows(getX()).integers;
  return result;
}

/// A maximum moves no further than the operand that moves most.
void MaxPoolOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX());
  if (x.error.empty())
    return;
  result.error.resize(size_t(result.size()));
  Windows(*this).forEach(
      [&](size_t to, size_t from) { result.error[to] = std::max(result.error[to], x.errorAt(int64_t(from))); });
}

void ReshapeOp::bound(Scope &scope, Rows &result) { result.error = scope.rows(getX()).error; }

} // namespace phic::phiq
