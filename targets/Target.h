//===- Target.h - A machine as a struct of facts ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything a pass may know about the machine it compiles for. A new CPU level
// is a row of Targets.def, and rows of its family's Kernels.def; a new operating
// system is a row of Systems.def.
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
  int64_t
      attendKeys; ///< keys scored before the softmax is brought up to date, a multiple of 32; the same for every class
  bool operator==(const TileShape &) const = default;
};

struct Target {
  std::string_view name; ///< "x86-64-v3"
  std::string_view isa; ///< suffix of kernel symbols, "x86_64_v3"
  std::string_view family; ///< which machines know it, "x86_64"
  std::string_view cpu; ///< LLVM's
  std::string_view features; ///< LLVM's
  std::string_view halide; ///< Halide's target string, without its feature flags for runtime and asserts
  int64_t vectorBytes; ///< of the widest register that kernels use
  int64_t vectorRegisters;
  uint64_t cpuFeatures; ///< PHI_CPU_* bits a machine must have (phi/format.h)
  TileShape tiles[3]; ///< by MClass

  const TileShape &tile(MClass mClass) const { return tiles[unsigned(mClass)]; }
};

/// How a system's programs and objects are written.
enum class ObjectFormat : uint8_t { Elf, MachO };

/// What a program runs on besides the processor.
struct System {
  std::string_view name; ///< "x86_64-linux"
  std::string_view family; ///< of the levels that it runs
  std::string_view triple; ///< LLVM's
  std::string_view levels; ///< of a program when not told, comma-separated
  ObjectFormat format;
  uint64_t pageBytes; ///< of the largest page that it may have: segments lie on multiples
};

/// Every target, in the order of Targets.def.
std::span<const Target> allTargets();
/// The row with that name, or nullptr.
const Target *targetByName(std::string_view name);
/// The level that single passes compile for when not told.
const Target &defaultTarget();

/// Every system, in the order of Systems.def.
std::span<const System> allSystems();
/// The row with that name, or nullptr.
const System *systemByName(std::string_view name);
/// The first system that runs the target's code: whose triple it has when no system is named.
const System &systemOf(const Target &target);

} // namespace phic

#endif // PHIC_TARGETS_TARGET_H
