//===- Numerics.cpp - Where all rounding is decided ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See the header. Every f32 operation here is one rounding: contraction into
// fused multiply-adds is off, so that results are the same on every host.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Numerics.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

#pragma clang fp contract(off)

static_assert(std::endian::native == std::endian::little, "stored numbers are little-endian");

namespace phic {
namespace {

/// Drops the low `shift` bits of `bits`, rounding half to even.
uint32_t shiftRightHalfEven(uint32_t bits, unsigned shift) {
  uint32_t kept = bits >> shift;
  uint32_t dropped = bits & ((1u << shift) - 1);
  uint32_t half = 1u << (shift - 1);
  return kept + (dropped > half || (dropped == half && (kept & 1)));
}

/// Nearest integer, ties to even, of a value known to be small; independent of the rounding mode.
int32_t roundHalfEven(float value) {
  float floor = std::floor(value);
  float fraction = value - floor; // exact
  auto low = int32_t(floor);
  return low + (fraction > 0.5f || (fraction == 0.5f && (low & 1)));
}

} // namespace

// Without branches, so that runs of halves vectorize.
float halfToFloat(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t magnitude = bits & 0x7fff, mantissa = bits & 0x3ff;
  uint32_t normal = (magnitude << 13) + (112u << 23);
  // An integer times 2^-24, exact in f32.
  auto subnormal = std::bit_cast<uint32_t>(float(int32_t(mantissa)) * 0x1p-24f);
  uint32_t special = 0x7f800000 | mantissa << 13 | (mantissa ? 0x400000 : 0);
  uint32_t wide = magnitude < 0x400 ? subnormal : magnitude < 0x7c00 ? normal : special;
  return std::bit_cast<float>(sign | wide);
}

uint16_t floatToHalf(float value) {
  auto bits = std::bit_cast<uint32_t>(value);
  auto sign = uint16_t(bits >> 16 & 0x8000);
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return uint16_t(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  if (magnitude >= 0x47800000) // 65536 and above, infinity
    return sign | 0x7c00;
  // Normal halves: rebias, then round; a carry runs into the exponent, at last into infinity.
  if (magnitude >= 0x38800000)
    return uint16_t(sign | shiftRightHalfEven(magnitude - 0x38000000, 13));
  // Subnormal halves: the mantissa with its leading one, in units of 2^-24. Below 2^-25 all rounds
  // to 0.
  uint32_t exponent = magnitude >> 23;
  if (exponent < 102)
    return sign;
  return uint16_t(sign | shiftRightHalfEven((magnitude & 0x7fffff) | 0x800000, 126 - exponent));
}

float bfloatToFloat(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

uint16_t floatToBfloat(float value) {
  auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return uint16_t(bits >> 16 | 0x40);
  return uint16_t(shiftRightHalfEven(bits, 16));
}

void widen(Scalar type, const void *stored, int64_t count, float *values) {
  assert(isFloat(type));
  if (type == Scalar::F32) {
    std::memcpy(values, stored, count * sizeof(float));
    return;
  }
  // Loaded bytewise: a file aligns nothing.
  auto bytes = static_cast<const uint8_t *>(stored);
  auto load = [&](int64_t i) {
    uint16_t bits;
    std::memcpy(&bits, bytes + 2 * i, 2);
    return bits;
  };
  if (type == Scalar::F16)
    for (int64_t i = 0; i < count; ++i)
      values[i] = halfToFloat(load(i));
  else
    for (int64_t i = 0; i < count; ++i)
      values[i] = bfloatToFloat(load(i));
}

float roundTo(Scalar type, float value) {
  assert(isFloat(type));
  switch (type) {
  case Scalar::F16:
    return halfToFloat(floatToHalf(value));
  case Scalar::BF16:
    return bfloatToFloat(floatToBfloat(value));
  default:
    return value;
  }
}

int32_t leastCode(CodeType codes) { return codes.isSigned ? -(1 << (codes.bits - 1)) : 0; }

int32_t greatestCode(CodeType codes) { return (1 << (codes.bits - codes.isSigned)) - 1; }

int32_t roundToCode(float value, int32_t zero, CodeType codes) {
  int32_t least = leastCode(codes), greatest = greatestCode(codes);
  if (std::isnan(value))
    return std::clamp(zero, least, greatest);
  // Beyond these bounds the sum saturates whatever the rounding, and the conversion could overflow.
  float bounded = std::clamp(value, -0x1p24f, 0x1p24f);
  return std::clamp(roundHalfEven(bounded) + zero, least, greatest);
}

int32_t quantize(float x, float scale, int32_t zero, CodeType codes) { return roundToCode(x / scale, zero, codes); }

float dequantize(int32_t q, float scale, float zero) { return scale * (float(q) - zero); }

float dequantize(int32_t q, float scale, float zero, float min) {
  float product = scale * (float(q) - zero);
  return product + min;
}

float snap(float x, float scale, int32_t least, int32_t greatest) {
  float steps = x / scale;
  return scale * float(std::isnan(steps) ? 0 : roundHalfEven(std::clamp(steps, float(least), float(greatest))));
}

int32_t requantize(int32_t accumulator, float scale, int32_t zero, CodeType codes) {
  return roundToCode(scale * float(accumulator), zero, codes);
}

void dequantizeRow(const BlockRow &row, const BlockFormat &format, float *values) {
  int64_t columns = int64_t(row.codes.size());
  for (int64_t begin = 0, b = 0; begin < columns; begin += format.block, ++b) {
    int64_t end = std::min(begin + format.block, columns);
    float scale = row.scale[b], zero = row.zero[b], min = row.min[b];
    if (format.min == Scalar::None)
      for (int64_t k = begin; k < end; ++k)
        values[k] = dequantize(row.codes[k], scale, zero);
    else
      for (int64_t k = begin; k < end; ++k)
        values[k] = dequantize(row.codes[k], scale, zero, min);
  }
}

namespace {

/// What one block of a weight is quantized with.
struct BlockParameters {
  float scale, zero, min;
};

BlockParameters symmetricParameters(const float *x, int64_t count, const BlockFormat &format) {
  float extreme = 0;
  for (int64_t k = 0; k < count; ++k)
    if (std::fabs(x[k]) > std::fabs(extreme))
      extreme = x[k];
  return {roundTo(format.scale, extreme / -float(1 << (format.codes.bits - 1))), float(format.zeroConstant), 0};
}

BlockParameters affineParameters(const float *x, int64_t count, const BlockFormat &format) {
  auto [least, greatest] = std::minmax_element(x, x + count);
  auto steps = float((1 << format.codes.bits) - 1);
  if (format.min != Scalar::None) {
    float min = roundTo(format.min, *least);
    return {roundTo(format.scale, (*greatest - min) / steps), 0, min};
  }
  float low = std::min(*least, 0.0f), high = std::max(*greatest, 0.0f);
  float scale = roundTo(format.scale, (high - low) / steps);
  float zero = scale == 0 ? 0.0f : float(leastCode(format.codes)) - low / scale;
  return {scale, float(roundToCode(zero, 0, format.codes)), 0};
}

bool isFinite(const float *x, int64_t count) {
  // A sum of products with 0 is 0 or NaN: vectorizes where a test of each element does not.
  float sum = 0;
  for (int64_t k = 0; k < count; ++k)
    sum += x[k] * 0.0f;
  return sum == 0;
}

} // namespace

bool quantizeWeightRow(const float *x, int64_t columns, const BlockFormat &format, BlockRow &row) {
  assert(checkRoundToNearest(format).empty());
  const int64_t blocks = (columns + format.block - 1) / format.block;
  row.codes.resize(columns);
  for (auto *numbers : {&row.scale, &row.zero, &row.min})
    numbers->resize(blocks);
  const bool symmetric = format.zero == Scalar::None && format.min == Scalar::None;
  bool finite = true;
  for (int64_t b = 0; b < blocks; ++b) {
    int64_t begin = b * format.block, count = std::min(format.block, columns - begin);
    BlockParameters p = (symmetric ? symmetricParameters : affineParameters)(x + begin, count, format);
    if (!isFinite(x + begin, count) || !std::isfinite(p.scale) || !std::isfinite(p.min)) {
      p.scale = std::numeric_limits<float>::quiet_NaN();
      finite = false;
    }
    row.scale[b] = p.scale, row.zero[b] = p.zero, row.min[b] = p.min;
    const auto zero = int32_t(p.zero);
    for (int64_t k = begin; k < begin + count; ++k)
      row.codes[k] = int16_t(p.scale == 0 ? zero : quantize(x[k] - p.min, p.scale, zero, format.codes));
  }
  return finite;
}

/// How far a value may move when it is rounded to a stored type, given the result: half a unit in the last place,
/// or half the distance of subnormals.
static double storedError(Scalar type, float stored) {
  double magnitude = 1.01 * std::fabs(stored);
  switch (type) {
  case Scalar::F16:
    return std::max(magnitude * 0x1p-11, 0x1p-25);
  case Scalar::BF16:
    return std::max(magnitude * 0x1p-8, 0x1p-134);
  default:
    return std::max(magnitude * 0x1p-24, 0x1p-150);
  }
}

double roundToNearestBound(const BlockFormat &format, float scale, float min) {
  const double range = double(1 << format.codes.bits), unit = 0x1p-24, s = std::fabs(scale), m = std::fabs(min);
  const bool symmetric = format.zero == Scalar::None && format.min == Scalar::None;
  // f32: x / s, z, s (q - z) and their sums are each off by a few units of at most range * s + |m|.
  double bound = (symmetric ? 1.0 : 0.5) * s + range * storedError(format.scale, scale) + 8 * unit * (range * s + m);
  return format.min == Scalar::None ? bound : bound + 2 * storedError(format.min, min);
}

void quantizeRow(const float *x, int64_t columns, int64_t block, int8_t *codes, float *scales, float *sums) {
  constexpr CodeType kS8 = {8, /*isSigned=*/true};
  for (int64_t begin = 0, b = 0; begin < columns; begin += block, ++b) {
    int64_t end = std::min(begin + block, columns);
    float absmax = 0;
    for (int64_t k = begin; k < end; ++k)
      absmax = std::max(absmax, std::isnan(x[k]) ? std::numeric_limits<float>::infinity() : std::fabs(x[k]));
    const bool isZero = absmax < kLeastBlockMagnitude, isInfinite = std::isinf(absmax);
    float scale = isInfinite ? std::numeric_limits<float>::quiet_NaN() : isZero ? 0 : absmax / 127.0f;
    float inverse = isZero || isInfinite ? 0 : 127.0f / absmax;
    int32_t sum = 0;
    for (int64_t k = begin; k < end; ++k) {
      codes[k] = int8_t(roundToCode(x[k] * inverse, 0, kS8));
      sum += codes[k];
    }
    scales[b] = scale;
    if (sums)
      sums[b] = scale * float(sum);
  }
}

} // namespace phic
