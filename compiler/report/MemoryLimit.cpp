//===- MemoryLimit.cpp - Programs that need too much memory ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/report/MemoryLimit.h"

namespace phic {

/// Blocks that are named.
constexpr size_t kNamedBlocks = 6;

std::vector<std::string> memoryRemedies(const Prediction &p, const CompileSettings &settings) {
  std::vector<std::pair<uint64_t, std::string>> found;
  auto offer = [&](uint64_t saved, const llvm::Twine &text) {
    if (saved > 0)
      found.emplace_back(saved, (text + " saves " + bytesText(saved)).str());
  };
  if (settings.kvCache == CacheFlag::F32)
    offer(p.kvBytes / 2, "--kv=f16");
  if (p.context >= 64)
    offer(p.kvBytes / 2, "--max-context=" + llvm::Twine(p.context / 2) + ", half as long,");
  if (p.chunkRows >= 16)
    offer(p.arenaBytes / 2, "--chunk=" + llvm::Twine(p.chunkRows / 16 * 8) + ", slower prompts,");
  llvm::sort(found,
             [](const auto &a, const auto &b) { return std::tie(b.first, a.second) < std::tie(a.first, b.second); });
  std::vector<std::string> texts;
  for (auto &[saved, text] : found)
    texts.push_back(text);
  texts.push_back("weights take " + bytesText(p.weightBytes) +
                  ": a model with fewer bits per weight, or fewer weights, takes less");
  return texts;
}

std::optional<Finding> findMemoryExcess(const Prediction &p, const CompileSettings &settings) {
  if (settings.maxMemory == 0 || p.totalBytes() <= settings.maxMemory)
    return std::nullopt;
  Finding finding{mlir::DiagnosticSeverity::Error, "", {}};
  finding.message =
      ("the program needs " + bytesText(p.totalBytes()) + " with " + llvm::Twine(p.context) + " tokens and " +
       llvm::Twine(p.threads) + " threads, more than --max-memory=" + bytesText(settings.maxMemory) + " by " +
       bytesText(p.totalBytes() - settings.maxMemory))
          .str();
  for (const MemoryBlock &block : llvm::ArrayRef(p.blocks).take_front(kNamedBlocks))
    finding.notes.push_back(block.name + " takes " + bytesText(block.bytes));
  for (std::string &remedy : memoryRemedies(p, settings))
    finding.notes.push_back(std::move(remedy));
  return finding;
}

std::optional<Finding> findDeviceExcess(const Prediction &p) {
  const uint64_t most = p.machine.memoryBytes;
  if (most == 0 || p.totalBytes() <= most)
    return std::nullopt;
  Finding finding{mlir::DiagnosticSeverity::Warning, "", {}};
  finding.message = "the program needs " + bytesText(p.totalBytes()) + " of memory on " + p.family +
                    (p.hasSteps ? " with " + std::to_string(p.context) + " tokens" : "") + ", more than the " +
                    bytesText(most) + " of " + p.machine.source;
  const uint64_t fixed = p.totalBytes() - p.kvBytes;
  if (const uint64_t tokens = p.kvBytesPerToken && fixed < most ? (most - fixed) / p.kvBytesPerToken : 0)
    finding.notes.push_back("about " + std::to_string(tokens) + " tokens fit");
  return finding;
}

} // namespace phic
