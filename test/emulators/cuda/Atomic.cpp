//===- Atomic.cpp - atom and red -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Access.h"
#include "Apply.h"
#include "Float.h"
#include <algorithm>

namespace ptx {
namespace {

struct Add {
  template <class T> T operator()(T old, T a, T) const {
    if constexpr (std::is_integral_v<T>)
      return T(std::make_unsigned_t<T>(old) + std::make_unsigned_t<T>(a));
    else
      return canonical(old + a);
  }
};
struct Least {
  template <class T> T operator()(T old, T a, T) const { return std::min(old, a); }
};
struct Most {
  template <class T> T operator()(T old, T a, T) const { return std::max(old, a); }
};
struct And {
  template <class T> T operator()(T old, T a, T) const { return old & a; }
};
struct Or {
  template <class T> T operator()(T old, T a, T) const { return old | a; }
};
struct Xor {
  template <class T> T operator()(T old, T a, T) const { return old ^ a; }
};
struct Exchange {
  template <class T> T operator()(T, T a, T) const { return a; }
};
struct CompareAndSwap {
  template <class T> T operator()(T old, T a, T b) const { return old == a ? b : old; }
};
struct Increment {
  template <class T> T operator()(T old, T a, T) const { return old >= a ? 0 : old + 1; }
};
struct Decrement {
  template <class T> T operator()(T old, T a, T) const { return old == 0 || old > a ? a : old - 1; }
};
/// Two f16 (bf16) at once, each atomic by itself.
template <bool isBrain> struct AddPair {
  uint32_t operator()(uint32_t old, uint32_t a, uint32_t) const {
    Format format = isBrain ? brainFormat : halfFormat;
    auto sum = [&](uint32_t x, uint32_t y) {
      return roundTo(oddFma(valueOf(x & 0xFFFF, format), valueOf(y & 0xFFFF, format)), format);
    };
    return sum(old, a) | sum(old >> 16, a >> 16) << 16;
  }
};

uint8_t *placeOf(Warp &warp, const Instruction &i, Space space, unsigned lane, uint64_t at, uint32_t bytes) {
  if (space == Space::shared)
    return warp.cta->atomicShared(warp, lane, at, bytes);
  if (space == Space::local)
    warp.fault(Fault::illegalAddress, lane, "an atomic on local memory");
  if (!i.onlyCta) {
    warp.cta->grid.publish(warp, at, warp.mask, i.release, /*isUpdate=*/true);
    warp.cta->grid.learn(warp, at, i.acquire);
  }
  return warp.cta->grid.atomicGlobal(warp, lane, at, bytes);
}

template <class F, class T> void update(Warp &warp, const Instruction &i) {
  uint64_t at[32];
  addressesOf(warp, i, i.a, at);
  Space space = spaceOf(warp, i.space, at);
  warp.require(i.b), warp.require(i.c);
  T result[32] = {};
  // In an order that nobody may rely on.
  unsigned first = warp.cta->grid.random.below(32);
  for (unsigned step = 0; step < 32; ++step) {
    unsigned lane = (first + step) % 32;
    if (!(warp.mask >> lane & 1))
      continue;
    uint8_t *place = placeOf(warp, i, space, lane, at[lane], sizeof(T));
    memcpy(&result[lane], place, sizeof(T));
    T value = F()(result[lane], warp.lanes<T>(i.b)[lane], warp.lanes<T>(i.c)[lane]);
    memcpy(place, &value, sizeof(T));
  }
  if (i.count)
    blend(warp, i.d, result);
}

Run bitwise(int which, Type type) {
  static constexpr Run narrow[] = {update<And, uint32_t>, update<Or, uint32_t>, update<Xor, uint32_t>,
                                   update<Exchange, uint32_t>, update<CompareAndSwap, uint32_t>};
  static constexpr Run wide[] = {update<And, uint64_t>, update<Or, uint64_t>, update<Xor, uint64_t>,
                                 update<Exchange, uint64_t>, update<CompareAndSwap, uint64_t>};
  return type == Type::b32 ? narrow[which] : type == Type::b64 ? wide[which] : nullptr;
}

template <class F> Run ordered(Type type) {
  return forInteger(type, [&](auto tag) -> Run {
    using T = typename decltype(tag)::Lane;
    return sizeof(T) == 2 || type == Type::b32 || type == Type::b64 ? nullptr : Run(update<F, T>);
  });
}

Run sum(Decoder &decoder, Type type) {
  switch (type) {
  case Type::f32:
    return update<Add, float>;
  case Type::f64:
    return update<Add, double>;
  case Type::f16x2:
    decoder.need("noftz");
    return update<AddPair<false>, uint32_t>;
  case Type::bf16x2:
    decoder.need("noftz");
    return update<AddPair<true>, uint32_t>;
  default:
    return ordered<Add>(type);
  }
}

Run chooseUpdate(Decoder &decoder, Type type, bool &isSwap) {
  if (int which = decoder.takeOne({"and", "or", "xor", "exch", "cas"}); which >= 0) {
    isSwap = which == 4;
    return bitwise(which, type);
  }
  switch (decoder.takeOne({"add", "min", "max", "inc", "dec"})) {
  case 0:
    return sum(decoder, type);
  case 1:
    return ordered<Least>(type);
  case 2:
    return ordered<Most>(type);
  case 3:
    return type == Type::u32 ? update<Increment, uint32_t> : nullptr;
  case 4:
    return type == Type::u32 ? update<Decrement, uint32_t> : nullptr;
  default:
    return nullptr;
  }
}

} // namespace

bool decodeAtomic(Decoder &decoder) {
  bool isAtom = decoder.is("atom");
  if (!isAtom && !decoder.is("red"))
    return false;
  Instruction &out = decoder.out;
  int order = decoder.takeOne({"relaxed", "acquire", "release", "acq_rel"});
  out.acquire = order == 1 || order == 3, out.release = order == 2 || order == 3;
  out.onlyCta = decoder.takeOne({"cta", "gpu", "sys"}) == 0;
  takeSpace(decoder, /*withParam=*/false);
  Type type = decoder.takeType();
  bool isSwap = false;
  out.run = chooseUpdate(decoder, type, isSwap);
  size_t first = isAtom ? 1 : 0;
  decoder.expect(first + (isSwap ? 3 : 2));
  out.count = isAtom;
  if (isAtom)
    out.d = decoder.target(0, type);
  out.a = decoder.address(first);
  out.b = decoder.source(first + 1, type);
  out.c = isSwap ? decoder.source(first + 2, type) : out.b;
  return true;
}

} // namespace ptx
