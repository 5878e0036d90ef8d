//===- MachineRates.h - How fast a machine can be at most ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two limits bound every stage: the bytes that come from memory and the
// multiply-adds that the arithmetic units can do. They are measured on this
// machine in a fraction of a second, or are a row of Machines.def.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_REPORT_MACHINERATES_H
#define PHIC_COMPILER_REPORT_MACHINERATES_H

#include "compiler/report/StageCosts.h"
#include "targets/cpu/CpuTarget.h"
#include <optional>

namespace phic {

struct MachineRates {
  std::string source;          ///< where the numbers are from, in words
  bool measured = false;       ///< on this machine, in this run
  int threads = 1;             ///< the rates are of all of them together
  double bytesPerSecond = 0;   ///< read from memory
  double integerPerSecond = 0; ///< multiply-adds of 8-bit integers
  double realPerSecond = 0;    ///< multiply-adds of f32

  /// The least time in which a stage can be done.
  double seconds(double bytes, const MulAdds &mulAdds) const;
  double seconds(const StageCost &cost, const StepShape &step) const {
    return seconds(cost.bytes(step), cost.mulAdds(step));
  }
};

/// The row of Machines.def for a CPU level, or for the best one below that has a row.
MachineRates referenceMachine(const CpuTarget &target);

/// Measures, with loops of `target`'s own instructions. The bandwidth is that of reading `workingSet` bytes again and
/// again (between 1 and 256 MiB of them), so that a small model is compared with the cache it fits into. Empty when this
/// machine cannot run the target or no loop is written for it.
std::optional<MachineRates> measureMachine(const CpuTarget &target, int threads, uint64_t workingSet);

} // namespace phic

#endif // PHIC_COMPILER_REPORT_MACHINERATES_H
