//===- Options.cpp - Names of the phases -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Options.h"

namespace phic {
namespace {
constexpr std::string_view kNames[] = {
#define PHIC_PHASE(ENUM, NAME, MEANING) NAME,
#include "compiler/request/Phases.def"
};
constexpr std::string_view kMeanings[] = {
#define PHIC_PHASE(ENUM, NAME, MEANING) MEANING,
#include "compiler/request/Phases.def"
};
} // namespace

std::string_view phaseName(Phase phase) { return kNames[int(phase)]; }
std::string_view phaseMeaning(Phase phase) { return kMeanings[int(phase)]; }

std::optional<Phase> phaseByName(std::string_view name) {
  for (int i = 0; i < kPhaseCount; ++i)
    if (kNames[i] == name)
      return Phase(i);
  return std::nullopt;
}
} // namespace phic
