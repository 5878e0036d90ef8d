//===- RandomRow.h - Numbers that a block format holds ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What tests of packers and kernels put into a row of weights.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_CPU_KERNELS_RANDOMROW_H
#define PHIC_TEST_TARGETS_CPU_KERNELS_RANDOMROW_H

#include "dialects/phiq/Numerics.h"
#include <random>

namespace phic {

/// A row of random codes with scales and minima of at most `most` (times a block's integer, with two levels), all held by the
/// format's types, no two blocks alike.
inline BlockRow randomRow(const BlockFormat &format, int64_t K, float most, std::mt19937 &random) {
  std::uniform_int_distribution<int> code(leastCode(format.codes), greatestCode(format.codes));
  std::uniform_real_distribution<float> real(-most, most);
  auto sub = [&](bool isSigned) {
    const int count = 1 << format.subScaleBits, least = isSigned ? -count / 2 : 0;
    return float(least + int(random() % unsigned(count)));
  };
  BlockRow row;
  for (int64_t k = 0; k < K; ++k)
    row.codes.push_back(int16_t(code(random)));
  for (int64_t s = 0; s < (K + kSuperBlock - 1) / kSuperBlock && format.isTwoLevel(); ++s) {
    row.superScale.push_back(roundTo(format.scale, real(random)));
    row.superMin.push_back(format.min == Scalar::None ? 0 : roundTo(format.min, real(random)));
  }
  for (int64_t b = 0; b < (K + format.block - 1) / format.block; ++b) {
    const int64_t s = b * format.block / kSuperBlock;
    row.scale.push_back(format.isTwoLevel() ? row.superScale[s] * sub(format.subScaleSigned)
                                            : roundTo(format.scale, real(random)));
    row.zero.push_back(format.zero == Scalar::None ? float(format.zeroConstant)
                       : isFloat(format.zero)      ? roundTo(format.zero, 8 + 100 * real(random))
                                                   : float(code(random)));
    row.min.push_back(format.min == Scalar::None ? 0
                      : format.isTwoLevel()      ? row.superMin[s] * sub(false)
                                                 : roundTo(format.min, real(random)));
  }
  return row;
}

} // namespace phic

#endif // PHIC_TEST_TARGETS_CPU_KERNELS_RANDOMROW_H
