//===- Target.h - What programs are compiled for ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A target is a level of a family of machines: the family's backend knows what it
// has (targets/cpu/CpuTarget.h), everybody else its names. A system is what programs
// run on besides the processor: a row of Systems.def.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_TARGET_H
#define PHIC_TARGETS_TARGET_H

#include <cstdint>
#include <span>
#include <string_view>

namespace phic {

/// The entry point a kernel body is made for: how many rows (tokens) it sees.
enum class MClass : uint8_t { Decode, Verify, Prefill };
inline constexpr MClass kMClasses[] = {MClass::Decode, MClass::Verify, MClass::Prefill};
/// "decode", "verify", "prefill": also the keys of a stage's `kernels`.
std::string_view mClassName(MClass mClass);

struct Target {
  std::string_view family; ///< whose backend compiles for it, "cpu"
  std::string_view name;   ///< what a user calls it, "x86-64-v3"
  std::string_view isa;    ///< the same as the suffix of symbols, "x86_64_v3"
  uint64_t features;       ///< what a machine of the family must have; of a CPU PHI_CPU_* (phi/format.h)
};

/// A word by which users call a level, beside its own name.
struct LevelName {
  std::string_view name, level;
  bool isMachine; ///< what people have, "znver5": told where a word is not known
};

/// How a system's programs and objects are written.
enum class ObjectFormat : uint8_t { Elf, MachO };

struct System {
  std::string_view name;         ///< "x86_64-linux"
  std::string_view architecture; ///< of the processor, "x86_64"
  std::string_view triple;       ///< LLVM's
  std::string_view levels;       ///< CPU levels of a program when not told, comma-separated
  ObjectFormat format;
  uint64_t pageBytes; ///< of the largest page that it may have: segments lie on multiples
};

/// Every system, in the order of Systems.def.
std::span<const System> allSystems();
/// The row with that name, or nullptr.
const System *systemByName(std::string_view name);

} // namespace phic

#endif // PHIC_TARGETS_TARGET_H
