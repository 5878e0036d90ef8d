//===- Convert.cpp - cvt and cvta ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Apply.h"
#include "Float.h"
#include "Memory.h"
#include <algorithm>

namespace ptx {
namespace {

/// Instruction::value of a cvt: a Rounding, and these.
enum Flags : int64_t { roundingBits = 15, flush = 16, saturates = 32, relu = 64, integral = 128 };

/// A lane's number: an integer, or a float as a double, which holds all of them.
struct Number {
  bool isFloat = false;
  double real = 0;
  __int128 integer = 0;
};

double flushedSingle(double value, bool isFlush) {
  return isFlush && std::fabs(value) < 0x1p-126 ? std::copysign(0.0, value) : value;
}

Number numberOf(uint64_t bits, Type type, bool isFlush) {
  Number number;
  number.isFloat = isFloat(type);
  switch (type) {
  case Type::f16:
    number.real = valueOf(bits & 0xFFFF, halfFormat);
    break;
  case Type::bf16:
    number.real = valueOf(bits & 0xFFFF, brainFormat);
    break;
  case Type::f32:
    number.real = flushedSingle(std::bit_cast<float>(uint32_t(bits)), isFlush);
    break;
  case Type::f64:
    number.real = std::bit_cast<double>(bits);
    break;
  default: {
    unsigned spare = 64 - 8 * bytesOf(type);
    number.integer = isSigned(type) ? __int128(int64_t(bits << spare) >> spare) : __int128(bits << spare >> spare);
  }
  }
  return number;
}

double toIntegral(double value, Rounding rounding) {
  switch (rounding) {
  case Rounding::zero:
    return std::trunc(value);
  case Rounding::down:
    return std::floor(value);
  case Rounding::up:
    return std::ceil(value);
  default:
    return std::nearbyint(value);
  }
}

uint64_t toInteger(const Number &number, Type type, Rounding rounding, bool isSaturating) {
  unsigned bits = 8 * bytesOf(type);
  __int128 least = isSigned(type) ? -(__int128(1) << (bits - 1)) : 0;
  __int128 most = (__int128(1) << (isSigned(type) ? bits - 1 : bits)) - 1;
  if (!number.isFloat)
    return uint64_t(isSaturating ? std::clamp(number.integer, least, most) : number.integer);
  if (number.real != number.real)
    return 0;
  double whole = toIntegral(number.real, rounding);
  return uint64_t(whole <= double(least) ? least : whole >= double(most) ? most : __int128(whole));
}

uint64_t toSingle(const Number &number, Rounding rounding, bool isFlush) {
  std::fesetround(roundingMode(rounding));
  volatile float result;
  if (number.isFloat)
    result = float(number.real);
  else if (number.integer < 0)
    result = float(int64_t(number.integer));
  else
    result = float(uint64_t(number.integer));
  std::fesetround(FE_TONEAREST);
  float single = canonical(float(result));
  return std::bit_cast<uint32_t>(isFlush ? flushed(single) : single);
}

uint64_t toFloat(Number number, Type type, int64_t flags) {
  Rounding rounding = Rounding(flags & roundingBits);
  if (number.isFloat && flags & integral)
    number.real = toIntegral(number.real, rounding);
  if (number.isFloat && flags & saturates)
    number.real = saturate(number.real);
  if (number.isFloat && flags & relu)
    number.real = number.real != number.real ? number.real : number.real > 0 ? number.real : 0;
  if (type == Type::f32)
    return toSingle(number, rounding, flags & flush);
  if (type == Type::f64)
    return std::bit_cast<uint64_t>(number.isFloat ? number.real : double(number.integer));
  Format format = type == Type::f16 ? halfFormat : brainFormat;
  return roundTo(number.isFloat ? number.real : double(number.integer), format, rounding);
}

uint64_t converted(uint64_t bits, const Instruction &i) {
  Number number = numberOf(bits, i.from, i.value & flush);
  if (isFloat(i.type))
    return toFloat(number, i.type, i.value);
  uint64_t result = toInteger(number, i.type, Rounding(i.value & roundingBits), i.value & saturates);
  // A wider register gets the sign, or zeros.
  unsigned spare = 64 - 8 * bytesOf(i.type);
  return isSigned(i.type) ? uint64_t(int64_t(result << spare) >> spare) : result << spare >> spare;
}

uint64_t laneBits(Warp &warp, Slot slot, unsigned lane) {
  uint64_t bits = 0;
  memcpy(&bits, warp.lanes<uint8_t>(slot) + lane * slot.bytes, slot.bytes);
  return bits;
}

void convert(Warp &warp, const Instruction &i) {
  warp.require(i.a);
  for (uint32_t left = warp.mask; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    uint64_t result = converted(laneBits(warp, i.a, lane), i);
    memcpy(warp.lanes<uint8_t>(i.d) + lane * i.d.bytes, &result, i.d.bytes);
  }
  warp.define(i.d);
}

/// cvt.rn.f16x2.f32 d, a, b: a is the upper half.
void convertPair(Warp &warp, const Instruction &i) {
  warp.require(i.a), warp.require(i.b);
  for (uint32_t left = warp.mask; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    warp.lanes<uint32_t>(i.d)[lane] =
        uint32_t(converted(laneBits(warp, i.a, lane), i) << 16) | uint32_t(converted(laneBits(warp, i.b, lane), i));
  }
  warp.define(i.d);
}

// The frequent ones, whole.
template <class T> struct Cast {
  template <class A> T operator()(A a) const { return T(a); }
};
struct HalfToSingle {
  float operator()(_Float16 a) const { return canonical(float(a)); }
};
struct SingleToHalf {
  uint16_t operator()(float a) const { return a != a ? uint16_t(0x7FFF) : std::bit_cast<uint16_t>(_Float16(a)); }
};
template <class T, bool isToZero> struct SingleToInteger {
  T operator()(float a) const {
    float whole = isToZero ? std::trunc(a) : std::nearbyint(a);
    // 2^31 - 128 is the largest float below 2^31.
    float inside = std::fmin(std::fmax(whole, -0x1p31f), 0x1.fffffep30f);
    int32_t result = whole >= 0x1p31f ? INT32_MAX : int32_t(inside);
    return a != a ? 0 : result;
  }
};

Run frequent(Type to, Type from, int64_t value, Slot d, Slot a) {
  if (d.bytes != bytesOf(to) || a.bytes != bytesOf(from))
    return nullptr;
  if (from == Type::f16 && to == Type::f32 && !value)
    return unary<HalfToSingle, float, _Float16>;
  if (from == Type::f32 && to == Type::f16 && !value)
    return unary<SingleToHalf, uint16_t, float>;
  if (from == Type::s32 && to == Type::f32 && !value)
    return unary<Cast<float>, float, int32_t>;
  if (from == Type::u32 && to == Type::f32 && !value)
    return unary<Cast<float>, float, uint32_t>;
  if (from == Type::f32 && to == Type::s32 && value == int64_t(Rounding::nearest))
    return unary<SingleToInteger<int32_t, false>, int32_t, float>;
  if (from == Type::f32 && to == Type::s32 && value == int64_t(Rounding::zero))
    return unary<SingleToInteger<int32_t, true>, int32_t, float>;
  if (value || isFloat(to) || isFloat(from))
    return nullptr;
  return forInteger(from, [&](auto tag) -> Run {
    using A = typename decltype(tag)::Lane;
    return forInteger(to, [](auto other) -> Run {
      using D = typename decltype(other)::Lane;
      return unary<Cast<D>, D, A>;
    });
  });
}

void decodeCvt(Decoder &decoder) {
  Instruction &out = decoder.out;
  int rounding = decoder.takeOne({"rn", "rz", "rm", "rp"}), whole = decoder.takeOne({"rni", "rzi", "rmi", "rpi"});
  out.value = std::max({rounding, whole, 0});
  out.value |=
      (decoder.take("ftz") ? flush : 0) | (decoder.take("sat") ? saturates : 0) | (decoder.take("relu") ? relu : 0);
  out.type = decoder.takeType(), out.from = decoder.takeType();
  bool toFloat = isFloat(out.type), fromFloat = isFloat(out.from);
  if (out.type == Type::pred || out.from == Type::pred || bytesOf(out.from) == 0 || out.from == Type::f16x2 ||
      out.from == Type::bf16x2)
    decoder.refuse("unknown conversion");
  if (out.type == Type::f16x2 || out.type == Type::bf16x2) {
    decoder.expect(3);
    if (out.from != Type::f32 || rounding < 0)
      decoder.refuse("unknown conversion");
    out.d = decoder.target(0, out.type);
    out.a = decoder.source(1, Type::f32), out.b = decoder.source(2, Type::f32);
    out.type = out.type == Type::f16x2 ? Type::f16 : Type::bf16;
    out.run = convertPair;
    return;
  }
  bool isNarrower = toFloat && (!fromFloat || bytesOf(out.type) < bytesOf(out.from) ||
                                (bytesOf(out.type) == 2 && out.type != out.from));
  if ((fromFloat && !toFloat && whole < 0) || (isNarrower && rounding < 0))
    decoder.refuse("needs a rounding");
  if (whole >= 0 && toFloat)
    out.value |= integral;
  decoder.expect(2);
  out.d = decoder.target(decoder.operands[0], out.type, /*wider=*/!toFloat);
  out.a = decoder.source(decoder.operands[1], out.from, /*wider=*/!fromFloat);
  out.run = frequent(out.type, out.from, out.value, out.d, out.a);
  if (!out.run)
    out.run = convert;
}

template <int64_t offset> struct Shift {
  uint64_t operator()(uint64_t a) const { return a + offset; }
};

void decodeCvta(Decoder &decoder) {
  bool isBack = decoder.take("to");
  int space = decoder.takeOne({"global", "const", "shared", "local"});
  decoder.take("cta");
  decoder.need("u64");
  operandsOf(decoder, Type::u64, 1);
  static constexpr Run to[] = {unary<Shift<0>, uint64_t, uint64_t>, unary<Shift<0>, uint64_t, uint64_t>,
                               unary<Shift<int64_t(sharedWindow)>, uint64_t, uint64_t>,
                               unary<Shift<int64_t(localWindow)>, uint64_t, uint64_t>};
  static constexpr Run back[] = {to[0], to[1], unary<Shift<-int64_t(sharedWindow)>, uint64_t, uint64_t>,
                                 unary<Shift<-int64_t(localWindow)>, uint64_t, uint64_t>};
  decoder.out.run = space < 0 ? nullptr : (isBack ? back : to)[space];
}

} // namespace

bool decodeConvert(Decoder &decoder) {
  if (decoder.is("cvt"))
    decodeCvt(decoder);
  else if (decoder.is("cvta"))
    decodeCvta(decoder);
  else
    return false;
  return true;
}

} // namespace ptx
