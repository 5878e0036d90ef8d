//===- Memory.h - The device's memory ------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Allocations at addresses that no host pointer has and that are never used twice, with room between them that belongs to
// nobody: what leaves an allocation, or uses a freed one, is found. Pinned host memory lies at its own address. A page of
// 4 KiB knows what one launch read and wrote of it.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_MEMORY_H
#define PHIC_TEST_EMULATORS_CUDA_MEMORY_H

#include "Shadow.h"
#include <map>
#include <memory>
#include <string>

namespace ptx {

/// Where the shared and local spaces lie in the generic one.
constexpr uint64_t sharedWindow = 0x7e0000000000, localWindow = 0x7d0000000000, windowBytes = 1ull << 32;

constexpr uint64_t pageBytes = 4096, sectorBytes = 32;

struct Page {
  uint32_t launch = 0; ///< that the bits are of
  uint64_t read[2], written[2]; ///< a bit a sector
  uint32_t shadowLaunch = 0;
  std::unique_ptr<Shadow> shadow; ///< once something was stored in it
};

struct Allocation {
  uint64_t base = 0, bytes = 0;
  uint8_t *host = nullptr;
  bool isFreed = false, isPinned = false, isOwned = false, isConstant = false;
  std::unique_ptr<Page[]> pages;

  bool has(uint64_t address, uint64_t length) const {
    return address - base < bytes && length <= bytes - (address - base);
  }
};

class Memory {
public:
  explicit Memory(uint64_t capacity) : capacity(capacity) {}
  ~Memory();

  /// 0: there is not as much.
  uint64_t allocate(uint64_t bytes);
  /// Host memory that the device may use at the host's address.
  bool pin(void *host, uint64_t bytes, bool isOwned);
  /// False: no such allocation.
  bool release(uint64_t base, bool isPinned);
  /// The allocation that has the address or comes before it, freed ones too; null: there is none.
  Allocation *near(uint64_t address);
  /// The host's place of [address, address + bytes); null: not all of it is in one living allocation.
  uint8_t *at(uint64_t address, uint64_t bytes);
  /// What is wrong with [address, address + bytes), in words.
  std::string wrong(uint64_t address, uint64_t bytes);

  /// A page got a shadow in this launch.
  void noteShadow(Page &page) { shadowed.push_back(&page); }
  /// Shadows are needed by the launch that made them and by the next one.
  void beginLaunch();

  uint64_t capacity, used = 0;

private:
  Allocation &add(uint64_t base, uint64_t bytes, uint8_t *host);

  std::map<uint64_t, std::unique_ptr<Allocation>> allocations;
  std::vector<Page *> shadowed, shadowedBefore; ///< by this launch, by the one before
  uint64_t next = 0x700000000;
};

} // namespace ptx

#endif
