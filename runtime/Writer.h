//===- Writer.h - Text to a file descriptor --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What printf would do for a program that prints strings, integers and seconds,
// without its size. Bytes are collected and written by flush() or when full.
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
  explicit Writer(int file) : file(file) {}
  Writer(const Writer &) = delete;
  ~Writer() { flush(); }

  Writer &operator<<(Text text);
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
  int file;
  bool failed = false;
  size_t used = 0;
  char buffer[512];
};

/// Whole texts only: no blanks, no rest. False when it is not a number or does not fit.
bool parseInteger(Text text, int64_t *number);
/// Decimal notation with an optional exponent.
bool parseDecimal(Text text, double *number);

} // namespace phi

#endif // PHI_RUNTIME_WRITER_H
