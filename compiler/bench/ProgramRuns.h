//===- ProgramRuns.h - Runs a program and reads its times ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_BENCH_PROGRAMRUNS_H
#define PHIC_COMPILER_BENCH_PROGRAMRUNS_H

#include "compiler/verify/ProgramPipe.h"
#include "phi/stream.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace phic {

/// What a program says with --stats=json.
struct RunStats {
  std::string model, cpuVariant;
  int threads = 0;
  int64_t prefillTokens = 0, decodeTokens = 0;
  double prefillSeconds = 0, decodeSeconds = 0, loadSeconds = 0, firstTokenSeconds = 0;
  uint64_t peakBytes = 0;
};

/// A step with the time of each of its stages.
struct TimedStep {
  phi_stream_step facts;
  std::vector<uint64_t> nanoseconds;
};

/// One prompt and its greedy continuation, the same in every run.
struct ProgramRuns {
  std::string program;
  ProgramPlan plan = {};
  int64_t promptTokens = 0, decodeTokens = 0;
  int threads = 0;  ///< 0: as the program chooses

  llvm::Expected<RunStats> run() const;
  /// A run with --stream-times.
  llvm::Expected<std::vector<TimedStep>> runTimed() const;

private:
  std::vector<std::string> arguments() const;
};

} // namespace phic

#endif // PHIC_COMPILER_BENCH_PROGRAMRUNS_H
