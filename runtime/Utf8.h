//===- Utf8.h - Walking over UTF-8 -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two ways to read text: `scanUtf8` for bytes from outside, `readUtf8` and
// `backUtf8` for text that has been through it.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_UTF8_H
#define PHI_RUNTIME_UTF8_H

#include <stddef.h>
#include <stdint.h>

namespace phi {

enum class Utf8 : uint8_t { Valid, Incomplete, Invalid };

/// What the bytes at `text` begin with: a character of `bytes` bytes, an invalid
/// part of `bytes` bytes (maximal: as much as could have begun a character), or
/// all `size` bytes are the beginning of a character.
struct Utf8Scan {
  Utf8 kind;
  uint8_t bytes;
};

inline Utf8Scan scanUtf8(const uint8_t *text, size_t size) {
  const uint8_t first = text[0];
  if (first < 0x80)
    return {Utf8::Valid, 1};
  if (first < 0xC2 || first > 0xF4)
    return {Utf8::Invalid, 1};
  const uint8_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  // The second byte's range excludes overlong forms, surrogates and what is above U+10FFFF.
  const uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  for (uint8_t i = 1; i < length; ++i) {
    if (i == size)
      return {Utf8::Incomplete, i};
    if (text[i] < (i == 1 ? low : 0x80) || text[i] > (i == 1 ? high : 0xBF))
      return {Utf8::Invalid, i};
  }
  return {Utf8::Valid, length};
}

/// Length of the character that begins with this byte, in valid UTF-8.
inline uint32_t utf8Length(uint8_t first) { return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4; }

/// The character at `*at` of valid UTF-8; moves `*at` past it.
inline uint32_t readUtf8(const uint8_t *text, uint32_t *at) {
  const uint8_t *p = text + *at;
  const uint32_t length = utf8Length(p[0]);
  *at += length;
  if (length == 1)
    return p[0];
  if (length == 2)
    return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
  if (length == 3)
    return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
  return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
}

/// Where the character before `at` begins; `at` is above `begin`.
inline uint32_t backUtf8(const uint8_t *text, uint32_t begin, uint32_t at) {
  do
    --at;
  while (at > begin && (text[at] & 0xC0) == 0x80);
  return at;
}

/// Unicode White_Space, which is also what `\s` means in all pre-tokenizers.
inline bool isWhiteSpace(uint32_t c) {
  if (c < 0x80)
    return c == ' ' || (c >= 9 && c <= 13);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

} // namespace phi

#endif // PHI_RUNTIME_UTF8_H
