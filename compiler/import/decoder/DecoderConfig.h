//===- DecoderConfig.h - The numbers of a decoder --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a checkpoint without a graph has to say so that its decoder can be built, whatever container it lies in. A reader
// takes the numbers as they come; which of them a decoder can have is decided in checkConfig, which buildDecoder asks.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_DECODER_DECODERCONFIG_H
#define PHIC_COMPILER_IMPORT_DECODER_DECODERCONFIG_H

#include "dialects/phiq/Sampling.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace phic::decoder {

enum class Norm { Rms, Layer };
enum class Gate { Silu, GeluTanh };
/// Weights that may be one; bits.
enum Fused : unsigned { Qkv = 1, GateUp = 2 };

/// A row of Architectures.def.
struct Architecture {
  llvm::StringRef name;
  Norm norm = Norm::Rms;
  Gate gate = Gate::Silu;
  unsigned fused = 0;
};

/// The row of that name, or nullptr.
const Architecture *architectureByName(llvm::StringRef name);
/// "llama, phi3"
std::string architectureNames();

/// Far above any model, far below where products overflow.
constexpr int64_t kMostOfAnything = 1 << 24;
/// Of a row of activations.
constexpr int64_t kMostColumns = 1 << 20;

struct RopeConfig {
  bool interleaved = false; ///< rotate pairs (2j, 2j + 1), not (j, j + dim / 2)
  int64_t dim = 0; ///< of a head's elements, how many are rotated
  double base = 10000;
  double linearFactor = 1; ///< divides every frequency, beside what factors the checkpoint has
  std::optional<int64_t> originalContext; ///< LongRoPE: above it the long factors apply
  std::optional<double> magnitude; ///< multiplies cosines and sines
};

struct DecoderConfig {
  Architecture architecture;
  std::string name; ///< the model's own
  int64_t hidden = 0, ffn = 0, layers = 0;
  int64_t heads = 0, kvHeads = 0, headDim = 0;
  int64_t context = 0; ///< the model's own limit
  int64_t window = 0; ///< keys visible to a query, itself included; 0: all
  double epsilon = 0, attentionScale = 0;
  RopeConfig rope;
  std::vector<int32_t> stopIds;
  SamplingDefaults sampling;
};

/// Why no decoder can have these numbers; empty where one can.
std::vector<std::string> checkConfig(const DecoderConfig &config);

} // namespace phic::decoder

#endif // PHIC_COMPILER_IMPORT_DECODER_DECODERCONFIG_H
