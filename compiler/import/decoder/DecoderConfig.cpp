//===- DecoderConfig.cpp - Numbers that a decoder can have -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/decoder/DecoderConfig.h"
#include "llvm/Support/FormatVariadic.h"
#include <cstdio>

using llvm::formatv;

namespace phic::decoder {
namespace {

std::string text(double value) {
  char digits[32];
  std::snprintf(digits, sizeof(digits), "%g", value);
  return digits;
}

class Checker {
public:
  explicit Checker(const DecoderConfig &config) : config(config) {}

  std::vector<std::string> run() {
    checkCounts();
    checkHeads();
    checkReals();
    if (std::string wrong = checkSampling(config.sampling); !wrong.empty())
      refuse(wrong);
    return std::move(reasons);
  }

private:
  void refuse(std::string reason) { reasons.push_back(std::move(reason)); }
  void within(llvm::StringRef what, double value, double least, double most) {
    if (!(value >= least && value <= most)) // nor NaN
      refuse(formatv("{0} of {1} is not possible, expected {2} to {3}", what, text(value), text(least), text(most)));
  }

  void checkCounts() {
    const std::pair<const char *, int64_t> counts[] = {
        {"a number of layers", config.layers},
        {"a number of attention heads", config.heads},
        {"a number of key-value heads", config.kvHeads},
        {"a head size", config.headDim},
        {"a number of rotary dimensions", config.rope.dim},
        {"a context length", config.context},
        {"an original context length", config.rope.originalContext.value_or(1)}};
    for (auto [what, count] : counts)
      within(what, double(count), 1, kMostOfAnything);
    for (auto [what, count] : {std::pair("a hidden size", config.hidden), std::pair("a feed-forward size", config.ffn)})
      within(what, double(count), 1, kMostColumns);
    within("a window", double(config.window), 0, kMostOfAnything);
  }

  void checkHeads() {
    if (config.kvHeads > 0 && config.heads % config.kvHeads)
      refuse(formatv("{0} attention heads cannot share {1} key-value heads", config.heads, config.kvHeads));
    if (config.heads > 0 && config.headDim > kMostOfAnything / config.heads)
      refuse(formatv("{0} attention heads of {1} elements are not plausible", config.heads, config.headDim));
    if (config.rope.dim % 2 || config.rope.dim > config.headDim)
      refuse(
          formatv("{0} rotary dimensions are not possible in heads of {1} elements", config.rope.dim, config.headDim));
  }

  void checkReals() {
    within("an epsilon", config.epsilon, 0, 1);
    within("an attention scale", config.attentionScale, 1e-6, 1e6);
    within("a rotary base", config.rope.base, 1, 1e15);
    within("a linear rope factor", config.rope.linearFactor, 1e-6, 1e6);
    within("a rope magnitude", config.rope.magnitude.value_or(1), 1e-6, 1e6);
  }

  const DecoderConfig &config;
  std::vector<std::string> reasons;
};

} // namespace

std::vector<std::string> checkConfig(const DecoderConfig &config) { return Checker(config).run(); }

} // namespace phic::decoder
