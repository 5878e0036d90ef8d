//===- Lanes.cpp - What lanes of a warp tell each other ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Apply.h"
#include <algorithm>

namespace ptx {
namespace {

/// Waits for the lanes that the mask in `slot` names. False: they are not all here yet.
bool gatherNamed(Warp &warp, Slot slot) {
  warp.require(slot);
  const uint32_t *members = warp.lanes<uint32_t>(slot);
  uint32_t first = members[__builtin_ctz(warp.mask)];
  for (uint32_t left = warp.mask; left; left &= left - 1)
    if (unsigned lane = __builtin_ctz(left); members[lane] != first)
      warp.fault(Fault::launchFailed, lane, "lanes name different masks");
  // Lanes that a CTA does not have may be named: -1 is every one that there is.
  return warp.gather(first & warp.started);
}

enum Vote { all, any, uni, ballot };

void vote(Warp &warp, const Instruction &i) {
  if (!gatherNamed(warp, i.b))
    return;
  warp.require(i.a);
  uint32_t bits = (i.count ? ~warp.bits(i.a) : warp.bits(i.a)) & warp.mask;
  if (i.value == ballot) {
    uint32_t result[32];
    std::fill_n(result, 32, bits);
    return blend(warp, i.d, result);
  }
  bool isTrue = i.value == all ? bits == warp.mask : i.value == any ? bits != 0 : bits == warp.mask || !bits;
  warp.setBits(i.d, isTrue ? everyLane : 0);
}

void decodeVote(Decoder &decoder) {
  Instruction &out = decoder.out;
  decoder.need("sync");
  out.value = decoder.takeOne({"all", "any", "uni", "ballot"});
  decoder.expect(3);
  decoder.need(out.value == ballot ? "b32" : "pred");
  out.d = decoder.target(0, out.value == ballot ? Type::b32 : Type::pred);
  out.count = decoder.takeNegation(1);
  out.a = decoder.source(1, Type::pred), out.b = decoder.source(2, Type::b32);
  out.run = out.value < 0 ? nullptr : vote;
}

enum Shuffle { up, down, butterfly, index };

void shuffle(Warp &warp, const Instruction &i) {
  const Slot *more = &warp.kernel->lists[i.first]; // the clamp and the mask
  if (!gatherNamed(warp, more[1]))
    return;
  warp.require(i.a), warp.require(i.b), warp.require(more[0]);
  const uint32_t *a = warp.lanes<uint32_t>(i.a), *b = warp.lanes<uint32_t>(i.b), *c = warp.lanes<uint32_t>(more[0]);
  uint32_t result[32] = {}, inside = 0;
  for (uint32_t left = warp.mask; left; left &= left - 1) {
    int lane = __builtin_ctz(left), by = b[lane] & 31, clamp = c[lane] & 31, segment = c[lane] >> 8 & 31;
    int last = (lane & segment) | (clamp & ~segment), from;
    bool isInside;
    if (i.value == up) {
      from = lane - by;
      isInside = from >= last;
    } else {
      from = i.value == down ? lane + by : i.value == butterfly ? lane ^ by : (lane & segment) | (by & ~segment);
      isInside = from <= last;
    }
    from = isInside ? from : lane;
    if (!(warp.mask >> from & 1))
      warp.fault(Fault::launchFailed, lane, "reads lane " + std::to_string(from) + ", which does not take part");
    result[lane] = a[from];
    inside |= uint32_t(isInside) << lane;
  }
  blend(warp, i.d, result);
  if (i.count == 2)
    warp.setBits(i.e, inside);
}

/// d or d|p.
void decodePair(Decoder &decoder, Type type) {
  const Operand &result = decoder.operands[0];
  decoder.out.count = result.isPair ? 2 : 1;
  decoder.out.d = decoder.target(result.isPair ? result.parts[0] : result, type);
  if (result.isPair)
    decoder.out.e = decoder.target(result.parts[1], Type::pred);
}

void decodeShuffle(Decoder &decoder) {
  Instruction &out = decoder.out;
  decoder.need("sync");
  decoder.need("b32");
  out.value = decoder.takeOne({"up", "down", "bfly", "idx"});
  decoder.expect(5);
  decodePair(decoder, Type::b32);
  out.a = decoder.source(1, Type::b32), out.b = decoder.source(2, Type::b32);
  out.first = decoder.list({decoder.source(3, Type::b32), decoder.source(4, Type::b32)});
  out.run = out.value < 0 ? nullptr : shuffle;
}

struct Sum {
  uint32_t operator()(uint32_t a, uint32_t b) const { return a + b; }
};
template <class T> struct Least {
  uint32_t operator()(uint32_t a, uint32_t b) const { return std::min(T(a), T(b)); }
};
template <class T> struct Most {
  uint32_t operator()(uint32_t a, uint32_t b) const { return std::max(T(a), T(b)); }
};
struct And {
  uint32_t operator()(uint32_t a, uint32_t b) const { return a & b; }
};
struct Or {
  uint32_t operator()(uint32_t a, uint32_t b) const { return a | b; }
};
struct Xor {
  uint32_t operator()(uint32_t a, uint32_t b) const { return a ^ b; }
};

template <class F> void reduce(Warp &warp, const Instruction &i) {
  if (!gatherNamed(warp, i.b))
    return;
  warp.require(i.a);
  const uint32_t *a = warp.lanes<uint32_t>(i.a);
  uint32_t left = warp.mask, value = a[__builtin_ctz(left)];
  for (left &= left - 1; left; left &= left - 1)
    value = F()(value, a[__builtin_ctz(left)]);
  uint32_t result[32];
  std::fill_n(result, 32, value);
  blend(warp, i.d, result);
}

void decodeReduce(Decoder &decoder) {
  decoder.need("sync");
  Type type = decoder.takeType();
  operandsOf(decoder, Type::b32, 2);
  bool isSigned = type == Type::s32;
  Run numbers[] = {reduce<Sum>, isSigned ? reduce<Least<int32_t>> : reduce<Least<uint32_t>>,
                   isSigned ? reduce<Most<int32_t>> : reduce<Most<uint32_t>>};
  static constexpr Run bits[] = {reduce<And>, reduce<Or>, reduce<Xor>};
  int number = decoder.takeOne({"add", "min", "max"}), bit = decoder.takeOne({"and", "or", "xor"});
  if (number >= 0 && (isSigned || type == Type::u32))
    decoder.out.run = numbers[number];
  else if (bit >= 0 && type == Type::b32)
    decoder.out.run = bits[bit];
}

void activeMask(Warp &warp, const Instruction &i) {
  uint32_t result[32];
  std::fill_n(result, 32, warp.mask);
  blend(warp, i.d, result);
}

/// The lowest lane is elected; any would do.
void elect(Warp &warp, const Instruction &i) {
  if (!gatherNamed(warp, i.a))
    return;
  uint32_t leader = __builtin_ctz(warp.mask), result[32];
  std::fill_n(result, 32, leader);
  blend(warp, i.d, result);
  warp.setBits(i.e, 1u << leader);
}

/// The lanes that have this lane's value; with .all every lane, if all have it.
template <class T> void match(Warp &warp, const Instruction &i) {
  if (!gatherNamed(warp, i.b))
    return;
  warp.require(i.a);
  const T *a = warp.lanes<T>(i.a);
  uint32_t result[32] = {}, same = everyLane;
  for (uint32_t left = warp.mask; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    for (uint32_t others = warp.mask; others; others &= others - 1)
      if (unsigned other = __builtin_ctz(others); a[other] == a[lane])
        result[lane] |= 1u << other;
    same &= result[lane] == warp.mask ? everyLane : 0;
  }
  if (i.value)
    std::fill_n(result, 32, same & warp.mask);
  blend(warp, i.d, result);
  if (i.count == 2)
    warp.setBits(i.e, same);
}

void decodeMatch(Decoder &decoder) {
  Instruction &out = decoder.out;
  decoder.need("sync");
  out.value = decoder.take("all");
  if (!out.value)
    decoder.need("any");
  Type type = decoder.takeType();
  decoder.expect(3);
  decodePair(decoder, Type::b32);
  out.a = decoder.source(1, type), out.b = decoder.source(2, Type::b32);
  out.run = type == Type::b32 ? match<uint32_t> : type == Type::b64 ? match<uint64_t> : nullptr;
}

} // namespace

bool decodeLanes(Decoder &decoder) {
  Instruction &out = decoder.out;
  if (decoder.is("vote")) {
    decodeVote(decoder);
  } else if (decoder.is("shfl")) {
    decodeShuffle(decoder);
  } else if (decoder.is("redux")) {
    decodeReduce(decoder);
  } else if (decoder.is("match")) {
    decodeMatch(decoder);
  } else if (decoder.is("activemask")) {
    decoder.need("b32");
    decoder.expect(1);
    out.d = decoder.target(0, Type::b32);
    out.run = activeMask;
  } else if (decoder.is("elect")) {
    decoder.need("sync");
    decoder.expect(2);
    decodePair(decoder, Type::b32);
    out.a = decoder.source(1, Type::b32);
    out.run = out.count == 2 ? elect : nullptr;
  } else {
    return false;
  }
  return true;
}

} // namespace ptx
