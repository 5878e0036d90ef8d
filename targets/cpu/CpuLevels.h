//===- CpuLevels.h - From --cpu to levels ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Users name levels, processors (Cpus.def), `generic` or `native`.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_CPULEVELS_H
#define PHIC_TARGETS_CPU_CPULEVELS_H

#include "targets/cpu/CpuTarget.h"
#include "llvm/ADT/ArrayRef.h"
#include <string>
#include <vector>

namespace phic {

/// The level of that name that the system runs; nullptr where none is.
const CpuTarget *cpuLevelFor(std::string_view cpu, const System &system);
/// For the user, who named it by --cpu: it fits none of the systems.
std::string whyNoCpuLevel(std::string_view cpu, llvm::ArrayRef<const System *> systems);

/// Those of the family, in their order.
std::vector<const CpuTarget *> cpuLevelsOf(llvm::ArrayRef<const Target *> targets);

/// Whether this machine and its system can run code of that level.
bool canRunHere(const CpuTarget &level);

} // namespace phic

#endif // PHIC_TARGETS_CPU_CPULEVELS_H
