//===- Levels.cpp - From --target and --cpu to levels ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/Levels.h"
#include "targets/cpu/CpuLevels.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"

namespace phic {
namespace {

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> names;
  while (!list.empty()) {
    size_t end = std::min(list.find(','), list.size());
    names.push_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return names;
}

void addLevel(TargetChoice &choice, const Target &level) {
  if (!llvm::is_contained(choice.levels, &level))
    choice.levels.push_back(&level);
}

/// Why the systems cannot be chosen, or an empty string.
std::string chooseSystems(std::string_view systems, std::vector<TargetChoice> &choices) {
  for (std::string_view name : split(systems.empty() ? allSystems().front().name : systems)) {
    const System *system = systemByName(name);
    if (!system) {
      auto names = llvm::map_range(allSystems(), [](const System &known) { return known.name; });
      return "--target=" + std::string(name) + " is no system phic compiles for; known are " + llvm::join(names, ", ");
    }
    if (llvm::any_of(choices, [&](const TargetChoice &choice) { return choice.system == system; }))
      return "--target names " + std::string(name) + " twice";
    choices.push_back({system, {}});
  }
  return "";
}

/// Gives each choice its CPU levels, best first; why it cannot, or an empty string.
std::string chooseCpus(std::string_view cpus, std::vector<TargetChoice> &choices) {
  for (std::string_view cpu : split(cpus)) {
    bool fits = false;
    for (TargetChoice &choice : choices)
      if (const CpuTarget *level = cpuLevelFor(cpu, *choice.system)) {
        addLevel(choice, *level);
        fits = true;
      }
    if (!fits)
      return whyNoCpuLevel(cpu, llvm::map_to_vector(choices, [](const TargetChoice &choice) { return choice.system; }));
  }
  for (TargetChoice &choice : choices) {
    if (choice.levels.empty())
      for (std::string_view level : split(choice.system->levels))
        addLevel(choice, *cpuLevelByName(level));
    llvm::sort(choice.levels, [](const Target *a, const Target *b) { return &asCpuLevel(*a) > &asCpuLevel(*b); });
  }
  return "";
}

} // namespace

std::optional<std::vector<TargetChoice>> chooseTargets(std::string_view systems, std::string_view cpus,
                                                       std::string *reason) {
  std::vector<TargetChoice> choices;
  *reason = chooseSystems(systems, choices);
  if (reason->empty())
    *reason = chooseCpus(cpus, choices);
  return reason->empty() ? std::optional(std::move(choices)) : std::nullopt;
}

} // namespace phic
