//===- Move.cpp - mov, selp, setp, set -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Apply.h"
#include "Float.h"

namespace ptx {
namespace {

/// Moves keep what holds nothing as it is; whoever computes with it is at fault.
void moveState(Warp &warp, Slot to, uint32_t known) {
  warp.define(to);
  warp.undefine(to, warp.mask & ~known);
}

template <class T> void move(Warp &warp, const Instruction &i) {
  const T *from = warp.lanes<T>(i.a);
  T *to = warp.lanes<T>(i.d);
  for (unsigned lane = 0; lane < 32; ++lane)
    to[lane] = warp.mask >> lane & 1 ? from[lane] : to[lane];
  moveState(warp, i.d, warp.definedLanes(i.a));
}

void movePredicate(Warp &warp, const Instruction &i) {
  warp.setBits(i.d, warp.bits(i.a));
  moveState(warp, i.d, warp.definedLanes(i.a));
}

/// mov.b64 d, {a, b}
void pack(Warp &warp, const Instruction &i) {
  const Slot *parts = &warp.kernel->lists[i.first];
  uint32_t known = everyLane;
  unsigned offset = 0;
  for (unsigned part = 0; part < i.count; ++part) {
    for (uint32_t left = warp.mask; left; left &= left - 1) {
      unsigned lane = __builtin_ctz(left);
      memcpy(warp.lanes<uint8_t>(i.d) + lane * i.d.bytes + offset,
             warp.lanes<uint8_t>(parts[part]) + lane * parts[part].bytes, parts[part].bytes);
    }
    offset += parts[part].bytes;
    known &= warp.definedLanes(parts[part]);
  }
  moveState(warp, i.d, known);
}

/// mov.b64 {a, b}, d. The source may be one of the parts.
void unpack(Warp &warp, const Instruction &i) {
  uint8_t from[32 * 8];
  memcpy(from, warp.lanes<uint8_t>(i.a), 32 * i.a.bytes);
  const Slot *parts = &warp.kernel->lists[i.first];
  uint32_t known = warp.definedLanes(i.a);
  unsigned offset = 0;
  for (unsigned part = 0; part < i.count; ++part) {
    for (uint32_t left = warp.mask; left; left &= left - 1) {
      unsigned lane = __builtin_ctz(left);
      memcpy(warp.lanes<uint8_t>(parts[part]) + lane * parts[part].bytes, from + lane * i.a.bytes + offset,
             parts[part].bytes);
    }
    offset += parts[part].bytes;
    moveState(warp, parts[part], known);
  }
}

/// %clock and its like count instructions of the warp.
void readClock(Warp &warp, const Instruction &i) {
  for (uint32_t left = warp.mask; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    memcpy(warp.lanes<uint8_t>(i.d) + lane * i.d.bytes, &warp.executed, i.d.bytes);
  }
  warp.define(i.d);
}

void decodeVectorMove(Decoder &decoder, Type type) {
  Instruction &out = decoder.out;
  bool isPack = decoder.operands[1].kind == Operand::Kind::list;
  std::vector<Operand> parts = decoder.elements(isPack ? 1 : 0);
  std::vector<Slot> slots;
  out.count = parts.size();
  Type part = bytesOf(type) == 2 * parts.size()   ? Type::b16
              : bytesOf(type) == 4 * parts.size() ? Type::b32
                                                  : Type::none;
  if (part == Type::none || parts.size() < 2)
    decoder.refuse("parts that do not make up the whole");
  for (const Operand &operand : parts)
    slots.push_back(isPack ? decoder.source(operand, part) : decoder.target(operand, part));
  out.first = decoder.list(slots);
  if (isPack)
    out.d = decoder.target(0, type);
  else
    out.a = decoder.source(1, type);
  out.run = isPack ? pack : unpack;
}

void decodeMov(Decoder &decoder) {
  Instruction &out = decoder.out;
  Type type = decoder.takeType();
  decoder.expect(2);
  if (decoder.operands[0].kind == Operand::Kind::list || decoder.operands[1].kind == Operand::Kind::list)
    return decodeVectorMove(decoder, type);
  out.d = decoder.target(0, type);
  const std::string &name = decoder.operands[1].name;
  if (name == "%clock" || name == "%clock64" || name == "%globaltimer" || name == "%clock_hi") {
    out.run = out.d.bytes ? readClock : nullptr;
    return;
  }
  out.a = decoder.source(1, type);
  static constexpr Run runs[] = {movePredicate, nullptr, move<uint16_t>, nullptr,       move<uint32_t>,
                                 nullptr,       nullptr, nullptr,        move<uint64_t>};
  out.run = runs[bytesOf(type)];
}

template <class T> void select(Warp &warp, const Instruction &i) {
  warp.require(i.c);
  uint32_t choice = warp.bits(i.c);
  // Only the chosen side is read.
  uint32_t missing = warp.mask & ((choice & ~warp.definedLanes(i.a)) | (~choice & ~warp.definedLanes(i.b)));
  const T *a = warp.lanes<T>(i.a), *b = warp.lanes<T>(i.b);
  T result[32];
  for (unsigned lane = 0; lane < 32; ++lane)
    result[lane] = choice >> lane & 1 ? a[lane] : b[lane];
  blend(warp, i.d, result);
  moveState(warp, i.d, ~missing);
}

void decodeSelp(Decoder &decoder) {
  Instruction &out = decoder.out;
  Type type = decoder.takeType();
  decoder.expect(4);
  out.d = decoder.target(0, type);
  out.a = decoder.source(1, type), out.b = decoder.source(2, type), out.c = decoder.source(3, Type::pred);
  out.run = bytesOf(type) == 2   ? select<uint16_t>
            : bytesOf(type) == 4 ? select<uint32_t>
            : bytesOf(type) == 8 ? select<uint64_t>
                                 : nullptr;
}

enum Compare { eq, ne, lt, le, gt, ge, equ, neu, ltu, leu, gtu, geu, num, nan };

template <int compare> struct Compared {
  template <class T> bool operator()(T a, T b) const {
    bool isNan = a != a || b != b;
    switch (compare) {
    case eq:
      return a == b;
    case ne:
      return !isNan && a != b;
    case lt:
      return a < b;
    case le:
      return a <= b;
    case gt:
      return a > b;
    case ge:
      return a >= b;
    case equ:
      return isNan || a == b;
    case neu:
      return a != b;
    case ltu:
      return !(a >= b);
    case leu:
      return !(a > b);
    case gtu:
      return !(a <= b);
    case geu:
      return !(a < b);
    case num:
      return !isNan;
    default:
      return isNan;
    }
  }
};

/// What becomes of the comparison's bits: a predicate and its opposite, or ones in a register.
void deliver(Warp &warp, const Instruction &i, uint32_t bits) {
  uint32_t opposite = ~bits;
  enum { none, both, either, differ };
  if (int way = i.value & 3; way != none) {
    warp.require(i.c);
    uint32_t other = i.value & 4 ? ~warp.bits(i.c) : warp.bits(i.c);
    auto combine = [&](uint32_t one) { return way == both ? one & other : way == either ? one | other : one ^ other; };
    bits = combine(bits), opposite = combine(opposite);
  }
  if (i.d.bytes == 0) {
    warp.setBits(i.d, bits);
    if (i.value & 8)
      warp.setBits(i.e, opposite);
    return;
  }
  uint32_t result[32];
  for (unsigned lane = 0; lane < 32; ++lane)
    result[lane] = bits >> lane & 1 ? (i.type == Type::f32 ? 0x3F800000 : ~0u) : 0;
  blend(warp, i.d, result);
}

template <int compare, class T, bool isFlush = false> void comparison(Warp &warp, const Instruction &i) {
  warp.require(i.a), warp.require(i.b);
  const T *a = warp.lanes<T>(i.a), *b = warp.lanes<T>(i.b);
  uint32_t bits = 0;
  for (unsigned lane = 0; lane < 32; ++lane) {
    bool isTrue;
    if constexpr (isFlush)
      isTrue = Compared<compare>()(flushed(a[lane]), flushed(b[lane]));
    else
      isTrue = Compared<compare>()(a[lane], b[lane]);
    bits |= uint32_t(isTrue) << lane;
  }
  deliver(warp, i, bits);
}

template <int compare, bool isBrain> void halfComparison(Warp &warp, const Instruction &i) {
  warp.require(i.a), warp.require(i.b);
  Format format = isBrain ? brainFormat : halfFormat;
  uint32_t bits = 0;
  for (unsigned lane = 0; lane < 32; ++lane)
    bits |= uint32_t(Compared<compare>()(valueOf(warp.lanes<uint16_t>(i.a)[lane], format),
                                         valueOf(warp.lanes<uint16_t>(i.b)[lane], format)))
            << lane;
  deliver(warp, i, bits);
}

template <int compare> Run comparisonOf(Decoder &decoder, Type type) {
  switch (type) {
  case Type::f32:
    return decoder.take("ftz") ? comparison<compare, float, true> : comparison<compare, float>;
  case Type::f64:
    return comparison<compare, double>;
  case Type::f16:
    return halfComparison<compare, false>;
  case Type::bf16:
    return halfComparison<compare, true>;
  default:
    if (compare > ge)
      return nullptr;
    return forInteger(type, [](auto tag) -> Run { return comparison<compare, typename decltype(tag)::Lane>; });
  }
}

Run comparisonNamed(Decoder &decoder, int compare, Type type) {
  static constexpr Run (*table[])(Decoder &, Type) = {
      comparisonOf<eq>,  comparisonOf<ne>,  comparisonOf<lt>,  comparisonOf<le>,  comparisonOf<gt>,
      comparisonOf<ge>,  comparisonOf<equ>, comparisonOf<neu>, comparisonOf<ltu>, comparisonOf<leu>,
      comparisonOf<gtu>, comparisonOf<geu>, comparisonOf<num>, comparisonOf<nan>};
  return table[compare](decoder, type);
}

void decodeCompare(Decoder &decoder, bool isSet) {
  Instruction &out = decoder.out;
  int compare =
      decoder.takeOne({"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"});
  if (compare < 0) // unsigned spellings
    if (int other = decoder.takeOne({"lo", "ls", "hi", "hs"}); other >= 0)
      compare = lt + other;
  if (compare < 0)
    decoder.refuse("needs a comparison");
  int way = decoder.takeOne({"and", "or", "xor"});
  if (isSet) {
    out.type = decoder.takeType();
    if (out.type != Type::u32 && out.type != Type::s32 && out.type != Type::f32)
      decoder.refuse("unknown form");
  }
  Type type = decoder.takeType();
  decoder.expect(way >= 0 ? 4 : 3);
  const Operand &result = decoder.operands[0];
  out.value = way + 1;
  if (result.isPair && !isSet) {
    out.d = decoder.target(result.parts[0], Type::pred), out.e = decoder.target(result.parts[1], Type::pred);
    out.value |= 8;
  } else {
    out.d = decoder.target(result, isSet ? out.type : Type::pred);
  }
  out.a = decoder.source(1, type), out.b = decoder.source(2, type);
  if (way >= 0) {
    out.value |= decoder.takeNegation(3) ? 4 : 0;
    out.c = decoder.source(3, Type::pred);
  }
  out.run = comparisonNamed(decoder, compare, type);
}

} // namespace

bool decodeMove(Decoder &decoder) {
  if (decoder.is("mov"))
    decodeMov(decoder);
  else if (decoder.is("selp"))
    decodeSelp(decoder);
  else if (decoder.is("setp"))
    decodeCompare(decoder, false);
  else if (decoder.is("set"))
    decodeCompare(decoder, true);
  else
    return false;
  return true;
}

} // namespace ptx
