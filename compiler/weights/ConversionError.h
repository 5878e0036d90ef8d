//===- ConversionError.h - How far a weight has moved ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     relative_rms = sqrt(sum (w' - w)^2 / sum w^2)      greatest = max |w' - w|      norm = sqrt(sum w^2)
//
// Summed a run of rows at a time; runs are added in their order, so that the result does
// not depend on who measured which.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_WEIGHTS_CONVERSIONERROR_H
#define PHIC_COMPILER_WEIGHTS_CONVERSIONERROR_H

#include <cstdint>
#include <vector>

namespace phic {

struct ConversionError {
  double relativeRms = 0, greatest = 0, norm = 0;
};

/// What a run of rows adds up to.
struct ConversionSums {
  double difference = 0, magnitude = 0; ///< of squares
  double greatest = 0;
  int64_t badRow = -1; ///< the first that is not finite, before or after

  /// Of rows from n0 on, [count, columns].
  static ConversionSums of(int64_t n0, int64_t count, int64_t columns, const float *stored, const float *converted);
  static ConversionSums of(const std::vector<ConversionSums> &runs);
  ConversionError error() const;
};

} // namespace phic

#endif // PHIC_COMPILER_WEIGHTS_CONVERSIONERROR_H
