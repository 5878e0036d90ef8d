//===- Bits.cpp - Logic, shifts, bit fields, dot products of bytes -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Apply.h"
#include <algorithm>
#include <bit>

namespace ptx {
namespace {

struct And {
  template <class T> T operator()(T a, T b) const { return a & b; }
};
struct Or {
  template <class T> T operator()(T a, T b) const { return a | b; }
};
struct Xor {
  template <class T> T operator()(T a, T b) const { return a ^ b; }
};
struct Not {
  template <class T> T operator()(T a) const { return ~a; }
};
struct CNot {
  template <class T> T operator()(T a) const { return a == 0; }
};
/// Amounts beyond the width are clamped to it.
struct Shl {
  template <class T> T operator()(T a, uint32_t by) const { return by >= 8 * sizeof(T) ? T(0) : T(uint64_t(a) << by); }
};
struct Shr {
  template <class T> T operator()(T a, uint32_t by) const {
    constexpr uint32_t most = 8 * sizeof(T) - 1;
    if (std::is_signed_v<T>)
      return a >> std::min(by, most);
    return by > most ? T(0) : T(a >> by);
  }
};
template <bool isLeft, bool isWrap> struct Funnel {
  uint32_t operator()(uint32_t low, uint32_t high, uint32_t by) const {
    by = isWrap ? by & 31 : std::min(by, 32u);
    uint64_t both = uint64_t(high) << 32 | low;
    return isLeft ? uint32_t((both << by) >> 32) : uint32_t(both >> by);
  }
};
struct Clz {
  template <class T> uint32_t operator()(T a) const { return std::countl_zero(a); }
};
struct Popc {
  template <class T> uint32_t operator()(T a) const { return std::popcount(a); }
};
struct Brev {
  template <class T> T operator()(T a) const {
    T result = 0;
    for (unsigned i = 0; i < 8 * sizeof(T); ++i)
      result |= (a >> i & 1) << (8 * sizeof(T) - 1 - i);
    return result;
  }
};
/// The place of the highest bit that differs from the sign; all bits if there is none.
template <bool isShift> struct Bfind {
  template <class T> uint32_t operator()(T a) const {
    auto bits = std::make_unsigned_t<T>(a < 0 ? ~a : a);
    if (!bits)
      return ~0u;
    uint32_t zeros = std::countl_zero(bits);
    return isShift ? zeros : 8 * sizeof(T) - 1 - zeros;
  }
};
struct Bfe {
  template <class T> T operator()(T a, uint32_t at, uint32_t length) const {
    constexpr uint32_t bits = 8 * sizeof(T);
    at &= 255, length &= 255;
    if (!length)
      return 0;
    uint32_t last = std::min(at + length - 1, bits - 1);
    auto value = at < bits ? std::make_unsigned_t<T>(a) >> at : 0;
    bool sign = std::is_signed_v<T> && (std::make_unsigned_t<T>(a) >> last & 1);
    uint32_t kept = at < bits ? std::min(length, bits - at) : 0;
    if (kept < bits) {
      auto mask = (std::make_unsigned_t<T>(1) << kept) - 1;
      value = (value & mask) | (sign ? ~mask : 0);
    }
    return T(value);
  }
};
template <class T> void bfi(Warp &warp, const Instruction &i) {
  warp.require(i.a), warp.require(i.b), warp.require(i.c), warp.require(i.e);
  constexpr uint32_t bits = 8 * sizeof(T);
  T result[32];
  for (unsigned lane = 0; lane < 32; ++lane) {
    uint32_t at = warp.lanes<uint32_t>(i.c)[lane] & 255, length = warp.lanes<uint32_t>(i.e)[lane] & 255;
    T mask = length >= bits ? T(-1) : (T(1) << length) - 1;
    mask = at < bits ? T(mask << at) : T(0);
    T from = at < bits ? T(warp.lanes<T>(i.a)[lane] << at) : T(0);
    result[lane] = (from & mask) | (warp.lanes<T>(i.b)[lane] & ~mask);
  }
  blend(warp, i.d, result);
}

void lop3(Warp &warp, const Instruction &i) {
  warp.require(i.a), warp.require(i.b), warp.require(i.c);
  const uint32_t *a = warp.lanes<uint32_t>(i.a), *b = warp.lanes<uint32_t>(i.b), *c = warp.lanes<uint32_t>(i.c);
  uint32_t result[32] = {};
  for (unsigned row = 0; row < 8; ++row)
    if (i.value >> row & 1)
      for (unsigned lane = 0; lane < 32; ++lane)
        result[lane] |=
            (row & 4 ? a[lane] : ~a[lane]) & (row & 2 ? b[lane] : ~b[lane]) & (row & 1 ? c[lane] : ~c[lane]);
  blend(warp, i.d, result);
}

/// Bytes of {b, a} chosen by nibbles; the top bit of a nibble repeats the byte's sign.
struct Prmt {
  uint32_t operator()(uint32_t a, uint32_t b, uint32_t choice) const {
    uint64_t bytes = uint64_t(b) << 32 | a;
    uint32_t result = 0;
    for (unsigned i = 0; i < 4; ++i) {
      uint32_t nibble = choice >> (4 * i) & 15;
      uint32_t byte = bytes >> (8 * (nibble & 7)) & 255;
      result |= (nibble & 8 ? (byte & 128 ? 255u : 0u) : byte) << (8 * i);
    }
    return result;
  }
};

template <class A, class B> struct Dp4a {
  uint32_t operator()(uint32_t a, uint32_t b, uint32_t c) const {
    for (unsigned i = 0; i < 32; i += 8)
      c += uint32_t(int32_t(A(a >> i)) * int32_t(B(b >> i)));
    return c;
  }
};
template <class A16, class B8, bool isHigh> struct Dp2a {
  uint32_t operator()(uint32_t a, uint32_t b, uint32_t c) const {
    for (unsigned i = 0; i < 2; ++i)
      c += uint32_t(int32_t(A16(a >> (16 * i))) * int32_t(B8(b >> (8 * i + (isHigh ? 16 : 0)))));
    return c;
  }
};

template <class F> void predicates(Warp &warp, const Instruction &i) {
  warp.require(i.a), warp.require(i.b);
  warp.setBits(i.d, F()(warp.bits(i.a), warp.bits(i.b)));
}
void notPredicate(Warp &warp, const Instruction &i) {
  warp.require(i.a);
  warp.setBits(i.d, ~warp.bits(i.a));
}

template <class F> void logic(Decoder &decoder) {
  Type type = decoder.takeType();
  operandsOf(decoder, type, 2);
  decoder.out.run = type == Type::pred ? predicates<F> : binaryFor<F>(type);
}

template <class F> void shift(Decoder &decoder) {
  Type type = decoder.takeType();
  decoder.expect(3);
  decoder.out.d = decoder.target(0, type);
  decoder.out.a = decoder.source(1, type);
  decoder.out.b = decoder.source(2, Type::u32);
  decoder.out.run = forInteger(type, [](auto tag) -> Run {
    using T = typename decltype(tag)::Lane;
    return binary<F, T, T, uint32_t>;
  });
}

void funnel(Decoder &decoder) {
  bool isLeft = decoder.take("l");
  if (!isLeft)
    decoder.need("r");
  bool isWrap = decoder.take("wrap");
  if (!isWrap)
    decoder.need("clamp");
  operandsOf(decoder, decoder.takeType(), 3);
  static constexpr Run runs[2][2] = {
      {ternary<Funnel<false, false>, uint32_t, uint32_t>, ternary<Funnel<false, true>, uint32_t, uint32_t>},
      {ternary<Funnel<true, false>, uint32_t, uint32_t>, ternary<Funnel<true, true>, uint32_t, uint32_t>}};
  decoder.out.run = decoder.type == Type::b32 ? runs[isLeft][isWrap] : nullptr;
}

/// clz, popc, bfind: a count of 32 bits of either width.
template <class F> void count(Decoder &decoder) {
  Type type = decoder.takeType();
  decoder.expect(2);
  decoder.out.d = decoder.target(0, Type::u32);
  decoder.out.a = decoder.source(1, type);
  decoder.out.run = forInteger(type, [&](auto tag) -> Run {
    using T = typename decltype(tag)::Lane;
    if constexpr (sizeof(T) == 2 || (std::is_signed_v<T> && (std::is_same_v<F, Clz> || std::is_same_v<F, Popc>)))
      return nullptr;
    else
      return unary<F, uint32_t, T>;
  });
}

void bitFields(Decoder &decoder) {
  Type type = decoder.takeType();
  Instruction &out = decoder.out;
  bool isInsert = decoder.is("bfi");
  decoder.expect(isInsert ? 5 : 4);
  out.d = decoder.target(0, type);
  out.a = decoder.source(1, type);
  if (isInsert) {
    out.b = decoder.source(2, type);
    out.c = decoder.source(3, Type::u32), out.e = decoder.source(4, Type::u32);
    out.run = type == Type::b32 ? bfi<uint32_t> : type == Type::b64 ? bfi<uint64_t> : nullptr;
    return;
  }
  out.b = decoder.source(2, Type::u32), out.c = decoder.source(3, Type::u32);
  out.run = forInteger(type, [](auto tag) -> Run {
    using T = typename decltype(tag)::Lane;
    return sizeof(T) == 2 ? nullptr : Run(ternary<Bfe, T, T, uint32_t, uint32_t>);
  });
}

void dotProduct(Decoder &decoder) {
  bool isFour = decoder.is("dp4a"), isHigh = !isFour && decoder.take("hi");
  if (!isFour && !isHigh)
    decoder.need("lo");
  bool a = isSigned(decoder.takeType()), b = isSigned(decoder.takeType());
  operandsOf(decoder, Type::b32, 3);
  using U = uint32_t;
  static constexpr Run four[2][2] = {{ternary<Dp4a<uint8_t, uint8_t>, U, U>, ternary<Dp4a<uint8_t, int8_t>, U, U>},
                                     {ternary<Dp4a<int8_t, uint8_t>, U, U>, ternary<Dp4a<int8_t, int8_t>, U, U>}};
  static constexpr Run low[2][2] = {
      {ternary<Dp2a<uint16_t, uint8_t, false>, U, U>, ternary<Dp2a<uint16_t, int8_t, false>, U, U>},
      {ternary<Dp2a<int16_t, uint8_t, false>, U, U>, ternary<Dp2a<int16_t, int8_t, false>, U, U>}};
  static constexpr Run high[2][2] = {
      {ternary<Dp2a<uint16_t, uint8_t, true>, U, U>, ternary<Dp2a<uint16_t, int8_t, true>, U, U>},
      {ternary<Dp2a<int16_t, uint8_t, true>, U, U>, ternary<Dp2a<int16_t, int8_t, true>, U, U>}};
  decoder.out.run = isFour ? four[a][b] : isHigh ? high[a][b] : low[a][b];
}

} // namespace

bool decodeBits(Decoder &decoder) {
  Instruction &out = decoder.out;
  if (decoder.is("and")) {
    logic<And>(decoder);
  } else if (decoder.is("or")) {
    logic<Or>(decoder);
  } else if (decoder.is("xor")) {
    logic<Xor>(decoder);
  } else if (decoder.is("not") || decoder.is("cnot") || decoder.is("brev")) {
    Type type = decoder.takeType();
    operandsOf(decoder, type, 1);
    bool isWide = type == Type::b32 || type == Type::b64;
    out.run = decoder.is("cnot")   ? unaryFor<CNot>(type)
              : decoder.is("brev") ? (isWide ? (type == Type::b32 ? Run(unary<Brev, uint32_t, uint32_t>)
                                                                  : Run(unary<Brev, uint64_t, uint64_t>))
                                             : nullptr)
              : type == Type::pred ? notPredicate
                                   : unaryFor<Not>(type);
  } else if (decoder.is("shl")) {
    shift<Shl>(decoder);
  } else if (decoder.is("shr")) {
    shift<Shr>(decoder);
  } else if (decoder.is("shf")) {
    funnel(decoder);
  } else if (decoder.is("clz")) {
    count<Clz>(decoder);
  } else if (decoder.is("popc")) {
    count<Popc>(decoder);
  } else if (decoder.is("bfind")) {
    decoder.take("shiftamt") ? count<Bfind<true>>(decoder) : count<Bfind<false>>(decoder);
  } else if (decoder.is("bfe") || decoder.is("bfi")) {
    bitFields(decoder);
  } else if (decoder.is("dp4a") || decoder.is("dp2a")) {
    dotProduct(decoder);
  } else if (decoder.is("lop3")) {
    decoder.need("b32");
    decoder.expect(5);
    out.d = decoder.target(0, Type::b32);
    out.a = decoder.source(1, Type::b32), out.b = decoder.source(2, Type::b32), out.c = decoder.source(3, Type::b32);
    out.value = decoder.immediate(4);
    out.run = lop3;
  } else if (decoder.is("prmt")) {
    decoder.need("b32");
    operandsOf(decoder, Type::b32, 3);
    out.run = ternary<Prmt, uint32_t, uint32_t>;
  } else {
    return false;
  }
  return true;
}

} // namespace ptx
