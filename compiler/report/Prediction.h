//===- Prediction.h - Memory and speed before building ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a program will need and how fast it can be at most, from a module that has
// been through `layout` (through `kernels`, to know the scratch memory too).
// Memory is what the runtime will reserve, byte for byte, but for what depends on
// the prompt; speed is each stage's roofline, summed.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_REPORT_PREDICTION_H
#define PHIC_COMPILER_REPORT_PREDICTION_H

#include "compiler/report/StageCosts.h"
#include "mlir/IR/BuiltinOps.h"
#include "targets/Levels.h"

namespace phic {

/// A block of a program's memory, for naming the largest.
struct MemoryBlock {
  enum class Kind : uint8_t { Weight, Cache, Arena, Scratch, Runtime };
  Kind kind;
  std::string name;
  uint64_t bytes;
};

/// One call of an entry point, at most so fast.
struct StepPrediction {
  StepShape shape = {};
  double bytes = 0;
  MulAdds mulAdds;
  double seconds = 0;
  double tokensPerSecond() const { return seconds > 0 ? double(shape.rows) / seconds : 0; }
};

struct Prediction {
  std::string family;             ///< whose memory and speed
  bool isHost = true;             ///< else a device's, which has memory of its own
  bool hasSteps = true;           ///< of tokens; else `decode` is one run of a graph
  int64_t context = 0;            ///< tokens of the session that is predicted
  int64_t contextMax = 0;         ///< most that the program can hold
  int64_t chunkRows = 0;          ///< of a prefill step, at most
  int threads = 1;
  uint64_t weightBytes = 0;       ///< packed; mapped from the file, resident as it is read
  uint64_t kvBytesPerToken = 0, kvBytes = 0;
  uint64_t arenaBytes = 0;
  uint64_t scratchBytes = 0;      ///< of all threads, or a device's workspace; 0 before the kernels phase
  uint64_t tokenizerBytes = 0;
  uint64_t runtimeBytes = 0;      ///< logits, sampler, token ids, threads, code; of a device logits
  std::vector<MemoryBlock> blocks;///< largest first; they add up to totalBytes()
  MachineRates machine;
  StepPrediction prefill;         ///< one full chunk of a prompt, at its beginning
  StepPrediction firstDecode;     ///< one token after an empty cache
  StepPrediction decode;          ///< the last token of a full context

  uint64_t totalBytes() const {
    return weightBytes + kvBytes + arenaBytes + scratchBytes + tokenizerBytes + runtimeBytes;
  }
  /// What runtimeBytes are.
  llvm::StringRef runtimeText() const {
    return !isHost ? "logits" : hasSteps ? "logits, sampling, token ids, code" : "code";
  }
};

struct PredictionOptions {
  int64_t context = 0;            ///< 0: as many tokens as a program takes by default; never more than it can hold
  int threads = 0;                ///< 0: as many as the machine's row says
  uint64_t tokenizerBytes = 0;    ///< of the tables, where they are known
  std::optional<MachineRates> machine; ///< empty: the reference machine
};

/// For the family of `planned`; the reference machine is that of its best level in `target`.
Prediction predict(mlir::ModuleOp planned, const TargetChoice &target, const PredictionOptions &more = {});

/// "1.5 MiB".
std::string bytesText(uint64_t bytes);

} // namespace phic

#endif // PHIC_COMPILER_REPORT_PREDICTION_H
