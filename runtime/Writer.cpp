//===- Writer.cpp - Text to a file descriptor or a buffer --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Writer.h"

#include "Os.h"

#include <string.h>

namespace phi {

Text::Text(const char *string) : begin(string), size(strlen(string)) {}

bool Text::operator==(Text other) const { return size == other.size && memcmp(begin, other.begin, size) == 0; }

Writer::Writer(int file) : put(os::writeAll), file(file), text(own), capacity(sizeof(own)) {}

Writer &Writer::operator<<(Text added) {
  if (!put) {
    if (!capacity) // nobody listens
      return *this;
    size_t room = capacity - 1 - used;
    size_t count = added.size < room ? added.size : room;
    memcpy(text + used, added.begin, count);
    used += count;
    text[used] = 0;
    return *this;
  }
  if (added.size >= capacity - used)
    flush();
  if (added.size >= capacity) {
    failed |= !put(file, added.begin, added.size);
    return *this;
  }
  memcpy(text + used, added.begin, added.size);
  used += added.size;
  return *this;
}

Writer &Writer::operator<<(uint64_t number) {
  char digits[20];
  size_t count = 0;
  do {
    digits[sizeof(digits) - ++count] = char('0' + number % 10);
    number /= 10;
  } while (number);
  return *this << Text(digits + sizeof(digits) - count, count);
}

Writer &Writer::operator<<(int64_t number) {
  if (number < 0)
    *this << '-';
  return *this << (number < 0 ? -uint64_t(number) : uint64_t(number));
}

Writer &Writer::fixed(double number, int decimals) {
  uint64_t scale = 1;
  for (int i = 0; i < decimals; ++i)
    scale *= 10;
  constexpr double kMost = 1e9;  // times 10^9 still fits
  if (!(number > -kMost))
    number = -kMost;
  if (number > kMost)
    number = kMost;
  if (number < 0)
    *this << '-';
  auto units = uint64_t((number < 0 ? -number : number) * double(scale) + 0.5);
  *this << units / scale;
  if (decimals == 0)
    return *this;
  char digits[10] = {'.'};
  units %= scale;
  for (int i = decimals; i > 0; --i, units /= 10)
    digits[i] = char('0' + units % 10);
  return *this << Text(digits, size_t(decimals) + 1);
}

Writer &Writer::quoted(Text text) {
  *this << '"';
  for (size_t i = 0; i < text.size; ++i) {
    char character = text.begin[i];
    constexpr char kHex[] = "0123456789abcdef";
    if (character == '"' || character == '\\')
      *this << '\\' << character;
    else if (uint8_t(character) < 0x20)
      *this << "\\u00" << kHex[character >> 4] << kHex[character & 15];
    else
      *this << character;
  }
  return *this << '"';
}

bool Writer::flush() {
  if (!put)
    return true;
  if (used)
    failed |= !put(file, text, used);
  used = 0;
  return !failed;
}

//===----------------------------------------------------------------------===//
// Numbers in
//===----------------------------------------------------------------------===//

static bool isDigit(char character) { return character >= '0' && character <= '9'; }

bool parseInteger(Text text, int64_t *number) {
  bool negative = text.startsWith("-");
  if (negative)
    text = text.from(1);
  int64_t value = 0;
  for (size_t i = 0; i < text.size; ++i)
    if (!isDigit(text.begin[i]) || __builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, text.begin[i] - '0', &value))
      return false;
  *number = negative ? -value : value;
  return text.size > 0;
}

bool parseDecimal(Text text, double *number) {
  bool negative = text.startsWith("-");
  size_t i = negative ? 1 : 0, digits = 0;
  double value = 0;
  int64_t exponent = 0;
  bool point = false;
  for (; i < text.size; ++i) {
    if (text.begin[i] == '.' && !point) {
      point = true;
    } else if (isDigit(text.begin[i])) {
      value = value * 10 + (text.begin[i] - '0');
      exponent -= point;
      ++digits;
    } else {
      break;
    }
  }
  if (!digits)
    return false;
  if (i < text.size) {
    int64_t stated;
    if ((text.begin[i] | 0x20) != 'e' || !parseInteger(text.from(i + 1), &stated) || stated > 400 || stated < -400)
      return false;
    exponent += stated;
  }
  // One division or product by an exact power of ten rounds once for the short numbers people write.
  double power = 1;
  for (int64_t left = exponent < 0 ? -exponent : exponent; left > 0 && power < 1e300; --left)
    power *= 10;
  value = exponent < 0 ? value / power : value * power;
  *number = negative ? -value : value;
  return value <= 1e300;
}

} // namespace phi
