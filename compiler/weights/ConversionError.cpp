//===- ConversionError.cpp - How far a weight has moved --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/weights/ConversionError.h"
#include <algorithm>
#include <cmath>

namespace phic {

ConversionSums ConversionSums::of(int64_t n0, int64_t count, int64_t columns, const float *stored,
                                  const float *converted) {
  ConversionSums sums;
  for (int64_t i = 0; i < count * columns; ++i) {
    double was = stored[i], difference = converted[i] - was;
    if (!std::isfinite(difference) && sums.badRow < 0)
      sums.badRow = n0 + i / columns;
    sums.difference += difference * difference;
    sums.magnitude += was * was;
    sums.greatest = std::max(sums.greatest, std::fabs(difference));
  }
  return sums;
}

ConversionSums ConversionSums::of(const std::vector<ConversionSums> &runs) {
  ConversionSums all;
  for (const ConversionSums &run : runs) {
    all.difference += run.difference;
    all.magnitude += run.magnitude;
    all.greatest = std::max(all.greatest, run.greatest);
    if (all.badRow < 0)
      all.badRow = run.badRow;
  }
  return all;
}

ConversionError ConversionSums::error() const {
  return {magnitude > 0 ? std::sqrt(difference / magnitude) : 0, greatest, std::sqrt(magnitude)};
}

} // namespace phic
