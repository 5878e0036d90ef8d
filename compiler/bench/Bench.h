//===- Bench.h - How fast a program is, beside the limits ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a program a few times for its speed, once more for the times of its stages,
// and measures what this machine can do at most with as many threads, before and
// after. The share of the limits is what is left to win.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_BENCH_BENCH_H
#define PHIC_COMPILER_BENCH_BENCH_H

#include "compiler/Plugin.h"
#include "compiler/report/StageCosts.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace phic {

struct BenchOptions {
  std::string program;
  int64_t promptTokens = 0;    ///< 0: 512, or what the program's context leaves
  int64_t decodeTokens = 0;    ///< at least 2; 0: 128
  int threads = 0;             ///< 0: as the program chooses
  std::string device; ///< whose code; empty: that of the program's first plan
  int repetitions = 3;
  PluginFlags plugins; ///< those it was built with, where they bring formats of weights
  bool json = false, listStages = false;
};

/// Tokens a second over the repetitions.
struct Rate {
  std::vector<double> values;
  double median() const;
  double best() const;
};

/// All steps of one kind, in the run with times.
struct StageTime {
  std::string name;
  double seconds = 0; ///< a step: the median of a stage; summed where stages are put together
  double bytes = 0; ///< a step
  MulAdds mulAdds; ///< a step
  double leastSeconds = 0; ///< a step, by the machine's limits; 0 without a machine
  int stages = 1; ///< put together
  double share() const { return seconds > 0 ? leastSeconds / seconds : 0; }
};

struct EntryReport {
  StepShape shape = {}; ///< of the step that stages are given for
  Rate tokensPerSecond;
  double mostTokensPerSecond = 0; ///< by the machine's limits; 0 without a machine
  std::vector<StageTime> stages;
  double share() const { return mostTokensPerSecond > 0 ? tokensPerSecond.median() / mostTokensPerSecond : 0; }
};

/// Of a graph, on numbers of phic's own: those of `phic verify`.
struct GraphReport {
  int64_t runs = 0; ///< in one session, of which all but the first count
  std::vector<double> seconds; ///< of a run, in each repetition
  double leastSeconds = 0; ///< by the machine's limits; 0 without a machine
  std::vector<StageTime> stages;
  double median() const;
  double share() const { return leastSeconds > 0 ? leastSeconds / median() : 0; }
};

struct BenchReport {
  std::string model, cpuVariant;
  int threads = 0;
  int64_t promptTokens = 0, decodeTokens = 0;
  double loadSeconds = 0, firstSeconds = 0; ///< medians; until the first token, or a graph's first result
  uint64_t peakBytes = 0;
  std::optional<MachineRates> machine; ///< empty: this machine cannot run the program itself
  EntryReport prefill, decode;
  std::optional<GraphReport> graph; ///< in place of the two
};

llvm::Expected<BenchReport> benchProgram(const BenchOptions &options, const PluginRegistry &plugins);

/// Stages whose names differ by the layer's number only become one: "layers.*.mlp.up".
std::vector<StageTime> groupStages(const std::vector<StageTime> &stages);

void printText(const BenchReport &report, const BenchOptions &options, llvm::raw_ostream &os);
void printJson(const BenchReport &report, llvm::raw_ostream &os);

/// `phic bench`. kExitModel for a program that cannot be run.
ExitCode bench(const BenchOptions &options, llvm::raw_ostream &os, llvm::raw_ostream &log);

} // namespace phic

#endif // PHIC_COMPILER_BENCH_BENCH_H
