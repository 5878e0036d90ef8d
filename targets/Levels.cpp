//===- Levels.cpp - From --target and --cpu to levels ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Later rows of Targets.def are better: "best" is the last row of a family.
//===----------------------------------------------------------------------===//
#include "targets/Levels.h"
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
#include "targets/Cpus.def"
};

constexpr Cpu kFurtherNames[] = {
#define PHIC_CPU(NAME, LEVEL)
#define PHIC_LEVEL_NAME(NAME, LEVEL) {NAME, LEVEL},
#include "targets/Cpus.def"
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

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> names;
  while (!list.empty()) {
    size_t end = std::min(list.find(','), list.size());
    names.push_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return names;
}

/// Of the systems' families: levels, then processors.
std::string knownCpus(const std::vector<TargetChoice> &choices) {
  auto isAsked = [&](const Target &level) {
    return llvm::any_of(choices, [&](const TargetChoice &choice) { return choice.system->family == level.family; });
  };
  std::vector<std::string_view> levels, cpus;
  for (const Target &level : allTargets())
    if (isAsked(level))
      levels.push_back(level.name);
  for (const Cpu &cpu : kCpus)
    if (isAsked(*targetByName(cpu.level)))
      cpus.push_back(cpu.name);
  return "known levels are " + llvm::join(levels, ", ") + ", known processors " + llvm::join(cpus, ", ") +
         "; 'generic' is the lowest level, 'native' is this machine";
}

/// The best level of this machine, or nullptr.
const Target *nativeLevel() {
  const Target *best = nullptr;
  for (const Target &level : allTargets())
    if (canRunHere(level))
      best = &level;
  return best;
}

/// Of a system's family, which has one.
const Target *lowestLevel(std::string_view family) {
  return &*llvm::find_if(allTargets(), [&](const Target &level) { return level.family == family; });
}

const Target *levelOf(std::string_view name) {
  if (name == kNative)
    return nativeLevel();
  for (std::span<const Cpu> names : {std::span<const Cpu>(kCpus), std::span<const Cpu>(kFurtherNames)})
    for (const Cpu &cpu : names)
      if (cpu.name == name)
        return targetByName(cpu.level);
  return targetByName(name);
}

void addLevel(TargetChoice &choice, const Target &level) {
  if (!llvm::is_contained(choice.levels, &level))
    choice.levels.push_back(&level);
}

std::string whyUnknown(std::string_view cpu, const std::vector<TargetChoice> &choices) {
  std::string quoted = "--cpu=" + std::string(cpu);
  if (const Target *level = levelOf(cpu)) {
    std::string systems;
    for (const TargetChoice &choice : choices)
      systems += (systems.empty() ? "" : ",") + std::string(choice.system->name);
    return quoted + " is a processor of family " + std::string(level->family) + ", not of --target=" + systems + "; " +
           knownCpus(choices);
  }
  if (cpu == kNative)
    return quoted + ": this machine runs none of the levels; " + knownCpus(choices);
  return quoted + " is no CPU level or processor phic knows; " + knownCpus(choices);
}

} // namespace

std::optional<std::vector<TargetChoice>> chooseTargets(std::string_view systems, std::string_view cpus,
                                                       std::string *reason) {
  std::vector<TargetChoice> choices;
  for (std::string_view name : split(systems.empty() ? allSystems().front().name : systems)) {
    const System *system = systemByName(name);
    if (!system) {
      auto names = llvm::map_range(allSystems(), [](const System &known) { return known.name; });
      *reason =
          "--target=" + std::string(name) + " is no system phic compiles for; known are " + llvm::join(names, ", ");
      return std::nullopt;
    }
    if (llvm::any_of(choices, [&](const TargetChoice &choice) { return choice.system == system; })) {
      *reason = "--target names " + std::string(name) + " twice";
      return std::nullopt;
    }
    choices.push_back({system, {}});
  }
  for (std::string_view cpu : split(cpus)) {
    bool fits = false;
    for (TargetChoice &choice : choices) {
      const Target *level = cpu == kGeneric ? lowestLevel(choice.system->family) : levelOf(cpu);
      if (level && choice.system->family == level->family) {
        addLevel(choice, *level);
        fits = true;
      }
    }
    if (!fits) {
      *reason = whyUnknown(cpu, choices);
      return std::nullopt;
    }
  }
  for (TargetChoice &choice : choices) {
    if (choice.levels.empty())
      for (std::string_view level : split(choice.system->levels))
        addLevel(choice, *targetByName(level));
    llvm::sort(choice.levels, [](const Target *a, const Target *b) { return a > b; });
  }
  return choices;
}

bool canRunHere(const Target &target) {
  llvm::Triple host(llvm::sys::getProcessTriple()), wanted(llvm::StringRef(systemOf(target).triple));
  if (host.getArch() != wanted.getArch())
    return false;
  static const llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  return llvm::all_of(kFeatures, [&](const Feature &feature) {
    return !(target.cpuFeatures & feature.bit) || features.lookup(feature.name);
  });
}

} // namespace phic
