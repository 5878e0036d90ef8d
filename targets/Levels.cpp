//===- Levels.cpp - From command lines to levels ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/Levels.h"
#include "targets/Backend.h"
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

/// "cpu, other:a, other:b"
std::string knownDevices() {
  std::vector<std::string> names;
  for (const Backend *backend : allBackends()) {
    if (backend->family() == llvm::StringRef(kCpuFamily)) {
      names.push_back(backend->family().str());
      continue;
    }
    for (const Target *level : backend->levels())
      names.push_back((backend->family() + ":" + llvm::StringRef(level->name)).str());
  }
  return llvm::join(names, ", ");
}

/// The level that a device's name stands for, or nullptr.
const Target *deviceLevel(llvm::StringRef device) {
  auto [family, name] = device.split(':');
  const Backend *backend = backendByName(family);
  if (!backend || device.ends_with(":"))
    return nullptr;
  return name.empty() ? backend->levels().front() : levelByName(*backend, name);
}

/// Adds the devices' levels to each choice; why it cannot, or an empty string.
std::string chooseDevices(std::string_view devices, std::vector<TargetChoice> &choices) {
  for (std::string_view device : split(devices)) {
    if (device == kCpuFamily)
      continue;
    const Target *level = deviceLevel(device);
    if (!level || level->family == kCpuFamily)
      return "--device=" + std::string(device) + " is no device phic makes code for; known are " + knownDevices() +
             (level ? "; levels of the CPU are named by --cpu" : "");
    for (TargetChoice &choice : choices) {
      if (!backendOf(*level).runsOn(*choice.system))
        return "--device=" + std::string(device) + " is no device of --target=" + std::string(choice.system->name);
      addLevel(choice, *level);
    }
  }
  return "";
}

} // namespace

std::optional<std::vector<TargetChoice>> chooseTargets(std::string_view systems, std::string_view cpus,
                                                       std::string_view devices, std::string *reason) {
  std::vector<TargetChoice> choices;
  *reason = chooseSystems(systems, choices);
  if (reason->empty())
    *reason = chooseCpus(cpus, choices);
  if (reason->empty())
    *reason = chooseDevices(devices, choices);
  return reason->empty() ? std::optional(std::move(choices)) : std::nullopt;
}

} // namespace phic
