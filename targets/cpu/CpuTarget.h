//===- CpuTarget.h - A CPU level as a struct of facts ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything a pass of the CPU backend may know about the machine it compiles for. A
// new level is a row of Targets.def, and rows of its architecture's Kernels.def.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_CPUTARGET_H
#define PHIC_TARGETS_CPU_CPUTARGET_H

#include "targets/Target.h"

namespace phic {

/// The family of every level here: its row of Backends.def.
inline constexpr std::string_view kCpuFamily = "cpu";

/// Sizes of a stage's tiles for one M class.
struct TileShape {
  int64_t columns;    ///< most columns of a matmul tile; epilogues may ask for fewer
  int64_t rows;       ///< rows of a matmul tile
  int64_t attendRows; ///< query rows of an attention tile
  /// Keys scored before the softmax is brought up to date, a multiple of 32; the same for every class.
  int64_t attendKeys;
  bool operator==(const TileShape &) const = default;
};

struct CpuTarget : Target {
  std::string_view architecture; ///< which machines know it, "x86_64"
  std::string_view llvmCpu;
  std::string_view llvmFeatures;
  std::string_view halide;       ///< Halide's target string, without its feature flags for runtime and asserts
  int64_t vectorBytes;           ///< of the widest register that kernels use
  int64_t vectorRegisters;
  TileShape tiles[3]; ///< by MClass

  const TileShape &tile(MClass mClass) const { return tiles[unsigned(mClass)]; }
};

/// Every level, in the order of Targets.def.
std::span<const CpuTarget> cpuLevels();
/// The row with that name, or nullptr.
const CpuTarget *cpuLevelByName(std::string_view name);
/// The level that single passes compile for when not told.
const CpuTarget &defaultCpuLevel();
/// A target of the CPU family as what it is.
const CpuTarget &asCpuLevel(const Target &target);

/// The first system that runs the level's code: whose triple it has when no system is named.
const System &systemOf(const CpuTarget &level);

} // namespace phic

#endif // PHIC_TARGETS_CPU_CPUTARGET_H
