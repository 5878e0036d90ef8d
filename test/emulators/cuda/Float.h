//===- Float.h - Formats of floats, and rounding to them -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// f16 and bf16 as bits, rounding from double, and the pieces that PTX's arithmetic is made of: flushing of subnormals,
// saturation to [0, 1], the one NaN that f32 instructions give.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_FLOAT_H
#define PHIC_TEST_EMULATORS_CUDA_FLOAT_H

#include <bit>
#include <cfenv>
#include <cmath>
#include <cstdint>

namespace ptx {

struct Format {
  int exponentBits, fractionBits;
};
constexpr Format halfFormat = {5, 10}, brainFormat = {8, 7}, singleFormat = {8, 23};

/// Rounding as <cfenv> names it, and half to even or away from it.
enum class Rounding : uint8_t { nearest, zero, down, up, away };

/// The bits in `format` that are nearest to `value`; beyond its range infinity, or the largest number where it rounds to zero.
uint32_t roundTo(double value, Format format, Rounding rounding = Rounding::nearest);
double valueOf(uint32_t bits, Format format);

/// a * b + c, exact but for its last bit, which is 1 if anything was lost: rounding it once more is as rounding once.
inline double oddFma(double product, double c) {
  double sum = product + c;
  double back = sum - product;
  double lost = (product - (sum - back)) + (c - back);
  if (lost != 0 && std::isfinite(sum) && !(std::bit_cast<uint64_t>(sum) & 1)) {
    bool isAway = (lost > 0) == (sum > 0);
    sum = std::bit_cast<double>(std::bit_cast<uint64_t>(sum) + (isAway ? 1 : -1));
  }
  return sum;
}

template <class T> T flushed(T value) {
  return std::fabs(value) < (sizeof(T) == 4 ? 0x1p-126 : 0x1p-1022) ? std::copysign(T(0), value) : value;
}
template <class T> T saturate(T value) { return value > T(0) ? (value < T(1) ? value : T(1)) : T(0); }

inline float canonical(float value) { return value != value ? std::bit_cast<float>(0x7FFFFFFFu) : value; }
inline double canonical(double value) { return value; }

struct FloatMin {
  template <class T> T operator()(T a, T b) const {
    return a != a ? b : b != b ? a : a == b ? (std::signbit(a) ? a : b) : a < b ? a : b;
  }
};
struct FloatMax {
  template <class T> T operator()(T a, T b) const {
    return a != a ? b : b != b ? a : a == b ? (std::signbit(a) ? b : a) : a > b ? a : b;
  }
};
/// With .NaN: one that is none makes none.
template <class F> struct Strict {
  template <class T> T operator()(T a, T b) const { return a != a || b != b ? T(NAN) : F()(a, b); }
};

int roundingMode(Rounding rounding);

} // namespace ptx

#endif
