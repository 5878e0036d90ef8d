//===- CpuLevels.cpp - Which level a processor is of -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/CpuLevels.h"
#include "phi/format.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

namespace phic {
namespace {

constexpr LevelName kNames[] = {
#define PHIC_CPU(NAME, LEVEL) {NAME, LEVEL, /*isMachine=*/true},
#define PHIC_LEVEL_NAME(NAME, LEVEL) {NAME, LEVEL, /*isMachine=*/false},
#include "targets/cpu/Cpus.def"
};

struct Feature {
  uint64_t bit;
  const char *name; ///< LLVM's
};
constexpr Feature kFeatures[] = {
#define PHI_CPU_FEATURE(BIT, NAME, LLVM) {BIT, LLVM},
#include "phi/cpu_features.def"
};

} // namespace

llvm::ArrayRef<LevelName> cpuLevelNames() { return kNames; }

bool canRunHere(const CpuTarget &level) {
  llvm::Triple host(llvm::sys::getProcessTriple()), wanted(llvm::StringRef(systemOf(level).triple));
  if (host.getArch() != wanted.getArch())
    return false;
  static const llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  return llvm::all_of(kFeatures, [&](const Feature &feature) {
    return !(level.features & feature.bit) || features.lookup(feature.name);
  });
}

} // namespace phic
