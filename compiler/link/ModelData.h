//===- ModelData.h - The program's one constant struct ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the runtime is told about the model (`phi_the_model`, phi/format.h), as
// the compiler gathers it, and its way into an object file. Tables and struct have
// sections of their own (`.phi_tokenizer`, `.phi_model`; `__phi_tokenizer` and
// `__phi_model` in Mach-O), so that a reader of the program finds both without symbols.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_MODELDATA_H
#define PHIC_COMPILER_LINK_MODELDATA_H

#include "compiler/link/EntryData.h"
#include "phi/format.h"
#include "targets/Target.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <vector>

namespace phic {

/// One level's code: symbols that the program's objects define, or bytes for its device.
struct VariantData {
  std::string name;       ///< "x86-64-v3"
  uint64_t features = 0;  ///< PHI_CPU_* of native code
  std::vector<std::string> entries; ///< one for each of the model's; none: its device runs the blob
  std::string blob = {}; ///< empty: native code alone
  size_t plan = 0; ///< which of ModelData::plans
};

struct StageData {
  std::string name;
  std::vector<phi_stage_output> outputs;
  bool logitRows = false;  ///< works on the rows whose logits are wanted, only
};

/// What one family of machines laid out.
struct PlanData {
  std::string family; ///< "cpu": the runtime's phi_device_cpu runs it
  uint64_t weightsOffset = 0, weightsBytes = 0; ///< its copy in the weight segment
  uint64_t arenaBytes = 0;
  uint64_t scratchBytes = 0; ///< as kernels want it; a thread's begins on a cache line
  uint64_t stateBytesPerToken = 0;
  uint32_t chunkRows = 0;
  uint32_t contextStep = 32;
  std::vector<StageData> stages = {}; ///< in the order of the entry points' stage indices
};

/// phi_model, field by field; see there.
struct ModelData {
  /// Whether a step chooses its rows: of tokens, or of what stands for them. Else it is a graph, which runs as it is.
  bool hasSteps() const;
  std::string name;
  std::string phicVersion;
  uint32_t vocab = 0;
  uint32_t contextMax = 0;
  uint32_t contextDefault = 0;
  uint32_t ropeSwitch = 0;
  bool prunedHead = false;
  uint64_t weightsBytes = 0; ///< of all plans: what linkOutputs' `writeWeights` will write, exactly
  std::string sidecar; ///< name of the weights' own file; empty: they are embedded
  std::vector<EntryData> entries; ///< in order of the rows that they take
  std::vector<PlanData> plans;
  std::vector<VariantData> variants; ///< best first
  std::string tokenizer; ///< tables, empty: the program takes --tokens only
  std::string chat; ///< chat template tables, empty: --raw only
  std::vector<int32_t> stopIds;
  phi_generation generation = {0, 1, 0, 0, 1};
};

/// The object file that defines `phi_the_model` for `system`, beside a manifest of that hash. Its bytes depend on nothing else.
llvm::Expected<llvm::SmallVector<char, 0>> emitModelObject(const ModelData &model, uint64_t manifestHash,
                                                           const System &system);

} // namespace phic

#endif // PHIC_COMPILER_LINK_MODELDATA_H
