//===- Writer.h - Text to a file descriptor or a buffer --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What printf would do for a program that prints strings, integers and seconds,
// without its size. Bytes for a file are collected and written by flush() or when
// full; a buffer takes what fits and always ends in a zero.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_WRITER_H
#define PHI_RUNTIME_WRITER_H

#include <stddef.h>
#include <stdint.h>

namespace phi {

/// Bytes that someone else keeps.
struct Text {
  const char *begin = "";
  size_t size = 0;

  Text() = default;
  Text(const char *begin, size_t size) : begin(begin), size(size) {}
  Text(const char *string);
  bool operator==(Text other) const;
  bool startsWith(Text prefix) const { return size >= prefix.size && Text(begin, prefix.size) == prefix; }
  Text from(size_t offset) const { return {begin + offset, size - offset}; }
};

class Writer {
public:
  explicit Writer(int file);
  Writer(char *text, size_t capacity) : text(text), capacity(capacity) {
    if (capacity)
      text[0] = 0;
  }
  Writer(const Writer &) = delete;
  ~Writer() { flush(); }

  Writer &operator<<(Text added);
  Writer &operator<<(const char *text) { return *this << Text(text); }
  Writer &operator<<(char character) { return *this << Text(&character, 1); }
  Writer &operator<<(int64_t number);
  Writer &operator<<(uint64_t number);
  Writer &operator<<(int32_t number) { return *this << int64_t(number); }
  Writer &operator<<(uint32_t number) { return *this << uint64_t(number); }
  /// `decimals` digits after the point, 0..9, the last rounded.
  Writer &fixed(double number, int decimals);
  /// A JSON string with its quotes. The bytes must be valid UTF-8.
  Writer &quoted(Text text);
  /// False when anything could not be written, now or before.
  bool flush();

private:
  /// Writes all; nullptr with a buffer, so that what needs no file links no file functions.
  bool (*put)(int file, const void *bytes, size_t count) = nullptr;
  int file = -1;
  bool failed = false;
  char *text;
  size_t capacity;
  size_t used = 0;
  char own[512];
};

/// Whole texts only: no blanks, no rest. False when it is not a number or does not fit.
bool parseInteger(Text text, int64_t *number);
/// Decimal notation with an optional exponent.
bool parseDecimal(Text text, double *number);

} // namespace phi

#endif // PHI_RUNTIME_WRITER_H
