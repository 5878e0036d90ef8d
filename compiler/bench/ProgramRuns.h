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

/// What a program says with --stats=json: of a decoder, tokens; of a graph, runs.
struct RunStats {
  std::string model, cpuVariant;
  int threads = 0;
  int64_t prefillTokens = 0, decodeTokens = 0;
  double prefillSeconds = 0, decodeSeconds = 0, loadSeconds = 0, firstTokenSeconds = 0;
  int64_t runs = 0;
  double runSeconds = 0, firstRunSeconds = 0; ///< the mean of all runs; the first
  uint64_t peakBytes = 0;

  /// The mean of all runs but the first, which finds nothing in any cache, where there are others.
  double warmSeconds() const {
    return runs > 1 ? (runSeconds * double(runs) - firstRunSeconds) / double(runs - 1) : runSeconds;
  }
};

/// A step with the time of each of its stages.
struct TimedStep {
  phi_stream_step facts;
  std::vector<uint64_t> nanoseconds;
};

/// The same work in every run.
struct ProgramRuns {
  std::string program;
  ProgramPlan plan = {};
  std::vector<std::string> work; ///< what to compute, as arguments
  int threads = 0;  ///< 0: as the program chooses

  llvm::Expected<RunStats> run() const;
  /// A run with --stream-times.
  llvm::Expected<std::vector<TimedStep>> runTimed() const;

private:
  std::vector<std::string> arguments() const;
};

/// One prompt and its greedy continuation.
std::vector<std::string> generationWork(const ProgramPlan &plan, int64_t promptTokens, int64_t decodeTokens);

} // namespace phic

#endif // PHIC_COMPILER_BENCH_PROGRAMRUNS_H
