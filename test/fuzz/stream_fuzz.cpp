//===- stream_fuzz.cpp - Any bytes as a program's stages -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `phic verify` reads from a program. The first byte says whether the right header goes before the rest.
//===----------------------------------------------------------------------===//
#include "FuzzFile.h"
#include "Unpoisoned.h"
#include "compiler/verify/StageReader.h"
#include <algorithm>
#include <vector>

using namespace phic;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  constexpr uint32_t kStages = 3, kChunkRows = 16, kVocab = 97;
  const phi_stream_header header = {PHI_STREAM_MAGIC, PHI_FORMAT_VERSION, kStages, kVocab, kChunkRows, 32};
  std::vector<uint8_t> bytes(data + 1, data + size);
  if (data[0] % 8)
    bytes.insert(bytes.begin(), reinterpret_cast<const uint8_t *>(&header),
                 reinterpret_cast<const uint8_t *>(&header + 1));
  const fuzz::FuzzFile file(bytes.data(), bytes.size());
  const std::string path = "/proc/" + std::to_string(getpid()) + file.path().substr(std::string("/proc/self").size());
  auto stages = StageReader::run(PHIC_STREAM_SOURCE, {path}, {"cpu", kStages, kChunkRows, kVocab}, /*inputCount=*/1);
  if (!stages) {
    llvm::consumeError(stages.takeError());
    return 0;
  }
  for (;;) {
    llvm::Expected<std::optional<StageReader::Step>> step = (*stages)->nextStep();
    if (!step || !*step) {
      llvm::consumeError(step.takeError());
      break;
    }
    for (uint32_t i = 0; i < kStages; ++i) {
      llvm::Expected<StageReader::Stage> stage = (*stages)->nextStage();
      if (!stage) {
        llvm::consumeError(stage.takeError());
        return 0;
      }
      if (stage->index >= kStages)
        std::abort();
    }
  }
  llvm::consumeError((*stages)->finish());
  return 0;
}
