//===- Sampling.h - How a program picks tokens -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The settings that a model may state, and what each may be: whoever reads them from a
// container checks them here, and the driver once more, whatever the module came from.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_SAMPLING_H
#define PHIC_DIALECTS_PHIQ_SAMPLING_H

#include <cstdint>
#include <string>

namespace phic {

/// How a program picks tokens without flags.
struct SamplingDefaults {
  float temperature = 0; ///< 0: greedy
  float topP = 1, minP = 0, repetitionPenalty = 1;
  int64_t topK = 0; ///< 0: all
};

/// What a setting may be, whoever states it: a container, IR.
struct SamplingRange {
  const char *name;
  double least, most;
  bool holds(double value) const { return value >= least && value <= most; } // not NaN
  /// "repetition_penalty is 0, expected 1e-06 to 1e+06"; empty where it holds.
  std::string check(double value) const;
};
inline constexpr SamplingRange kTemperature = {"temperature", 0, 1e6}, kTopP = {"top_p", 0, 1}, kMinP = {"min_p", 0, 1},
                               kRepetitionPenalty = {"repetition_penalty", 1e-6, 1e6},
                               kTopK = {"top_k", 0, double(1 << 24)};

/// Which setting is out of its range; empty: none is.
std::string checkSampling(const SamplingDefaults &sampling);

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_SAMPLING_H
