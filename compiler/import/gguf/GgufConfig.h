//===- GgufConfig.h - What a GGUF file's metadata says ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The numbers of a decoder (`llama.block_count`, ...) checked for plausibility,
// so that the builder can trust them. Architectures are rows of a table.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_GGUF_GGUFCONFIG_H
#define PHIC_COMPILER_IMPORT_GGUF_GGUFCONFIG_H

#include "compiler/import/gguf/GgufReader.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace phic::gguf {

struct GgufConfig {
  std::string name; ///< general.name, or empty
  bool interleavedRope = false; ///< rotate pairs (2j, 2j + 1): the converter permuted q and k for it
  int64_t hidden = 0, ffn = 0, layers = 0;
  int64_t heads = 0, kvHeads = 0, headDim = 0, rotaryDim = 0;
  int64_t context = 0; ///< the model's own limit
  int64_t window = 0;  ///< keys visible to a query, itself included; 0: all
  double epsilon = 0, attentionScale = 0;
  double ropeBase = 0, ropeLinearFactor = 1;
  std::optional<int64_t> originalContext; ///< LongRoPE: above it the long factors apply
  std::optional<double> ropeMagnitude;    ///< multiplies cosines and sines

  std::vector<int32_t> stopIds;
  double temperature = 0, topP = 1, minP = 0, repetitionPenalty = 1;
  int64_t topK = 0;
};

/// Appends to `reasons` why the model cannot be imported, to `warnings` what has no effect.
GgufConfig readConfig(const GgufFile &file, std::vector<std::string> &reasons, std::vector<std::string> &warnings);

} // namespace phic::gguf

#endif // PHIC_COMPILER_IMPORT_GGUF_GGUFCONFIG_H
