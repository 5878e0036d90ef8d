//===- Apply.h - One function for 32 lanes -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Instructions that compute each lane by itself are a struct with operator(), applied here to the lanes that execute; and
// the choice of the function for a type, made once, when text is decoded.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_APPLY_H
#define PHIC_TEST_EMULATORS_CUDA_APPLY_H

#include "Decoder.h"
#include "Warp.h"

namespace ptx {

/// Stores the lanes that execute.
template <class T> inline void blend(Warp &warp, Slot slot, const T (&result)[32]) {
  T *to = warp.lanes<T>(slot);
  if (warp.mask == everyLane) {
    memcpy(to, result, sizeof result);
  } else {
    for (unsigned lane = 0; lane < 32; ++lane)
      to[lane] = warp.mask >> lane & 1 ? result[lane] : to[lane];
  }
  warp.define(slot);
}

/// d = F(a), of D and A lanes.
template <class F, class D, class A> void unary(Warp &warp, const Instruction &i) {
  warp.require(i.a);
  const A *a = warp.lanes<A>(i.a);
  D result[32];
  for (unsigned lane = 0; lane < 32; ++lane)
    result[lane] = F()(a[lane]);
  blend(warp, i.d, result);
}

template <class F, class D, class A, class B = A> void binary(Warp &warp, const Instruction &i) {
  warp.require(i.a), warp.require(i.b);
  const A *a = warp.lanes<A>(i.a);
  const B *b = warp.lanes<B>(i.b);
  D result[32];
  for (unsigned lane = 0; lane < 32; ++lane)
    result[lane] = F()(a[lane], b[lane]);
  blend(warp, i.d, result);
}

template <class F, class D, class A, class B = A, class C = A> void ternary(Warp &warp, const Instruction &i) {
  warp.require(i.a), warp.require(i.b), warp.require(i.c);
  const A *a = warp.lanes<A>(i.a);
  const B *b = warp.lanes<B>(i.b);
  const C *c = warp.lanes<C>(i.c);
  D result[32];
  for (unsigned lane = 0; lane < 32; ++lane)
    result[lane] = F()(a[lane], b[lane], c[lane]);
  blend(warp, i.d, result);
}

/// What a type's lanes are in C++: u for bits and unsigned, s for signed.
template <class T> struct Tag {
  using Lane = T;
};

/// Calls choose(Tag<T>()) with the lane of an integer type of 16 to 64 bits, and returns what it returns; null for other types.
template <class Choose> Run forInteger(Type type, Choose &&choose) {
  switch (type) {
  case Type::b16:
  case Type::u16:
    return choose(Tag<uint16_t>());
  case Type::b32:
  case Type::u32:
    return choose(Tag<uint32_t>());
  case Type::b64:
  case Type::u64:
    return choose(Tag<uint64_t>());
  case Type::s16:
    return choose(Tag<int16_t>());
  case Type::s32:
    return choose(Tag<int32_t>());
  case Type::s64:
    return choose(Tag<int64_t>());
  default:
    return nullptr;
  }
}

template <class F> Run unaryFor(Type type) {
  return forInteger(
      type, [](auto tag) -> Run { return unary<F, typename decltype(tag)::Lane, typename decltype(tag)::Lane>; });
}
template <class F> Run binaryFor(Type type) {
  return forInteger(
      type, [](auto tag) -> Run { return binary<F, typename decltype(tag)::Lane, typename decltype(tag)::Lane>; });
}
template <class F> Run ternaryFor(Type type) {
  return forInteger(
      type, [](auto tag) -> Run { return ternary<F, typename decltype(tag)::Lane, typename decltype(tag)::Lane>; });
}

/// d, and the `sources` operands behind it, all of one type.
inline void operandsOf(Decoder &decoder, Type type, unsigned sources) {
  decoder.expect(sources + 1);
  decoder.out.d = decoder.target(0, type);
  Slot *slots[] = {&decoder.out.a, &decoder.out.b, &decoder.out.c};
  for (unsigned i = 0; i < sources; ++i)
    *slots[i] = decoder.source(i + 1, type);
}

} // namespace ptx

#endif
