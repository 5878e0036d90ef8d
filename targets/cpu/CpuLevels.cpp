//===- CpuLevels.cpp - From --cpu to levels --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Later rows of Targets.def are better: "best" is the last row of an architecture.
//===----------------------------------------------------------------------===//
#include "targets/cpu/CpuLevels.h"
#include "phi/format.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

namespace phic {
namespace {

struct Cpu {
  std::string_view name, level;
};
constexpr Cpu kCpus[] = {
#define PHIC_CPU(NAME, LEVEL) {NAME, LEVEL},
#include "targets/cpu/Cpus.def"
};

constexpr Cpu kFurtherNames[] = {
#define PHIC_CPU(NAME, LEVEL)
#define PHIC_LEVEL_NAME(NAME, LEVEL) {NAME, LEVEL},
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

constexpr std::string_view kNative = "native";
constexpr std::string_view kGeneric = "generic";

/// The best level of this machine, or nullptr.
const CpuTarget *nativeLevel() {
  const CpuTarget *best = nullptr;
  for (const CpuTarget &level : cpuLevels())
    if (canRunHere(level))
      best = &level;
  return best;
}

/// Of a system's architecture, which has one.
const CpuTarget *lowestLevel(std::string_view architecture) {
  return &*llvm::find_if(cpuLevels(), [&](const CpuTarget &level) { return level.architecture == architecture; });
}

const CpuTarget *levelOf(std::string_view name) {
  if (name == kNative)
    return nativeLevel();
  for (std::span<const Cpu> names : {std::span<const Cpu>(kCpus), std::span<const Cpu>(kFurtherNames)})
    for (const Cpu &cpu : names)
      if (cpu.name == name)
        return cpuLevelByName(cpu.level);
  return cpuLevelByName(name);
}

/// Of the systems' architectures: levels, then processors.
std::string knownCpus(llvm::ArrayRef<const System *> systems) {
  auto isAsked = [&](const CpuTarget &level) {
    return llvm::any_of(systems, [&](const System *system) { return system->architecture == level.architecture; });
  };
  std::vector<std::string_view> levels, cpus;
  for (const CpuTarget &level : cpuLevels())
    if (isAsked(level))
      levels.push_back(level.name);
  for (const Cpu &cpu : kCpus)
    if (isAsked(*cpuLevelByName(cpu.level)))
      cpus.push_back(cpu.name);
  return "known levels are " + llvm::join(levels, ", ") + ", known processors " + llvm::join(cpus, ", ") +
         "; 'generic' is the lowest level, 'native' is this machine";
}

} // namespace

const CpuTarget *cpuLevelFor(std::string_view cpu, const System &system) {
  const CpuTarget *level = cpu == kGeneric ? lowestLevel(system.architecture) : levelOf(cpu);
  return level && level->architecture == system.architecture ? level : nullptr;
}

std::string whyNoCpuLevel(std::string_view cpu, llvm::ArrayRef<const System *> systems) {
  std::string quoted = "--cpu=" + std::string(cpu);
  if (const CpuTarget *level = levelOf(cpu)) {
    std::vector<std::string_view> names;
    for (const System *system : systems)
      names.push_back(system->name);
    return quoted + " is a processor of architecture " + std::string(level->architecture) +
           ", not of --target=" + llvm::join(names, ",") + "; " + knownCpus(systems);
  }
  if (cpu == kNative)
    return quoted + ": this machine runs none of the levels; " + knownCpus(systems);
  return quoted + " is no CPU level or processor phic knows; " + knownCpus(systems);
}

std::vector<const CpuTarget *> cpuLevelsOf(llvm::ArrayRef<const Target *> targets) {
  std::vector<const CpuTarget *> levels;
  for (const Target *target : targets)
    if (target->family == kCpuFamily)
      levels.push_back(&asCpuLevel(*target));
  return levels;
}

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
