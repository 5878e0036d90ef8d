//===- AttentionMeanings.cpp - Meaning of rope, cache, attend --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One short function an op, to be read beside the op's description in Ops.td.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Meanings.h"
#include "dialects/phiq/Numerics.h"
#include <cmath>

namespace phic::phiq {

Rows RopeOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  const bool isLong = getThreshold() && scope.session.total > int64_t(*getThreshold());
  const mlir::Value cosTable = isLong ? getLongCos() : getCos();
  const mlir::Value sinTable = isLong ? getLongSin() : getSin();
  const int64_t half = getCos().getType().getDimSize(1), headDim = getHeadDim();
  std::vector<float> cos(size_t(half), 0.0f), sin(size_t(half), 0.0f);
  Rows result = Rows(x.rows, x.columns);
  result.values = x.values;
  for (int64_t i = 0; i < x.rows; ++i) {
    scope.weightRows(cosTable, scope.session.past + i, 1, cos.data());
    scope.weightRows(sinTable, scope.session.past + i, 1, sin.data());
    for (int64_t head = 0; head < x.columns; head += headDim)
      for (int64_t j = 0; j < half; ++j) {
        int64_t a = head + (getInterleaved() ? 2 * j : j);
        int64_t b = head + (getInterleaved() ? 2 * j + 1 : j + half);
        double xa = x.row(i)[a], xb = x.row(i)[b], c = cos[size_t(j)], s = sin[size_t(j)];
        result.row(i)[a] = float(xa * c - xb * s);
        result.row(i)[b] = float(xb * c + xa * s);
      }
  }
  return result;
}

/// Writes rows at position `past` of a cache's keys or values, rounded to its element type.
static void appendRows(Rows &cached, const Rows &rows, int64_t past, const CacheState &cache, bool withBounds) {
  cached.rows = past + rows.rows;
  cached.columns = rows.columns;
  cached.values.resize(size_t(cached.rows * cached.columns));
  if (withBounds)
    cached.error.resize(cached.values.size());
  auto first = size_t(past * cached.columns);
  for (size_t i = 0; i < rows.values.size(); ++i) {
    cached.values[first + i] = roundTo(cache.element, rows.values[i]);
    if (withBounds)
      cached.error[first + i] = boundOfStored(cache.element, rows.values[i], rows.errorAt(int64_t(i)));
  }
}

Rows CacheAppendOp::meaning(Scope &scope) {
  CacheState &cache = scope.cache(getCache());
  appendRows(cache.keys, scope.rows(getKeys()), scope.session.past, cache, scope.bounds);
  appendRows(cache.values, scope.rows(getValues()), scope.session.past, cache, scope.bounds);
  return {};
}

/// The cache's rows keep their bounds themselves.
void CacheAppendOp::bound(Scope &, Rows &) {}

Rows AttendOp::meaning(Scope &scope) {
  const Rows &queries = scope.rows(getQueries());
  const CacheState &cache = scope.cache(getCache());
  Rows result(queries.rows, queries.columns);
  std::vector<double> weights;
  for (int64_t i = 0; i < queries.rows; ++i)
    for (int64_t head = 0; head < int64_t(getHeads()); ++head) {
      const meaning::AttendView view(*this, queries, cache, scope.session.past, i, head);
      view.softmax(weights);
      for (int64_t d = 0; d < cache.headDim; ++d) {
        double sum = 0;
        for (int64_t t = view.first; t <= view.last; ++t)
          sum += weights[size_t(t - view.first)] * view.value(t)[d];
        result.row(i)[head * cache.headDim + d] = float(sum);
      }
    }
  return result;
}

meaning::AttendView::AttendView(AttendOp op, const Rows &queries, const CacheState &cache, int64_t past, int64_t row,
                                int64_t head)
    : cache(cache), column(head / (int64_t(op.getHeads()) / cache.heads) * cache.headDim),
      query(queries.row(row) + head * cache.headDim), scale(op.getScale().convertToFloat()),
      softcap(op.getSoftcap() ? op.getSoftcap()->convertToFloat() : 0.0f) {
  last = past + row;
  first = op.getWindow() ? std::max<int64_t>(0, last - int64_t(*op.getWindow()) + 1) : 0;
}

double meaning::AttendView::score(int64_t t) const {
  double dot = 0;
  for (int64_t d = 0; d < cache.headDim; ++d)
    dot += double(query[d]) * key(t)[d];
  double s = scale * dot;
  return softcap > 0 ? softcap * std::tanh(s / softcap) : s;
}

/// A score that is NaN, or a greatest one that is infinite, makes all weights NaN.
void meaning::AttendView::softmax(std::vector<double> &weights) const {
  weights.clear();
  for (int64_t t = first; t <= last; ++t)
    weights.push_back(score(t));
  double greatest = *std::max_element(weights.begin(), weights.end()), sum = 0;
  for (double &weight : weights)
    sum += weight = std::exp(weight - greatest);
  for (double &weight : weights)
    weight /= sum;
}

} // namespace phic::phiq
