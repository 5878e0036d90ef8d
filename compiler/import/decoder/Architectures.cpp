//===- Architectures.cpp - Decoders that checkpoints hold ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/decoder/DecoderConfig.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace phic::decoder {
namespace {

#define PHIC_ARCHITECTURE(NAME, NORM, GATE, FUSED) {NAME, Norm::NORM, Gate::GATE, FUSED},
constexpr Architecture kArchitectures[] = {
#include "compiler/import/decoder/Architectures.def"
};
#undef PHIC_ARCHITECTURE

} // namespace

const Architecture *architectureByName(llvm::StringRef name) {
  const Architecture *found = llvm::find_if(kArchitectures, [&](const Architecture &row) { return row.name == name; });
  return found == std::end(kArchitectures) ? nullptr : found;
}

std::string architectureNames() {
  return llvm::join(llvm::map_range(kArchitectures, [](const Architecture &row) { return row.name; }), ", ");
}

} // namespace phic::decoder
