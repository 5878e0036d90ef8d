//===- MachineRates.h - How fast a machine can be at most ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two limits bound every stage: the bytes that come from memory and the
// multiply-adds that the arithmetic units can do. A family measures them on this
// machine, or knows them of another one (Backend.h).
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_MACHINERATES_H
#define PHIC_TARGETS_MACHINERATES_H

#include "targets/Target.h"
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace phic {

/// Multiply-adds by how they are computed: the two have different peaks.
struct MulAdds {
  double integer = 0; ///< of 8-bit activations with codes
  double real = 0;    ///< in f32
  double total() const { return integer + real; }
  MulAdds &operator+=(const MulAdds &other) {
    integer += other.integer;
    real += other.real;
    return *this;
  }
};

struct MachineRates {
  std::string source;          ///< where the numbers are from, in words
  bool measured = false;       ///< on this machine, in this run
  int threads = 1;             ///< the rates are of all of them together; 0: not of the host's
  double bytesPerSecond = 0;   ///< read from memory
  double integerPerSecond = 0; ///< multiply-adds of 8-bit integers
  double realPerSecond = 0;    ///< multiply-adds of f32
  double stageSeconds = 0;     ///< what starting a stage takes, where that is not next to nothing
  uint64_t memoryBytes = 0;    ///< that a program can have; 0: not known

  /// The least time in which a stage can do that.
  double seconds(double bytes, const MulAdds &mulAdds) const {
    return stageSeconds +
           std::max(bytes / bytesPerSecond, mulAdds.integer / integerPerSecond + mulAdds.real / realPerSecond);
  }
};

/// A machine that people have, by the name that they may call it.
struct KnownMachine {
  std::string_view name;              ///< of `phic check --machine`, "h200"
  std::vector<const Target *> levels; ///< those of its family that it runs
  MachineRates rates;
};

} // namespace phic

#endif // PHIC_TARGETS_MACHINERATES_H
