//===- AxisMeanings.cpp - Meaning of ops along axes ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// To be read beside the descriptions in AxisOps.td. Each bound says in its comment where it comes from.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/Meanings.h"
#include "dialects/phiq/Reduce.h"
#include <cmath>

using namespace mlir;

namespace phic::phiq {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Visits x in order: visit(element of the result, element of x).
void overReduced(Value x, ArrayRef<int64_t> axes, llvm::function_ref<void(size_t, int64_t)> visit) {
  SmallVector<int64_t> kept(shapeOf(x));
  for (int64_t axis : axes)
    kept[size_t(axis)] = 1;
  const SmallVector<SmallVector<int64_t>> strides = {broadcastStrides(kept, shapeOf(x))};
  overElements(shapeOf(x), strides, [&](int64_t from, ArrayRef<int64_t> to) { visit(size_t(to[0]), from); });
}

/// How many elements of x one of the result stands for.
double reducedElements(ReduceOp op) {
  double count = 1;
  for (int64_t axis : op.getAxes())
    count *= double(shapeOf(op.getX())[size_t(axis)]);
  return count;
}

double joined(ReduceKind kind, double a, double x) {
  const bool isNan = std::isnan(a) || std::isnan(x);
  switch (kind) {
  case ReduceKind::Sum:
  case ReduceKind::Mean:
    return a + x;
  case ReduceKind::Product:
    return a * x;
  case ReduceKind::Maximum:
    return isNan ? std::numeric_limits<double>::quiet_NaN() : std::max(a, x);
  case ReduceKind::Minimum:
    return isNan ? std::numeric_limits<double>::quiet_NaN() : std::min(a, x);
  }
  llvm_unreachable("all are handled");
}

int64_t joined(ReduceKind kind, int64_t a, int64_t x) {
  switch (kind) {
  case ReduceKind::Sum:
    return int64_t(uint64_t(a) + uint64_t(x));
  case ReduceKind::Product:
    return int64_t(uint64_t(a) * uint64_t(x));
  case ReduceKind::Maximum:
    return std::max(a, x);
  case ReduceKind::Minimum:
    return std::min(a, x);
  case ReduceKind::Mean:
    break;
  }
  llvm_unreachable("of floats only");
}

/// x as rows along its last axis.
Rows lastAxisRows(Scope &scope, Value x) {
  Rows rows = scope.rows(x);
  rows.columns = shapeOf(x).back();
  rows.rows = rows.columns ? int64_t(rows.values.size()) / rows.columns : 0;
  return rows;
}

/// Of -x, to find the least.
double towards(ReduceKind kind, double x) {
  const double sought = kind == ReduceKind::Maximum ? x : -x;
  return std::isnan(sought) ? -kInfinity : sought;
}

} // namespace

double startOf(ReduceKind kind) {
  switch (kind) {
  case ReduceKind::Sum:
  case ReduceKind::Mean:
    return 0;
  case ReduceKind::Product:
    return 1;
  case ReduceKind::Maximum:
    return -kInfinity;
  case ReduceKind::Minimum:
    return kInfinity;
  }
  llvm_unreachable("all are handled");
}

int64_t wholeStartOf(ReduceKind kind, Type element) {
  if (kind == ReduceKind::Sum || kind == ReduceKind::Product)
    return int64_t(startOf(kind));
  const unsigned bits = element.getIntOrFloatBitWidth();
  const bool isUnsigned = isUnsignedInteger(element);
  if (kind == ReduceKind::Maximum)
    return isUnsigned ? 0 : wrapTo(element, int64_t(uint64_t(1) << (bits - 1)));
  return isUnsigned ? (int64_t(1) << bits) - 1 : int64_t((uint64_t(1) << (bits - 1)) - 1);
}

Rows ReduceOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  Rows result = roomFor(getType());
  if (Type element = elementTypeOf(getX()); isa<IntegerType>(element)) {
    llvm::fill(result.integers, wholeStartOf(getKind(), element));
    overReduced(getX(), getAxes(), [&](size_t to, int64_t from) {
      result.integers[to] = wrapTo(element, joined(getKind(), result.integers[to], x.integers[size_t(from)]));
    });
    return result;
  }
  std::vector<double> exact(size_t(result.size()), startOf(getKind()));
  overReduced(getX(), getAxes(), [&](size_t to, int64_t from) {
    exact[to] = joined(getKind(), exact[to], double(x.values[size_t(from)]));
  });
  const double divisor = getKind() == ReduceKind::Mean ? reducedElements(*this) : 1;
  for (auto [value, sum] : llvm::zip(result.values, exact))
    value = float(sum / divisor);
  return result;
}

/// Sums: gamma(n) of the sum of |x| + e, and what the e add up to; a mean is one division more. Products: each factor at
/// most |x| + e, n roundings. Extremes move no further than the operand that moves most.
void ReduceOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX());
  const ReduceKind kind = getKind();
  const bool isExtreme = kind == ReduceKind::Maximum || kind == ReduceKind::Minimum;
  if ((isExtreme || isa<IntegerType>(elementTypeOf(getX()))) && x.error.empty())
    return;
  const double n = reducedElements(*this), divisor = kind == ReduceKind::Mean ? n : 1;
  const double start = kind == ReduceKind::Product ? 1 : 0;
  std::vector<double> moved(size_t(result.size()), isExtreme ? 0 : start), largest(size_t(result.size()), start);
  overReduced(getX(), getAxes(), [&](size_t to, int64_t from) {
    const double magnitude = std::fabs(x.number(from)), e = x.errorAt(from);
    moved[to] = isExtreme ? std::max(moved[to], e) : joined(kind, moved[to], start == 1 ? magnitude : e);
    largest[to] = isExtreme ? 0 : joined(kind, largest[to], magnitude + e);
  });
  result.error.resize(size_t(result.size()));
  for (size_t i = 0; i < result.error.size(); ++i) {
    const double propagated = start == 1 ? largest[i] - moved[i] : moved[i] / divisor;
    const bool isRounded = !isExtreme && !result.values.empty();
    result.error[i] = propagated + (isRounded ? gammaOf(n + 2) * (largest[i] / divisor + propagated) + kUnderflow : 0);
  }
}

Rows ArgOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX());
  Rows result = roomFor(getType());
  std::vector<int64_t> best(size_t(result.size()), -1);
  auto order = [&](int64_t p, int64_t q) { // > 0: x[p] is the one sought
    if (x.integers.empty())
      return int(towards(getKind(), x.values[size_t(p)]) > towards(getKind(), x.values[size_t(q)])) -
             int(towards(getKind(), x.values[size_t(p)]) < towards(getKind(), x.values[size_t(q)]));
    const int64_t a = x.integers[size_t(p)], b = x.integers[size_t(q)];
    return getKind() == ReduceKind::Maximum ? int(a > b) - int(a < b) : int(a < b) - int(a > b);
  };
  const int64_t axis = int64_t(getAxis()), size = shapeOf(getX())[size_t(axis)];
  const int64_t step = denseStrides(shapeOf(getX()))[size_t(axis)];
  overReduced(getX(), {axis}, [&](size_t to, int64_t from) {
    if (best[to] >= 0 && order(from, best[to]) < (getLast() ? 0 : 1))
      return;
    best[to] = from;
    result.integers[to] = from / step % size;
  });
  return result;
}

/// The index is that of any element that may be as great as the greatest; where only one may, it is exact.
void ArgOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX());
  if (x.error.empty())
    return;
  const int64_t axis = int64_t(getAxis()), size = shapeOf(getX())[size_t(axis)];
  const int64_t step = denseStrides(shapeOf(getX()))[size_t(axis)];
  std::vector<double> least(size_t(result.size()), -kInfinity);
  overReduced(getX(), {axis}, [&](size_t to, int64_t from) {
    least[to] = std::max(least[to], towards(getKind(), x.number(from)) - x.errorAt(from));
  });
  result.error.resize(size_t(result.size()));
  overReduced(getX(), {axis}, [&](size_t to, int64_t from) {
    if (towards(getKind(), x.number(from)) + x.errorAt(from) >= least[to])
      result.error[to] = std::max(result.error[to], std::fabs(double(from / step % size - result.integers[to])));
  });
}

Rows SoftmaxOp::meaning(Scope &scope) {
  const Rows x = lastAxisRows(scope, getX());
  Rows result = roomFor(getType());
  for (int64_t i = 0; i < x.rows; ++i) {
    const float *row = x.row(i);
    double m = -kInfinity, sum = 0;
    for (int64_t j = 0; j < x.columns; ++j)
      m = joined(ReduceKind::Maximum, m, row[j]);
    for (int64_t j = 0; j < x.columns; ++j)
      sum += std::exp(row[j] - m);
    for (int64_t j = 0; j < x.columns; ++j)
      result.values[size_t(i * x.columns + j)] =
          getLog() ? float(row[j] - m - std::log(sum)) : float(std::exp(row[j] - m) / sum);
  }
  return result;
}

/// What m is off by divides out. Then the argument d = x - m of exp is off by x's error e and by rounding, u (|d| + e + the
/// error of m), its result relatively by kExpError: a term lies between exp(-t) and exp(t) times itself, t the sum of those. It
/// is the greatest part of the sum where all others are least. Sums add gamma(n), a quotient two roundings; the logarithm of
/// the sum has 8 ulps.
void SoftmaxOp::bound(Scope &scope, Rows &result) {
  const Rows x = lastAxisRows(scope, getX());
  const double rounding = gammaOf(double(x.columns) + 4);
  result.error.resize(result.values.size());
  for (int64_t i = 0; i < x.rows; ++i) {
    const float *row = x.row(i);
    double m = -kInfinity, ofM = 0, sum = 0, least = 0, most = 0;
    for (int64_t j = 0; j < x.columns; ++j) {
      m = std::max(m, double(row[j]));
      ofM = std::max(ofM, x.errorAt(i * x.columns + j));
    }
    auto distance = [&](int64_t j) { return std::fabs(row[j] - m) + x.errorAt(i * x.columns + j) + ofM; };
    auto moved = [&](int64_t j) {
      return row[j] > -kInfinity ? std::min(x.errorAt(i * x.columns + j) + kUnit * distance(j) + kExpError, 300.0) : 0;
    };
    for (int64_t j = 0; j < x.columns; ++j) {
      const double p = std::exp(row[j] - m), t = moved(j);
      sum += p;
      least += p * std::exp(-t);
      most += p * std::exp(t);
    }
    for (int64_t j = 0; j < x.columns; ++j) {
      double &error = result.error[size_t(i * x.columns + j)];
      if (getLog()) {
        const double log = std::fabs(std::log(sum));
        error = x.errorAt(i * x.columns + j) + std::max(std::log(most / sum), std::log(sum / least)) + rounding +
                gammaOf(4) * (distance(j) + log) + 8 * kUnit * log + 0x1p-23;
        continue;
      }
      const double p = std::exp(row[j] - m), low = p * std::exp(-moved(j)), high = p * std::exp(moved(j));
      const double greatest = high / (high + std::max(least - low, 0.0)), smallest = low / (low + most - high);
      error = (p > 0 ? std::max(greatest - p / sum, p / sum - smallest) + rounding * greatest : 0) + kUnderflow;
    }
  }
}

Rows NormalizeOp::meaning(Scope &scope) {
  Rows result = meaning::layerNorm(lastAxisRows(scope, getX()), scope.rows(getScale()).values,
                                   scope.rows(getBias()).values, getEpsilon().convertToFloat());
  const Rows room = roomFor(getType());
  result.rows = room.rows;
  result.columns = room.columns;
  return result;
}

/// Beside what x and rounding do: a normalized element is at most sqrt(N), which the scale's error multiplies.
void NormalizeOp::bound(Scope &scope, Rows &result) {
  const Rows x = lastAxisRows(scope, getX()), &scale = scope.rows(getScale()), &bias = scope.rows(getBias());
  Rows rows = result;
  rows.rows = x.rows;
  rows.columns = x.columns;
  bound::layerNorm(x, scale.values, bias.values, getEpsilon().convertToFloat(), rows);
  result.error = rows.error;
  for (size_t i = 0; i < result.error.size(); ++i) {
    const int64_t j = int64_t(i) % x.columns;
    result.error[i] += 2 * std::sqrt(double(x.columns)) * scale.errorAt(j) + 2 * bias.errorAt(j);
  }
}

} // namespace phic::phiq
