//===- Target.cpp - What programs are compiled for -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads Systems.def.
//===----------------------------------------------------------------------===//
#include "targets/Target.h"

namespace phic {
namespace {
constexpr System kSystems[] = {
#define PHIC_SYSTEM(NAME, ARCHITECTURE, TRIPLE, LEVELS, FORMAT, PAGE_BYTES)                                            \
  {NAME, ARCHITECTURE, TRIPLE, LEVELS, ObjectFormat::FORMAT, PAGE_BYTES},
#include "targets/Systems.def"
};
} // namespace

std::string_view mClassName(MClass mClass) {
  constexpr std::string_view kNames[] = {"decode", "verify", "prefill"};
  return kNames[unsigned(mClass)];
}

std::span<const System> allSystems() { return kSystems; }

const System *systemByName(std::string_view name) {
  for (const System &system : kSystems)
    if (system.name == name)
      return &system;
  return nullptr;
}

} // namespace phic
