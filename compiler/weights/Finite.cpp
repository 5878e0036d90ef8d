//===- Finite.cpp - Weights that are numbers -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/weights/Finite.h"
#include "dialects/phiq/Numerics.h"
#include <algorithm>
#include <bit>
#include <cmath>

namespace phic {
namespace {

constexpr uint32_t kInfinity = 0x7f800000;

/// Bits without the sign: those of NaN and infinity are the greatest, so that a loop of maxima, which vectorizes, finds them.
uint32_t magnitudeBits(float value) { return std::bit_cast<uint32_t>(value) & 0x7fffffff; }

bool isFinite(const float *values, size_t count) {
  uint32_t greatest = 0;
  for (size_t i = 0; i < count; ++i)
    greatest = std::max(greatest, magnitudeBits(values[i]));
  return greatest < kInfinity;
}

bool isFinite(const BlockRow &row, float greatestCode) {
  uint32_t greatest = 0;
  for (size_t b = 0; b < row.scale.size(); ++b)
    greatest = std::max(greatest, magnitudeBits(std::fabs(row.scale[b]) * (greatestCode + std::fabs(row.zero[b])) +
                                                std::fabs(row.min[b])));
  return greatest < kInfinity && isFinite(row.superScale.data(), row.superScale.size()) &&
         isFinite(row.superMin.data(), row.superMin.size());
}

} // namespace

int64_t findNonFinite(llvm::ArrayRef<float> values, int64_t columns) {
  if (isFinite(values.data(), values.size()))
    return -1;
  int64_t row = 0;
  while (isFinite(values.data() + row * columns, size_t(columns)))
    ++row;
  return row;
}

int64_t findNonFinite(llvm::ArrayRef<BlockRow> rows, const BlockFormat &format) {
  const auto greatestCode = float(std::max(-leastCode(format.codes), phic::greatestCode(format.codes)));
  for (size_t row = 0; row < rows.size(); ++row)
    if (!isFinite(rows[row], greatestCode))
      return int64_t(row);
  return -1;
}

} // namespace phic
