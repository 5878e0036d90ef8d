//===- HeaderFile.cpp - A library's C header -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/HeaderFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

namespace phic {

std::string headerText(const ModelData &model, llvm::StringRef name, llvm::StringRef interface) {
  std::string upper = "PHI_" + name.upper();
  std::string text = interface.str();
  text += llvm::formatv("\n#ifndef {0}_H\n#define {0}_H\n", upper).str();
  auto constant = [&](llvm::StringRef what, uint64_t value) {
    text += llvm::formatv("#define {0}_{1} {2}{3}\n", upper, what, value, value > UINT32_MAX ? "ull" : "u").str();
  };
  constant("VOCAB", model.vocab);
  constant("CONTEXT_MAX", model.contextMax);
  constant("CONTEXT_DEFAULT", model.contextDefault);
  constant("WEIGHTS_BYTES", model.weightsBytes);
  const PlanData &plan = model.plans[model.variants.front().plan]; // as the runtime's facts say it
  constant("KV_BYTES_PER_TOKEN", plan.stateBytesPerToken);
  constant("ARENA_BYTES", plan.arenaBytes);
  constant("SCRATCH_BYTES", llvm::alignTo(plan.scratchBytes, 64)); // as phi_plan has it
  text += "#ifdef __cplusplus\nextern \"C\"\n#endif\n";
  text +=
      llvm::formatv("const phi_api *phi_query_{0}(uint32_t version); /* NULL: it has no such version */\n", name).str();
  text += llvm::formatv("#endif /* {0}_H */\n", upper).str();
  return text;
}

} // namespace phic
