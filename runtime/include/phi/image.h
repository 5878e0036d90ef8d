//===- image.h - What a program's front checks -------------*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The image of a program for Linux: all segments that are loaded up to the last that is written to, which are its headers,
// code, constants and data. The compiler hashes them in the file, the program where they are loaded, before their
// pointers are relocated. Its hash lies in one of them, in a word that is left out.
//===----------------------------------------------------------------------===//
#ifndef PHI_IMAGE_H
#define PHI_IMAGE_H

#include "phi/hash.h"

/// An ELF file's program header.
typedef struct phi_segment {
  uint32_t type, flags;
  uint64_t offset, address, physical, file_bytes, memory_bytes, align;
} phi_segment;

#define PHI_SEGMENT_LOAD 1u
#define PHI_SEGMENT_WRITTEN 2u

/// How many of the segments are, or lie before, the last of the image.
static inline uint32_t phi_image_segments(const phi_segment *segments, uint32_t count) {
  while (count && !(segments[count - 1].type == PHI_SEGMENT_LOAD && segments[count - 1].flags & PHI_SEGMENT_WRITTEN))
    --count;
  return count;
}

/// `base` is where offset 0 of the file is, or with `loaded` address 0; `word` lies in the image.
static inline uint64_t phi_image_hash(const unsigned char *base, int loaded, const phi_segment *segments,
                                      uint32_t count, const unsigned char *word) {
  uint64_t hash = 0;
  count = phi_image_segments(segments, count);
  for (uint32_t i = 0; i < count; ++i) {
    if (segments[i].type != PHI_SEGMENT_LOAD)
      continue;
    const unsigned char *begin = base + (loaded ? segments[i].address : segments[i].offset);
    const unsigned char *end = begin + segments[i].file_bytes;
    if (begin <= word && word < end && (uint64_t)(end - word) >= sizeof(uint64_t)) {
      hash = phi_bytes_hash(hash, begin, (uint64_t)(word - begin));
      begin = word + sizeof(uint64_t);
    }
    hash = phi_bytes_hash(hash, begin, (uint64_t)(end - begin));
  }
  return hash;
}

#endif // PHI_IMAGE_H
