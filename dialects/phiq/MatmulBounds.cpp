//===- MatmulBounds.cpp - Bounds of matmul, rope and attention -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ops that sum products. Notation as in ErrorBounds.cpp.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Numerics.h"
#include <cmath>
#include <numeric>

namespace phic::phiq {
namespace {

//===----------------------------------------------------------------------===//
// Matmul
//===----------------------------------------------------------------------===//

/// The bounds of one column of the result at a time.
class ColumnBound {
public:
  explicit ColumnBound(const Rows &lhs) : lhs(lhs), x(lhs.exactValues()) {}
  virtual ~ColumnBound() = default;
  /// Takes up weight row n.
  virtual void read(Scope &scope, mlir::Value rhs, int64_t n) = 0;
  /// For row i of the result, whose value is y.
  virtual double bound(int64_t i, double y) const = 0;

protected:
  /// sum_k e |w|: how far the operand's own error moves the result.
  double moved(int64_t i, const std::vector<double> &magnitudes) const {
    double sum = 0;
    if (!lhs.error.empty())
      for (int64_t k = 0; k < lhs.columns; ++k)
        sum += lhs.error[size_t(i * lhs.columns + k)] * magnitudes[size_t(k)];
    return sum;
  }
  static double sumUp(double moved, double magnitude, double roundings, double y) {
    return moved + gammaOf(roundings) * (magnitude + moved) + kUnit * std::fabs(y) + kUnderflow;
  }

  const Rows &lhs;
  const std::vector<double> x;
};

/// f32: y = sum_k x w. |y' - y| <= sum e |w| + gamma(K + 1) sum (|x| + e) |w|: K products and K - 1 sums in any order.
class FloatDot final : public ColumnBound {
public:
  explicit FloatDot(const Rows &lhs) : ColumnBound(lhs), weight(size_t(lhs.columns)), magnitudes(size_t(lhs.columns)) {}

  void read(Scope &scope, mlir::Value rhs, int64_t n) override {
    scope.weightRows(rhs, n, 1, weight.data());
    for (size_t k = 0; k < weight.size(); ++k)
      magnitudes[k] = std::fabs(weight[k]);
  }

  double bound(int64_t i, double y) const override {
    double magnitude = 0;
    for (int64_t k = 0; k < lhs.columns; ++k)
      magnitude += std::fabs(x[size_t(i * lhs.columns + k)]) * magnitudes[size_t(k)];
    return sumUp(moved(i, magnitudes), magnitude, double(lhs.columns) + 1, y);
  }

private:
  std::vector<float> weight;
  std::vector<double> magnitudes;
};

/// i8: with D = sum q xq and S = sum xq exact integers per activation block,
///
///     y = sum_b s (sx D - z (sx S)) + m (sx S)
///
/// sx S is rounded once (with the row), z (sx S), the difference and s times it are rounded: 4 roundings of a
/// term; then at most B (1 + [m]) sums. Magnitude: s (|sx D| + |z sx S|) + |m sx S|, added over the blocks.
///
/// The meaning takes w rounded to f32, as the tools do; such a kernel never makes that w. What this shifts is
/// known: |sum x (s (q - z) + m - w)|.
class IntegerDotBound final : public ColumnBound {
public:
  IntegerDotBound(const Rows &lhs, const BlockFormat &format)
      : ColumnBound(lhs), format(format), magnitudes(size_t(lhs.columns)), shifts(size_t(lhs.columns)),
        roundings(4 + double(lhs.blocks()) * (format.min == Scalar::None ? 1 : 2)) {
    for (int64_t i = 0; i < lhs.rows; ++i)
      for (int64_t b = 0; b < lhs.blocks(); ++b) {
        int64_t end = std::min((b + 1) * lhs.block, lhs.columns);
        const int32_t *codes = lhs.codes.data() + i * lhs.columns;
        sums.push_back(double(std::accumulate(codes + b * lhs.block, codes + end, int64_t(0))));
      }
  }

  void read(Scope &scope, mlir::Value rhs, int64_t n) override {
    scope.weights.readRows(scope.get(rhs).weight, n, 1, &weight);
    std::vector<float> rounded(magnitudes.size());
    dequantizeRow(weight, format, rounded.data());
    isShifted = false;
    for (size_t k = 0; k < rounded.size(); ++k) {
      auto b = k / size_t(format.block);
      double exact = double(weight.scale[b]) * (weight.codes[k] - double(weight.zero[b])) + weight.min[b];
      magnitudes[k] = std::fabs(exact);
      shifts[k] = exact - rounded[k];
      isShifted |= shifts[k] != 0;
    }
  }

  double bound(int64_t i, double y) const override {
    double magnitude = 0, shift = 0;
    for (int64_t b = 0; b < lhs.blocks(); ++b) {
      const int64_t begin = b * lhs.block, end = std::min(begin + lhs.block, lhs.columns);
      const auto w = size_t(begin / format.block), at = size_t(i * lhs.blocks() + b);
      int64_t D = 0;
      for (int64_t k = begin; k < end; ++k)
        D += int64_t(lhs.codes[size_t(i * lhs.columns + k)]) * weight.codes[size_t(k)];
      magnitude +=
          lhs.scales[at] * (std::fabs(weight.scale[w]) * (std::fabs(double(D)) + std::fabs(weight.zero[w] * sums[at])) +
                            std::fabs(weight.min[w] * sums[at]));
    }
    if (isShifted)
      for (int64_t k = 0; k < lhs.columns; ++k)
        shift += x[size_t(i * lhs.columns + k)] * shifts[size_t(k)];
    return std::fabs(shift) + sumUp(moved(i, magnitudes), magnitude, roundings, y);
  }

private:
  const BlockFormat format;
  BlockRow weight;
  std::vector<double> magnitudes;  ///< |s (q - z) + m|, unrounded
  std::vector<double> shifts;      ///< that, signed, minus w
  std::vector<double> sums;        ///< S [rows, blocks]
  bool isShifted = false;
  double roundings;
};

} // namespace

void MatmulOp::bound(Scope &scope, Rows &result) {
  const Rows &lhs = scope.rows(getLhs());
  auto type = mlir::dyn_cast<phiq::BlockType>(mlir::cast<mlir::ShapedType>(getRhs().getType()).getElementType());
  std::unique_ptr<ColumnBound> bounds;
  if (lhs.block > 0 && lhs.zero == 0 && type && scope.get(getRhs()).weight)
    bounds = std::make_unique<IntegerDotBound>(lhs, type.getFormat());
  else
    bounds = std::make_unique<FloatDot>(lhs);
  result.error.resize(result.values.size());
  for (int64_t n = 0; n < result.columns; ++n) {
    bounds->read(scope, getRhs(), n);
    for (int64_t i = 0; i < lhs.rows; ++i)
      result.error[size_t(i * result.columns + n)] = bounds->bound(i, result.row(i)[n]);
  }
}

//===----------------------------------------------------------------------===//
// Rope
//===----------------------------------------------------------------------===//

/// y = x[a] c -+ x[b] s: e[a] |c| + e[b] |s|, and two roundings of |x[a] c| + |x[b] s|. The tables are the interpreter's.
void RopeOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX());
  const bool isLong = getThreshold() && scope.session.total > int64_t(*getThreshold());
  const int64_t half = getCos().getType().getDimSize(1), headDim = getHeadDim();
  std::vector<float> cos(size_t(half), 0.0f), sin(size_t(half), 0.0f);
  result.error.resize(result.values.size());
  for (int64_t i = 0; i < int64_t(result.values.size()); ++i)
    result.error[size_t(i)] = x.errorAt(i);
  for (int64_t i = 0; i < x.rows; ++i) {
    scope.weightRows(isLong ? getLongCos() : getCos(), scope.session.past + i, 1, cos.data());
    scope.weightRows(isLong ? getLongSin() : getSin(), scope.session.past + i, 1, sin.data());
    for (int64_t head = 0; head < x.columns; head += headDim)
      for (int64_t j = 0; j < half; ++j) {
        int64_t a = i * x.columns + head + (getInterleaved() ? 2 * j : j);
        int64_t b = a + (getInterleaved() ? 1 : half);
        double c = std::fabs(cos[size_t(j)]), s = std::fabs(sin[size_t(j)]);
        auto pair = [&](int64_t p, int64_t q) {
          double moved = x.errorAt(p) * c + x.errorAt(q) * s;
          double magnitude = std::fabs(x.values[size_t(p)]) * c + std::fabs(x.values[size_t(q)]) * s;
          result.error[size_t(p)] =
              moved + gammaOf(2) * (magnitude + moved) + kUnit * std::fabs(result.values[size_t(p)]) + kUnderflow;
        };
        pair(a, b);
        pair(b, a);
      }
  }
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {

/// How far a score may be off: scale (sum e |k| + |q| f + e f) from the operands, f the cached key's bound, and
/// d + 2 roundings of scale * sum |q k|. A softcap is a contraction (|tanh'| <= 1); its own error is that of a tanh
/// made of exp (ErrorBounds.cpp, geluTanh), times the cap, and two roundings.
double scoreBound(const meaning::AttendView &view, const Rows &queries, int64_t queryAt, int64_t t) {
  double moved = 0, magnitude = 0;
  for (int64_t d = 0; d < view.cache.headDim; ++d) {
    double q = std::fabs(view.query[d]), e = queries.errorAt(queryAt + d), k = std::fabs(view.key(t)[d]);
    double f = view.cache.keys.errorAt(t * view.cache.keys.columns + view.column + d);
    moved += e * k + q * f + e * f;
    magnitude += q * k;
  }
  double scale = std::fabs(view.scale);
  double bound = scale * (moved + gammaOf(double(view.cache.headDim) + 2) * (magnitude + moved));
  return view.softcap > 0 ? bound + view.softcap * (kExpError / 2 + 10 * kUnit) : bound;
}

/// One head of one row. With p[t] = exp(s[t] - c), o = sum p v / sum p for any c, so the running maximum itself
/// brings no error; what does, relative to p[t]:
///
///   - its score, by scoreBound;
///   - exp at most 1 + R times (R rescalings of the running sums), each kExpError and a rounded product, and each
///     argument's rounding: together at most 2 u (greatest - least score), for the arguments add up.
///
/// So p'[t] = p[t] (1 + theta), |theta| <= theta[t], and |o' - o| <= sum p theta |v - o| / ((1 - max theta) sum p).
/// Numerator and denominator are sums of at most T terms and one quotient: 2 gamma(T + R + 2) (sum p |v| / sum p).
class HeadBound {
public:
  HeadBound(const meaning::AttendView &view, const Rows &queries, int64_t queryAt) : view(view) {
    view.softmax(weights);
    const int64_t count = view.last - view.first + 1;
    double least = view.score(view.first), greatest = least;
    for (int64_t t = view.first; t <= view.last; ++t) {
      least = std::min(least, view.score(t));
      greatest = std::max(greatest, view.score(t));
    }
    const auto rescalings = double(count / kAttendKeys + 2); // blocks that [first, last] may touch
    const double shared = (1 + rescalings) * (kExpError + 2 * kUnit) + 2 * kUnit * (greatest - least);
    for (int64_t t = view.first; t <= view.last; ++t) {
      theta.push_back(std::expm1(scoreBound(view, queries, queryAt, t) + shared));
      most = std::max(most, theta.back());
    }
    roundings = double(count) + rescalings + 2;
  }

  double bound(int64_t d, double y) const {
    double moved = 0, magnitude = 0, stored = 0;
    for (int64_t t = view.first; t <= view.last; ++t) {
      auto i = size_t(t - view.first);
      double v = view.value(t)[d], f = view.cache.values.errorAt(t * view.cache.values.columns + view.column + d);
      moved += weights[i] * theta[i] * (std::fabs(v - y) + f);
      magnitude += weights[i] * (std::fabs(v) + f);
      stored += weights[i] * f;
    }
    if (most >= 1)
      return std::numeric_limits<double>::infinity();
    return moved / (1 - most) + stored + 2 * gammaOf(roundings) * magnitude / (1 - most) + kUnit * std::fabs(y) +
           kUnderflow;
  }

private:
  const meaning::AttendView &view;
  std::vector<double> weights, theta;
  double most = 0, roundings = 0;
};

} // namespace

void AttendOp::bound(Scope &scope, Rows &result) {
  const Rows &queries = scope.rows(getQueries());
  const CacheState &cache = scope.cache(getCache());
  result.error.resize(result.values.size());
  for (int64_t i = 0; i < queries.rows; ++i)
    for (int64_t head = 0; head < int64_t(getHeads()); ++head) {
      const meaning::AttendView view(*this, queries, cache, scope.session.past, i, head);
      const int64_t at = i * queries.columns + head * cache.headDim;
      const HeadBound bounds(view, queries, at);
      for (int64_t d = 0; d < cache.headDim; ++d)
        result.error[size_t(at + d)] = bounds.bound(d, result.values[size_t(at + d)]);
    }
}

} // namespace phic::phiq
