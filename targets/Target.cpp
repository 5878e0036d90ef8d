//===- Target.cpp - A machine as a struct of facts -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads Targets.def.
//===----------------------------------------------------------------------===//
#include "targets/Target.h"
#include "phi/format.h"

namespace phic {
namespace {
constexpr Target kTargets[] = {
#define PHIC_TARGET(NAME, ISA, TRIPLE, CPU, FEATURES, HALIDE, VECTOR_BYTES, VECTOR_REGISTERS, CPU_FEATURES, DECODE, VERIFY, PREFILL) \
  {NAME, ISA, TRIPLE, CPU, FEATURES, HALIDE, VECTOR_BYTES, VECTOR_REGISTERS, CPU_FEATURES, {DECODE, VERIFY, PREFILL}},
#include "targets/Targets.def"
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

std::string systemOf(const Target &target) {
  std::string_view triple = target.triple; // architecture-vendor-system-environment
  size_t vendor = triple.find('-') + 1, system = triple.find('-', vendor) + 1;
  return std::string(triple.substr(0, vendor)) + std::string(triple.substr(system, triple.find('-', system) - system));
}

const Target *defaultTargetOf(std::string_view system) {
  for (const Target &target : kTargets)
    if (systemOf(target) == system)
      return &target;
  return nullptr;
}

} // namespace phic
