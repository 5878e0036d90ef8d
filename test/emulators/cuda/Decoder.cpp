//===- Decoder.cpp - One statement becomes an instruction ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Decoder.h"
#include <algorithm>
#include <cstring>
#include <utility>

namespace ptx {
namespace {

struct TypeRow {
  const char *name;
  Type type;
  unsigned bytes;
};
constexpr TypeRow types[] = {
    {"b8", Type::b8, 1},   {"b16", Type::b16, 2},     {"b32", Type::b32, 4},   {"b64", Type::b64, 8},
    {"u8", Type::u8, 1},   {"u16", Type::u16, 2},     {"u32", Type::u32, 4},   {"u64", Type::u64, 8},
    {"s8", Type::s8, 1},   {"s16", Type::s16, 2},     {"s32", Type::s32, 4},   {"s64", Type::s64, 8},
    {"f16", Type::f16, 2}, {"f16x2", Type::f16x2, 4}, {"bf16", Type::bf16, 2}, {"bf16x2", Type::bf16x2, 4},
    {"f32", Type::f32, 4}, {"f64", Type::f64, 8},     {"pred", Type::pred, 0}};

std::string joined(const std::vector<std::string> &words) {
  std::string all;
  for (const std::string &word : words)
    all += "." + word;
  return all;
}

} // namespace

unsigned bytesOf(Type type) {
  for (const TypeRow &row : types)
    if (row.type == type)
      return row.bytes;
  return 0;
}

bool isSigned(Type type) { return type >= Type::s8 && type <= Type::s64; }
bool isFloat(Type type) { return type >= Type::f16 && type <= Type::f64; }

Type typeNamed(const std::string &name) {
  for (const TypeRow &row : types)
    if (name == row.name)
      return row.type;
  return Type::none;
}

bool Decoder::take(const std::string &word) {
  auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end())
    return false;
  words.erase(found);
  return true;
}

void Decoder::need(const std::string &word) {
  if (!take(word))
    refuse("needs ." + word);
}

Type Decoder::takeType() {
  for (size_t i = 0; i < words.size(); ++i)
    if (Type found = typeNamed(words[i]); found != Type::none) {
      words.erase(words.begin() + i);
      return found;
    }
  refuse("names no type");
}

bool Decoder::takeNegation(size_t index) { return std::exchange(operands.at(index).isNegated, false); }

int Decoder::takeOne(std::initializer_list<const char *> choices) {
  int place = 0;
  for (const char *choice : choices) {
    if (take(choice))
      return place;
    ++place;
  }
  return -1;
}

std::string Decoder::rest() const { return joined(words); }

void Decoder::expect(size_t least, size_t most) {
  if (count() < least || count() > most)
    refuse("has " + std::to_string(count()) + " operands, not " + std::to_string(least) +
           (most > least ? " to " + std::to_string(most) : ""));
}

Slot Decoder::target(const Operand &operand, Type type, bool wider) {
  if (operand.kind == Operand::Kind::sink)
    return place(kernel, bytesOf(type), 0);
  if (operand.kind != Operand::Kind::reg)
    refuse("a result that is no register");
  if (operand.reg.bytes != bytesOf(type) && !(wider && operand.reg.bytes > bytesOf(type) && bytesOf(type)))
    refuse("a register of " + std::to_string(operand.reg.bytes * 8) + " bits");
  return operand.reg;
}

Slot Decoder::source(const Operand &operand, Type type, bool wider) {
  if (operand.isNegated)
    refuse("an operand that cannot be negated");
  switch (operand.kind) {
  case Operand::Kind::reg:
    return target(operand, type, wider);
  case Operand::Kind::special: {
    Slot slot = specialRegister(operand.name);
    if (slot.bytes != bytesOf(type))
      refuse(operand.name + " has " + std::to_string(slot.bytes * 8) + " bits");
    return slot;
  }
  case Operand::Kind::integer:
    if (type == Type::f32 || type == Type::f64)
      refuse("an integer where a float is meant");
    return constant(type == Type::pred ? 0 - uint64_t(operand.bits != 0) : operand.bits, bytesOf(type));
  case Operand::Kind::real: {
    uint64_t bits = operand.bits;
    if (operand.bytes == 8 && bytesOf(type) == 4) {
      double value;
      memcpy(&value, &bits, 8);
      float rounded = float(value);
      bits = 0;
      memcpy(&bits, &rounded, 4);
    } else if (operand.bytes != bytesOf(type)) {
      refuse("a float of " + std::to_string(operand.bytes * 8) + " bits");
    }
    return constant(bits, bytesOf(type));
  }
  case Operand::Kind::name:
    return source(symbol(operand.name), type, wider);
  default:
    refuse("an operand that is no value");
  }
}

Slot Decoder::address(size_t index) {
  const Operand &operand = operands.at(index);
  if (!operand.isAddress)
    refuse("operand " + std::to_string(index + 1) + " is no address");
  out.value = operand.offset;
  if (operand.kind == Operand::Kind::reg && operand.reg.bytes == 4)
    return operand.reg;
  return source(operand, Type::b64);
}

std::vector<Operand> Decoder::elements(size_t index) const {
  const Operand &operand = operands.at(index);
  if (operand.kind == Operand::Kind::list && !operand.isPair)
    return operand.parts;
  return {operand};
}

uint32_t Decoder::list(const std::vector<Slot> &slots) {
  uint32_t first = kernel.lists.size();
  kernel.lists.insert(kernel.lists.end(), slots.begin(), slots.end());
  return first;
}

Slot place(Kernel &kernel, unsigned bytes, uint16_t id) {
  Slot slot;
  slot.at = kernel.image.size();
  slot.id = id;
  slot.bytes = bytes;
  kernel.image.resize(kernel.image.size() + (bytes ? 32 * bytes : 32), 0xC5);
  return slot;
}

Slot Decoder::constant(uint64_t bits, unsigned bytes) {
  Slot slot = place(kernel, bytes, 0);
  uint8_t *lanes = kernel.image.data() + slot.at;
  if (!bytes)
    memcpy(lanes, &bits, 4);
  for (unsigned lane = 0; bytes && lane < 32; ++lane)
    memcpy(lanes + lane * bytes, &bits, bytes);
  return slot;
}

int64_t Decoder::immediate(size_t index) {
  if (operands.at(index).kind != Operand::Kind::integer)
    refuse("operand " + std::to_string(index + 1) + " must be a number");
  return operands[index].bits;
}

/// Registers that hold one value while a warp lives.
Slot Decoder::specialRegister(const std::string &name) {
  for (const auto &[known, slot] : kernel.specials)
    if (known == name)
      return slot;
  static const char *const wide[] = {"%gridid"};
  static const char *const names[] = {"%tid.x",
                                      "%tid.y",
                                      "%tid.z",
                                      "%ntid.x",
                                      "%ntid.y",
                                      "%ntid.z",
                                      "%ctaid.x",
                                      "%ctaid.y",
                                      "%ctaid.z",
                                      "%nctaid.x",
                                      "%nctaid.y",
                                      "%nctaid.z",
                                      "%laneid",
                                      "%warpid",
                                      "%nwarpid",
                                      "%smid",
                                      "%nsmid",
                                      "%lanemask_eq",
                                      "%lanemask_le",
                                      "%lanemask_lt",
                                      "%lanemask_ge",
                                      "%lanemask_gt",
                                      "%dynamic_smem_size",
                                      "%total_smem_size"};
  unsigned bytes = 0;
  for (const char *one : names)
    bytes = name == one ? 4 : bytes;
  for (const char *one : wide)
    bytes = name == one ? 8 : bytes;
  if (!bytes)
    refuse("unknown special register " + name);
  kernel.specials.emplace_back(name, place(kernel, bytes, 0));
  return kernel.specials.back().second;
}

void Decoder::finish() {
  if (!words.empty())
    refuse("unknown modifier " + rest());
  if (!out.run)
    refuse("unknown form");
}

void decode(Decoder &decoder) {
  static constexpr bool (*families[])(Decoder &) = {decodeInteger, decodeBits,   decodeReal,   decodeHalf,
                                                    decodeConvert, decodeMove,   decodeLanes,  decodeControl,
                                                    decodeAccess,  decodeAtomic, decodeMatrix, decodeAsyncCopy};
  for (auto family : families)
    if (family(decoder))
      return decoder.finish();
  decoder.refuse("unknown instruction");
}

} // namespace ptx
