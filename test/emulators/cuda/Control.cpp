//===- Control.cpp - Branches, barriers, fences --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Apply.h"
#include "Grid.h"

namespace ptx {
namespace {

void branch(Warp &warp, const Instruction &i) { warp.branch(i.value); }

void branchIndexed(Warp &warp, const Instruction &i) {
  warp.require(i.a);
  const std::vector<uint32_t> &table = warp.kernel->tables[i.value];
  const uint32_t *choice = warp.lanes<uint32_t>(i.a);
  // One target at a time; the lanes of the others come back to this instruction.
  unsigned first = __builtin_ctz(warp.mask);
  if (choice[first] >= table.size())
    warp.fault(Fault::launchFailed, first,
               "target " + std::to_string(choice[first]) + " of " + std::to_string(table.size()));
  uint32_t together = 0;
  for (uint32_t left = warp.mask; left; left &= left - 1)
    if (unsigned lane = __builtin_ctz(left); choice[lane] == choice[first])
      together |= 1u << lane;
  if (uint32_t others = warp.mask & ~together)
    warp.park(warp.at, others);
  warp.mask = together;
  warp.branch(table[choice[first]]);
}

void leave(Warp &warp, const Instruction &) { warp.leave(); }

void trap(Warp &warp, const Instruction &) { warp.fault(Fault::illegalInstruction, __builtin_ctz(warp.mask), "trap"); }

void nothing(Warp &, const Instruction &) {}

void waitForLaunch(Warp &warp, const Instruction &) { warp.cta->waitForLaunch(warp); }

uint32_t uniform(Warp &warp, Slot slot) {
  warp.require(slot);
  const uint32_t *value = warp.lanes<uint32_t>(slot);
  unsigned first = __builtin_ctz(warp.mask);
  for (uint32_t left = warp.mask; left; left &= left - 1)
    if (unsigned lane = __builtin_ctz(left); value[lane] != value[first])
      warp.fault(Fault::launchFailed, lane, "lanes name different barriers");
  return value[first];
}

/// `value`: 1 where lanes may come one after the other.
void barrier(Warp &warp, const Instruction &i) {
  if (i.value) {
    if (!warp.gather(warp.live))
      return;
  } else if (warp.mask != warp.live) {
    uint32_t missing = warp.live & ~warp.mask;
    warp.fault(Fault::launchFailed, __builtin_ctz(warp.mask),
               "a barrier without lane " + std::to_string(__builtin_ctz(missing)) + " of its warp");
  }
  uint32_t id = uniform(warp, i.a), threads = i.count == 2 ? uniform(warp, i.b) : 0;
  if (id > 15 || (i.count == 2 && !threads))
    warp.fault(Fault::launchFailed, __builtin_ctz(warp.mask),
               "barrier " + std::to_string(id) + " of " + std::to_string(threads) + " threads");
  warp.cta->arrive(warp, id, threads);
}

void warpBarrier(Warp &warp, const Instruction &i) {
  uint32_t members = uniform(warp, i.a) & warp.started;
  if (warp.gather(members))
    warp.cta->order.warpBarrier(warp.index);
}

void fence(Warp &warp, const Instruction &i) {
  if (!i.onlyCta)
    warp.cta->order.fence(warp.index, warp.mask, warp.live);
}

/// bar.sync, barrier.sync, barrier.cta.sync; .aligned is what bar always is.
void decodeBarrier(Decoder &decoder) {
  Instruction &out = decoder.out;
  if (decoder.is("bar") && decoder.take("warp")) {
    decoder.need("sync");
    decoder.expect(1);
    out.a = decoder.source(0, Type::b32);
    out.run = warpBarrier;
    return;
  }
  decoder.take("cta");
  decoder.need("sync");
  bool isAligned = decoder.take("aligned");
  out.value = decoder.is("barrier") && !isAligned;
  decoder.expect(1, 2);
  out.count = decoder.count();
  out.a = decoder.source(0, Type::b32);
  if (out.count == 2)
    out.b = decoder.source(1, Type::b32);
  out.run = barrier;
}

void decodeFence(Decoder &decoder) {
  decoder.takeOne({"sc", "acq_rel"});
  int scope =
      decoder.is("fence") ? decoder.takeOne({"cta", "gpu", "sys", "cluster"}) : decoder.takeOne({"cta", "gl", "sys"});
  decoder.expect(0);
  decoder.out.onlyCta = scope == 0 || scope == 3;
  decoder.out.run = scope < 0 ? nullptr : fence;
}

void decodeBranch(Decoder &decoder) {
  Instruction &out = decoder.out;
  decoder.take("uni");
  if (decoder.is("brx")) {
    decoder.need("idx");
    decoder.expect(2);
    out.a = decoder.source(0, Type::b32);
    decoder.branchTo(decoder.operands[1].name);
    out.run = branchIndexed;
    return;
  }
  decoder.expect(1);
  decoder.branchTo(decoder.operands[0].name);
  out.run = branch;
}

} // namespace

bool decodeControl(Decoder &decoder) {
  Instruction &out = decoder.out;
  if (decoder.is("bra") || decoder.is("brx")) {
    decodeBranch(decoder);
  } else if (decoder.is("ret") || decoder.is("exit")) {
    decoder.take("uni");
    decoder.expect(0);
    out.run = leave;
  } else if (decoder.is("trap")) {
    decoder.expect(0);
    out.run = trap;
  } else if (decoder.is("bar") || decoder.is("barrier")) {
    decodeBarrier(decoder);
  } else if (decoder.is("fence") || decoder.is("membar")) {
    decodeFence(decoder);
  } else if (decoder.is("griddepcontrol")) {
    // Launches run one after the other; who may not rely on that, Grid checks.
    decoder.expect(0);
    out.run = decoder.take("wait") ? waitForLaunch : decoder.take("launch_dependents") ? nothing : nullptr;
  } else if (decoder.is("nanosleep")) {
    decoder.need("u32");
    decoder.expect(1);
    decoder.source(0, Type::u32);
    out.run = nothing;
  } else if (decoder.is("prefetch") || decoder.is("prefetchu")) {
    decoder.takeOne({"global", "local"});
    decoder.expect(1);
    decoder.address(0);
    out.run = decoder.takeOne({"L1", "L2"}) >= 0 ? nothing : nullptr;
  } else {
    return false;
  }
  return true;
}

} // namespace ptx
