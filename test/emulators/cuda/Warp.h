//===- Warp.h - 32 lanes, their registers and places in the code ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lanes that are at the same instruction execute it together. Where they part, those that are furthest behind go on first,
// until they meet the others. An instruction that names the lanes which take part waits for them to arrive.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_WARP_H
#define PHIC_TEST_EMULATORS_CUDA_WARP_H

#include "Program.h"
#include <cstring>

namespace ptx {

class Cta;

constexpr uint32_t everyLane = ~0u;

/// What ends a launch. The codes are the driver's.
struct Fault : std::runtime_error {
  enum Code { illegalAddress = 700, misaligned = 716, launchFailed = 719, illegalInstruction = 715 };
  Fault(Code code, const std::string &text) : std::runtime_error(text), code(code) {}
  Code code;
};

/// A copy from global to shared memory that has not arrived.
struct PendingCopy {
  uint8_t lane, bytes, zeros;
  uint32_t group; ///< 0: not committed
  uint32_t to;
  uint64_t from;
};

class Warp {
public:
  /// Starts with the lanes of `mask`.
  void begin(Cta &cta, const Kernel &kernel, unsigned index, uint32_t mask);
  /// Executes up to `budget` instructions, fewer if it has to wait; how many.
  uint32_t run(uint32_t budget);

  template <class T> T *lanes(Slot slot) { return reinterpret_cast<T *>(file.data() + slot.at); }
  /// A predicate: a bit a lane.
  uint32_t &bits(Slot slot) { return *reinterpret_cast<uint32_t *>(file.data() + slot.at); }
  /// The executing lanes read the register.
  void require(Slot slot) {
    if (uint32_t missing = mask & ~defined[slot.id])
      undefined(missing);
  }
  void define(Slot slot) { defined[slot.id] |= mask; }
  void undefine(Slot slot, uint32_t lanes) {
    if (slot.id)
      defined[slot.id] &= ~lanes;
  }
  uint32_t definedLanes(Slot slot) const { return defined[slot.id]; }
  void setBits(Slot slot, uint32_t value) {
    bits(slot) = (bits(slot) & ~mask) | (value & mask);
    define(slot);
  }

  /// Lanes of `mask` go to `target`.
  void branch(uint32_t target);
  /// `lanes` will go on at `target` later; a branch() of the others must follow.
  void park(uint32_t target, uint32_t lanes) {
    groups.push_back({target, lanes, false});
    active &= ~lanes;
  }
  /// They end.
  void leave();
  /// True once all lanes that `members` names are here; else this group waits, and others go on.
  bool gather(uint32_t members);
  /// The warp does no more until someone calls wake().
  void wait() { isWaiting = true; }
  void wake() { isWaiting = false; }

  [[noreturn]] void fault(Fault::Code code, unsigned lane, const std::string &what) const;

  Cta *cta = nullptr;
  const Kernel *kernel = nullptr;
  unsigned index = 0;
  uint32_t mask = 0; ///< lanes that execute the instruction
  uint32_t active = 0; ///< lanes that are at it
  uint32_t started = 0, live = 0; ///< lanes that there are, and those that have not ended
  uint32_t at = 0; ///< the instruction
  bool isWaiting = false;
  uint64_t executed = 0;
  std::vector<PendingCopy> copies;
  uint32_t committed[32] = {};
  std::vector<uint8_t> local, localState; ///< 32 lanes' local memory; 0: nobody's, 1: never written, 2: written

private:
  struct Group {
    uint32_t pc, lanes;
    bool isBlocked;
  };

  void regroup();
  [[noreturn]] void undefined(uint32_t missing) const;

  uint32_t pc = 0, meet = everyLane; ///< where the active group meets another
  std::vector<uint8_t> file;
  std::vector<uint32_t> defined;
  std::vector<Group> groups; ///< the others
};

} // namespace ptx

#endif
