//===- CpuRates.h - How fast processors can be at most ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the CPU's backend answers to measure() and referenceMachine().
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_MACHINES_CPURATES_H
#define PHIC_TARGETS_CPU_MACHINES_CPURATES_H

#include "targets/MachineRates.h"
#include "targets/cpu/CpuTarget.h"
#include <optional>

namespace phic {

/// The row of Machines.def for a level, or for the best one below that has a row.
MachineRates referenceProcessor(const CpuTarget &target);

/// With loops of the level's own instructions; empty where this machine lacks them, or no loop is written for it.
std::optional<MachineRates> measureProcessor(const CpuTarget &target, int threads, uint64_t workingSet);

} // namespace phic

#endif // PHIC_TARGETS_CPU_MACHINES_CPURATES_H
