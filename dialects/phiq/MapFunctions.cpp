//===- MapFunctions.cpp - What phiq.map can compute ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table, and the meaning and bound of phiq.map that follow from it. A bound looks at all the corners of the box in
// which a kernel's operands may lie: of functions that are monotone in each operand the farthest result is at one.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/MapFunctions.h"
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Meanings.h"
#include "dialects/phiq/Numerics.h"
#include <cmath>
#include <numbers>

using namespace mlir;

namespace phic {
namespace {

using phiq::MapFunction;

int64_t divide(int64_t x, int64_t y) { return y == 0 ? 0 : y == -1 ? int64_t(-uint64_t(x)) : x / y; }

int64_t power(int64_t x, int64_t y) {
  if (y < 0)
    return x == 1 ? 1 : x == -1 ? (y % 2 ? -1 : 1) : 0;
  uint64_t result = 1;
  for (uint64_t factor = uint64_t(x); y; y >>= 1, factor *= factor)
    result *= y & 1 ? factor : 1;
  return int64_t(result);
}

double orNan(double x, double y, double chosen) {
  return std::isnan(x) || std::isnan(y) ? std::numeric_limits<double>::quiet_NaN() : chosen;
}

#define REAL(result) [](const double *x) -> double { return result; }
#define WHOLE(result) [](const int64_t *x) -> int64_t { return result; }

/// What functions that kernels approximate are held to (KernelMath.h, RowExpressions.cpp); MapFunctionsTest measures all floats.
constexpr double kUlps2 = 2 * kUnit, kUlps4 = 4 * kUnit, kUlps8 = 8 * kUnit;

constexpr MapFunctionRow kRows[] = {
    {MapFunction::Add, 2, MapTypes::Numbers, REAL(x[0] + x[1]), WHOLE(int64_t(uint64_t(x[0]) + uint64_t(x[1])))},
    {MapFunction::Subtract, 2, MapTypes::Numbers, REAL(x[0] - x[1]), WHOLE(int64_t(uint64_t(x[0]) - uint64_t(x[1])))},
    {MapFunction::Multiply, 2, MapTypes::Numbers, REAL(x[0] * x[1]), WHOLE(int64_t(uint64_t(x[0]) * uint64_t(x[1])))},
    {MapFunction::Divide, 2, MapTypes::Numbers, REAL(x[0] / x[1]), WHOLE(divide(x[0], x[1]))},
    {MapFunction::Minimum, 2, MapTypes::Numbers, REAL(orNan(x[0], x[1], std::min(x[0], x[1]))),
     WHOLE(std::min(x[0], x[1]))},
    {MapFunction::Maximum, 2, MapTypes::Numbers, REAL(orNan(x[0], x[1], std::max(x[0], x[1]))),
     WHOLE(std::max(x[0], x[1]))},
    {MapFunction::Power, 2, MapTypes::Numbers, REAL(std::pow(x[0], x[1])), WHOLE(power(x[0], x[1])), kUlps2,
     kUnderflow},
    {MapFunction::Prelu, 2, MapTypes::Numbers, REAL(x[0] < 0 ? x[0] * x[1] : x[0]),
     WHOLE(x[0] < 0 ? int64_t(uint64_t(x[0]) * uint64_t(x[1])) : x[0])},
    {MapFunction::Negate, 1, MapTypes::Numbers, REAL(-x[0]), WHOLE(int64_t(-uint64_t(x[0])))},
    {MapFunction::Absolute, 1, MapTypes::Numbers, REAL(std::fabs(x[0])),
     WHOLE(x[0] < 0 ? int64_t(-uint64_t(x[0])) : x[0]), 0, 0, 1},
    {MapFunction::SquareRoot, 1, MapTypes::Floats, REAL(std::sqrt(x[0]))},
    {MapFunction::Round, 1, MapTypes::Floats, REAL(std::nearbyint(x[0]))},
    {MapFunction::Exp, 1, MapTypes::Floats, REAL(std::exp(x[0])), nullptr, kUlps4, kUnderflow},
    {MapFunction::Log, 1, MapTypes::Floats, REAL(std::log(x[0])), nullptr, kUlps2, 0},
    {MapFunction::Erf, 1, MapTypes::Floats, REAL(std::erf(x[0])), nullptr, kUlps8, kUnderflow},
    {MapFunction::Tanh, 1, MapTypes::Floats, REAL(std::tanh(x[0])), nullptr, kUlps4, kUnderflow},
    {MapFunction::Sigmoid, 1, MapTypes::Floats, REAL(1 / (1 + std::exp(-x[0]))), nullptr, kUlps8, kUnderflow},
    {MapFunction::Sine, 1, MapTypes::Floats, REAL(std::sin(x[0])), nullptr, kUlps2, 0x1p-40, 1},
    {MapFunction::Cosine, 1, MapTypes::Floats, REAL(std::cos(x[0])), nullptr, kUlps2, 0x1p-40, 1},
    {MapFunction::Relu, 1, MapTypes::Numbers, REAL(x[0] < 0 ? 0 : x[0]), WHOLE(std::max<int64_t>(x[0], 0))},
    {MapFunction::Gelu, 1, MapTypes::Floats, REAL(x[0] / 2 * std::erfc(-x[0] / std::numbers::sqrt2)), nullptr, kUlps8,
     0x1p-24, 1.13},
    {MapFunction::Equal, 2, MapTypes::Comparison, REAL(x[0] == x[1]), WHOLE(x[0] == x[1])},
    {MapFunction::Less, 2, MapTypes::Comparison, REAL(x[0] < x[1]), WHOLE(x[0] < x[1])},
    {MapFunction::LessOrEqual, 2, MapTypes::Comparison, REAL(x[0] <= x[1]), WHOLE(x[0] <= x[1])},
    {MapFunction::IsNan, 1, MapTypes::FloatTest, REAL(std::isnan(x[0]))},
    {MapFunction::And, 2, MapTypes::Truth, nullptr, WHOLE(x[0] & x[1])},
    {MapFunction::Or, 2, MapTypes::Truth, nullptr, WHOLE(x[0] | x[1])},
    {MapFunction::Xor, 2, MapTypes::Truth, nullptr, WHOLE(x[0] ^ x[1])},
    {MapFunction::Not, 1, MapTypes::Truth, nullptr, WHOLE(x[0] ^ 1)},
    {MapFunction::Select, 3, MapTypes::Select, REAL(x[0] != 0 ? x[1] : x[2]), WHOLE(x[0] ? x[1] : x[2])},
    {MapFunction::Cast, 1, MapTypes::Cast},
    {MapFunction::Quantize, 3, MapTypes::Quantize},
    {MapFunction::Dequantize, 3, MapTypes::Dequantize},
    {MapFunction::MultiplyAdd, 3, MapTypes::Floats, REAL(x[0] * x[1] + x[2])},
    {MapFunction::Lookup, 2, MapTypes::Lookup},
};
#undef REAL
#undef WHOLE

CodeType codesOf(Type element) { return {uint8_t(element.getIntOrFloatBitWidth()), !isUnsignedInteger(element)}; }

/// Toward zero, saturated to 64 bits or, for types that have no more, 32; a NaN is 0.
int64_t truncated(double value, Type to) {
  if (std::isnan(value))
    return 0;
  const double most = to.isInteger(64) ? 0x1p63 : 0x1p31;
  if (value >= most)
    return to.isInteger(64) ? INT64_MAX : INT32_MAX;
  return value <= -most ? (to.isInteger(64) ? INT64_MIN : INT32_MIN) : int64_t(value);
}

/// A phiq.map on numbers: what it makes of one element of each operand.
class Function {
public:
  explicit Function(phiq::MapOp op)
      : row(mapFunctionRow(op.getFunction())), from(elementTypeOf(op.getXs().back())),
        to(elementTypeOf(op.getResult())), first(elementTypeOf(op.getXs().front())), takesFloats(from.isF32()) {}

  bool givesFloats() const { return to.isF32(); }
  bool onIntegers() const { return !takesFloats && !givesFloats() && (row.integer || row.types == MapTypes::Cast); }

  int64_t ofIntegers(const int64_t *x) const {
    if (row.types == MapTypes::Cast)
      return to.isInteger(1) ? x[0] != 0 : wrapTo(to, x[0]);
    return wrapTo(to, row.integer(x));
  }

  /// Rounded to the result's type.
  double ofReals(const double *x) const {
    switch (row.types) {
    case MapTypes::Cast:
      return cast(x[0]);
    case MapTypes::Quantize:
      return phic::quantize(float(x[0]), float(x[1]), int32_t(x[2]), codesOf(to));
    case MapTypes::Dequantize:
      return float(x[1]) * float(x[0] - x[2]);
    default:
      break;
    }
    if (row.function ==
        MapFunction::MultiplyAdd) // the sum in double precision would be a rounding before the one to f32
      return std::fma(float(x[0]), float(x[1]), float(x[2]));
    const double exact = exactly(x);
    return to.isF32() ? double(float(exact)) : exact;
  }

  double exactly(const double *x) const {
    if (row.real)
      return row.real(x);
    if (!row.integer)
      return ofReals(x);
    int64_t whole[3];
    std::transform(x, x + row.arity, whole, [](double value) { return int64_t(value); });
    return double(row.integer(whole));
  }

  const MapFunctionRow &row;

private:
  double cast(double x) const {
    if (to.isF32())
      return float(x);
    if (to.isInteger(1))
      return x != 0;
    return double(wrapTo(to, first.isF32() ? truncated(x, to) : int64_t(x)));
  }

  Type from, to, first;
  bool takesFloats;
};

/// Visits the elements of a phiq.map's result: visit(i, x), x the operands' indices.
void overElements(phiq::MapOp op, llvm::function_ref<void(int64_t, ArrayRef<int64_t>)> visit) {
  ArrayRef<int64_t> shape = shapeOf(op.getResult());
  SmallVector<SmallVector<int64_t>> strides;
  for (Value x : op.getTensors())
    strides.push_back(broadcastStrides(shapeOf(x), shape));
  phic::overElements(shape, strides, visit);
}

SmallVector<const Rows *, 3> operandsOf(phiq::MapOp op, Scope &scope) {
  return llvm::map_to_vector<3>(op.getXs(), [&](Value x) { return &scope.rows(x); });
}

/// A lookup's table.
class Table {
public:
  Table(phiq::MapOp op, Scope &scope)
      : codes(scope.rows(op.getXs()[0])), numbers(scope.rows(op.getTable())), to(elementTypeOf(op.getResult())) {
    const CodeType type = codesOf(elementTypeOf(op.getXs()[0]));
    least = type.isSigned ? -(int64_t(1) << (type.bits - 1)) : 0;
    greatest = least + (int64_t(1) << type.bits) - 1;
  }

  void look(int64_t i, int64_t at, Rows &result) const {
    if (to.isF32())
      result.values[size_t(i)] = numbers.values[size_t(codes.integers[size_t(at)] - least)];
    else
      result.integers[size_t(i)] = wrapTo(to, numbers.integers[size_t(codes.integers[size_t(at)] - least)]);
  }

  /// How far the number moves, at most, where the code lies within its error.
  double movedBy(int64_t at) const {
    const int64_t code = codes.integers[size_t(at)];
    auto numberOf = [&](int64_t other) { return numbers.number(other - least); };
    double moved = 0;
    const auto error = int64_t(std::min(std::ceil(codes.errorAt(at)), 256.0));
    for (int64_t other = std::max(least, code - error); other <= std::min(greatest, code + error); ++other)
      moved = std::max(moved, std::fabs(numberOf(other) - numberOf(code)));
    return moved;
  }

  const Rows &codes;

private:
  const Rows &numbers;
  Type to;
  int64_t least, greatest;
};

/// How far the function's value moves, at most, where operands lie within their errors; `exact` is that of x itself.
double movedBy(const Function &function, const double *x, const double *errors, double exact) {
  const unsigned arity = function.row.arity;
  if (function.row.steepness > 0)
    return function.row.steepness * *std::max_element(errors, errors + arity);
  double moved = 0;
  for (unsigned corner = 0; corner < 1u << arity; ++corner) {
    double there[3];
    for (unsigned k = 0; k < arity; ++k)
      there[k] = x[k] + (corner >> k & 1 ? errors[k] : -errors[k]);
    const double distance = std::fabs(function.exactly(there) - exact);
    moved = std::isnan(distance) ? std::numeric_limits<double>::infinity() : std::max(moved, distance);
  }
  // The reciprocal of what may be 0 is anything.
  const bool isPole = function.row.function == MapFunction::Divide && std::fabs(x[1]) <= errors[1] && errors[1] > 0;
  return isPole ? std::numeric_limits<double>::infinity() : moved;
}

} // namespace

const MapFunctionRow &mapFunctionRow(MapFunction function) {
  const MapFunctionRow &row = kRows[unsigned(function)];
  assert(row.function == function && "in the order of the enum");
  return row;
}

Rows phiq::MapOp::meaning(Scope &scope) {
  if (getTable()) {
    const Table table(*this, scope);
    Rows result = roomFor(getType());
    overElements(*this, [&](int64_t i, ArrayRef<int64_t> at) { table.look(i, at[0], result); });
    return result;
  }
  const Function function(*this);
  const SmallVector<const Rows *, 3> operands = operandsOf(*this, scope);
  Rows result = roomFor(getType());
  overElements(*this, [&](int64_t i, ArrayRef<int64_t> at) {
    if (function.onIntegers()) {
      int64_t x[3];
      for (size_t k = 0; k < at.size(); ++k)
        x[k] = operands[k]->integers[size_t(at[k])];
      result.integers[size_t(i)] = function.ofIntegers(x);
      return;
    }
    double x[3];
    for (size_t k = 0; k < at.size(); ++k)
      x[k] = operands[k]->number(at[k]);
    const double value = function.ofReals(x);
    if (function.givesFloats())
      result.values[size_t(i)] = float(value);
    else
      result.integers[size_t(i)] = int64_t(value);
  });
  return result;
}

/// What errors of the operands move, and what a kernel's approximation and the rounding of both add.
void phiq::MapOp::bound(Scope &scope, Rows &result) {
  if (getTable()) {
    const Table table(*this, scope);
    if (table.codes.error.empty())
      return;
    result.error.resize(size_t(result.size()));
    overElements(*this, [&](int64_t i, ArrayRef<int64_t> at) { result.error[size_t(i)] = table.movedBy(at[0]); });
    return;
  }
  const Function function(*this);
  const SmallVector<const Rows *, 3> operands = operandsOf(*this, scope);
  const bool isExact = function.row.relative == 0 && function.row.absolute == 0;
  if (isExact && llvm::all_of(operands, [](const Rows *x) { return x->error.empty(); }))
    return;
  result.error.resize(size_t(result.size()));
  overElements(*this, [&](int64_t i, ArrayRef<int64_t> at) {
    double x[3], errors[3], largest = 0;
    for (size_t k = 0; k < at.size(); ++k) {
      x[k] = operands[k]->number(at[k]);
      errors[k] = operands[k]->errorAt(at[k]);
      largest = std::max(largest, errors[k]);
    }
    if (isExact && largest == 0)
      return;
    const double exact = function.exactly(x), moved = largest > 0 ? movedBy(function, x, errors, exact) : 0;
    const double rounding = function.givesFloats() ? 2 * kUnit * (std::fabs(exact) + moved) : 0;
    const double approximation = function.givesFloats() && !isExact
                                     ? function.row.relative * (std::fabs(exact) + moved) + function.row.absolute
                                     : 0;
    result.error[size_t(i)] = moved + rounding + approximation;
  });
}

} // namespace phic
