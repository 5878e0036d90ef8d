//===- RowQuantizer.h - Rows of floats to codes ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The place of quantization methods: one maps rows of a float weight to codes,
// scales, zero points and minima of a block format. Round to nearest looks at a
// block at a time. A calibrated one (GPTQ, AWQ) is a further row of
// PHIC_CONVERT_METHOD and a further class here, made with what it has learnt
// about the weight's columns; rows are independent of each other in these too.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_WEIGHTS_ROWQUANTIZER_H
#define PHIC_COMPILER_WEIGHTS_ROWQUANTIZER_H

#include "dialects/phiq/Formats.h"
#include "llvm/ADT/ArrayRef.h"
#include <memory>

namespace phic {

/// What is known of the activations that a weight is multiplied with; empty: nothing.
struct WeightStatistics {
  llvm::ArrayRef<float> meanSquares; ///< of each column, [K]
};

/// Thread-safe: readers of different rows share one.
class RowQuantizer {
public:
  virtual ~RowQuantizer() = default;

  /// Rows [n0, n0 + count) of a weight, values [count, columns]. Rows' vectors are resized. What cannot be
  /// quantized (a value or scale that is not finite) gets NaN for its scale.
  virtual void quantizeRows(int64_t n0, int64_t count, int64_t columns, const float *values, BlockRow *rows) const = 0;

  /// `statistics` are looked at by calibrated methods, while they live.
  static std::unique_ptr<RowQuantizer> create(ConvertMethod method, const BlockFormat &format,
                                              const WeightStatistics &statistics);
};

} // namespace phic

#endif // PHIC_COMPILER_WEIGHTS_ROWQUANTIZER_H
