//===- MapCode.cpp - Code of elementwise functions -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/code/MapCode.h"
#include "dialects/phiq/MapFunctions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "targets/code/KernelMath.h"
#include <bit>

using namespace mlir;

namespace phic {
namespace {

using arith::CmpFPredicate;
using arith::CmpIPredicate;
using phiq::MapFunction;

bool isFloat(Value x) { return getElementTypeOrSelf(x.getType()).isF32(); }
unsigned bitsOf(Value x) { return getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth(); }

/// As many of another type.
Type as(Value x, Type element) {
  auto vector = dyn_cast<VectorType>(x.getType());
  return vector ? Type(vector.clone(element)) : element;
}

/// An integer in every lane of `like`, which holds integers.
Value whole(KernelBuilder &b, Value like, int64_t value) { return b.like(like, value); }

/// The type that lanes have for an element.
Type heldType(KernelBuilder &b, Type element) {
  return element.isF32() || element.isInteger(64) ? element : b.getI32Type();
}

/// Integers of lanes as elements of a narrower type would hold them.
Value wrapped(KernelBuilder &b, Type element, Value lanes) {
  const unsigned bits = element.getIntOrFloatBitWidth();
  if (element.isF32() || bits >= 32 || bits == 1)
    return lanes;
  Value narrow = arith::TruncIOp::create(b, as(lanes, b.getIntegerType(bits)), lanes);
  return isUnsignedInteger(element) ? Value(arith::ExtUIOp::create(b, lanes.getType(), narrow))
                                    : Value(arith::ExtSIOp::create(b, lanes.getType(), narrow));
}

/// The intrinsic that converts floats to integers of that type; a NaN gives 0.
std::string saturating(Type integers) {
  auto vector = dyn_cast<VectorType>(integers);
  const std::string lanes = vector ? ".v" + std::to_string(vector.getNumElements()) : ".";
  return "llvm.fptosi.sat" + lanes + "i" + std::to_string(getElementTypeOrSelf(integers).getIntOrFloatBitWidth()) +
         lanes + "f32";
}

/// Between them all that x / scale is made of is ordinary where x is within 2^8 steps.
constexpr float kSmallScale = 0x1p-90f, kLargeScale = 0x1p90f;

/// Operands of one function, with its code for floats and for integers side by side.
class MapEmitter {
public:
  MapEmitter(KernelBuilder &b, phiq::MapOp op, ArrayRef<Value> x, llvm::DenseMap<Value, Value> &steps)
      : b(b), op(op), x(x), to(elementTypeOf(op.getResult())), steps(steps) {}

  Value emit() {
    switch (op.getFunction()) {
    case MapFunction::Add:
      return onFloats() ? b.fadd(x[0], x[1]) : wrap(b.add(x[0], x[1]));
    case MapFunction::Subtract:
      return onFloats() ? b.fsub(x[0], x[1]) : wrap(b.sub(x[0], x[1]));
    case MapFunction::Multiply:
      return onFloats() ? b.fmul(x[0], x[1]) : wrap(b.mul(x[0], x[1]));
    case MapFunction::Divide:
      return onFloats() ? b.fdiv(x[0], x[1]) : wrap(divide());
    case MapFunction::Minimum:
      return onFloats() ? Value(arith::MinimumFOp::create(b, x[0], x[1])) : arith::MinSIOp::create(b, x[0], x[1]);
    case MapFunction::Maximum:
      return onFloats() ? Value(arith::MaximumFOp::create(b, x[0], x[1])) : arith::MaxSIOp::create(b, x[0], x[1]);
    case MapFunction::Power:
      return onFloats() ? kernel_math::power(b, x[0], x[1]) : wrap(power());
    case MapFunction::Prelu:
      return b.select(less(x[0], zero()), onFloats() ? b.fmul(x[0], x[1]) : wrap(b.mul(x[0], x[1])), x[0]);
    case MapFunction::Negate:
      return onFloats() ? Value(arith::NegFOp::create(b, x[0])) : wrap(b.sub(zero(), x[0]));
    case MapFunction::Absolute:
      return onFloats() ? Value(math::AbsFOp::create(b, x[0]))
                        : b.select(less(x[0], zero()), wrap(b.sub(zero(), x[0])), x[0]);
    case MapFunction::SquareRoot:
      return math::SqrtOp::create(b, x[0]);
    case MapFunction::Round:
      return LLVM::RoundEvenOp::create(b, x[0].getType(), x[0]);
    case MapFunction::Exp:
      return kernel_math::exponential(b, x[0]);
    case MapFunction::Log:
      return kernel_math::logarithm(b, x[0]);
    case MapFunction::Erf:
      return expression(phiq::erfOf);
    case MapFunction::Tanh:
      return expression(phiq::tanhOf);
    case MapFunction::Sigmoid:
      return expression(phiq::sigmoidOf);
    case MapFunction::Gelu:
      return gelu();
    case MapFunction::Sine:
      return kernel_math::sine(b, x[0]);
    case MapFunction::Cosine:
      return kernel_math::cosine(b, x[0]);
    case MapFunction::Relu:
      return b.select(less(x[0], zero()), zero(), x[0]);
    case MapFunction::Equal:
      return compare(CmpFPredicate::OEQ, CmpIPredicate::eq);
    case MapFunction::Less:
      return compare(CmpFPredicate::OLT, CmpIPredicate::slt);
    case MapFunction::LessOrEqual:
      return compare(CmpFPredicate::OLE, CmpIPredicate::sle);
    case MapFunction::IsNan:
      return truthLanes(b, isNan(x[0]));
    case MapFunction::And:
      return arith::AndIOp::create(b, x[0], x[1]);
    case MapFunction::Or:
      return arith::OrIOp::create(b, x[0], x[1]);
    case MapFunction::Xor:
      return arith::XOrIOp::create(b, x[0], x[1]);
    case MapFunction::Not:
      return arith::XOrIOp::create(b, x[0], whole(b, x[0], 1));
    case MapFunction::Select:
      return b.select(arith::CmpIOp::create(b, CmpIPredicate::ne, x[0], whole(b, x[0], 0)), x[1], x[2]);
    case MapFunction::Cast:
      return cast();
    case MapFunction::Quantize:
      return quantize();
    case MapFunction::Dequantize:
      return dequantize();
    case MapFunction::MultiplyAdd:
      return b.fma(x[0], x[1], x[2]);
    case MapFunction::Lookup:
      return wrap(lookup());
    }
    llvm_unreachable("all are handled");
  }

private:
  bool onFloats() const { return isFloat(x[0]); }
  Value wrap(Value integers) { return wrapped(b, to, integers); }
  Value zero() { return onFloats() ? b.like(x[0], 0.0f) : whole(b, x[0], 0); }
  Value isNan(Value value) { return arith::CmpFOp::create(b, CmpFPredicate::UNO, value, value); }

  Value less(Value p, Value q) {
    return isFloat(p) ? Value(arith::CmpFOp::create(b, CmpFPredicate::OLT, p, q))
                      : Value(arith::CmpIOp::create(b, CmpIPredicate::slt, p, q));
  }
  Value compare(CmpFPredicate ofFloats, CmpIPredicate ofIntegers) {
    return truthLanes(b, onFloats() ? Value(arith::CmpFOp::create(b, ofFloats, x[0], x[1]))
                                    : Value(arith::CmpIOp::create(b, ofIntegers, x[0], x[1])));
  }
  Value expression(phiq::RowExpr (*function)(phiq::RowExpr)) {
    return kernel_math::evaluate(b, function(phiq::RowExpr::operand(0)), x);
  }

  /// Below -15 the product is 0: exp, which it is made of, does not go that far down, and x may be great.
  Value gelu() {
    Value isNone = less(x[0], b.like(x[0], -15.0f));
    return b.select(isNone, b.fmul(x[0], zero()), expression(phiq::geluOf));
  }

  /// By 0 it is 0, by -1 the negative, which wraps: no machine's division sees either.
  Value divide() {
    Value isZero = equals(x[1], 0), isMinus = equals(x[1], -1);
    Value divisor = b.select(arith::OrIOp::create(b, isZero, isMinus), whole(b, x[1], 1), x[1]);
    Value quotient = arith::DivSIOp::create(b, x[0], divisor);
    quotient = b.select(isMinus, b.sub(zero(), x[0]), quotient);
    return b.select(isZero, zero(), quotient);
  }

  Value equals(Value value, int64_t constant) {
    return arith::CmpIOp::create(b, CmpIPredicate::eq, value, whole(b, value, constant));
  }

  /// By squaring, for each bit of the exponent; of a negative one only powers of 1 and -1 are not 0.
  Value power() {
    Value one = whole(b, x[0], 1), result = one, factor = x[0];
    const unsigned bits = bitsOf(x[1]) - 1;
    for (unsigned bit = 0; bit < bits; ++bit) {
      Value isSet = arith::CmpIOp::create(
          b, CmpIPredicate::ne, arith::AndIOp::create(b, x[1], whole(b, x[1], int64_t(1) << bit)), whole(b, x[1], 0));
      result = b.mul(result, b.select(isSet, factor, one));
      factor = b.mul(factor, factor);
    }
    Value isOdd = arith::CmpIOp::create(b, CmpIPredicate::ne, arith::AndIOp::create(b, x[1], whole(b, x[1], 1)),
                                        whole(b, x[1], 0));
    Value ofMinus = b.select(isOdd, whole(b, x[0], -1), one);
    Value inverse = b.select(equals(x[0], 1), one, b.select(equals(x[0], -1), ofMinus, whole(b, x[0], 0)));
    return b.select(less(x[1], whole(b, x[1], 0)), inverse, result);
  }

  Value cast() {
    const Type lanes = as(x[0], heldType(b, to));
    if (to.isInteger(1))
      return truthLanes(b, onFloats() ? Value(arith::CmpFOp::create(b, CmpFPredicate::UNE, x[0], zero()))
                                      : Value(arith::CmpIOp::create(b, CmpIPredicate::ne, x[0], zero())));
    if (to.isF32())
      return onFloats() ? x[0] : arith::SIToFPOp::create(b, lanes, x[0]);
    if (onFloats())
      return wrap(b.intrinsic(saturating(lanes), lanes, x[0]));
    const unsigned from = bitsOf(x[0]), bits = getElementTypeOrSelf(lanes).getIntOrFloatBitWidth();
    return wrap(bits > from   ? Value(arith::ExtSIOp::create(b, lanes, x[0]))
                : bits < from ? Value(arith::TruncIOp::create(b, lanes, x[0]))
                              : x[0]);
  }

  /// The sum with the zero point is saturated before it is taken, in floats, which hold all of it exactly.
  Value quantize() {
    const unsigned bits = to.getIntOrFloatBitWidth();
    const int64_t least = isUnsignedInteger(to) ? 0 : -(int64_t(1) << (bits - 1));
    const int64_t greatest = least + (int64_t(1) << bits) - 1;
    auto bound = [&](int64_t code) { return b.toFloat(b.sub(whole(b, x[2], code), x[2])); };
    auto clamp = [&](Value value, Value low, Value high) {
      value = b.fmax(low, value); // a NaN stays
      return b.select(less(high, value), high, value);
    };
    Value low = bound(least), high = bound(greatest);
    const bool isOneScale = mlir::cast<ShapedType>(op.getXs()[1].getType()).getNumElements() == 1;
    Value quotient = isOneScale ? divideWithin(low, high, clamp) : b.fdiv(x[0], x[1]);
    quotient = b.select(isNan(quotient), number(0), quotient);
    if (!isOneScale)
      quotient = clamp(quotient, low, high);
    // Adding it rounds to even, and leaves the integer in the lower bits.
    constexpr float kRound = 0x1.8p23f;
    Value rounded = b.fadd(quotient, number(kRound));
    steps[op.getResult()] = b.fsub(rounded, number(kRound));
    return b.add(b.bitcast(x[2].getType(), rounded), b.sub(x[2], whole(b, x[2], std::bit_cast<int32_t>(kRound))));
  }

  /// x / scale rounded to nearest, of x that are clamped to `low` and `high` steps, without a division in the loop: the
  /// product with the reciprocal is corrected by what it leaves (P. Markstein, Computation of elementary functions on
  /// the IBM RISC System/6000 processor, 1990).
  Value divideWithin(Value low, Value high, llvm::function_ref<Value(Value, Value, Value)> clamp) {
    const ScaleKind kind = scaleKindOf(op);
    if (kind == ScaleKind::One)
      return clamp(x[0], low, high);
    auto [value, scale] = kind == ScaleKind::Ordinary ? std::pair(x[0], x[1]) : broughtToRange();
    Value reciprocal = b.fdiv(number(1), scale), negated = arith::NegFOp::create(b, scale);
    Value one = b.fmul(low, scale), other = b.fmul(high, scale), isTurned = less(other, one);
    Value within = clamp(value, b.select(isTurned, other, one), b.select(isTurned, one, other));
    Value quotient = b.fmul(within, reciprocal);
    return b.fma(b.fma(quotient, negated, within), reciprocal, quotient);
  }

  /// x and the scale, both times a power of two, so that the scale is ordinary; one of 0 becomes so small that all but 0
  /// are clamped.
  std::pair<Value, Value> broughtToRange() {
    Value size = math::AbsFOp::create(b, x[1]);
    Value factor = b.select(less(size, number(kSmallScale)), number(kLargeScale), number(1));
    factor = b.select(less(number(kLargeScale), size), number(kSmallScale), factor);
    Value isZero = arith::CmpFOp::create(b, CmpFPredicate::OEQ, x[1], number(0));
    return {b.fmul(x[0], factor), b.select(isZero, number(kSmallScale), b.fmul(x[1], factor))};
  }

  /// Of what was quantized on the spot the steps are there.
  Value dequantize() {
    auto source = op.getXs()[0].getDefiningOp<phiq::MapOp>();
    auto known = source ? steps.find(source.getResult()) : steps.end();
    const bool isSameZero = known != steps.end() && source.getXs()[2] == op.getXs()[2];
    return b.fmul(x[1], isSameZero ? known->second : b.toFloat(b.sub(x[0], x[2])));
  }

  /// x[1] is where the table begins.
  Value lookup() {
    Type codes = elementTypeOf(op.getXs()[0]), element = elementTypeOf(op.getTable());
    Value index = x[0];
    if (!isUnsignedInteger(codes))
      index = b.add(index, whole(b, index, int64_t(1) << (codes.getIntOrFloatBitWidth() - 1)));
    constexpr unsigned kAlignment = 4;
    auto lanes = dyn_cast<VectorType>(index.getType());
    Type pointer = x[1].getType(), pointers = lanes ? Type(lanes.clone(pointer)) : pointer;
    Value places = LLVM::GEPOp::create(b, pointers, element, x[1], LLVM::GEPArg(index));
    if (!lanes)
      return LLVM::LoadOp::create(b, element, places, kAlignment);
    Value all = arith::ConstantOp::create(b, SplatElementsAttr::get(lanes.clone(b.getI1Type()), true));
    return LLVM::masked_gather::create(b, lanes.clone(element), places, all, ValueRange{}, kAlignment);
  }

  Value number(float value) { return b.like(x[0], value); }

  KernelBuilder &b;
  phiq::MapOp op;
  ArrayRef<Value> x;
  const Type to;
  llvm::DenseMap<Value, Value> &steps;
};

} // namespace

VectorType laneType(KernelBuilder &b, Type element, int64_t lanes) { return b.vec(lanes, heldType(b, element)); }

Type storedType(KernelBuilder &b, Type element) {
  return element.isF32() ? element : Type(b.getIntegerType(unsigned(8 * elementBytes(element))));
}

Value heldLanes(KernelBuilder &b, Type element, Value stored) {
  if (element.isF32() || element.isInteger(64) || element.isInteger(32))
    return stored;
  if (element.isInteger(1))
    return truthLanes(b, arith::CmpIOp::create(b, CmpIPredicate::ne, stored, whole(b, stored, 0)));
  const Type lanes = as(stored, b.getI32Type());
  return isUnsignedInteger(element) ? Value(arith::ExtUIOp::create(b, lanes, stored))
                                    : Value(arith::ExtSIOp::create(b, lanes, stored));
}

Value storedLanes(KernelBuilder &b, Type element, Value held) {
  Type stored = storedType(b, element);
  return stored == getElementTypeOrSelf(held.getType()) ? held
                                                        : Value(arith::TruncIOp::create(b, as(held, stored), held));
}

Value loadLanes(KernelBuilder &b, Type element, int64_t lanes, Value pointer) {
  return heldLanes(b, element, b.load(b.vec(lanes, storedType(b, element)), pointer));
}

Value loadSplat(KernelBuilder &b, Type element, int64_t lanes, Value pointer) {
  return heldLanes(b, element, b.loadBroadcast(lanes, storedType(b, element), pointer));
}

void storeLanes(KernelBuilder &b, Type element, Value value, Value pointer) {
  b.store(storedLanes(b, element, value), pointer);
}

Value truthLanes(KernelBuilder &b, Value condition) {
  return arith::ExtUIOp::create(b, as(condition, b.getI32Type()), condition);
}

Value joinReduced(KernelBuilder &b, phiq::ReduceKind kind, Value a, Value x) {
  const bool ofFloats = isFloat(a);
  switch (kind) {
  case phiq::ReduceKind::Sum:
  case phiq::ReduceKind::Mean:
    return ofFloats ? b.fadd(a, x) : b.add(a, x);
  case phiq::ReduceKind::Product:
    return ofFloats ? b.fmul(a, x) : b.mul(a, x);
  case phiq::ReduceKind::Maximum:
    return ofFloats ? Value(arith::MaximumFOp::create(b, a, x)) : b.maximum(a, x);
  case phiq::ReduceKind::Minimum:
    return ofFloats ? Value(arith::MinimumFOp::create(b, a, x)) : b.minimum(a, x);
  }
  llvm_unreachable("all are handled");
}

ScaleKind scaleKindOf(phiq::MapOp quantize) {
  auto argument = dyn_cast<BlockArgument>(throughReshapes(quantize.getXs()[1]));
  auto stage = argument ? dyn_cast<plan::StageOp>(argument.getOwner()->getParentOp()) : plan::StageOp();
  auto constant = stage ? stage.getInputs()[argument.getArgNumber()].getDefiningOp<phiq::ConstantOp>() : nullptr;
  if (!constant)
    return ScaleKind::Unknown;
  const Rows scales = numbersOf(constant.getValue());
  auto all = [&](auto &&holds) { return llvm::all_of(scales.values, holds); };
  if (all([](double scale) { return scale == 1; }))
    return ScaleKind::One;
  const bool isOrdinary = all([](double scale) { return scale > kSmallScale && scale < kLargeScale; });
  return isOrdinary ? ScaleKind::Ordinary : ScaleKind::Unknown;
}

std::string scaleKey(plan::StageOp stage) {
  std::string key;
  for (auto map : stage.getBody().front().getOps<phiq::MapOp>())
    if (map.getFunction() == MapFunction::Quantize)
      key += "uo1"[unsigned(scaleKindOf(map))];
  return key;
}

void LaneValues::compute(ArrayRef<phiq::MapOp> maps) {
  for (phiq::MapOp map : maps) {
    SmallVector<Value, 3> operands = llvm::map_to_vector<3>(map.getTensors(), [&](Value x) { return lanes[x]; });
    if (Value table = map.getTable())
      operands.push_back(baseOf(table));
    lanes[map.getResult()] = MapEmitter(b, map, operands, steps).emit();
  }
}

} // namespace phic
