//===- Target.h - A machine as a struct of facts ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything a pass may know about the machine it compiles for. A new CPU level
// is a row of Targets.def, and rows of its family's Kernels.def.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_TARGET_H
#define PHIC_TARGETS_TARGET_H

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace phic {

/// The entry point a kernel body is made for: how many rows (tokens) it sees.
enum class MClass : uint8_t { Decode, Verify, Prefill };
inline constexpr MClass kMClasses[] = {MClass::Decode, MClass::Verify, MClass::Prefill};
/// "decode", "verify", "prefill": also the keys of a stage's `kernels`.
std::string_view mClassName(MClass mClass);

/// Sizes of a stage's tiles for one M class.
struct TileShape {
  int64_t columns;       ///< most columns of a matmul tile; epilogues may ask for fewer
  int64_t rows;          ///< rows of a matmul tile
  int64_t attendRows;    ///< query rows of an attention tile
  int64_t attendKeys;    ///< keys scored before the softmax is brought up to date, a multiple of 32; the same for every class
};

struct Target {
  std::string_view name;        ///< "x86-64-v3"
  std::string_view isa;         ///< suffix of kernel symbols, "x86_64_v3"
  std::string_view triple;      ///< LLVM's
  std::string_view cpu;         ///< LLVM's
  std::string_view features;    ///< LLVM's
  std::string_view halide;      ///< Halide's target string, without its feature flags for runtime and asserts
  int64_t vectorBytes;          ///< of the widest register that kernels use
  int64_t vectorRegisters;
  uint64_t cpuFeatures;         ///< PHI_CPU_* bits a machine must have (phi/format.h)
  TileShape tiles[3];           ///< by MClass

  const TileShape &tile(MClass mClass) const { return tiles[unsigned(mClass)]; }
};

/// Every target, in the order of Targets.def.
std::span<const Target> allTargets();
/// The row with that name, or nullptr.
const Target *targetByName(std::string_view name);
/// What `phic build` compiles for when not told.
const Target &defaultTarget();
/// The system that a level's programs run on: "x86_64-linux", from the triple.
std::string systemOf(const Target &target);
/// The first row of that system, or nullptr.
const Target *defaultTargetOf(std::string_view system);

} // namespace phic

#endif // PHIC_TARGETS_TARGET_H
