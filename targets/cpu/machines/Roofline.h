//===- Roofline.h - Loops that only read, or only multiply -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels are compared with. Compiled for their instructions one by one:
// call them where the machine has these.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_MACHINES_ROOFLINE_H
#define PHIC_TARGETS_CPU_MACHINES_ROOFLINE_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>

namespace phic {

/// The loops of one level. Each returns something of what it computed, so that nothing is left out.
struct RooflineLoops {
  /// Reads all bytes, as fast as loads allow.
  uint64_t (*read)(llvm::ArrayRef<uint8_t> bytes);
  /// `count` rounds of independent multiply-adds.
  uint64_t (*multiplyIntegers)(int64_t count);
  uint64_t (*multiplyReals)(int64_t count);
  double integersPerRound, realsPerRound; ///< multiply-adds
};

/// Those for the instructions of a level (Target::features); nullptr when there are none on this architecture.
const RooflineLoops *rooflineLoops(uint64_t cpuFeatures);

} // namespace phic

#endif // PHIC_TARGETS_CPU_MACHINES_ROOFLINE_H
