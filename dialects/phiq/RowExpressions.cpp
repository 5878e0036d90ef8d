//===- RowExpressions.cpp - How kernels compute row ops --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One short function an op, to be read beside its bound in ErrorBounds.cpp.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Phiq.h"
#include "dialects/phiq/RowExpr.h"
#include "llvm/ADT/STLExtras.h"

namespace phic::phiq {
namespace {

RowExpr make(RowExpr::Kind kind, std::vector<RowExpr> operands) {
  return RowExpr(RowExpr::Node{kind, 0, 0, std::move(operands)});
}

} // namespace

RowExpr operator+(RowExpr a, RowExpr b) { return make(RowExpr::Kind::Add, {a, b}); }
RowExpr operator-(RowExpr a, RowExpr b) { return make(RowExpr::Kind::Subtract, {a, b}); }
RowExpr operator*(RowExpr a, RowExpr b) { return make(RowExpr::Kind::Multiply, {a, b}); }
RowExpr operator/(RowExpr a, RowExpr b) { return make(RowExpr::Kind::Divide, {a, b}); }
RowExpr operator-(RowExpr x) { return make(RowExpr::Kind::Negate, {x}); }
RowExpr operator<(RowExpr a, RowExpr b) { return make(RowExpr::Kind::Less, {a, b}); }
RowExpr minimum(RowExpr a, RowExpr b) { return make(RowExpr::Kind::Minimum, {a, b}); }
RowExpr maximum(RowExpr a, RowExpr b) { return make(RowExpr::Kind::Maximum, {a, b}); }
RowExpr absolute(RowExpr x) { return make(RowExpr::Kind::Absolute, {x}); }
RowExpr exponential(RowExpr x) { return exponentialOfNegative(minimum(x, 100.0f)); }
RowExpr exponentialOfNegative(RowExpr x) { return make(RowExpr::Kind::Exp, {x}); }
RowExpr squareRoot(RowExpr x) { return make(RowExpr::Kind::SquareRoot, {x}); }
RowExpr nearestInteger(RowExpr x) { return make(RowExpr::Kind::Integer, {x}); }
RowExpr isNan(RowExpr x) { return make(RowExpr::Kind::IsNan, {x}); }
RowExpr select(RowExpr condition, RowExpr a, RowExpr b) { return make(RowExpr::Kind::Select, {condition, a, b}); }
RowExpr rowSum(RowExpr term) { return make(RowExpr::Kind::RowSum, {term}); }
RowExpr oncePerRow(RowExpr value) { return make(RowExpr::Kind::Once, {value}); }

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

namespace {

/// x / (1 + exp(-argument))
RowExpr sigmoidTimes(RowExpr x, RowExpr argument) { return x / (1.0f + exponential(-argument)); }

RowExpr polynomial(RowExpr x, llvm::ArrayRef<float> coefficients) {
  RowExpr sum = coefficients.back();
  for (float c : llvm::reverse(coefficients.drop_back()))
    sum = sum * x + c;
  return sum;
}

/// The normal distribution's integral from -infinity to -a, a >= 0: Phi(-a) = exp(-a^2 / 2) R(1 / (1 + 0.3 a)),
/// R the best polynomial of degree 8 for a in [0, 14], relative error 6e-8; beyond, exp has underflown.
RowExpr normalTail(RowExpr a) {
  constexpr float kCoefficients[] = {7.168874162744032e-06f, 0.1194876879453659f,   0.12192033976316452f,
                                     0.09468352049589157f,   0.1425355225801468f,   -0.07650647312402725f,
                                     0.22866007685661316f,   -0.16916610300540924f, 0.038378290832042694f};
  return exponentialOfNegative(-0.5f * (a * a)) * polynomial(1.0f / (1.0f + 0.3f * a), kCoefficients);
}

} // namespace

RowExpr BiasOp::getExpression(llvm::ArrayRef<RowExpr> x) { return x[0] + x[1]; }

RowExpr ReluOp::getExpression(llvm::ArrayRef<RowExpr> x) { return maximum(x[0], 0.0f); }

RowExpr sigmoidOf(RowExpr x) { return sigmoidTimes(1.0f, x); }

/// x Phi(x), which keeps its relative accuracy (about x^2 / 2 units in the last place, from the rounding of x^2) for
/// negative x too, where x / 2 (1 + erf(x / sqrt 2)) would cancel.
RowExpr geluOf(RowExpr x) {
  RowExpr tail = normalTail(absolute(x));
  return x * select(x < 0.0f, tail, 1.0f - tail);
}

/// Below 0.625 x + x^3 P(x^2), P the best polynomial of degree 4 (Cephes' tanhf); else 1 - 2 / (exp(2 |x|) + 1).
RowExpr tanhOf(RowExpr x) {
  constexpr float kCoefficients[] = {-3.33332819422e-1f, 1.33314422036e-1f, -5.37397155531e-2f, 2.06390887954e-2f,
                                     -5.70498872745e-3f};
  RowExpr a = absolute(x), square = x * x;
  RowExpr small = x + x * (square * polynomial(square, kCoefficients));
  RowExpr large = 1.0f - 2.0f / (exponential(a + a) + 1.0f);
  return select(a < 0.625f, small, select(x < 0.0f, -large, large));
}

/// x P(x^2) / Q(x^2), both of degree 5, fitted to the least relative error, 2e-8, where erf is not yet 1; rounding makes it at
/// most 5 units in the last place. A NaN stays.
RowExpr erfOf(RowExpr x) {
  constexpr float kOne = 3.93f;
  constexpr float kNumerator[] = {1.1283791065216064e+0f, 1.9078361988067627e-1f, 5.279025807976723e-2f,
                                  3.7796003744006157e-3f, 2.848084841389209e-4f,  2.0419734028109815e-6f};
  constexpr float kDenominator[] = {1.0f,
                                    5.024102926254272e-1f,
                                    1.1425743252038956e-1f,
                                    1.4997418969869614e-2f,
                                    1.165210735052824e-3f,
                                    3.800409467658028e-5f};
  RowExpr inside = maximum(-kOne, minimum(x, kOne)), square = inside * inside;
  return inside * polynomial(square, kNumerator) / polynomial(square, kDenominator);
}

RowExpr SigmoidOp::getExpression(llvm::ArrayRef<RowExpr> x) { return sigmoidOf(x[0]); }

RowExpr SiluOp::getExpression(llvm::ArrayRef<RowExpr> x) { return sigmoidTimes(x[0], x[0]); }

RowExpr GeluOp::getExpression(llvm::ArrayRef<RowExpr> x) { return geluOf(x[0]); }

/// x / 2 (1 + tanh(u)) = x sigmoid(2u): no tanh, no cancellation.
RowExpr GeluTanhOp::getExpression(llvm::ArrayRef<RowExpr> x) {
  constexpr float kTwoSqrtTwoOverPi = 1.5957691216057308f;
  return sigmoidTimes(x[0], kTwoSqrtTwoOverPi * (x[0] + 0.044715f * (x[0] * x[0] * x[0])));
}

/// As snap of Numerics: bounding before rounding changes nothing but the range of the conversion to integers.
RowExpr SnapOp::getExpression(llvm::ArrayRef<RowExpr> x) {
  RowExpr steps = x[0] / x[1];
  RowExpr bounded = minimum(maximum(steps, float(int64_t(getLeast()))), float(int64_t(getGreatest())));
  return x[1] * nearestInteger(select(isNan(steps), 0.0f, bounded));
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

namespace {

RowExpr inverseRoot(RowExpr squares, float columns, float epsilon) {
  return oncePerRow(1.0f / squareRoot(rowSum(squares) / columns + epsilon));
}

} // namespace

RowExpr RmsNormOp::getExpression(llvm::ArrayRef<RowExpr> x) {
  const auto columns = float(getType().getDimSize(1));
  return x[0] * inverseRoot(x[0] * x[0], columns, getEpsilon().convertToFloat()) * x[1];
}

RowExpr LayerNormOp::getExpression(llvm::ArrayRef<RowExpr> x) {
  const auto columns = float(getType().getDimSize(1));
  RowExpr centered = x[0] - oncePerRow(rowSum(x[0]) / columns);
  return centered * inverseRoot(centered * centered, columns, getEpsilon().convertToFloat()) * x[1] + x[2];
}

} // namespace phic::phiq
