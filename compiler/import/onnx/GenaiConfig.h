//===- GenaiConfig.h - genai_config.json -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What ONNX Runtime GenAI writes beside a model: names of the graph's inputs and
// outputs, the context length, stop tokens, and how to sample.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_GENAICONFIG_H
#define PHIC_COMPILER_IMPORT_ONNX_GENAICONFIG_H

#include "dialects/phiq/ModelFacts.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace phic::onnx {

/// The defaults are what a model without the file gets.
struct GenaiConfig {
  bool isRead = true; ///< false: there is none, these are defaults
  std::string type = "model"; ///< "llama", "phi3"
  std::string fileName = "model.onnx";
  std::string inputIds = "input_ids", inputsEmbeds = "inputs_embeds", attentionMask = "attention_mask",
              positionIds = "position_ids";
  std::string logits = "logits";
  std::optional<int64_t> contextLength;
  std::vector<int32_t> stopIds;
  SamplingDefaults sampling;
  std::vector<std::string> ignored; ///< settings that would change which tokens come out: "search.num_beams"
};

/// `name` is the file's, for errors.
llvm::Expected<GenaiConfig> parseGenaiConfig(llvm::StringRef text, llvm::StringRef name);

} // namespace phic::onnx

#endif // PHIC_COMPILER_IMPORT_ONNX_GENAICONFIG_H
