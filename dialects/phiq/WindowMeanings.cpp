//===- WindowMeanings.cpp - Meaning of ops on windows ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// To be read beside the descriptions in WindowOps.td. Bounds of sums of n products: what errors of x and of w move, and
// gamma(n) of the magnitudes.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Meanings.h"
#include "dialects/phiq/Windows.h"
#include <cmath>

using namespace mlir;

namespace phic {
namespace {

WindowAxis &last(Windows &windows, size_t fromEnd) { return windows.axes[2 - fromEnd]; }

/// x is [N, S..., C], y [N, windows..., C].
Windows windowsBetween(ArrayRef<int64_t> x, ArrayRef<int64_t> y, ArrayRef<int64_t> kernel, ArrayRef<int64_t> strides,
                       ArrayRef<int64_t> pads, ArrayRef<int64_t> dilations) {
  Windows windows;
  windows.batch = x.front();
  windows.channels = x.back();
  const size_t axes = kernel.size();
  for (size_t i = 0; i < axes; ++i)
    last(windows, axes - 1 - i) = {
        x[1 + i], y[1 + i], kernel[i], strides[i], dilations[i], pads[i], pads.size() > axes ? pads[axes + i] : 0};
  return windows;
}

} // namespace

Windows windowsOf(phiq::PoolOp op) {
  return windowsBetween(shapeOf(op.getX()), shapeOf(op.getResult()), op.getKernel(), op.getStrides(), op.getPads(),
                        op.getDilations());
}

Windows windowsOf(phiq::DepthwiseOp op) {
  return windowsBetween(shapeOf(op.getX()), shapeOf(op.getResult()), shapeOf(op.getW()).drop_back(), op.getStrides(),
                        op.getPads(), op.getDilations());
}

Windows windowsOf(phiq::ConvTransposeOp op) {
  return windowsBetween(shapeOf(op.getResult()), shapeOf(op.getX()), shapeOf(op.getW()).drop_back(2), op.getStrides(),
                        op.getPads(), op.getDilations());
}

void overPlaces(const Windows &windows, llvm::function_ref<void(int64_t, int64_t, int64_t)> visit) {
  const auto &[a, b, c] = windows.axes;
  auto at = [](const WindowAxis &axis, int64_t i, int64_t t) {
    return i * axis.stride + t * axis.dilation - axis.before;
  };
  int64_t window = 0;
  for (int64_t n = 0; n < windows.batch; ++n)
    for (int64_t i = 0; i < a.windows; ++i)
      for (int64_t j = 0; j < b.windows; ++j)
        for (int64_t k = 0; k < c.windows; ++k, ++window)
          for (int64_t p = a.first(i); p < a.end(i); ++p)
            for (int64_t q = b.first(j); q < b.end(j); ++q)
              for (int64_t r = c.first(k); r < c.end(k); ++r)
                visit(window, ((n * a.size + at(a, i, p)) * b.size + at(b, j, q)) * c.size + at(c, k, r),
                      (p * b.kernel + q) * c.kernel + r);
}

namespace phiq {
namespace {

/// How many places each window's mean is divided by.
std::vector<double> divisorsOf(PoolOp op, const Windows &windows) {
  std::vector<double> divisors(size_t(windows.windows()), 0);
  if (!op.getCountPads()) {
    overPlaces(windows, [&](int64_t window, int64_t, int64_t) { ++divisors[size_t(window)]; });
    return divisors;
  }
  const auto &[a, b, c] = windows.axes;
  size_t window = 0;
  for (int64_t n = 0; n < windows.batch; ++n)
    for (int64_t i = 0; i < a.windows; ++i)
      for (int64_t j = 0; j < b.windows; ++j)
        for (int64_t k = 0; k < c.windows; ++k)
          divisors[window++] = double(a.withPads(i) * b.withPads(j) * c.withPads(k));
  return divisors;
}

/// What propagates, and gamma(n) of the magnitude.
double boundOfSum(double propagated, double magnitude, double n, double value) {
  return propagated + gammaOf(n) * (magnitude + propagated) + kUnit * std::fabs(value) + kUnderflow;
}

/// visit(element of the result, element of x, element of w): the products that make up an op's result.
using Products = llvm::function_ref<void(llvm::function_ref<void(size_t, int64_t, int64_t)>)>;

/// Sums of products of floats.
Rows sumsOf(Products products, const Rows &x, const Rows &w, Type type) {
  Rows result = roomFor(type);
  std::vector<double> exact(size_t(result.size()));
  products(
      [&](size_t to, int64_t i, int64_t j) { exact[to] += double(x.values[size_t(i)]) * double(w.values[size_t(j)]); });
  std::copy(exact.begin(), exact.end(), result.values.begin());
  return result;
}

/// |x w| moves by |x| e_w + |w| e_x + e_x e_w; n products have n roundings.
void boundOfSums(Products products, const Rows &x, const Rows &w, double n, Rows &result) {
  std::vector<double> moved(size_t(result.size())), magnitude(size_t(result.size()));
  products([&](size_t to, int64_t i, int64_t j) {
    const double p = std::fabs(x.number(i)), q = std::fabs(w.number(j)), e = x.errorAt(i), f = w.errorAt(j);
    moved[to] += p * f + q * e + e * f;
    magnitude[to] += p * q;
  });
  result.error.resize(moved.size());
  for (size_t i = 0; i < moved.size(); ++i)
    result.error[i] = boundOfSum(moved[i], magnitude[i], n + 1, result.number(int64_t(i)));
}

void productsOf(DepthwiseOp op, llvm::function_ref<void(size_t, int64_t, int64_t)> visit) {
  const Windows windows = windowsOf(op);
  const int64_t C = windows.channels;
  overPlaces(windows, [&](int64_t window, int64_t place, int64_t tap) {
    for (int64_t c = 0; c < C; ++c)
      visit(size_t(window * C + c), place * C + c, tap * C + c);
  });
}

/// A window is an element of x, its places elements of the result.
void productsOf(ConvTransposeOp op, llvm::function_ref<void(size_t, int64_t, int64_t)> visit) {
  const auto groups = int64_t(op.getGroups()), C = shapeOf(op.getX()).back(), M = shapeOf(op.getW()).back();
  overPlaces(windowsOf(op), [&](int64_t window, int64_t place, int64_t tap) {
    for (int64_t c = 0; c < C; ++c)
      for (int64_t m = 0; m < M; ++m)
        visit(size_t(place * groups * M + c / (C / groups) * M + m), window * C + c, (tap * C + c) * M + m);
  });
}

/// w is what the indices, clamped, choose.
void productsOf(ResampleOp op, const Rows &indices, llvm::function_ref<void(size_t, int64_t, int64_t)> visit) {
  ArrayRef<int64_t> x = shapeOf(op.getX()), shape = shapeOf(op.getIndices());
  const auto axis = size_t(op.getAxis());
  const int64_t inner = denseStrides(x)[axis], size = x[axis], T = shape[1];
  const int64_t outer = ShapedType::getNumElements(x.take_front(axis));
  for (int64_t i = 0; i < outer * shape[0]; ++i)
    for (int64_t t = 0; t < T; ++t) {
      const int64_t o = i % shape[0], at = std::clamp<int64_t>(indices.integers[size_t(o * T + t)], 0, size - 1);
      for (int64_t c = 0; c < inner; ++c)
        visit(size_t(i * inner + c), (i / shape[0] * size + at) * inner + c, o * T + t);
    }
}

int64_t zeroAt(Scope &scope, Value zero, int64_t c) {
  if (!zero)
    return 0;
  const Rows &numbers = scope.rows(zero);
  return numbers.integers[numbers.size() == 1 ? 0 : size_t(c)];
}

} // namespace

Rows PoolOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  const Windows windows = windowsOf(*this);
  const int64_t C = windows.channels;
  Rows result = roomFor(getType());
  const bool isMean = getKind() == ReduceKind::Mean;
  std::vector<double> exact(size_t(result.size()), isMean ? 0 : -std::numeric_limits<double>::infinity());
  overPlaces(windows, [&](int64_t window, int64_t place, int64_t) {
    for (int64_t c = 0; c < C; ++c) {
      const int64_t to = window * C + c, from = place * C + c;
      const double value = x.number(from);
      if (isMean)
        exact[size_t(to)] += value;
      else if (value > exact[size_t(to)]) {
        exact[size_t(to)] = value;
        result.take(to, x, from);
      } else if (exact[size_t(to)] == -std::numeric_limits<double>::infinity())
        result.values[size_t(to)] = float(exact[size_t(to)]);
    }
  });
  if (isMean)
    for (auto [window, divisor] : llvm::enumerate(divisorsOf(*this, windows)))
      for (int64_t c = 0; c < C; ++c)
        result.values[window * size_t(C) + size_t(c)] = float(exact[window * size_t(C) + size_t(c)] / divisor);
  return result;
}

/// A maximum moves no further than the operand that moves most; a mean is a sum of at most as many as a window has, divided.
void PoolOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX());
  const Windows windows = windowsOf(*this);
  const bool isMean = getKind() == ReduceKind::Mean;
  if (!isMean && x.error.empty())
    return;
  const int64_t C = windows.channels;
  std::vector<double> moved(size_t(result.size())), magnitude(size_t(result.size()));
  overPlaces(windows, [&](int64_t window, int64_t place, int64_t) {
    for (int64_t c = 0; c < C; ++c) {
      const auto to = size_t(window * C + c);
      const double e = x.errorAt(place * C + c);
      moved[to] = isMean ? moved[to] + e : std::max(moved[to], e);
      magnitude[to] += std::fabs(x.number(place * C + c));
    }
  });
  result.error = moved;
  if (isMean)
    for (auto [window, divisor] : llvm::enumerate(divisorsOf(*this, windows)))
      for (size_t i = window * size_t(C); i < (window + 1) * size_t(C); ++i)
        result.error[i] =
            boundOfSum(moved[i] / divisor, magnitude[i] / divisor, double(windows.taps() + 1), result.values[i]);
}

Rows DepthwiseOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX()), &w = scope.rows(getW());
  if (elementTypeOf(getX()).isF32())
    return sumsOf([&](auto visit) { productsOf(*this, visit); }, x, w, getType());
  Rows result = roomFor(getType());
  const int64_t xZero = zeroAt(scope, getXZero(), 0), C = shapeOf(getX()).back();
  productsOf(*this, [&](size_t to, int64_t i, int64_t j) {
    result.integers[to] += (x.integers[size_t(i)] - xZero) * (w.integers[size_t(j)] - zeroAt(scope, getWZero(), j % C));
  });
  for (int64_t &sum : result.integers)
    sum = wrapTo(elementTypeOf(getResult()), sum);
  return result;
}

/// Integers are exact where the codes are; a code that is off by e moves a sum by e |w|, at most 255 + 128.
void DepthwiseOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX()), &w = scope.rows(getW());
  auto products = [&](auto visit) { productsOf(*this, visit); };
  if (elementTypeOf(getX()).isF32())
    return boundOfSums(products, x, w, double(windowsOf(*this).taps()), result);
  if (x.error.empty())
    return;
  result.error.assign(size_t(result.size()), 0);
  const int64_t C = shapeOf(getX()).back();
  productsOf(*this, [&](size_t to, int64_t i, int64_t j) {
    result.error[to] += x.errorAt(i) * std::fabs(double(w.integers[size_t(j)] - zeroAt(scope, getWZero(), j % C)));
  });
}

Rows ConvTransposeOp::meaning(Scope &scope) {
  return sumsOf([&](auto visit) { productsOf(*this, visit); }, scope.rows(getX()), scope.rows(getW()), getType());
}

void ConvTransposeOp::bound(Scope &scope, Rows &result) {
  const double n = double(windowsOf(*this).taps() * shapeOf(getX()).back());
  boundOfSums([&](auto visit) { productsOf(*this, visit); }, scope.rows(getX()), scope.rows(getW()), n, result);
}

Rows ResampleOp::meaning(Scope &scope) {
  const Rows &indices = scope.rows(getIndices());
  return sumsOf([&](auto visit) { productsOf(*this, indices, visit); }, scope.rows(getX()), scope.rows(getWeights()),
                getType());
}

void ResampleOp::bound(Scope &scope, Rows &result) {
  const Rows &indices = scope.rows(getIndices());
  boundOfSums([&](auto visit) { productsOf(*this, indices, visit); }, scope.rows(getX()), scope.rows(getWeights()),
              double(shapeOf(getIndices())[1]), result);
}

} // namespace phiq
} // namespace phic
