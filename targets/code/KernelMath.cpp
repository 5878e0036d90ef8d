//===- KernelMath.cpp - Functions of vectors of floats ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/code/KernelMath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/DenseMap.h"
#include <cmath>
#include <numbers>

using namespace mlir;

namespace phic::kernel_math {
namespace {

using arith::CmpFPredicate;

/// As many of another element.
Type as(Value x, Type element) {
  auto vector = dyn_cast<VectorType>(x.getType());
  return vector ? Type(vector.clone(element)) : element;
}

Value compare(KernelBuilder &b, CmpFPredicate predicate, Value x, Value y) {
  return arith::CmpFOp::create(b, predicate, x, y);
}
Value isNan(KernelBuilder &b, Value x) { return compare(b, CmpFPredicate::UNO, x, x); }
Value same(KernelBuilder &b, Value like, float value) { return b.like(like, value); }

/// Translates an expression; a node that is used twice is computed once.
class Translator {
public:
  Translator(KernelBuilder &b, ArrayRef<Value> operands, RowSumOf rowSum) : b(b), operands(operands), rowSum(rowSum) {}

  Value translate(const phiq::RowExpr &expression) {
    if (Value known = values.lookup(&*expression))
      return known;
    Value value = make(*expression);
    values[&*expression] = value;
    return value;
  }

private:
  using Kind = phiq::RowExpr::Kind;

  Value make(const phiq::RowExpr::Node &node) {
    auto x = [&](unsigned i) { return translate(node.operands[i]); };
    switch (node.kind) {
    case Kind::Operand:
      return operands[node.index];
    case Kind::Constant:
      return same(b, operands.front(), node.constant);
    case Kind::Add: // the one that may be contracted
      if (const phiq::RowExpr &product = node.operands[0]; product->kind == Kind::Multiply)
        return b.fma(translate(product->operands[0]), translate(product->operands[1]), x(1));
      return b.fadd(x(0), x(1));
    case Kind::Subtract:
      return b.fsub(x(0), x(1));
    case Kind::Multiply:
      return b.fmul(x(0), x(1));
    case Kind::Divide:
      return b.fdiv(x(0), x(1));
    case Kind::Minimum: // of a NaN and a bound the NaN
      return b.select(compare(b, CmpFPredicate::OGT, x(0), x(1)), x(1), x(0));
    case Kind::Maximum:
      return b.fmax(x(0), x(1));
    case Kind::Negate:
      return arith::NegFOp::create(b, x(0));
    case Kind::Absolute:
      return math::AbsFOp::create(b, x(0));
    case Kind::Exp:
      return exponential(b, x(0));
    case Kind::SquareRoot:
      return math::SqrtOp::create(b, x(0));
    case Kind::Integer:
      return LLVM::RoundEvenOp::create(b, x(0).getType(), x(0));
    case Kind::Less:
      return compare(b, CmpFPredicate::OLT, x(0), x(1));
    case Kind::IsNan:
      return isNan(b, x(0));
    case Kind::Select:
      return b.select(x(0), x(1), x(2));
    case Kind::RowSum:
      return rowSum(node.operands[0]);
    case Kind::Once:
      return x(0);
    }
    llvm_unreachable("every kind");
  }

  KernelBuilder &b;
  ArrayRef<Value> operands;
  RowSumOf rowSum;
  llvm::DenseMap<const phiq::RowExpr::Node *, Value> values;
};

//===----------------------------------------------------------------------===//
// In double precision, where f32 would lose what the result needs
//===----------------------------------------------------------------------===//

Value widen(KernelBuilder &b, Value x) { return arith::ExtFOp::create(b, as(x, b.getF64Type()), x); }
Value narrow(KernelBuilder &b, Value x) { return arith::TruncFOp::create(b, as(x, b.getF32Type()), x); }

Value doubles(KernelBuilder &b, Value like, double value) {
  const Attribute scalar = b.getF64FloatAttr(value);
  auto type = dyn_cast<VectorType>(as(like, b.getF64Type()));
  return arith::ConstantOp::create(b, type ? TypedAttr(DenseElementsAttr::get(type, scalar)) : cast<TypedAttr>(scalar));
}
Value longs(KernelBuilder &b, Value like, int64_t value) {
  const Attribute scalar = b.getI64IntegerAttr(value);
  auto type = dyn_cast<VectorType>(as(like, b.getI64Type()));
  return arith::ConstantOp::create(b, type ? TypedAttr(DenseElementsAttr::get(type, scalar)) : cast<TypedAttr>(scalar));
}

/// sum coefficients[i] x^i
Value polynomial(KernelBuilder &b, Value x, ArrayRef<double> coefficients) {
  Value sum = doubles(b, x, coefficients.back());
  for (double c : llvm::reverse(coefficients.drop_back()))
    sum = b.fma(sum, x, doubles(b, x, c));
  return sum;
}

Value bitsOf(KernelBuilder &b, Value x) { return b.bitcast(as(x, b.getI64Type()), x); }
Value isBit(KernelBuilder &b, Value integers, int64_t bit) {
  Value low = arith::AndIOp::create(b, integers, longs(b, integers, bit));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, low, longs(b, integers, 0));
}
Value toLongs(KernelBuilder &b, Value x) { return arith::FPToSIOp::create(b, as(x, b.getI64Type()), x); }

/// With k = round(2 x / pi) and r = x - k pi / 2, |r| <= pi / 4: sine or cosine of r, by k mod 4, with its sign. pi / 2 is
/// the sum of two doubles, and each fma rounds once: r is exact to 2^-53 of k. Taylor's series to r^14.
Value sineOfTurns(KernelBuilder &b, Value x, int64_t turns) {
  x = widen(b, x);
  Value k = LLVM::RoundEvenOp::create(b, x.getType(), b.fmul(x, doubles(b, x, 2 / std::numbers::pi)));
  Value r = b.fma(k, doubles(b, x, -0x1.921fb54442d18p+0), x);
  r = b.fma(k, doubles(b, x, -0x1.1a62633145c07p-54), r);
  Value quarter = b.add(toLongs(b, k), longs(b, x, turns)), square = b.fmul(r, r);
  Value sine =
      b.fmul(r, polynomial(b, square,
                           {1.0, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800, 1.0 / 6227020800}));
  Value cosine = polynomial(
      b, square, {1.0, -0.5, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800, 1.0 / 479001600, -1.0 / 87178291200});
  Value result = b.select(isBit(b, quarter, 1), cosine, sine);
  return narrow(b, b.select(isBit(b, quarter, 2), arith::NegFOp::create(b, result), result));
}

/// log2 of positive doubles: exponent, and 2 / ln 2 artanh((m - 1) / (m + 1)) of the m in [sqrt(1/2), sqrt(2)), by its
/// series to the 15th power; relative error 2^-40.
Value binaryLogarithm(KernelBuilder &b, Value x) {
  Value bits = bitsOf(b, x);
  constexpr int64_t kHalfRoot = 0x3fe6a09e667f3bcd; // sqrt(1/2)
  Value shifted = b.sub(bits, longs(b, x, kHalfRoot));
  Value exponent = arith::ShRSIOp::create(b, shifted, longs(b, x, 52));
  Value m = b.bitcast(x.getType(), b.sub(bits, arith::ShLIOp::create(b, exponent, longs(b, x, 52))));
  Value one = doubles(b, x, 1), t = b.fdiv(b.fsub(m, one), b.fadd(m, one));
  SmallVector<double> series;
  for (int i = 1; i <= 15; i += 2)
    series.push_back(2 / std::numbers::ln2 / i);
  Value fraction = b.fmul(t, polynomial(b, b.fmul(t, t), series));
  return b.fadd(arith::SIToFPOp::create(b, x.getType(), exponent), fraction);
}

/// 2^x, x bounded so that the result is a normal double: 2^k times Taylor's series of the rest to the 12th power.
Value binaryPower(KernelBuilder &b, Value x) {
  auto bound = [&](CmpFPredicate predicate, double limit) {
    Value most = doubles(b, x, limit);
    x = b.select(compare(b, predicate, x, most), x, most);
  };
  bound(CmpFPredicate::OLT, 1000);
  bound(CmpFPredicate::OGT, -1000);
  Value k = LLVM::RoundEvenOp::create(b, x.getType(), x);
  SmallVector<double> series{1};
  for (int i = 1; i <= 12; ++i)
    series.push_back(series.back() * std::numbers::ln2 / i);
  Value fraction = polynomial(b, b.fsub(x, k), series);
  Value exponent = arith::ShLIOp::create(b, toLongs(b, k), longs(b, x, 52));
  return b.bitcast(x.getType(), b.add(bitsOf(b, fraction), exponent));
}

} // namespace

Value evaluate(KernelBuilder &b, const phiq::RowExpr &expression, ArrayRef<Value> operands, RowSumOf rowSum) {
  return Translator(b, operands, rowSum).translate(expression);
}

/// As expNegative, whose argument may be as great as the logarithm of the greatest float.
Value exponential(KernelBuilder &b, Value x) {
  constexpr float kGreatest = 88.72283f;
  Value most = same(b, x, kGreatest), isHuge = compare(b, CmpFPredicate::OGT, x, most);
  Value result = b.expNegative(b.select(isHuge, most, x));
  result = b.select(isHuge, same(b, x, INFINITY), result);
  return b.select(isNan(b, x), x, result);
}

/// In double precision: near 1 the logarithm is small, and its error must be, too.
Value logarithm(KernelBuilder &b, Value x) {
  Value wide = widen(b, x), zero = same(b, x, 0), infinity = same(b, x, INFINITY);
  Value result = narrow(b, b.fmul(binaryLogarithm(b, wide), doubles(b, wide, std::numbers::ln2)));
  result = b.select(compare(b, CmpFPredicate::OEQ, x, infinity), infinity, result);
  result = b.select(compare(b, CmpFPredicate::OEQ, x, zero), same(b, x, -INFINITY), result);
  return b.select(compare(b, CmpFPredicate::OGE, x, zero), result, same(b, x, NAN));
}

Value sine(KernelBuilder &b, Value x) { return sineOfTurns(b, x, 0); }
Value cosine(KernelBuilder &b, Value x) { return sineOfTurns(b, x, 1); }

/// 2^(y log2 |x|), with the sign of x where y is odd; C's rules for the rest.
Value power(KernelBuilder &b, Value x, Value y) {
  const Value zero = same(b, x, 0), one = same(b, x, 1), nan = same(b, x, NAN), infinity = same(b, x, INFINITY);
  auto is = [&](CmpFPredicate predicate, Value p, Value q) { return compare(b, predicate, p, q); };
  auto both = [&](Value p, Value q) -> Value { return arith::AndIOp::create(b, p, q); };
  auto either = [&](Value p, Value q) -> Value { return arith::OrIOp::create(b, p, q); };
  Value magnitude = math::AbsFOp::create(b, x);
  Value exponent = b.fmul(widen(b, y), binaryLogarithm(b, widen(b, magnitude)));
  Value result = narrow(b, binaryPower(b, exponent));
  Value isPositive = is(CmpFPredicate::OGT, y, zero);
  Value isNone = is(CmpFPredicate::OEQ, x, zero), isAll = is(CmpFPredicate::OEQ, magnitude, infinity);
  result = b.select(isNone, b.select(isPositive, zero, infinity), result);
  result = b.select(isAll, b.select(isPositive, infinity, zero), result);
  Value whole = LLVM::RoundEvenOp::create(b, y.getType(), y), half = b.fmul(y, same(b, x, 0.5f));
  Value isWhole = is(CmpFPredicate::OEQ, whole, y);
  Value isOdd = both(isWhole, is(CmpFPredicate::ONE, LLVM::RoundEvenOp::create(b, y.getType(), half), half));
  Value sign = b.bitcast(as(x, b.getI32Type()), x);
  Value isNegative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, sign, b.like(sign, int64_t(0)));
  result = b.select(both(isNegative, isOdd), Value(arith::NegFOp::create(b, result)), result);
  Value isFiniteNegative = both(is(CmpFPredicate::OLT, x, zero), is(CmpFPredicate::ONE, magnitude, infinity));
  Value isNoReal = arith::AndIOp::create(b, isFiniteNegative, is(CmpFPredicate::ONE, whole, y));
  result = b.select(isNoReal, nan, result);
  result = b.select(
      both(is(CmpFPredicate::OEQ, magnitude, one), is(CmpFPredicate::OEQ, math::AbsFOp::create(b, y), infinity)), one,
      result);
  result = b.select(either(isNan(b, x), isNan(b, y)), nan, result);
  return b.select(either(is(CmpFPredicate::OEQ, x, one), is(CmpFPredicate::OEQ, y, zero)), one, result);
}

} // namespace phic::kernel_math
