//===- Target.cpp - A machine as a struct of facts -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads Targets.def and Systems.def.
//===----------------------------------------------------------------------===//
#include "targets/Target.h"
#include "phi/format.h"
#include <cassert>

namespace phic {
namespace {
constexpr Target kTargets[] = {
#define PHIC_TARGET(NAME, ISA, FAMILY, CPU, FEATURES, HALIDE, VECTOR_BYTES, VECTOR_REGISTERS, CPU_FEATURES, DECODE,    \
                    VERIFY, PREFILL)                                                                                   \
  {NAME, ISA, FAMILY, CPU, FEATURES, HALIDE, VECTOR_BYTES, VECTOR_REGISTERS, CPU_FEATURES, {DECODE, VERIFY, PREFILL}},
#include "targets/Targets.def"
};

constexpr System kSystems[] = {
#define PHIC_SYSTEM(NAME, FAMILY, TRIPLE, LEVELS, FORMAT, PAGE_BYTES)                                                  \
  {NAME, FAMILY, TRIPLE, LEVELS, ObjectFormat::FORMAT, PAGE_BYTES},
#include "targets/Systems.def"
};
} // namespace

std::string_view mClassName(MClass mClass) {
  constexpr std::string_view kNames[] = {"decode", "verify", "prefill"};
  return kNames[unsigned(mClass)];
}

std::span<const Target> allTargets() { return kTargets; }

const Target *targetByName(std::string_view name) {
  for (const Target &target : kTargets)
    if (target.name == name)
      return &target;
  return nullptr;
}

const Target &defaultTarget() { return kTargets[0]; }

std::span<const System> allSystems() { return kSystems; }

const System *systemByName(std::string_view name) {
  for (const System &system : kSystems)
    if (system.name == name)
      return &system;
  return nullptr;
}

const System &systemOf(const Target &target) {
  for (const System &system : kSystems)
    if (system.family == target.family)
      return system;
  assert(false && "every family has a system");
  return kSystems[0];
}

} // namespace phic
