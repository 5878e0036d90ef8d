//===- Access.cpp - Loads and stores -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Access.h"
#include "Apply.h"
#include <algorithm>

namespace ptx {

void addressesOf(Warp &warp, const Instruction &i, Slot base, uint64_t (&at)[32]) {
  warp.require(base);
  if (base.bytes == 4) {
    const uint32_t *from = warp.lanes<uint32_t>(base);
    for (unsigned lane = 0; lane < 32; ++lane)
      at[lane] = uint32_t(from[lane] + i.value);
  } else {
    const uint64_t *from = warp.lanes<uint64_t>(base);
    for (unsigned lane = 0; lane < 32; ++lane)
      at[lane] = from[lane] + i.value;
  }
}

Space spaceOf(Warp &warp, Space space, uint64_t (&at)[32]) {
  if (space != Space::generic)
    return space;
  auto window = [](uint64_t address) {
    return address - sharedWindow < windowBytes  ? Space::shared
           : address - localWindow < windowBytes ? Space::local
                                                 : Space::global;
  };
  Space found = window(at[__builtin_ctz(warp.mask)]);
  for (uint32_t left = warp.mask; left; left &= left - 1)
    if (unsigned lane = __builtin_ctz(left); window(at[lane]) != found)
      warp.fault(Fault::illegalAddress, lane,
                 "lanes access different spaces at once, which the emulator does not know");
  if (found != Space::global)
    for (uint64_t &one : at)
      one -= found == Space::shared ? sharedWindow : localWindow;
  return found;
}

namespace {

uint8_t *localPlace(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes, bool isStore) {
  uint32_t size = warp.kernel->localBytes;
  auto text = [&] { return std::to_string(bytes) + " bytes at " + std::to_string(at) + " in local memory"; };
  if (at + bytes > size || at + bytes < at)
    warp.fault(Fault::illegalAddress, lane, text() + ", which has " + std::to_string(size));
  if (at % bytes)
    warp.fault(Fault::misaligned, lane, text() + ", not aligned");
  size_t place = lane * size_t(size) + at;
  for (size_t byte = place; byte < place + bytes; ++byte) {
    if (!warp.localState[byte])
      warp.fault(Fault::illegalAddress, lane, text() + ", outside of any variable");
    if (isStore)
      warp.localState[byte] = 2;
    else if (warp.localState[byte] == 1)
      warp.fault(Fault::launchFailed, lane, "reads " + text() + ", where nothing was written");
  }
  return warp.local.data() + place;
}

void readParameter(Warp &warp, const uint64_t (&at)[32], uint32_t bytes, uint8_t *to, uint32_t stride) {
  const std::vector<uint8_t> &parameters = warp.cta->grid.launch.parameters;
  for (uint32_t left = warp.mask; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    if (at[lane] + bytes > parameters.size() || at[lane] % bytes)
      warp.fault(Fault::illegalAddress, lane,
                 std::to_string(bytes) + " bytes at " + std::to_string(at[lane]) + " of the parameters");
    memcpy(to + lane * size_t(stride), parameters.data() + at[lane], bytes);
  }
}

void fetch(Warp &warp, const Instruction &i, uint64_t (&at)[32], uint32_t bytes, uint8_t *to, uint32_t stride) {
  switch (spaceOf(warp, i.space, at)) {
  case Space::param:
    return readParameter(warp, at, bytes, to, stride);
  case Space::shared:
    return warp.cta->readShared(warp, at, bytes, to, stride);
  case Space::local:
    for (uint32_t left = warp.mask; left; left &= left - 1) {
      unsigned lane = __builtin_ctz(left);
      memcpy(to + lane * size_t(stride), localPlace(warp, lane, at[lane], bytes, false), bytes);
    }
    return;
  default:
    warp.cta->grid.readGlobal(warp, at, bytes, to, stride, i.isVolatile);
    if (i.isVolatile)
      for (uint32_t left = warp.mask; left; left &= left - 1)
        warp.cta->grid.learn(warp, at[__builtin_ctz(left)], i.acquire);
  }
}

void deposit(Warp &warp, const Instruction &i, uint64_t (&at)[32], uint32_t bytes, const uint8_t *from,
             uint32_t stride) {
  switch (spaceOf(warp, i.space, at)) {
  case Space::shared:
    return warp.cta->writeShared(warp, at, bytes, from, stride);
  case Space::local:
    for (uint32_t left = warp.mask; left; left &= left - 1) {
      unsigned lane = __builtin_ctz(left);
      memcpy(localPlace(warp, lane, at[lane], bytes, true), from + lane * size_t(stride), bytes);
    }
    return;
  default:
    if (i.isVolatile)
      for (uint32_t left = warp.mask; left; left &= left - 1)
        warp.cta->grid.publish(warp, at[__builtin_ctz(left)], warp.mask, i.release, /*isUpdate=*/false);
    warp.cta->grid.writeGlobal(warp, at, bytes, from, stride, i.isVolatile);
  }
}

/// One element of a loaded vector into its register, which may be wider.
void widen(Warp &warp, Slot slot, const uint8_t *from, uint32_t stride, unsigned bytes, bool isSigned) {
  uint8_t *to = warp.lanes<uint8_t>(slot);
  unsigned spare = 64 - 8 * bytes;
  for (uint32_t left = warp.mask; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    uint64_t value = 0;
    memcpy(&value, from + lane * size_t(stride), bytes);
    if (isSigned)
      value = uint64_t(int64_t(value << spare) >> spare);
    memcpy(to + lane * slot.bytes, &value, slot.bytes);
  }
  warp.define(slot);
}

template <class T> void spread(Warp &warp, Slot slot, const uint8_t *from, uint32_t stride) {
  T result[32];
  for (unsigned lane = 0; lane < 32; ++lane)
    memcpy(&result[lane], from + lane * size_t(stride), sizeof(T));
  blend(warp, slot, result);
}

void load(Warp &warp, const Instruction &i) {
  uint64_t at[32];
  alignas(32) uint8_t raw[32 * 32];
  addressesOf(warp, i, i.a, at);
  unsigned element = bytesOf(i.type), bytes = element * i.count;
  fetch(warp, i, at, bytes, raw, bytes);
  const Slot *slots = &warp.kernel->lists[i.first];
  for (unsigned part = 0; part < i.count; ++part) {
    const uint8_t *from = raw + part * element;
    if (slots[part].bytes == 4 && element == 4)
      spread<uint32_t>(warp, slots[part], from, bytes);
    else if (slots[part].bytes == 8 && element == 8)
      spread<uint64_t>(warp, slots[part], from, bytes);
    else
      widen(warp, slots[part], from, bytes, element, isSigned(i.type));
  }
}

void store(Warp &warp, const Instruction &i) {
  uint64_t at[32];
  alignas(32) uint8_t raw[32 * 32];
  addressesOf(warp, i, i.a, at);
  unsigned element = bytesOf(i.type), bytes = element * i.count;
  const Slot *slots = &warp.kernel->lists[i.first];
  for (unsigned part = 0; part < i.count; ++part) {
    warp.require(slots[part]);
    const uint8_t *from = warp.lanes<uint8_t>(slots[part]);
    for (unsigned lane = 0; lane < 32; ++lane)
      memcpy(raw + lane * bytes + part * element, from + lane * slots[part].bytes, element);
  }
  deposit(warp, i, at, bytes, raw, bytes);
}

/// Hints that change no result.
void takeHints(Decoder &decoder) {
  decoder.takeOne({"ca", "cg", "cs", "cv", "lu", "wb", "wt"});
  for (const char *hint :
       {"L1::evict_last", "L1::evict_first", "L1::no_allocate", "L1::evict_normal", "L1::evict_unchanged",
        "L2::evict_last", "L2::evict_first", "L2::64B", "L2::128B", "L2::256B"})
    decoder.take(hint);
}

void decodeAccess(Decoder &decoder, bool isLoad) {
  Instruction &out = decoder.out;
  out.acquire = isLoad && decoder.take("acquire");
  out.release = !isLoad && decoder.take("release");
  bool isRelaxed = decoder.take("relaxed"), isStrong = isRelaxed || out.acquire || out.release;
  int scope = isStrong ? decoder.takeOne({"cta", "gpu", "sys"}) : -1;
  out.onlyCta = scope == 0;
  out.isVolatile = (isStrong && !out.onlyCta) || decoder.take("volatile");
  decoder.take("weak");
  takeSpace(decoder, /*withParam=*/isLoad);
  bool isReadOnly = isLoad && decoder.take("nc");
  if (isReadOnly && out.space != Space::global)
    decoder.refuse(".nc is of global memory");
  takeHints(decoder);
  int vector = decoder.takeOne({"v2", "v4"});
  out.count = vector < 0 ? 1 : vector ? 4 : 2;
  out.type = decoder.takeType();
  if (!bytesOf(out.type) || bytesOf(out.type) * out.count > 16)
    decoder.refuse("more than 16 bytes");
  decoder.expect(2);
  std::vector<Operand> elements = decoder.elements(isLoad ? 0 : 1);
  if (elements.size() != out.count)
    decoder.refuse(std::to_string(elements.size()) + " elements");
  std::vector<Slot> slots;
  for (const Operand &element : elements)
    slots.push_back(isLoad ? decoder.target(element, out.type, /*wider=*/true)
                           : decoder.source(element, out.type, /*wider=*/true));
  out.a = decoder.address(isLoad ? 1 : 0);
  out.first = decoder.list(slots);
  out.run = isLoad ? load : store;
}

} // namespace

void takeSpace(Decoder &decoder, bool withParam) {
  Space &space = decoder.out.space;
  if (int found = decoder.takeOne({"global", "const", "shared", "local", "shared::cta"}); found >= 0) {
    static constexpr Space spaces[] = {Space::global, Space::constant, Space::shared, Space::local, Space::shared};
    space = spaces[found];
  } else if (withParam && decoder.take("param")) {
    space = Space::param;
  }
}

bool decodeAccess(Decoder &decoder) {
  if (!decoder.is("ld") && !decoder.is("st") && !decoder.is("ldu"))
    return false;
  decodeAccess(decoder, !decoder.is("st"));
  return true;
}

} // namespace ptx
