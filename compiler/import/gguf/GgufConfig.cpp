//===- GgufConfig.cpp - What a GGUF file's metadata says -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads every key that changes what the model computes. A key of the
// architecture that is not known here is warned about, never passed over.
//===----------------------------------------------------------------------===//
#include "compiler/import/gguf/GgufConfig.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cmath>

using namespace llvm;

namespace phic::gguf {
namespace {

/// Architectures whose converter permutes the rows of q and k, so that pairs (2j, 2j + 1) rotate together.
constexpr StringRef kPermuted[] = {"llama"};

/// Keys of an architecture without effect on what it computes.
constexpr StringRef kHarmlessKeys[] = {"vocab_size", "tensor_data_layout", "rope.scaling.finetuned"};

/// Token texts that end an answer whatever the file's end-of-sequence token is: converters often
/// name only one of several.
constexpr StringRef kEndOfTurn[] = {"<|end|>",       "<|im_end|>",      "<|eot_id|>", "<end_of_turn>",
                                    "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>"};
constexpr StringRef kEndTokenKeys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
enum TokenType : int64_t { kControl = 3, kUserDefined = 4 };

class ConfigReader {
public:
  ConfigReader(const GgufFile &file, uint64_t tensors, std::vector<std::string> &reasons,
               std::vector<std::string> &warnings)
      : file(file), tensors(tensors), reasons(reasons), warnings(warnings) {}

  decoder::DecoderConfig read() {
    if (!readArchitecture())
      return config;
    readShape();
    readAttention();
    readRope();
    readStopIds();
    readSampling();
    warnAboutOtherKeys();
    return config;
  }

private:
  void refuse(const Twine &reason) { reasons.push_back(reason.str()); }

  /// The value, or std::nullopt after noting an error. `key` is used up: known from now on.
  template <typename T> std::optional<T> find(StringRef key) {
    known.insert(key);
    Expected<std::optional<T>> value = file.find<T>(key);
    if (value)
      return *value;
    refuse(toString(value.takeError()));
    return std::nullopt;
  }
  std::string key(StringRef suffix) const { return (prefix + "." + suffix).str(); }

  bool readArchitecture() {
    auto name = find<StringRef>("general.architecture");
    if (!name) {
      if (!file.has("general.architecture"))
        refuse("metadata key 'general.architecture' is missing");
      return false;
    }
    const decoder::Architecture *found = decoder::architectureByName(*name);
    if (!found) {
      refuse("architecture '" + *name + "' is not supported, only " + decoder::architectureNames());
      return false;
    }
    prefix = *name;
    config.architecture = *found;
    config.rope.interleaved = is_contained(kPermuted, *name);
    config.name = find<StringRef>("general.name").value_or("").str();
    return true;
  }

  /// A count in [1, decoder::kMostOfAnything]. Some are arrays, one number a layer, which must then be
  /// equal.
  int64_t count(StringRef suffix, std::optional<int64_t> fallback = std::nullopt) {
    std::string name = key(suffix);
    std::optional<int64_t> value = fallback;
    if (file.isArray(name)) {
      auto values = find<std::vector<int64_t>>(name);
      if (!values)
        return 1;
      if (values->empty() || !llvm::all_equal(*values)) {
        refuse("metadata key '" + name + "' differs between layers, which is not supported");
        return 1;
      }
      value = values->front();
    } else if (file.has(name)) {
      value = find<int64_t>(name);
      if (!value)
        return 1;
    }
    if (!value) {
      refuse("metadata key '" + name + "' is missing");
      return 1;
    }
    if (*value < 1 || *value > decoder::kMostOfAnything) {
      refuse(formatv("metadata key '{0}' is {1}, expected 1 to {2}", name, *value, decoder::kMostOfAnything));
      return 1;
    }
    return *value;
  }

  /// The fallback when absent; without one the key must be there.
  double number(StringRef name, std::optional<double> fallback) {
    std::optional<double> value = find<double>(name);
    if (!value && file.has(name))
      return 1;
    if (!value && !fallback)
      refuse("metadata key '" + name + "' is missing");
    return value.value_or(fallback.value_or(1));
  }

  double setting(StringRef name, const SamplingRange &range, double fallback) {
    const double value = number(name, fallback);
    if (std::string wrong = range.check(value); !wrong.empty())
      refuse("metadata key '" + name + "': " + wrong);
    return value;
  }

  void readShape() {
    config.hidden = count("embedding_length");
    config.ffn = count("feed_forward_length");
    config.layers = count("block_count");
    config.context = count("context_length");
    config.epsilon = number(key("attention.layer_norm_rms_epsilon"), std::nullopt);
    // Each layer has tensors, so this bounds the work that a damaged count can cause.
    if (config.layers > int64_t(tensors)) {
      refuse(formatv("metadata key '{0}' is {1}, but the file has {2} tensors", key("block_count"), config.layers,
                     file.tensors().size()));
      config.layers = 0;
    }
  }

  void readAttention() {
    config.heads = count("attention.head_count");
    config.kvHeads = count("attention.head_count_kv", config.heads);
    config.headDim = count("attention.key_length", std::max<int64_t>(config.hidden / config.heads, 1));
    if (int64_t values = count("attention.value_length", config.headDim); values != config.headDim)
      refuse(formatv("keys of {0} and values of {1} elements a head are not supported, they must be equal",
                     config.headDim, values));
    double scale = number(key("attention.scale"), 0.0);
    config.attentionScale = scale != 0 ? scale : 1 / std::sqrt(double(config.headDim));
    config.window = find<int64_t>(key("attention.sliding_window")).value_or(0);
    if (int64_t experts = find<int64_t>(key("expert_count")).value_or(0); experts > 0)
      refuse(formatv("a mixture of {0} experts is not supported", experts));
    if (!find<bool>(key("attention.causal")).value_or(true))
      refuse("attention that is not causal is not supported");
  }

  void readRope() {
    config.rope.dim = count("rope.dimension_count", config.headDim);
    config.rope.base = number(key("rope.freq_base"), 10000.0);
    if (file.has(key("rope.scaling.original_context_length")))
      config.rope.originalContext = count("rope.scaling.original_context_length");
    if (file.has(key("rope.scaling.attn_factor")))
      config.rope.magnitude = number(key("rope.scaling.attn_factor"), std::nullopt);
    config.rope.linearFactor = linearFactor();
  }

  /// As llama.cpp reads it: a factor without a type is linear, the newer of two keys counts, 0 is none; whatever other factors
  /// there are, it multiplies them.
  double linearFactor() {
    const StringRef type = find<StringRef>(key("rope.scaling.type")).value_or("linear");
    const double old = number(key("rope.scale_linear"), 1.0), factor = number(key("rope.scaling.factor"), old);
    if (type != "none" && type != "linear" && type != "longrope")
      refuse("rope scaling '" + type + "' is not supported, only none, linear and longrope");
    return type == "none" || factor == 0 ? 1 : factor;
  }

  void readStopIds() {
    SmallVector<int64_t> ids;
    for (StringRef name : kEndTokenKeys)
      if (auto id = find<int64_t>(name))
        ids.push_back(*id);
    auto tokens = find<std::vector<StringRef>>("tokenizer.ggml.tokens");
    auto types = find<std::vector<int64_t>>("tokenizer.ggml.token_type");
    if (tokens && types)
      for (size_t id = 0; id < std::min(tokens->size(), types->size()); ++id)
        if (((*types)[id] == kControl || (*types)[id] == kUserDefined) && is_contained(kEndOfTurn, (*tokens)[id]))
          ids.push_back(int64_t(id));
    llvm::sort(ids);
    ids.erase(llvm::unique(ids), ids.end());
    for (int64_t id : ids)
      if (id >= 0 && id < decoder::kMostOfAnything)
        config.stopIds.push_back(int32_t(id));
  }

  void readSampling() {
    config.sampling.temperature = float(setting("general.sampling.temp", kTemperature, 0));
    config.sampling.topP = float(setting("general.sampling.top_p", kTopP, 1));
    config.sampling.minP = float(setting("general.sampling.min_p", kMinP, 0));
    config.sampling.repetitionPenalty = float(setting("general.sampling.penalty_repeat", kRepetitionPenalty, 1));
    config.sampling.topK = // below 0, as llama.cpp writes it, is all
        std::max<int64_t>(find<int64_t>("general.sampling.top_k").value_or(0), 0);
  }

  void warnAboutOtherKeys() {
    for (StringRef suffix : kHarmlessKeys)
      known.insert(key(suffix));
    for (StringRef name : file.keys())
      if (name.starts_with((prefix + ".").str()) && !known.contains(name))
        warnings.push_back("metadata key '" + name.str() + "' is not known and has no effect");
  }

  const GgufFile &file;
  uint64_t tensors;
  std::vector<std::string> &reasons, &warnings;
  StringRef prefix;
  StringSet<> known;
  decoder::DecoderConfig config;
};

} // namespace

decoder::DecoderConfig readConfig(const GgufFile &file, uint64_t tensors, std::vector<std::string> &reasons,
                                  std::vector<std::string> &warnings) {
  return ConfigReader(file, tensors, reasons, warnings).read();
}

} // namespace phic::gguf
