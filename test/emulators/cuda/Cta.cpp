//===- Cta.cpp - Shared memory and barriers ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Grid.h"

namespace ptx {

Cta::Cta(Grid &grid, uint32_t number)
    : grid(grid), number(number),
      order(number, (grid.launch.block[0] * grid.launch.block[1] * grid.launch.block[2] + 31) / 32),
      shared(grid.sharedBytes, 0xC5), shadow(grid.sharedAtStart) {
  const Launch &launch = grid.launch;
  id[0] = number % launch.grid[0];
  id[1] = number / launch.grid[0] % launch.grid[1];
  id[2] = number / launch.grid[0] / launch.grid[1];
  uint32_t threads = launch.block[0] * launch.block[1] * launch.block[2];
  warps.resize((threads + 31) / 32);
  for (unsigned warp = 0; warp < warps.size(); ++warp) {
    uint32_t left = threads - 32 * warp;
    warps[warp].begin(*this, *launch.kernel, warp, left >= 32 ? everyLane : (1u << left) - 1);
  }
}

std::string Cta::where() const {
  return "CTA (" + std::to_string(id[0]) + "," + std::to_string(id[1]) + "," + std::to_string(id[2]) + ")";
}

void Cta::checkShared(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes, const char *verb) {
  auto text = [&] {
    return std::string(verb) + " " + std::to_string(bytes) + " bytes at " + std::to_string(at) + " in shared memory";
  };
  if (at + bytes > shared.size() || at + bytes < at)
    warp.fault(Fault::illegalAddress, lane, text() + ", which has " + std::to_string(shared.size()));
  if (at % bytes)
    warp.fault(Fault::misaligned, lane, text() + ", not aligned");
}

void Cta::readShared(Warp &warp, const uint64_t *at, uint32_t bytes, uint8_t *to, uint32_t stride) {
  for (uint32_t left = warp.mask; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    checkShared(warp, lane, at[lane], bytes, "reads");
    shadow.each(at[lane], bytes, [&](Touched &touched) {
      if (touched.isPending || !touched.isWritten || touched.isNobodys)
        warp.fault(touched.isNobodys ? Fault::illegalAddress : Fault::launchFailed, lane,
                   "reads shared memory at " + std::to_string(at[lane]) +
                       (touched.isNobodys   ? ", outside of any variable"
                        : touched.isPending ? ", to which a cp.async is under way"
                                            : ", where nothing was written"));
      if (!touched.isStrong && !order.isBefore(touched, warp.index, lane))
        warp.fault(Fault::launchFailed, lane,
                   "reads shared memory at " + std::to_string(at[lane]) + " that lane " + std::to_string(touched.lane) +
                       " of warp " + std::to_string(touched.warp) + " wrote in line " + std::to_string(touched.line) +
                       ", with no barrier between");
      uint32_t self = 1u << warp.index;
      bool isAgain = touched.readers & self && touched.readTime == order.now();
      touched.reader = isAgain && touched.reader != lane ? 255 : lane;
      // Readers that are known to have finished need not be remembered.
      touched.readers =
          (touched.readTime == order.now() || !order.areReadsBefore(touched, warp.index, lane) ? touched.readers : 0) |
          self;
      touched.readTime = order.now();
    });
    memcpy(to + lane * size_t(stride), shared.data() + at[lane], bytes);
  }
}

void Cta::noteStore(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes, bool isStrong) {
  uint32_t line = warp.kernel->code[warp.at].line;
  shadow.each(at, bytes, [&](Touched &touched) {
    if (touched.isNobodys || touched.isPending)
      warp.fault(touched.isNobodys ? Fault::illegalAddress : Fault::launchFailed, lane,
                 "writes shared memory at " + std::to_string(at) +
                     (touched.isNobodys ? ", outside of any variable" : ", to which a cp.async is under way"));
    bool isOrdered = !touched.isWritten || (isStrong && touched.isStrong) || order.isBefore(touched, warp.index, lane);
    if (!isOrdered || !order.areReadsBefore(touched, warp.index, lane))
      warp.fault(Fault::launchFailed, lane,
                 "writes shared memory at " + std::to_string(at) + " that another thread " +
                     (isOrdered ? std::string("reads") : "wrote in line " + std::to_string(touched.line)) +
                     ", with no barrier between");
    touched = Touched();
    touched.isWritten = true;
    touched.isStrong = isStrong;
    touched.warp = warp.index;
    touched.lane = lane;
    touched.line = line;
    touched.time = order.now();
  });
}

void Cta::writeShared(Warp &warp, const uint64_t *at, uint32_t bytes, const uint8_t *from, uint32_t stride) {
  for (uint32_t left = warp.mask; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    checkShared(warp, lane, at[lane], bytes, "writes");
    noteStore(warp, lane, at[lane], bytes, warp.kernel->code[warp.at].isVolatile);
    memcpy(shared.data() + at[lane], from + lane * size_t(stride), bytes);
  }
}

uint8_t *Cta::atomicShared(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes) {
  checkShared(warp, lane, at, bytes, "updates");
  shadow.each(at, bytes, [&](Touched &touched) {
    if (!touched.isWritten && !touched.isNobodys)
      warp.fault(Fault::launchFailed, lane,
                 "updates shared memory at " + std::to_string(at) + ", where nothing was written");
  });
  noteStore(warp, lane, at, bytes, /*isStrong=*/true);
  return shared.data() + at;
}

void Cta::beginCopy(Warp &warp, unsigned lane, uint64_t to, uint32_t bytes) {
  checkShared(warp, lane, to, bytes, "copies");
  noteStore(warp, lane, to, bytes, /*isStrong=*/false);
  shadow.each(to, bytes, [](Touched &touched) { touched.isPending = true; });
}

void Cta::landCopy(Warp &warp, const PendingCopy &copy) {
  uint8_t *to = shared.data() + copy.to;
  memset(to, 0, copy.bytes);
  if (uint32_t bytes = copy.bytes - copy.zeros) {
    const uint8_t *from = grid.memory.at(copy.from, bytes);
    if (!from)
      warp.fault(Fault::illegalAddress, copy.lane, "copies " + grid.memory.wrong(copy.from, bytes));
    memcpy(to, from, bytes);
  }
  shadow.each(copy.to, copy.bytes, [&](Touched &touched) {
    touched.isPending = false;
    touched.time = order.now();
  });
}

void Cta::arrive(Warp &warp, unsigned id, uint32_t threads) {
  for (const Warp &other : warps)
    if (uint32_t gone = other.started & ~other.live)
      warp.fault(Fault::launchFailed, __builtin_ctz(warp.mask),
                 "a barrier that lane " + std::to_string(__builtin_ctz(gone)) + " of warp " +
                     std::to_string(other.index) + " never reaches: it has ended");
  uint32_t expected = threads ? threads : 32 * warps.size();
  Barrier &barrier = barriers[id];
  if (expected % 32 || expected > 32 * warps.size() || (barrier.arrived && barrier.expected != expected))
    warp.fault(Fault::launchFailed, __builtin_ctz(warp.mask),
               "barrier " + std::to_string(id) + " of " + std::to_string(expected) + " threads" +
                   (barrier.arrived ? ", where others expect " + std::to_string(barrier.expected) : std::string()));
  barrier.expected = expected;
  barrier.arrived |= 1u << warp.index;
  if (uint32_t(__builtin_popcount(barrier.arrived)) * 32 < expected)
    return warp.wait();
  order.barrier(barrier.arrived);
  waited |= waited & barrier.arrived ? barrier.arrived : 0;
  for (Warp &other : warps)
    if (barrier.arrived >> other.index & 1)
      other.wake();
  barrier.arrived = 0;
}

} // namespace ptx
