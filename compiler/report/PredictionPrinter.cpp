//===- PredictionPrinter.cpp - Predictions as text or JSON -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/report/PredictionPrinter.h"
#include "compiler/report/MachineText.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using llvm::formatv;

namespace phic {
namespace {

/// Blocks of memory that the text names.
constexpr size_t kNamedBlocks = 5;

Json memoryJson(const Prediction &p) {
  Json json = {{"context", p.context},
               {"threads", p.threads},
               {"total_bytes", p.totalBytes()},
               {"weight_bytes", p.weightBytes},
               {"kv_bytes", p.kvBytes},
               {"kv_bytes_per_token", p.kvBytesPerToken},
               {"arena_bytes", p.arenaBytes},
               {"scratch_bytes", p.scratchBytes},
               {"tokenizer_bytes", p.tokenizerBytes},
               {"runtime_bytes", p.runtimeBytes},
               {"blocks", Json::array()}};
  for (const MemoryBlock &block : p.blocks)
    json["blocks"].push_back({{"name", block.name}, {"bytes", block.bytes}});
  return json;
}

Json toJson(const StepPrediction &step) {
  return {{"tokens", step.shape.rows},
          {"past", step.shape.past},
          {"bytes", step.bytes},
          {"integer_multiply_adds", step.mulAdds.integer},
          {"f32_multiply_adds", step.mulAdds.real},
          {"seconds", step.seconds},
          {"tokens_per_s", step.tokensPerSecond()}};
}

} // namespace

void printMemory(const Prediction &p, llvm::raw_ostream &os) {
  std::vector<std::string> with;
  if (p.hasSteps)
    with.push_back(std::to_string(p.context) + " tokens");
  if (p.isHost)
    with.push_back(std::to_string(p.threads) + " threads");
  os << "memory       " << bytesText(p.totalBytes());
  if (!p.isHost)
    os << " on " << p.family;
  if (p.machine.memoryBytes)
    os << ", of " << bytesText(p.machine.memoryBytes);
  os << (with.empty() ? "" : " with " + llvm::join(with, ", ")) << "\n";
  auto row = [&](llvm::StringRef name, uint64_t bytes, const std::string &remark = "") {
    os << formatv("  {0,-36} {1,12}  {2}\n", name, bytesText(bytes), remark);
  };
  row("weights", p.weightBytes);
  if (p.hasSteps)
    row("KV cache", p.kvBytes, bytesText(p.kvBytesPerToken) + " a token");
  row("arena", p.arenaBytes);
  row(p.isHost ? "scratch" : "workspace", p.scratchBytes);
  if (p.hasSteps && p.isHost)
    row("tokenizer", p.tokenizerBytes);
  if (p.hasSteps || p.isHost)
    row("runtime", p.runtimeBytes, p.runtimeText().str());
  os << "largest\n";
  for (const MemoryBlock &block : llvm::ArrayRef(p.blocks).take_front(kNamedBlocks))
    row(block.name, block.bytes);
}

void printSpeed(const Prediction &p, llvm::raw_ostream &os) {
  os << (p.hasSteps ? "speed        predicted: at most" : "time         predicted: at least");
  if (!p.isHost)
    os << " on " << p.family;
  os << ", by limits " << machineText(p.machine) << "\n";
  auto row = [&](const std::string &name, const StepPrediction &step, const std::string &speed) {
    os << formatv("  {0,-36} {1}  {2} and {3:f2} G multiply-adds a step\n", name, speed,
                  bytesText(uint64_t(step.bytes)), step.mulAdds.total() / 1e9);
  };
  if (!p.hasSteps)
    return row("a run", p.decode, formatv("{0,9:f3} ms", p.decode.seconds * 1e3));
  auto tokens = [&](const std::string &name, const StepPrediction &step) {
    row(name, step, formatv("{0,9:f1} tokens/s", step.tokensPerSecond()));
  };
  tokens("decode, first token", p.firstDecode);
  tokens("decode, token " + std::to_string(p.context), p.decode);
  tokens("prefill, " + std::to_string(p.prefill.shape.rows) + " tokens a step", p.prefill);
}

Json predictionJson(const Prediction &p) {
  if (!p.hasSteps)
    return {{"memory", memoryJson(p)}, {"machine", machineJson(p.machine)}, {"speed", {{"run", toJson(p.decode)}}}};
  return {{"memory", memoryJson(p)},
          {"machine", machineJson(p.machine)},
          {"speed",
           {{"first_decode", toJson(p.firstDecode)}, {"decode", toJson(p.decode)}, {"prefill", toJson(p.prefill)}}}};
}

} // namespace phic
