//===- ErrorBounds.cpp - Bounds of the row-wise ops ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Notation: y the interpreter's value, x an operand's with bound e, so that the
// kernel starts from some x' with |x' - x| <= e. A bound has three parts:
//
//     propagated   how far e moves the exact result
//     gamma(n) * magnitude   what n roundings in the kernel add, magnitude being
//                  the sum of the absolute values of what is added up
//     u |y|        the interpreter's own rounding to f32
//===----------------------------------------------------------------------===//
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Numerics.h"
#include <cmath>
#include <limits>
#include <numbers>

namespace phic {

double gammaOf(double n) { return n * kUnit / (1 - n * kUnit); }

double boundOfStored(Scalar type, double value, double error) {
  double stored = roundTo(type, float(value));
  // Outward, since the conversion to f32 rounds too.
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  double low = error == 0 ? stored : roundTo(type, std::nextafterf(float(value - error), -kInfinity));
  double high = error == 0 ? stored : roundTo(type, std::nextafterf(float(value + error), kInfinity));
  return std::max(high - stored, stored - low);
}

namespace phiq {
namespace {

/// The three parts added up.
double total(double propagated, double magnitude, double roundings, double value) {
  return propagated + gammaOf(roundings) * (magnitude + propagated) + kUnit * std::fabs(value) + kUnderflow;
}

/// For each element of a one-operand op: error[i] = bound(x, e, y).
template <typename Bound> void eachElement(const Rows &x, Rows &result, Bound bound) {
  result.error.resize(result.values.size());
  for (size_t i = 0; i < result.values.size(); ++i)
    result.error[i] = bound(double(x.values[i]), x.errorAt(int64_t(i)), double(result.values[i]));
}

/// Relative change of 1 / sqrt(v) when v changes by at most `change`: (1 - change / v)^(-1/2) - 1.
double rsqrtChange(double v, double change) {
  return change < v ? 1 / std::sqrt(1 - change / v) - 1 : std::numeric_limits<double>::infinity();
}

/// The product; nothing of what may be infinite is nothing.
double partOf(double factor, double change) { return factor == 0 ? 0 : factor * change; }

} // namespace

/// Weights are exact.
void TransposeOp::bound(Scope &, Rows &) {}

/// Float tables are copied. Otherwise s (q - z) + m, in whatever order: magnitude |s| (|q| + |z|) + |m|, 3 roundings.
void EmbedOp::bound(Scope &scope, Rows &result) {
  const Datum &table = scope.get(getTable());
  result.error.resize(result.values.size());
  auto block = mlir::dyn_cast<BlockType>(getTable().getType().getElementType());
  if (!block || !table.weight)
    return;
  const std::vector<int32_t> &ids = scope.get(getIds()).ids;
  BlockRow row;
  for (int64_t i = 0; i < result.rows; ++i) {
    scope.weights.readRows(table.weight, ids[size_t(i)], 1, &row);
    for (int64_t j = 0; j < result.columns; ++j) {
      auto b = size_t(j / block.getFormat().block);
      double magnitude =
          std::fabs(row.scale[b]) * (std::abs(row.codes[size_t(j)]) + std::fabs(row.zero[b])) + std::fabs(row.min[b]);
      result.error[size_t(i * result.columns + j)] = total(0, magnitude, 3, result.row(i)[j]);
    }
  }
}

/// y = x r g with r = (v + epsilon)^(-1/2), v = mean(x^2). The kernel's v differs by
/// (2 sum |x| e + sum e^2) / N from the operand, and gamma(N + 3) v from N products, N - 1 sums of
/// positive terms, the division and adding epsilon. With rho the relative change of r that follows:
/// |x' r' - x r| <= r (e (1 + rho) + |x| rho). Two products and r's own error remain.
void RmsNormOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX());
  const std::vector<float> gamma = scope.vector(getGamma());
  const double epsilon = getEpsilon().convertToFloat(), N = double(x.columns);
  result.error.resize(result.values.size());
  for (int64_t i = 0; i < x.rows; ++i) {
    double squares = 0, moved = 0;
    for (int64_t j = 0; j < x.columns; ++j) {
      double v = std::fabs(x.row(i)[j]), e = x.errorAt(i * x.columns + j);
      squares += v * v;
      moved += 2 * v * e + e * e;
    }
    double v = squares / N + epsilon, r = 1 / std::sqrt(v);
    double rho = rsqrtChange(v, moved / N + gammaOf(N + 3) * (v + moved / N)) + kRsqrtError;
    for (int64_t j = 0; j < x.columns; ++j) {
      double e = x.errorAt(i * x.columns + j), y = result.row(i)[j];
      double propagated =
          partOf(std::fabs(gamma[size_t(j)]) * r, partOf(e, 1 + rho) + partOf(std::fabs(x.row(i)[j]), rho));
      result.error[size_t(i * x.columns + j)] = total(propagated, std::fabs(y), 2, y);
    }
  }
}

/// y = (x - mu) r g + b. The kernel's mu differs by at most d = mean(e) + gamma(N) mean(|x| + e); its
/// variance, taken as mean((x - mu)^2) or as mean(x^2) - mu^2, by what e + d moves it and
/// gamma(N + 4) (mean(x^2) + mu^2), mu^2 <= mean(x^2). The rest is as in rmsNorm.
void bound::layerNorm(const Rows &x, llvm::ArrayRef<float> gamma, llvm::ArrayRef<float> beta, double epsilon,
                      Rows &result) {
  const double N = double(x.columns);
  result.error.resize(result.values.size());
  for (int64_t i = 0; i < x.rows; ++i) {
    const float *row = x.row(i);
    auto e = [&](int64_t j) { return x.errorAt(i * x.columns + j); };
    double mu = 0, d = 0, variance = 0, moved = 0, squares = 0;
    for (int64_t j = 0; j < x.columns; ++j) {
      mu += row[j] / N;
      d += (e(j) + gammaOf(N) * (std::fabs(row[j]) + e(j))) / N;
    }
    for (int64_t j = 0; j < x.columns; ++j) {
      double centered = std::fabs(row[j] - mu), largest = std::fabs(row[j]) + e(j);
      variance += centered * centered / N;
      moved += (2 * centered * (e(j) + d) + (e(j) + d) * (e(j) + d)) / N;
      squares += largest * largest / N;
    }
    double v = variance + epsilon, r = 1 / std::sqrt(v);
    double rho = rsqrtChange(v, moved + gammaOf(N + 4) * (2 * squares + epsilon)) + kRsqrtError;
    for (int64_t j = 0; j < x.columns; ++j) {
      double y = result.row(i)[j], g = std::fabs(gamma[size_t(j)]) * r, centered = std::fabs(row[j] - mu);
      double propagated = partOf(g, partOf(e(j) + d, 1 + rho) + partOf(centered, rho));
      double magnitude = g * (std::fabs(row[j]) + std::fabs(mu)) + std::fabs(beta[size_t(j)]);
      result.error[size_t(i * x.columns + j)] = total(propagated, magnitude, 4, y);
    }
  }
}

void LayerNormOp::bound(Scope &scope, Rows &result) {
  bound::layerNorm(scope.rows(getX()), scope.vector(getGamma()), scope.vector(getBeta()), getEpsilon().convertToFloat(),
                   result);
}

void BiasOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX());
  const std::vector<float> bias = scope.vector(getBias());
  result.error.resize(result.values.size());
  for (int64_t i = 0; i < int64_t(result.values.size()); ++i)
    result.error[size_t(i)] =
        total(x.errorAt(i), std::fabs(x.values[size_t(i)]) + std::fabs(bias[size_t(i % x.columns)]), 1,
              result.values[size_t(i)]);
}

void bound::add(mlir::arith::AddFOp op, Scope &scope, Rows &result) {
  const Rows &x = scope.rows(op.getLhs()), &y = scope.rows(op.getRhs());
  int64_t i = 0;
  eachElement(x, result, [&](double a, double e, double value) {
    double b = y.values[size_t(i)], f = y.errorAt(i);
    ++i;
    return total(e + f, std::fabs(a) + std::fabs(b), 1, value);
  });
}

/// |x' y' - x y| <= |x| f + |y| e + e f.
void bound::multiply(mlir::arith::MulFOp op, Scope &scope, Rows &result) {
  const Rows &x = scope.rows(op.getLhs()), &y = scope.rows(op.getRhs());
  int64_t i = 0;
  eachElement(x, result, [&](double a, double e, double value) {
    double b = y.values[size_t(i)], f = y.errorAt(i);
    ++i;
    return total(std::fabs(a) * f + std::fabs(b) * e + e * f, std::fabs(a * b), 1, value);
  });
}

/// Exact, and |y'| <= 1.
void ReluOp::bound(Scope &scope, Rows &result) {
  eachElement(scope.rows(getX()), result, [](double, double e, double) { return e; });
}

/// y = 1 / (1 + E), E = exp(-x): a relative error of E changes y by less than that; |y'| <= 1/4. Sum, quotient.
void SigmoidOp::bound(Scope &scope, Rows &result) {
  eachElement(scope.rows(getX()), result,
              [](double, double e, double y) { return total(e / 4 + kExpError * std::fabs(y), std::fabs(y), 2, y); });
}

/// As sigmoid, times x: |y'| <= 1.1. Sum, quotient, product.
void SiluOp::bound(Scope &scope, Rows &result) {
  eachElement(scope.rows(getX()), result,
              [](double, double e, double y) { return total(1.1 * e + kExpError * std::fabs(y), std::fabs(y), 3, y); });
}

/// y = x / 2 (1 + erf(x / sqrt 2)): |y'| <= 1.13. The argument's two roundings move erf by at most
/// 2u max |t erf'(t)| < u; magnitude |x| since 1 + |erf| <= 2; sum, two products.
void GeluOp::bound(Scope &scope, Rows &result) {
  eachElement(scope.rows(getX()), result, [](double x, double e, double y) {
    return total(1.13 * e + std::fabs(x) / 2 * (kErfError + kUnit), std::fabs(x), 3, y);
  });
}

/// y = x / 2 (1 + tanh a): |y'| <= 1.13. a is a sum of terms of one sign after at most 6 roundings, and
/// |t / cosh(t)^2| < 0.45, so they move tanh by less than 2.7 u. tanh a = 1 - 2 / (1 + exp(2 a)) has absolute error
/// kExpError / 2 (the largest |E d/dE|) and 3 roundings of at most 2. Magnitude |x|; sum, two products.
void GeluTanhOp::bound(Scope &scope, Rows &result) {
  eachElement(scope.rows(getX()), result, [](double x, double e, double y) {
    double tanh = 2.7 * kUnit + kExpError / 2 + 6 * kUnit;
    return total(1.13 * e + std::fabs(x) / 2 * tanh, std::fabs(x), 3, y);
  });
}

void ColumnsOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX());
  result.error.resize(result.values.size());
  for (int64_t i = 0; i < result.rows; ++i)
    for (int64_t j = 0; j < result.columns; ++j)
      result.error[size_t(i * result.columns + j)] = x.errorAt(i * x.columns + int64_t(getBegin()) + j);
}

void LogitRowsOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX());
  int64_t first = meaning::firstLogitRow(*this, scope) * x.columns;
  result.error.resize(result.values.size());
  for (int64_t i = 0; i < int64_t(result.values.size()); ++i)
    result.error[size_t(i)] = x.errorAt(first + i);
}

//===----------------------------------------------------------------------===//
// Quantization
//===----------------------------------------------------------------------===//

namespace {

/// Sets what a kernel may store for element i, whose scaled value is v within `change`: only where that
/// interval holds a tie may the code differ. From it follows the error of what the code stands for,
/// |s' q' - s q| <= |q' - q| s' + |q| |s' - s|.
void allowCodes(Rows &result, int64_t i, double v, double change, int32_t least, int32_t greatest, float scale,
                double scaleError) {
  auto nearest = [&](double value) {
    return int32_t(std::nearbyint(std::clamp(value, double(least), double(greatest))));
  };
  auto at = size_t(i);
  int32_t code = result.codes[at];
  result.leastCodes[at] = std::min(code, nearest(v - change));
  result.greatestCodes[at] = std::max(code, nearest(v + change));
  double codeChange = std::max(code - result.leastCodes[at], result.greatestCodes[at] - code);
  result.error[at] =
      codeChange * (scale + scaleError) + std::abs(code) * scaleError + kUnit * std::fabs(result.values[at]);
}

/// One block: A = max |x| is within E = max e, so |v' - v| <= 127 ((|x| + e) / (A - E) - |x| / A), and three
/// roundings (of 127 / A, of x times that, and of x). The scale A / 127 moves by E / 127 and two roundings.
void quantizeBlock(const Rows &x, Rows &result, int64_t row, int64_t block) {
  const int64_t begin = row * x.columns + block * result.block;
  const int64_t end = row * x.columns + std::min((block + 1) * result.block, x.columns);
  double A = 0, E = 0;
  for (int64_t i = begin; i < end; ++i) {
    A = std::max(A, std::fabs(double(x.values[size_t(i)])));
    E = std::max(E, x.errorAt(i));
  }
  float scale = result.scales[size_t(row * result.blocks() + block)];
  if (std::isnan(scale)) {
    // All values are NaN, whatever the codes.
    std::fill(result.leastCodes.begin() + begin, result.leastCodes.begin() + end, INT8_MIN);
    std::fill(result.greatestCodes.begin() + begin, result.greatestCodes.begin() + end, INT8_MAX);
    return;
  }
  // Where a kernel may see a block of zeros, or just not, any code can come out.
  bool isVague = E > 0 && A - E < kLeastBlockMagnitude;
  double scaleError = (isVague ? (A + E) / 127 : E / 127) * (1 + 2 * kUnit) + 2 * kUnit * scale;
  result.scaleError[size_t(row * result.blocks() + block)] = scaleError;
  for (int64_t i = begin; i < end; ++i) {
    double v = x.values[size_t(i)], e = x.errorAt(i);
    if (isVague || A < kLeastBlockMagnitude)
      allowCodes(result, i, 0, isVague ? 127 : 0, -127, 127, scale, scaleError);
    else
      allowCodes(result, i, 127 * v / A, 127 * ((std::fabs(v) + e) / (A - E) * (1 + gammaOf(3)) - std::fabs(v) / A),
                 -127, 127, scale, scaleError);
  }
}

/// A stated scale: v = x / s + z moves by e / s and one rounding of the quotient.
void quantizeStatic(QuantizeOp op, const Rows &x, Rows &result) {
  const CodeType codes = mlir::cast<BlockType>(op.getType().getElementType()).getFormat().codes;
  const auto zero = double(op.getZero().value_or(0));
  for (int64_t i = 0; i < int64_t(x.values.size()); ++i) {
    float scale = result.scales[size_t(i / x.columns * result.blocks() + i % x.columns / result.block)];
    double v = x.values[size_t(i)] / scale, change = x.errorAt(i) / scale;
    allowCodes(result, i, v + zero, change + gammaOf(1) * (std::fabs(v) + change), leastCode(codes),
               greatestCode(codes), scale, 0);
    result.error[size_t(i)] += kUnit * std::fabs(result.values[size_t(i)]);
  }
}

} // namespace

void QuantizeOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX());
  result.error.resize(result.values.size());
  result.leastCodes.resize(result.values.size());
  result.greatestCodes.resize(result.values.size());
  result.scaleError.resize(result.scales.size());
  if (getScale())
    return quantizeStatic(*this, x, result);
  for (int64_t row = 0; row < x.rows; ++row)
    for (int64_t block = 0; block < result.blocks(); ++block)
      quantizeBlock(x, result, row, block);
}

/// x / s moves by e / |s| and one rounding. Its nearest integer is monotone, so the kernel's lies between those of
/// the ends, one step away at most where a tie is near; then one product.
void SnapOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX());
  const std::vector<float> scale = scope.vector(getScale());
  const auto least = double(int64_t(getLeast())), greatest = double(int64_t(getGreatest()));
  auto nearest = [&](double steps) {
    return std::isnan(steps) ? 0 : std::nearbyint(std::clamp(steps, least, greatest));
  };
  result.error.resize(result.values.size());
  for (size_t i = 0; i < result.values.size(); ++i) {
    const double s = std::fabs(scale[i % size_t(x.columns) % scale.size()]), y = result.values[i];
    if (s == 0)
      continue; // every multiple is 0
    double steps = x.values[i] / s, moved = x.errorAt(int64_t(i)) / s;
    double change = moved + gammaOf(1) * (std::fabs(steps) + moved);
    double own = nearest(steps), low = nearest(steps - change), high = nearest(steps + change);
    result.error[i] = total(s * std::max(high - own, own - low), std::fabs(y), 1, y);
  }
}

/// One product.
void DequantizeOp::bound(Scope &scope, Rows &result) {
  eachElement(scope.rows(getX()), result, [](double x, double e, double y) { return total(e, std::fabs(x), 1, y); });
}

} // namespace phiq
} // namespace phic
