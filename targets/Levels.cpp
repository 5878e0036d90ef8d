//===- Levels.cpp - From command lines to levels ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/Levels.h"
#include "targets/Backend.h"
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

constexpr std::string_view kNative = "native";
constexpr std::string_view kGeneric = "generic";

bool runsOnAny(const Target &level, llvm::ArrayRef<const System *> systems) {
  return llvm::any_of(systems, [&](const System *system) { return backendOf(level).runsOn(level, *system); });
}

/// The level that a word stands for, or nullptr.
const Target *levelNamed(const Backend &backend, std::string_view word) {
  for (const LevelName &known : backend.levelNames())
    if (known.name == word)
      return levelByName(backend, known.level);
  return levelByName(backend, word);
}

/// The best level of this machine, or nullptr.
const Target *nativeLevel() {
  const Target *best = nullptr;
  for (const Target *level : hostBackend().levels())
    if (hostBackend().runsHere(*level))
      best = level;
  return best;
}

const Target *cpuLevelNamed(std::string_view cpu) {
  return cpu == kNative ? nativeLevel() : levelNamed(hostBackend(), cpu);
}

/// Of a system, which has one.
const Target *lowestLevel(const System &system) {
  const auto levels = hostBackend().levels();
  return *llvm::find_if(levels, [&](const Target *level) { return hostBackend().runsOn(*level, system); });
}

/// The level of --cpu's word that the system runs; nullptr where none is.
const Target *cpuLevelFor(std::string_view cpu, const System &system) {
  const Target *level = cpu == kGeneric ? lowestLevel(system) : cpuLevelNamed(cpu);
  return level && hostBackend().runsOn(*level, system) ? level : nullptr;
}

/// Levels of the systems, then processors.
std::string knownCpus(llvm::ArrayRef<const System *> systems) {
  std::vector<std::string_view> levels, cpus;
  for (const Target *level : hostBackend().levels())
    if (runsOnAny(*level, systems))
      levels.push_back(level->name);
  for (const LevelName &cpu : hostBackend().levelNames())
    if (cpu.isMachine && runsOnAny(*levelByName(hostBackend(), cpu.level), systems))
      cpus.push_back(cpu.name);
  return "known levels are " + llvm::join(levels, ", ") + ", known processors " + llvm::join(cpus, ", ") +
         "; 'generic' is the lowest level, 'native' is this machine";
}

/// For the user, who named it by --cpu: it fits none of the systems.
std::string whyNoCpuLevel(std::string_view cpu, llvm::ArrayRef<const System *> systems) {
  const std::string quoted = "--cpu=" + std::string(cpu);
  if (const Target *level = cpuLevelNamed(cpu)) {
    auto names = llvm::map_range(systems, [](const System *system) { return system->name; });
    auto runs = llvm::find_if(allSystems(), [&](const System &known) { return hostBackend().runsOn(*level, known); });
    return quoted + " is a processor of architecture " + std::string(runs->architecture) +
           ", not of --target=" + llvm::join(names, ",") + "; " + knownCpus(systems);
  }
  if (cpu == kNative)
    return quoted + ": this machine runs none of the levels; " + knownCpus(systems);
  return quoted + " is no CPU level or processor phic knows; " + knownCpus(systems);
}

void addLevel(TargetChoice &choice, const Target &level) {
  if (!llvm::is_contained(choice.levels, &level))
    choice.levels.push_back(&level);
}

/// Those of a family lie together, best first; families are in the order in which they were named.
void sortLevels(TargetChoice &choice) {
  std::vector<const Target *> sorted;
  for (const Target *first : choice.levels) {
    if (llvm::is_contained(sorted, first))
      continue;
    const std::vector<const Target *> worstFirst = backendOf(*first).levels();
    for (const Target *level : llvm::reverse(worstFirst))
      if (llvm::is_contained(choice.levels, level))
        sorted.push_back(level);
  }
  choice.levels = std::move(sorted);
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

/// Gives each choice its CPU levels; why it cannot, or an empty string.
std::string chooseCpus(std::string_view cpus, std::vector<TargetChoice> &choices) {
  for (std::string_view cpu : split(cpus)) {
    bool fits = false;
    for (TargetChoice &choice : choices)
      if (const Target *level = cpuLevelFor(cpu, *choice.system)) {
        addLevel(choice, *level);
        fits = true;
      }
    if (!fits)
      return whyNoCpuLevel(cpu, llvm::map_to_vector(choices, [](const TargetChoice &choice) { return choice.system; }));
  }
  for (TargetChoice &choice : choices)
    if (choice.levels.empty())
      for (std::string_view level : split(choice.system->levels))
        addLevel(choice, *levelByName(hostBackend(), level));
  return "";
}

/// "cpu, other:a, other:b"
std::string knownDevices() {
  std::vector<std::string> names;
  for (const Backend *backend : allBackends()) {
    if (backend == &hostBackend()) {
      names.push_back(backend->family().str());
      continue;
    }
    for (const Target *level : backend->levels())
      names.push_back((backend->family() + ":" + llvm::StringRef(level->name)).str());
  }
  return llvm::join(names, ", ");
}

/// What the words of --device stand for, each by itself but for its family.
class DeviceWords {
public:
  /// The levels of a word; none where it stands for nothing. Those of the CPU are for --cpu to name.
  std::vector<const Target *> levels(llvm::StringRef word) {
    auto [family, name] = word.split(':');
    if (const Backend *named = backendByName(family)) {
      backend = named;
      if (!word.contains(':'))
        return backend->defaultLevels();
    } else if (word.contains(':') || !backend || backend == &hostBackend()) {
      return {};
    } else {
      name = word;
    }
    const Target *level = levelNamed(*backend, name);
    return level ? std::vector{level} : std::vector<const Target *>();
  }

private:
  const Backend *backend = nullptr; ///< of the last word that named one
};

/// Why a choice cannot have these levels, or an empty string.
std::string addDevice(TargetChoice &choice, std::string_view word, llvm::ArrayRef<const Target *> levels) {
  for (const Target *level : levels) {
    if (!backendOf(*level).runsOn(*level, *choice.system))
      return "--device=" + std::string(word) + " is no device of --target=" + std::string(choice.system->name);
    addLevel(choice, *level);
  }
  return "";
}

/// Adds the devices' levels to each choice; why it cannot, or an empty string.
std::string chooseDevices(std::string_view devices, std::vector<TargetChoice> &choices) {
  DeviceWords words;
  for (std::string_view word : split(devices)) {
    const std::vector<const Target *> levels = words.levels(word);
    if (llvm::StringRef(word) == hostBackend().family())
      continue;
    const bool isHost = !levels.empty() && &backendOf(*levels.front()) == &hostBackend();
    if (levels.empty() || isHost)
      return "--device=" + std::string(word) + " is no device phic makes code for; known are " + knownDevices() +
             (isHost ? "; levels of the CPU are named by --cpu" : "");
    for (TargetChoice &choice : choices)
      if (std::string reason = addDevice(choice, word, levels); !reason.empty())
        return reason;
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
  for (TargetChoice &choice : choices)
    sortLevels(choice);
  return reason->empty() ? std::optional(std::move(choices)) : std::nullopt;
}

} // namespace phic
