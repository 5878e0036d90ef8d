//===- MatmulBounds.cpp - Bounds of matmul, rope and attention -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ops that sum products. Notation as in ErrorBounds.cpp.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Numerics.h"
#include <cmath>

namespace phic::bound {
namespace {

//===----------------------------------------------------------------------===//
// Matmul
//===----------------------------------------------------------------------===//

/// f32: y = sum_k x w. |y' - y| <= sum e |w| + gamma(K + 1) sum (|x| + e) |w|: K products and K - 1 sums in any order.
double dotBound(const Rows &lhs, int64_t i, const float *weight, double y) {
  double moved = 0, magnitude = 0;
  for (int64_t k = 0; k < lhs.columns; ++k) {
    double w = std::fabs(weight[k]);
    moved += lhs.errorAt(i * lhs.columns + k) * w;
    magnitude += std::fabs(lhs.exactAt(i * lhs.columns + k)) * w;
  }
  return moved + gammaOf(double(lhs.columns) + 1) * (magnitude + moved) + kUnit * std::fabs(y) + kUnderflow;
}

/// i8: with D = sum q xq and S = sum xq exact integers per activation block,
///
///     y = sum_b s (sx D - z (sx S)) + m (sx S)
///
/// sx S is rounded once (with the row), z (sx S), the difference and s times it are rounded: 4 roundings of a
/// term; then at most B (1 + [m]) sums. Magnitude: s (|sx D| + |z sx S|) + |m sx S|, added over the blocks.
///
/// The meaning takes w rounded to f32, as the tools do; such a kernel never makes that w. What this shifts is
/// known: |sum x (s (q - z) + m - w)|.
class IntegerDot {
public:
  IntegerDot(const Rows &lhs, const BlockFormat &format)
      : lhs(lhs), block(format.block), hasMin(format.min != Scalar::None), roundings(4 + double(lhs.blocks()) * (hasMin ? 2 : 1)) {}

  double bound(int64_t i, const BlockRow &weight, double y) const {
    double magnitude = 0, moved = 0, shift = 0;
    for (int64_t b = 0; b < lhs.blocks(); ++b) {
      int64_t D = 0, S = 0, begin = b * lhs.block, end = std::min(begin + lhs.block, lhs.columns);
      auto w = size_t(begin / block);
      for (int64_t k = begin; k < end; ++k) {
        const int64_t at = i * lhs.columns + k, code = lhs.codes[size_t(at)];
        D += code * weight.codes[size_t(k)];
        S += code;
        double exact = double(weight.scale[w]) * (weight.codes[size_t(k)] - double(weight.zero[w])) + weight.min[w];
        shift += lhs.exactAt(at) * (exact - rounded(weight, k, w));
        moved += lhs.errorAt(at) * std::fabs(exact);
      }
      double sx = lhs.scales[size_t(i * lhs.blocks() + b)];
      magnitude += std::fabs(weight.scale[w]) * sx * (std::fabs(double(D)) + std::fabs(weight.zero[w] * double(S))) +
                   std::fabs(weight.min[w] * double(S)) * sx;
    }
    return moved + std::fabs(shift) + gammaOf(roundings) * (magnitude + moved) + kUnit * std::fabs(y) + kUnderflow;
  }

private:
  double rounded(const BlockRow &weight, int64_t k, size_t b) const {
    int32_t q = weight.codes[size_t(k)];
    return hasMin ? phic::dequantize(q, weight.scale[b], weight.zero[b], weight.min[b])
                  : phic::dequantize(q, weight.scale[b], weight.zero[b]);
  }

  const Rows &lhs;
  int64_t block;
  bool hasMin;
  double roundings;
};

} // namespace

void matmul(phiq::MatmulOp op, Scope &scope, Rows &result) {
  const Rows &lhs = scope.rows(op.getLhs());
  mlir::Operation *weight = scope.get(op.getRhs()).weight;
  auto type = mlir::dyn_cast<phiq::BlockType>(mlir::cast<mlir::ShapedType>(op.getRhs().getType()).getElementType());
  result.error.resize(result.values.size());
  const bool isInteger = lhs.block > 0 && weight && type;
  std::vector<float> floats(size_t(lhs.columns), 0.0f);
  BlockRow codes;
  for (int64_t n = 0; n < result.columns; ++n) {
    if (isInteger)
      scope.weights.readRows(weight, n, 1, &codes);
    else
      scope.weightRows(op.getRhs(), n, 1, floats.data());
    for (int64_t i = 0; i < lhs.rows; ++i) {
      double y = result.row(i)[n];
      result.error[size_t(i * result.columns + n)] =
          isInteger ? IntegerDot(lhs, type.getFormat()).bound(i, codes, y) : dotBound(lhs, i, floats.data(), y);
    }
  }
}

//===----------------------------------------------------------------------===//
// Rope
//===----------------------------------------------------------------------===//

/// y = x[a] c -+ x[b] s: e[a] |c| + e[b] |s|, and two roundings of |x[a] c| + |x[b] s|. The tables are the interpreter's.
void rope(phiq::RopeOp op, Scope &scope, Rows &result) {
  const Rows &x = scope.rows(op.getX());
  const bool isLong = op.getThreshold() && scope.session.total > int64_t(*op.getThreshold());
  const int64_t half = op.getCos().getType().getDimSize(1), headDim = op.getHeadDim();
  std::vector<float> cos(size_t(half), 0.0f), sin(size_t(half), 0.0f);
  result.error.resize(result.values.size());
  for (int64_t i = 0; i < int64_t(result.values.size()); ++i)
    result.error[size_t(i)] = x.errorAt(i);
  for (int64_t i = 0; i < x.rows; ++i) {
    scope.weightRows(isLong ? op.getLongCos() : op.getCos(), scope.session.past + i, 1, cos.data());
    scope.weightRows(isLong ? op.getLongSin() : op.getSin(), scope.session.past + i, 1, sin.data());
    for (int64_t head = 0; head < x.columns; head += headDim)
      for (int64_t j = 0; j < half; ++j) {
        int64_t a = i * x.columns + head + (op.getInterleaved() ? 2 * j : j);
        int64_t b = a + (op.getInterleaved() ? 1 : half);
        double c = std::fabs(cos[size_t(j)]), s = std::fabs(sin[size_t(j)]);
        auto pair = [&](int64_t p, int64_t q) {
          double moved = x.errorAt(p) * c + x.errorAt(q) * s;
          double magnitude = std::fabs(x.values[size_t(p)]) * c + std::fabs(x.values[size_t(q)]) * s;
          result.error[size_t(p)] = moved + gammaOf(2) * (magnitude + moved) + kUnit * std::fabs(result.values[size_t(p)]) + kUnderflow;
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
    return moved / (1 - most) + stored + 2 * gammaOf(roundings) * magnitude / (1 - most) + kUnit * std::fabs(y) + kUnderflow;
  }

private:
  const meaning::AttendView &view;
  std::vector<double> weights, theta;
  double most = 0, roundings = 0;
};

} // namespace

void attend(phiq::AttendOp op, Scope &scope, Rows &result) {
  const Rows &queries = scope.rows(op.getQueries());
  const CacheState &cache = scope.cache(op.getCache());
  result.error.resize(result.values.size());
  for (int64_t i = 0; i < queries.rows; ++i)
    for (int64_t head = 0; head < int64_t(op.getHeads()); ++head) {
      const meaning::AttendView view(op, queries, cache, scope.session.past, i, head);
      const int64_t at = i * queries.columns + head * cache.headDim;
      const HeadBound bounds(view, queries, at);
      for (int64_t d = 0; d < cache.headDim; ++d)
        result.error[size_t(at + d)] = bounds.bound(d, result.values[size_t(at + d)]);
    }
}

} // namespace phic::bound
