//===- Sampling.cpp - How a program picks tokens ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Sampling.h"
#include <cstdio>
#include <utility>

namespace phic {

std::string SamplingRange::check(double value) const {
  if (holds(value))
    return "";
  char text[128];
  std::snprintf(text, sizeof(text), "%s is %g, expected %g to %g", name, value, least, most);
  return text;
}

std::string checkSampling(const SamplingDefaults &sampling) {
  const std::pair<const SamplingRange *, double> settings[] = {{&kTemperature, sampling.temperature},
                                                               {&kTopP, sampling.topP},
                                                               {&kMinP, sampling.minP},
                                                               {&kRepetitionPenalty, sampling.repetitionPenalty},
                                                               {&kTopK, double(sampling.topK)}};
  for (auto [range, value] : settings)
    if (std::string wrong = range->check(value); !wrong.empty())
      return wrong;
  return "";
}

} // namespace phic
