//===- ContractMeanings.cpp - Meaning of contractions ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rows that phiq.contract multiplies are written out, then multiplied as its description says.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/Meanings.h"
#include <cmath>

using namespace mlir;

namespace phic::phiq {
namespace {

/// Zero point `index`, or the one there is.
int64_t zeroAt(Scope &scope, Value zero, int64_t index) {
  if (!zero)
    return 0;
  const Rows &numbers = scope.rows(zero);
  return numbers.integers[size_t(numbers.size() == 1 ? 0 : index)];
}

/// visit(element of the rows, element of x, or -1 of a pad)
void forEachElement(ContractOp op, llvm::function_ref<void(int64_t to, int64_t from)> visit) {
  ArrayRef<int64_t> x = shapeOf(op.getX());
  if (!op.getKernel()) {
    for (int64_t i = 0; i < op.getBatch() * op.getRows() * op.getK(); ++i)
      visit(i, i);
    return;
  }
  ArrayRef<int64_t> kernel = *op.getKernel(), strides = *op.getStrides(), pads = *op.getPads(),
                    dilations = *op.getDilations(), y = shapeOf(op.getResult());
  int64_t to = 0;
  for (int64_t row = 0; row < op.getRows(); ++row)
    for (int64_t a = 0; a < kernel[0]; ++a)
      for (int64_t b = 0; b < kernel[1]; ++b) {
        const int64_t n = row / (y[1] * y[2]), i = row / y[2] % y[1], j = row % y[2];
        const int64_t h = i * strides[0] + a * dilations[0] - pads[0], w = j * strides[1] + b * dilations[1] - pads[1];
        const bool isInside = h >= 0 && h < x[1] && w >= 0 && w < x[2];
        for (int64_t c = 0; c < x[3]; ++c)
          visit(to++, isInside ? ((n * x[1] + h) * x[2] + w) * x[3] + c : -1);
      }
}

/// A factor as numbers [rows, K], zero points taken off, with how far they may be from a kernel's.
struct Numbers {
  explicit Numbers(size_t size) : values(size), error(size) {}
  std::vector<double> values, error;
};

Numbers rowsOf(ContractOp op, Scope &scope) {
  const Rows &x = scope.rows(op.getX());
  Numbers rows(size_t(op.getBatch() * op.getRows() * op.getK()));
  const int64_t zero = zeroAt(scope, op.getXZero(), 0);
  forEachElement(op, [&](int64_t to, int64_t from) {
    if (from < 0)
      return; // 0, or the zero point less itself
    rows.values[size_t(to)] = x.number(from) - double(zero);
    rows.error[size_t(to)] = x.errorAt(from);
  });
  return rows;
}

/// Row n of w, which has one for each column of each product.
Numbers weightRow(ContractOp op, Scope &scope, int64_t n) {
  const int64_t K = op.getK(), zero = zeroAt(scope, op.getWZero(), n % op.getColumns());
  Numbers row{size_t(K)};
  if (isa_and_nonnull<phiq::WeightOp>(scope.get(op.getW()).weight) && !op.getBatched()) {
    std::vector<float> values(size_t(K), 0.0f);
    scope.weightRows(op.getW(), n, 1, values.data()); // 8-bit integers are floats exactly
    llvm::copy(values, row.values.begin());
  } else {
    const Rows &all = scope.rows(op.getW());
    for (int64_t k = 0; k < K; ++k) {
      row.values[size_t(k)] = all.number(n * K + k);
      row.error[size_t(k)] = all.errorAt(n * K + k);
    }
  }
  for (double &value : row.values)
    value -= double(zero);
  return row;
}

/// visit(element of the result, the row's first number of `rows`, the row of w)
void forEachResult(ContractOp op, Scope &scope,
                   llvm::function_ref<void(int64_t at, int64_t first, const Numbers &weight)> visit) {
  const int64_t K = op.getK(), N = op.getColumns(), M = op.getRows();
  for (int64_t n = 0; n < op.getBatch() * N; ++n) {
    const Numbers weight = weightRow(op, scope, n);
    for (int64_t i = n / N * M; i < (n / N + 1) * M; ++i)
      visit(i * N + n % N, i * K, weight);
  }
}

} // namespace

Rows ContractOp::meaning(Scope &scope) {
  const Numbers rows = rowsOf(*this, scope);
  Rows result = roomFor(getType());
  forEachResult(*this, scope, [&](int64_t at, int64_t first, const Numbers &weight) {
    double sum = 0;
    int64_t integer = 0; // 17 bits a product: no K overflows it
    for (size_t k = 0; k < weight.values.size(); ++k) {
      const double product = rows.values[size_t(first) + k] * weight.values[k];
      sum += product;
      integer += isFloat() ? 0 : int64_t(product);
    }
    if (isFloat())
      result.values[size_t(at)] = float(sum);
    else
      result.integers[size_t(at)] = int32_t(uint32_t(uint64_t(integer)));
  });
  return result;
}

/// sum e_x |w| + (|x| + e_x) e_w moves it, and of floats gamma(K + 1) sum (|x| + e_x) (|w| + e_w): K products and K - 1 sums in
/// any order.
void ContractOp::bound(Scope &scope, Rows &result) {
  const Numbers rows = rowsOf(*this, scope);
  result.error.resize(size_t(result.size()));
  forEachResult(*this, scope, [&](int64_t at, int64_t first, const Numbers &weight) {
    double moved = 0, magnitude = 0;
    for (size_t k = 0; k < weight.values.size(); ++k) {
      const size_t i = size_t(first) + k;
      const double x = std::fabs(rows.values[i]), w = std::fabs(weight.values[k]);
      moved += rows.error[i] * w + (x + rows.error[i]) * weight.error[k];
      magnitude += x * w;
    }
    if (isFloat())
      moved += gammaOf(double(getK()) + 1) * (magnitude + moved) + kUnit * std::fabs(result.number(at)) + kUnderflow;
    result.error[size_t(at)] = moved;
  });
}

} // namespace phic::phiq
