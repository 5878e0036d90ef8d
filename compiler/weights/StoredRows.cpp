//===- StoredRows.cpp - Rows as phic stores them ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/weights/StoredRows.h"
#include "dialects/phiq/Numerics.h"
#include <cassert>
#include <cstring>

namespace phic {
namespace {

/// Integers of a few bits, low bits first; the last byte's rest is zero.
template <typename T> void storeIntegers(unsigned bits, const std::vector<T> &values, uint8_t *bytes) {
  std::memset(bytes, 0, (values.size() * bits + 7) / 8);
  for (size_t i = 0; i < values.size(); ++i) {
    const unsigned value = unsigned(int(values[i])) & ((1u << bits) - 1);
    const size_t bit = i * bits;
    bytes[bit / 8] |= uint8_t(value << bit % 8);
    if (bit % 8 + bits > 8)
      bytes[bit / 8 + 1] |= uint8_t(value >> (8 - bit % 8));
  }
}

} // namespace

void storeFloats(Scalar type, const float *values, int64_t count, uint8_t *bytes) {
  if (type == Scalar::F32) {
    std::memcpy(bytes, values, size_t(count) * sizeof(float));
    return;
  }
  assert((type == Scalar::F16 || type == Scalar::BF16) && "a float type");
  for (int64_t i = 0; i < count; ++i) {
    uint16_t bits = type == Scalar::F16 ? floatToHalf(values[i]) : floatToBfloat(values[i]);
    std::memcpy(bytes + i * 2, &bits, sizeof(bits));
  }
}

void storeRow(const BlockRow &row, const BlockFormat &format, uint8_t *bytes) {
  assert(!format.isTwoLevel() && "checkStorage refuses it");
  const PhicRowBytes parts = phicRowBytes(format, row.codes.size());
  const auto blocks = int64_t(row.scale.size());
  storeIntegers(format.codes.bits, row.codes, bytes);
  bytes += parts.codes;
  storeFloats(format.scale, row.scale.data(), blocks, bytes);
  bytes += parts.scales;
  if (isFloat(format.zero))
    storeFloats(format.zero, row.zero.data(), blocks, bytes);
  else if (format.zero != Scalar::None)
    storeIntegers(scalarBits(format.zero), row.zero, bytes);
  bytes += parts.zeros;
  if (format.min != Scalar::None)
    storeFloats(format.min, row.min.data(), blocks, bytes);
}

} // namespace phic
