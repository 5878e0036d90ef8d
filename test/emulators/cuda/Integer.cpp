//===- Integer.cpp - Arithmetic of integers ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Apply.h"
#include <algorithm>
#include <limits>

namespace ptx {
namespace {

/// Wraps, where the language would not define the result.
template <class T> using Unsigned = std::make_unsigned_t<T>;

struct Add {
  template <class T> T operator()(T a, T b) const { return T(Unsigned<T>(a) + Unsigned<T>(b)); }
};
struct Sub {
  template <class T> T operator()(T a, T b) const { return T(Unsigned<T>(a) - Unsigned<T>(b)); }
};
template <class T> T saturated(int64_t value) {
  return T(std::clamp<int64_t>(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}
struct AddSaturate {
  int32_t operator()(int32_t a, int32_t b) const { return saturated<int32_t>(int64_t(a) + b); }
};
struct SubSaturate {
  int32_t operator()(int32_t a, int32_t b) const { return saturated<int32_t>(int64_t(a) - b); }
};
template <class T> struct Doubled;
template <> struct Doubled<uint16_t> {
  using Type = uint32_t;
};
template <> struct Doubled<int16_t> {
  using Type = int32_t;
};
template <> struct Doubled<uint32_t> {
  using Type = uint64_t;
};
template <> struct Doubled<int32_t> {
  using Type = int64_t;
};
template <> struct Doubled<uint64_t> {
  using Type = unsigned __int128;
};
template <> struct Doubled<int64_t> {
  using Type = __int128;
};

struct MulLow {
  template <class T> T operator()(T a, T b) const { return T(uint64_t(Unsigned<T>(a)) * Unsigned<T>(b)); }
};
struct MulHigh {
  template <class T> T operator()(T a, T b) const {
    using Wide = typename Doubled<T>::Type;
    return T((Wide(a) * Wide(b)) >> (8 * sizeof(T)));
  }
};
struct MulWide {
  template <class T> typename Doubled<T>::Type operator()(T a, T b) const {
    using Wide = typename Doubled<T>::Type;
    return Wide(a) * Wide(b);
  }
};
template <class Mul> struct Mad {
  template <class T, class C> C operator()(T a, T b, C c) const { return C(Unsigned<C>(Mul()(a, b)) + Unsigned<C>(c)); }
};
struct MadSaturate {
  int32_t operator()(int32_t a, int32_t b, int32_t c) const { return saturated<int32_t>(int64_t(MulHigh()(a, b)) + c); }
};
struct Mul24 {
  uint32_t operator()(uint32_t a, uint32_t b) const { return (a & 0xFFFFFF) * (b & 0xFFFFFF); }
  int32_t operator()(int32_t a, int32_t b) const { return int32_t(int64_t(a << 8 >> 8) * (b << 8 >> 8)); }
};
/// By zero: all bits, which is what the hardware leaves; PTX says nothing.
struct Div {
  template <class T> T operator()(T a, T b) const {
    return b == 0 ? T(-1) : b == T(-1) && isSigned<T> ? T(0 - Unsigned<T>(a)) : T(a / b);
  }
  template <class T> static constexpr bool isSigned = std::is_signed_v<T>;
};
struct Rem {
  template <class T> T operator()(T a, T b) const {
    return b == 0 ? a : b == T(-1) && std::is_signed_v<T> ? T(0) : T(a % b);
  }
};
struct Min {
  template <class T> T operator()(T a, T b) const { return std::min(a, b); }
};
struct Max {
  template <class T> T operator()(T a, T b) const { return std::max(a, b); }
};
struct Abs {
  template <class T> T operator()(T a) const { return a < 0 ? T(0 - Unsigned<T>(a)) : a; }
};
struct Neg {
  template <class T> T operator()(T a) const { return T(0 - Unsigned<T>(a)); }
};
struct Sad {
  template <class T> T operator()(T a, T b, T c) const {
    return T(Unsigned<T>(c) + (a < b ? Unsigned<T>(b) - Unsigned<T>(a) : Unsigned<T>(a) - Unsigned<T>(b)));
  }
};

template <class F> Run wideFor(Type type, bool isMad) {
  return forInteger(type, [&](auto tag) -> Run {
    using T = typename decltype(tag)::Lane;
    if constexpr (sizeof(T) == 8) {
      return nullptr;
    } else {
      using Wide = typename Doubled<T>::Type;
      return isMad ? Run(ternary<Mad<F>, Wide, T, T, Wide>) : Run(binary<F, Wide, T>);
    }
  });
}

Type doubled(Type type) {
  switch (type) {
  case Type::u16:
    return Type::u32;
  case Type::s16:
    return Type::s32;
  case Type::u32:
    return Type::u64;
  case Type::s32:
    return Type::s64;
  default:
    return Type::none;
  }
}

void decodeMul(Decoder &decoder, Type type, bool isMad) {
  Instruction &out = decoder.out;
  if (decoder.take("wide")) {
    Type wide = doubled(type);
    decoder.expect(isMad ? 4 : 3);
    out.run = wideFor<MulWide>(type, isMad);
    if (!out.run)
      return;
    out.d = decoder.target(0, wide);
    out.a = decoder.source(1, type), out.b = decoder.source(2, type);
    if (isMad)
      out.c = decoder.source(3, wide);
    return;
  }
  operandsOf(decoder, type, isMad ? 3 : 2);
  if (decoder.take("hi")) {
    if (decoder.take("sat"))
      out.run = isMad && type == Type::s32 ? Run(ternary<MadSaturate, int32_t, int32_t>) : nullptr;
    else
      out.run = isMad ? ternaryFor<Mad<MulHigh>>(type) : binaryFor<MulHigh>(type);
  } else {
    decoder.need("lo");
    out.run = isMad ? ternaryFor<Mad<MulLow>>(type) : binaryFor<MulLow>(type);
  }
}

void decodeAdd(Decoder &decoder, Type type) {
  bool isAdd = decoder.is("add");
  operandsOf(decoder, type, 2);
  if (decoder.take("sat") && type == Type::s32)
    decoder.out.run = isAdd ? Run(binary<AddSaturate, int32_t, int32_t>) : Run(binary<SubSaturate, int32_t, int32_t>);
  else
    decoder.out.run = isAdd ? binaryFor<Add>(type) : binaryFor<Sub>(type);
}

struct Row {
  const char *opcode;
  unsigned sources;
  Run (*choose)(Type type);
};
constexpr Row rows[] = {{"div", 2, binaryFor<Div>}, {"rem", 2, binaryFor<Rem>}, {"min", 2, binaryFor<Min>},
                        {"max", 2, binaryFor<Max>}, {"abs", 1, unaryFor<Abs>},  {"neg", 1, unaryFor<Neg>},
                        {"sad", 3, ternaryFor<Sad>}};

} // namespace

bool decodeInteger(Decoder &decoder) {
  if (isFloat(decoder.type) || decoder.type == Type::pred || decoder.type == Type::none)
    return false;
  bool isMad = decoder.is("mad");
  if (isMad || decoder.is("mul")) {
    decodeMul(decoder, decoder.takeType(), isMad);
    return true;
  }
  if (decoder.is("add") || decoder.is("sub")) {
    decodeAdd(decoder, decoder.takeType());
    return true;
  }
  if (decoder.is("mul24")) {
    Type type = decoder.takeType();
    decoder.need("lo");
    operandsOf(decoder, type, 2);
    decoder.out.run = type == Type::u32   ? Run(binary<Mul24, uint32_t, uint32_t>)
                      : type == Type::s32 ? Run(binary<Mul24, int32_t, int32_t>)
                                          : nullptr;
    return true;
  }
  for (const Row &row : rows)
    if (decoder.is(row.opcode)) {
      Type type = decoder.takeType();
      operandsOf(decoder, type, row.sources);
      decoder.out.run = row.choose(type);
      return true;
    }
  return false;
}

} // namespace ptx
