//===- Levels.h - From command lines to levels -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program holds the code of one or more CPU levels of one system, named by --target
// and --cpu, and of levels of other families, named by --device.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_LEVELS_H
#define PHIC_TARGETS_LEVELS_H

#include "targets/Target.h"
#include <optional>
#include <string>
#include <vector>

namespace phic {

/// What one output of a build is made for.
struct TargetChoice {
  const System *system;
  std::vector<const Target *>
      levels; ///< the CPU's, then those of other families as they are named; of a family best first, each once
};

/// The choices for comma-separated lists of systems, of levels, processors or `native`, and of devices; an empty list
/// means the default. A system whose architecture no name of `cpus` fits gets its own default; a name that fits no system is a mistake.
/// A device is FAMILY:LEVEL, FAMILY for the family's default levels, or LEVEL of the family named before it; `cpu` adds
/// nothing to what every program has.
/// Empty with a reason for the user, who named them by --target, --cpu and --device.
std::optional<std::vector<TargetChoice>> chooseTargets(std::string_view systems, std::string_view cpus,
                                                       std::string_view devices, std::string *reason);

} // namespace phic

#endif // PHIC_TARGETS_LEVELS_H
