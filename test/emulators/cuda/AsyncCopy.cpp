//===- AsyncCopy.cpp - cp.async ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A copy arrives when its thread waits for it, and not a moment sooner: until then its place in shared memory must not be
// touched. Other threads see it behind a barrier, as any store.
#include "Access.h"
#include <algorithm>

namespace ptx {
namespace {

/// `count` bytes a lane; `e` holds how many are read (the rest are zeros), where `from` is set.
void copy(Warp &warp, const Instruction &i) {
  uint64_t to[32], from[32];
  addressesOf(warp, i, i.d, to);
  Instruction source = i;
  source.value = warp.kernel->lists[i.first].at; // the second operand's offset
  addressesOf(warp, source, i.a, from);
  if (i.from != Type::none)
    warp.require(i.b);
  for (uint32_t left = warp.mask; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    uint32_t bytes = i.from == Type::none ? i.count : std::min<uint32_t>(i.count, warp.lanes<uint32_t>(i.b)[lane]);
    if (bytes)
      warp.cta->grid.willRead(warp, lane, from[lane], bytes);
    if (from[lane] % i.count)
      warp.fault(Fault::misaligned, lane, "copies from an address that is not aligned to " + std::to_string(i.count));
    warp.cta->beginCopy(warp, lane, to[lane], i.count);
    warp.copies.push_back({uint8_t(lane), i.count, uint8_t(i.count - bytes), 0, uint32_t(to[lane]), from[lane]});
  }
}

void commit(Warp &warp, const Instruction &) {
  for (uint32_t left = warp.mask; left; left &= left - 1)
    ++warp.committed[__builtin_ctz(left)];
  for (PendingCopy &copy : warp.copies)
    if (!copy.group && (warp.mask >> copy.lane & 1))
      copy.group = warp.committed[copy.lane];
}

/// All but the last `value` groups arrive; with value -1 what is not in a group, too.
void wait(Warp &warp, const Instruction &i) {
  auto isDue = [&](const PendingCopy &copy) {
    if (!(warp.mask >> copy.lane & 1))
      return false;
    return i.value < 0 || (copy.group && copy.group + i.value <= warp.committed[copy.lane]);
  };
  for (const PendingCopy &copy : warp.copies)
    if (isDue(copy))
      warp.cta->landCopy(warp, copy);
  std::erase_if(warp.copies, isDue);
}

void decodeCopy(Decoder &decoder) {
  Instruction &out = decoder.out;
  bool isWhole = decoder.take("cg");
  if (!isWhole)
    decoder.need("ca");
  if (!decoder.take("shared::cta"))
    decoder.need("shared");
  decoder.need("global");
  for (const char *hint : {"L2::64B", "L2::128B", "L2::256B"})
    decoder.take(hint);
  decoder.expect(3, 4);
  int64_t bytes = decoder.immediate(2);
  if (bytes != 16 && (isWhole || (bytes != 4 && bytes != 8)))
    decoder.refuse("cannot copy " + std::to_string(bytes) + " bytes");
  out.count = bytes;
  out.a = decoder.address(1);
  Slot offset;
  offset.at = uint32_t(out.value);
  if (out.value != int64_t(offset.at))
    decoder.refuse("an offset that is negative or too large");
  out.first = decoder.list({offset});
  out.d = decoder.address(0);
  if (decoder.count() == 4) {
    out.b = decoder.source(3, Type::u32);
    out.from = Type::u32;
  }
  out.run = copy;
}

} // namespace

bool decodeAsyncCopy(Decoder &decoder) {
  if (!decoder.is("cp"))
    return false;
  decoder.need("async");
  Instruction &out = decoder.out;
  if (decoder.take("commit_group")) {
    decoder.expect(0);
    out.run = commit;
  } else if (decoder.take("wait_all")) {
    decoder.expect(0);
    out.value = -1;
    out.run = wait;
  } else if (decoder.take("wait_group")) {
    decoder.expect(1);
    out.value = decoder.immediate(0);
    out.run = wait;
  } else {
    decodeCopy(decoder);
  }
  return true;
}

} // namespace ptx
