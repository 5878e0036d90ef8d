//===- Float.cpp - Formats of floats, and rounding to them ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Float.h"

namespace ptx {

int roundingMode(Rounding rounding) {
  switch (rounding) {
  case Rounding::zero:
    return FE_TOWARDZERO;
  case Rounding::down:
    return FE_DOWNWARD;
  case Rounding::up:
    return FE_UPWARD;
  default:
    return FE_TONEAREST;
  }
}

uint32_t roundTo(double value, Format format, Rounding rounding) {
  const int bias = (1 << (format.exponentBits - 1)) - 1, fraction = format.fractionBits;
  const uint32_t infinity = ((1u << format.exponentBits) - 1) << fraction;
  const bool isNegative = std::signbit(value);
  const uint32_t sign = isNegative ? 1u << (format.exponentBits + fraction) : 0;
  if (value != value)
    return infinity | ((1u << fraction) - 1);
  double magnitude = std::fabs(value);
  if (magnitude == 0 || std::isinf(magnitude))
    return sign | (magnitude == 0 ? 0 : infinity);
  int exponent = std::max(std::ilogb(magnitude), 1 - bias);
  // In units of the last place: exact, since it only moves the exponent.
  double units = std::ldexp(magnitude, fraction - exponent);
  double whole = std::floor(units), rest = units - whole;
  bool isUp = rest > 0.5;
  if (rest == 0.5)
    isUp = rounding == Rounding::away || std::fmod(whole, 2) == 1;
  if (rounding == Rounding::zero)
    isUp = false;
  else if (rounding == Rounding::up || rounding == Rounding::down)
    isUp = rest > 0 && (rounding == Rounding::down) == isNegative;
  uint64_t mantissa = uint64_t(whole) + isUp;
  // A subnormal's exponent field is 0; a carry out of the fraction counts it up by itself.
  uint64_t bits = mantissa + (uint64_t(exponent + bias - 1) << fraction);
  if (bits >= infinity) {
    bool isKept = rounding == Rounding::zero || (rounding == Rounding::up && isNegative) ||
                  (rounding == Rounding::down && !isNegative);
    return sign | (isKept ? infinity - 1 : infinity);
  }
  return sign | uint32_t(bits);
}

double valueOf(uint32_t bits, Format format) {
  const int bias = (1 << (format.exponentBits - 1)) - 1, fraction = format.fractionBits;
  uint32_t exponent = bits >> fraction & ((1u << format.exponentBits) - 1), mantissa = bits & ((1u << fraction) - 1);
  double sign = bits >> (format.exponentBits + fraction) & 1 ? -1 : 1;
  if (exponent == (1u << format.exponentBits) - 1)
    return mantissa ? NAN : sign * INFINITY;
  if (!exponent)
    return sign * std::ldexp(double(mantissa), 1 - bias - fraction);
  return sign * std::ldexp(double(mantissa | 1u << fraction), int(exponent) - bias - fraction);
}

} // namespace ptx
