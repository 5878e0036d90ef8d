//===- CpuTarget.cpp - A CPU level as a struct of facts --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads Targets.def.
//===----------------------------------------------------------------------===//
#include "targets/cpu/CpuTarget.h"
#include "phi/format.h"
#include <cassert>

namespace phic {
namespace {
constexpr CpuTarget kLevels[] = {
#define PHIC_TARGET(NAME, ISA, ARCHITECTURE, CPU, FEATURES, HALIDE, VECTOR_BYTES, VECTOR_REGISTERS, CPU_FEATURES,      \
                    DECODE, VERIFY, PREFILL)                                                                           \
  {{kCpuFamily, NAME, ISA, CPU_FEATURES},                                                                              \
   ARCHITECTURE,                                                                                                       \
   CPU,                                                                                                                \
   FEATURES,                                                                                                           \
   HALIDE,                                                                                                             \
   VECTOR_BYTES,                                                                                                       \
   VECTOR_REGISTERS,                                                                                                   \
   {DECODE, VERIFY, PREFILL}},
#include "targets/cpu/Targets.def"
};
} // namespace

std::span<const CpuTarget> cpuLevels() { return kLevels; }

const CpuTarget *cpuLevelByName(std::string_view name) {
  for (const CpuTarget &level : kLevels)
    if (level.name == name)
      return &level;
  return nullptr;
}

const CpuTarget &defaultCpuLevel() { return kLevels[0]; }

const CpuTarget &asCpuLevel(const Target &target) {
  assert(target.family == kCpuFamily && "asked of another family's level");
  return static_cast<const CpuTarget &>(target);
}

const System &systemOf(const CpuTarget &level) {
  for (const System &system : allSystems())
    if (system.architecture == level.architecture)
      return system;
  assert(false && "every architecture has a system");
  return allSystems().front();
}

} // namespace phic
