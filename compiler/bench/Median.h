//===- Median.h - What is said of several runs -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_BENCH_MEDIAN_H
#define PHIC_COMPILER_BENCH_MEDIAN_H

#include <algorithm>
#include <vector>

namespace phic {

/// Of an even number the mean of the middle two; of none 0.
inline double medianOf(std::vector<double> values) {
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

} // namespace phic

#endif // PHIC_COMPILER_BENCH_MEDIAN_H
