//===- CpuLevels.h - Which level a processor is of -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TARGETS_CPU_CPULEVELS_H
#define PHIC_TARGETS_CPU_CPULEVELS_H

#include "targets/cpu/CpuTarget.h"
#include "llvm/ADT/ArrayRef.h"

namespace phic {

/// The rows of Cpus.def.
llvm::ArrayRef<LevelName> cpuLevelNames();

/// Whether this machine and its system can run code of that level.
bool canRunHere(const CpuTarget &level);

} // namespace phic

#endif // PHIC_TARGETS_CPU_CPULEVELS_H
