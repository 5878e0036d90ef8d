//===- AbacusMemory.h - A space of its own ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An address of the abacus is one of the host's where nothing may be read or written;
// the bytes lie kAbacusDistance further on. Only what includes this header knows, and
// whoever else follows such an address is told in a sentence, and the process ends.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_ABACUS_ABACUSMEMORY_H
#define PHIC_TEST_TARGETS_ABACUS_ABACUSMEMORY_H

#include <stdint.h>

namespace phi {

/// More than any memory of the abacus.
constexpr uint64_t kAbacusDistance = uint64_t(1) << 36;

/// The bytes behind an address of the abacus.
template <typename T> T *abacusBytes(T *address) {
  return reinterpret_cast<T *>(reinterpret_cast<uintptr_t>(address) + kAbacusDistance);
}

/// Zeroed memory; `what` it is for lives on. nullptr: there is no more.
uint8_t *reserveAbacus(uint64_t bytes, const char *what);
void releaseAbacus(const uint8_t *address);

} // namespace phi

#endif // PHIC_TEST_TARGETS_ABACUS_ABACUSMEMORY_H
