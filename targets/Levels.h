//===- Levels.h - From --target and --cpu to levels ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program holds the code of one or more CPU levels of one system. Users name
// levels, processors (targets/cpu/Cpus.def) or `native`.
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
  std::vector<const Target *> levels; ///< best first, each once
};

/// The choices for comma-separated lists of systems and of levels, processors or `native`; an empty list means the
/// default. A system whose architecture no name of `cpus` fits gets its own default; a name that fits no system is a mistake.
/// Empty with a reason for the user, who named them by --target and --cpu.
std::optional<std::vector<TargetChoice>> chooseTargets(std::string_view systems, std::string_view cpus,
                                                       std::string *reason);

} // namespace phic

#endif // PHIC_TARGETS_LEVELS_H
