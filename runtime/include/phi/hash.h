//===- hash.h - Whether bytes are still those that were written -*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the compiler computes when it writes a program and the program when it starts. Eight lanes take a word each of every
// 64 bytes, by an xor, a multiplication by an odd number and a rotation, none of which loses anything: another word in one
// place is another hash, always. Not for secrets. A byte takes an eighth of a cycle, so that it need not be vector code.
//===----------------------------------------------------------------------===//
#ifndef PHI_HASH_H
#define PHI_HASH_H

#include <stdint.h>

#define PHI_BYTES_HASH_FACTOR 0x9e3779b97f4a7c15ull

static inline uint64_t phi_bytes_hash_step(uint64_t lane, uint64_t word) {
  uint64_t product = (lane ^ word) * PHI_BYTES_HASH_FACTOR;
  return product << 29 | product >> 35;
}

/// Of little-endian machines. `seed` is 0, or the hash of what lies before.
__attribute__((noinline)) static inline uint64_t phi_bytes_hash(uint64_t seed, const void *bytes, uint64_t count) {
  const unsigned char *at = (const unsigned char *)bytes, *end = at + count;
  uint64_t lanes[8], words[8];
  for (int i = 0; i < 8; ++i)
    lanes[i] = seed + (uint64_t)i;
  for (; (uint64_t)(end - at) >= sizeof(words); at += sizeof(words)) {
    __builtin_memcpy(words, at, sizeof(words));
    for (int i = 0; i < 8; ++i)
      lanes[i] = phi_bytes_hash_step(lanes[i], words[i]);
  }
  for (int i = 0; i < 8; ++i)
    words[i] = 0;
  for (int i = 0; at < end; ++at, ++i)
    words[i / 8] |= (uint64_t)*at << (i % 8 * 8);
  uint64_t hash = phi_bytes_hash_step(seed, count);
  for (int i = 0; i < 8; ++i)
    hash = phi_bytes_hash_step(hash, phi_bytes_hash_step(lanes[i], words[i]));
  return hash;
}

#endif // PHI_HASH_H
