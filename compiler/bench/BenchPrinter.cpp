//===- BenchPrinter.cpp - A bench's report as text or JSON -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/bench/Bench.h"
#include "compiler/report/MachineText.h"
#include "compiler/report/Prediction.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <tuple>

using llvm::formatv;

namespace phic {
namespace {

std::string percent(double share) { return share > 0 ? formatv("{0,5:f1} %", 100 * share).str() : "      -"; }

void printRate(llvm::StringRef name, const EntryReport &entry, int64_t tokens, llvm::raw_ostream &os) {
  os << formatv("{0,-9} {1,9:f1} tokens/s  median of {2}, best {3:f1}; {4} tokens", name,
                entry.tokensPerSecond.median(), entry.tokensPerSecond.values.size(), entry.tokensPerSecond.best(),
                tokens);
  if (entry.mostTokensPerSecond > 0)
    os << formatv("; {0} of the {1:f1} that the machine allows", percent(entry.share()), entry.mostTokensPerSecond);
  os << "\n";
}

double secondsOf(const std::vector<StageTime> &stages) {
  double sum = 0;
  for (const StageTime &stage : stages)
    sum += stage.seconds;
  return sum;
}

/// Shares are of the time of all stages, `sum`.
void printTable(llvm::ArrayRef<StageTime> stages, double sum, llvm::raw_ostream &os) {
  os << formatv("  {0,-32} {1,7} {2,10} {3,7} {4,12} {5,8} {6,10} {7}\n", "stage", "stages", "us", "time", "bytes",
                "GB/s", "GMAC/s", "of limit");
  for (const StageTime &stage : stages)
    os << formatv("  {0,-32} {1,7} {2,10:f1} {3,7} {4,12} {5,8:f1} {6,10:f1} {7}\n", stage.name, stage.stages,
                  stage.seconds * 1e6, percent(sum > 0 ? stage.seconds / sum : 0), bytesText(uint64_t(stage.bytes)),
                  stage.seconds > 0 ? stage.bytes / stage.seconds / 1e9 : 0,
                  stage.seconds > 0 ? stage.mulAdds.total() / stage.seconds / 1e9 : 0, percent(stage.share()));
}

void printStages(llvm::StringRef name, const EntryReport &entry, bool each, llvm::raw_ostream &os) {
  const double sum = secondsOf(entry.stages);
  os << formatv("{0} stages, {1} after {2} tokens: {3:f1} us\n", name,
                entry.shape.rows == 1 ? "one" : std::to_string(entry.shape.rows), entry.shape.past, sum * 1e6);
  printTable(each ? entry.stages : groupStages(entry.stages), sum, os);
}

/// Nodes of a graph have names of all kinds: without `each` the stages that take longest.
void printGraph(const GraphReport &graph, bool each, llvm::raw_ostream &os) {
  constexpr size_t kShown = 20;
  os << formatv("run       {0,9:f3} ms  median of {1}, best {2:f3}, of {3} {4} in a session", graph.median() * 1e3,
                graph.seconds.size(), *llvm::min_element(graph.seconds) * 1e3, graph.runs,
                graph.runs == 1 ? "run" : "runs");
  if (graph.leastSeconds > 0)
    os << formatv("; the machine allows {0:f3}: {1} of the limit", graph.leastSeconds * 1e3, percent(graph.share()));
  std::vector<StageTime> stages = graph.stages;
  const double sum = secondsOf(stages);
  os << formatv("\nstages of a run: {0:f1} us\n", sum * 1e6);
  if (!each && stages.size() > kShown) {
    llvm::sort(stages, [](const StageTime &a, const StageTime &b) {
      return std::tie(b.seconds, a.name) < std::tie(a.seconds, b.name);
    });
    stages.resize(kShown);
  }
  printTable(stages, sum, os);
  if (stages.size() < graph.stages.size())
    os << formatv("  and {0} more: {1:f1} us; --list-stages lists all in their order\n",
                  graph.stages.size() - stages.size(), (sum - secondsOf(stages)) * 1e6);
}

Json stagesJson(llvm::ArrayRef<StageTime> stages) {
  Json json = Json::array();
  for (const StageTime &stage : stages)
    json.push_back({{"stage", stage.name},
                    {"seconds", stage.seconds},
                    {"bytes", stage.bytes},
                    {"integer_multiply_adds", stage.mulAdds.integer},
                    {"f32_multiply_adds", stage.mulAdds.real},
                    {"limit_seconds", stage.leastSeconds},
                    {"share_of_limit", stage.share()}});
  return json;
}

Json toJson(const GraphReport &graph) {
  return {{"runs", graph.runs},
          {"seconds", graph.median()},
          {"best_seconds", *llvm::min_element(graph.seconds)},
          {"all_seconds", graph.seconds},
          {"limit_seconds", graph.leastSeconds},
          {"share_of_limit", graph.share()},
          {"stages", stagesJson(graph.stages)}};
}

Json toJson(const EntryReport &entry, int64_t tokens) {
  return {{"tokens", tokens},
          {"tokens_per_s", entry.tokensPerSecond.median()},
          {"best_tokens_per_s", entry.tokensPerSecond.best()},
          {"all_tokens_per_s", entry.tokensPerSecond.values},
          {"limit_tokens_per_s", entry.mostTokensPerSecond},
          {"share_of_limit", entry.share()},
          {"step", {{"rows", entry.shape.rows}, {"past", entry.shape.past}}},
          {"stages", stagesJson(entry.stages)}};
}

} // namespace

void printText(const BenchReport &report, const BenchOptions &options, llvm::raw_ostream &os) {
  os << formatv("{0}, {1}, {2} threads; first {3} after {4:f1} ms, peak memory {5}\n", report.model, report.cpuVariant,
                report.threads, report.graph ? "result" : "token", report.firstSeconds * 1e3,
                bytesText(report.peakBytes));
  if (report.machine)
    os << "limits    " << machineText(*report.machine) << "\n";
  else
    os << "limits    unknown: this machine cannot run " << report.cpuVariant << " itself\n";
  if (report.graph)
    return printGraph(*report.graph, options.listStages, os);
  printRate("prefill", report.prefill, report.promptTokens, os);
  printRate("decode", report.decode, report.decodeTokens - 1, os);
  printStages("prefill", report.prefill, options.listStages, os);
  printStages("decode", report.decode, options.listStages, os);
}

void printJson(const BenchReport &report, llvm::raw_ostream &os) {
  Json json = {{"model", report.model},
               {"cpu_variant", report.cpuVariant},
               {"threads", report.threads},
               {"load_s", report.loadSeconds},
               {report.graph ? "first_result_s" : "first_token_s", report.firstSeconds},
               {"peak_rss_bytes", report.peakBytes},
               {"machine", report.machine ? machineJson(*report.machine) : Json()}};
  if (report.graph) {
    json["run"] = toJson(*report.graph);
  } else {
    json["prefill"] = toJson(report.prefill, report.promptTokens);
    json["decode"] = toJson(report.decode, report.decodeTokens - 1);
  }
  os << printJson(json) << "\n";
}

} // namespace phic
