//===- MachoWeights.h - The object that holds the weights ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A Mach-O object with the weights as section __PHI,__weights, which is the end of the file, and one symbol for them: a
// small one stands for them when a program is linked, the true one is the last member of a static library. There the
// manifest is in it too, as a debug section, which linkers leave out of a program.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_MACHOWEIGHTS_H
#define PHIC_COMPILER_LINK_MACHOWEIGHTS_H

#include "targets/Target.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/VersionTuple.h"
#include <cstdint>
#include <string>

namespace phic {

/// The symbol that the model struct points to, as C spells it.
inline constexpr char kMachoWeightsSymbol[] = "phi_weights";

struct MachoWeights {
  const System &system;
  uint64_t bytes = 0; ///< of the section, trailer included; 0: no such section
  std::string symbol; ///< with the leading underscore
  llvm::StringRef manifest; ///< may be empty
};

/// The object's bytes before the weights.
std::string machoWeightsStart(const MachoWeights &weights);

/// The oldest macOS that the system's programs are for.
llvm::VersionTuple oldestMacos(const System &system);

} // namespace phic

#endif // PHIC_COMPILER_LINK_MACHOWEIGHTS_H
