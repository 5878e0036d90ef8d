//===- Grid.h - A launch -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A grid has a few CTAs at work at a time and lets their warps run in an order that a seed chooses, some instructions at a
// time. All accesses to shared, global and local memory go through here, and are checked.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_GRID_H
#define PHIC_TEST_EMULATORS_CUDA_GRID_H

#include "Memory.h"
#include "Order.h"
#include "Warp.h"

namespace ptx {

struct Counts {
  uint64_t launches = 0, instructions = 0;
  uint64_t readBytes = 0, writtenBytes = 0; ///< of global memory, as instructions ask
  uint64_t readDistinct = 0, writtenDistinct = 0; ///< the same, each sector of 32 bytes once a launch
};

struct Random {
  uint64_t state;
  uint32_t below(uint32_t limit) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (state >> 20) % limit;
  }
};

struct Launch {
  const Kernel *kernel = nullptr;
  uint32_t grid[3] = {1, 1, 1}, block[3] = {1, 1, 1};
  uint32_t dynamicShared = 0;
  std::vector<uint8_t> parameters;
  bool isCooperative = false; ///< all CTAs are at work at once
  bool isOverlapped = false; ///< it may begin before the launch before it has ended
  uint32_t multiprocessors = 1, resident = 8;
  uint64_t seed = 0, id = 0;
  uint64_t mostInstructions = 0; ///< of a warp; more is taken for an endless loop
};

class Grid;

class Cta {
public:
  Cta(Grid &grid, uint32_t number);
  std::string where() const;

  /// The executing lanes of a warp access `bytes` at each of `at`, offsets in shared memory.
  void readShared(Warp &warp, const uint64_t *at, uint32_t bytes, uint8_t *to, uint32_t stride);
  void writeShared(Warp &warp, const uint64_t *at, uint32_t bytes, const uint8_t *from, uint32_t stride);
  /// Where an atomic works: its place, after checks.
  uint8_t *atomicShared(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes);
  void beginCopy(Warp &warp, unsigned lane, uint64_t to, uint32_t bytes);
  void landCopy(Warp &warp, const PendingCopy &copy);
  /// A warp waits for the launch before this one; what it tells others at a barrier.
  void waitForLaunch(const Warp &warp) { waited |= 1u << warp.index; }
  bool hasWaited(const Warp &warp) const { return waited >> warp.index & 1; }
  /// A warp is at barrier `id`, with `threads` expected (0: all).
  void arrive(Warp &warp, unsigned id, uint32_t threads);

  Grid &grid;
  uint32_t number, id[3];
  std::vector<Warp> warps;
  Order order;

private:
  struct Barrier {
    uint32_t arrived = 0, expected = 0;
  };
  void checkShared(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes, const char *verb);
  void noteStore(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes, bool isStrong);

  std::vector<uint8_t> shared;
  Shadow shadow;
  Barrier barriers[16];
  uint32_t waited = 0; ///< warps, as bits
};

class Grid {
public:
  Grid(Launch launch, Memory &memory, Counts &counts);
  void run();

  void readGlobal(Warp &warp, const uint64_t *at, uint32_t bytes, uint8_t *to, uint32_t stride, bool isStrong);
  void writeGlobal(Warp &warp, const uint64_t *at, uint32_t bytes, const uint8_t *from, uint32_t stride, bool isStrong);
  uint8_t *atomicGlobal(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes);
  /// Checks that a copy may read there; counts it.
  void willRead(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes);
  /// A strong access of `lanes` to the place: what it publishes and learns.
  void publish(Warp &warp, uint64_t at, uint32_t lanes, bool isRelease, bool isUpdate);
  void learn(Warp &warp, uint64_t at, bool isAcquire);

  Launch launch;
  Memory &memory;
  Counts &counts;
  Random random;
  Shadow sharedAtStart; ///< whose bytes are whose
  uint32_t sharedBytes;

private:
  uint8_t *resolve(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes, const char *verb);
  void checkRead(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes, bool isStrong);
  void noteStore(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes, bool isStrong);
  Page &page(uint64_t at);
  void checkLaunchBefore(Warp &warp, unsigned lane, const Page &page, uint64_t at, uint32_t bytes, const char *verb);
  void turn(std::vector<std::unique_ptr<Cta>> &atWork);
  void stuck(const std::vector<std::unique_ptr<Cta>> &atWork);

  Allocation *last = nullptr; ///< that an access was in
  std::map<uint64_t, Knowledge> releases;
};

} // namespace ptx

#endif
