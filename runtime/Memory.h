//===- Memory.h - Lays everything out in one block -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All memory of a run is one block, known before the first step. What needs
// memory takes it from a Layout; the same code runs twice, once with no block to
// learn the size and once to get the pointers.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_MEMORY_H
#define PHI_RUNTIME_MEMORY_H

#include <stddef.h>
#include <stdint.h>

namespace phi {

struct Layout {
  uint8_t *base = nullptr;  ///< nullptr: only measuring
  uint64_t size = 0;
  bool overflow = false;    ///< more was asked for than a process can address

  /// `count` objects of `each` bytes, on a cache line of their own; nullptr when measuring.
  uint8_t *take(uint64_t count, uint64_t each) {
    constexpr uint64_t kLine = 64, kLimit = uint64_t(1) << 47;
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(count, each, &bytes) || bytes > kLimit || size > kLimit) {
      overflow = true;
      return nullptr;
    }
    uint64_t offset = size;
    size = (size + bytes + kLine - 1) / kLine * kLine;
    return base ? base + offset : nullptr;
  }

  /// What is taken next begins a page, where the block does: parts of it that are touched lie in as few pages as can be.
  void beginPage() {
    constexpr uint64_t kPage = 4096;
    size = (size + kPage - 1) / kPage * kPage;
  }

  template <typename T> T *take(uint64_t count) {
    static_assert(alignof(T) <= 64);
    return reinterpret_cast<T *>(take(count, sizeof(T)));
  }
};

} // namespace phi

#endif // PHI_RUNTIME_MEMORY_H
