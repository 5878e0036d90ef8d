//===- BenchPrinter.cpp - A bench's report as text or JSON -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/bench/Bench.h"
#include "compiler/report/MachineText.h"
#include "compiler/report/Prediction.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

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

void printStages(llvm::StringRef name, const EntryReport &entry, bool each, llvm::raw_ostream &os) {
  double sum = 0;
  for (const StageTime &stage : entry.stages)
    sum += stage.seconds;
  os << formatv("{0} stages, {1} after {2} tokens: {3:f1} us\n", name,
                entry.shape.rows == 1 ? "one" : std::to_string(entry.shape.rows), entry.shape.past, sum * 1e6);
  os << formatv("  {0,-32} {1,7} {2,10} {3,7} {4,12} {5,8} {6,10} {7}\n", "stage", "stages", "us", "time", "bytes",
                "GB/s", "GMAC/s", "of limit");
  for (const StageTime &stage : each ? entry.stages : groupStages(entry.stages))
    os << formatv("  {0,-32} {1,7} {2,10:f1} {3,7} {4,12} {5,8:f1} {6,10:f1} {7}\n", stage.name, stage.stages,
                  stage.seconds * 1e6, percent(sum > 0 ? stage.seconds / sum : 0), bytesText(uint64_t(stage.bytes)),
                  stage.seconds > 0 ? stage.bytes / stage.seconds / 1e9 : 0,
                  stage.seconds > 0 ? stage.mulAdds.total() / stage.seconds / 1e9 : 0, percent(stage.share()));
}

Json toJson(const EntryReport &entry, int64_t tokens) {
  Json json = {{"tokens", tokens},
               {"tokens_per_s", entry.tokensPerSecond.median()},
               {"best_tokens_per_s", entry.tokensPerSecond.best()},
               {"all_tokens_per_s", entry.tokensPerSecond.values},
               {"limit_tokens_per_s", entry.mostTokensPerSecond},
               {"share_of_limit", entry.share()},
               {"step", {{"rows", entry.shape.rows}, {"past", entry.shape.past}}},
               {"stages", Json::array()}};
  for (const StageTime &stage : entry.stages)
    json["stages"].push_back({{"stage", stage.name},
                              {"seconds", stage.seconds},
                              {"bytes", stage.bytes},
                              {"integer_multiply_adds", stage.mulAdds.integer},
                              {"f32_multiply_adds", stage.mulAdds.real},
                              {"limit_seconds", stage.leastSeconds},
                              {"share_of_limit", stage.share()}});
  return json;
}

} // namespace

void printText(const BenchReport &report, const BenchOptions &options, llvm::raw_ostream &os) {
  os << formatv("{0}, {1}, {2} threads; first token after {3:f1} ms, peak memory {4}\n", report.model,
                report.cpuVariant, report.threads, report.firstTokenSeconds * 1e3, bytesText(report.peakBytes));
  if (report.machine)
    os << "limits    " << machineText(*report.machine) << "\n";
  else
    os << "limits    unknown: this machine cannot run " << report.cpuVariant << " itself\n";
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
               {"first_token_s", report.firstTokenSeconds},
               {"peak_rss_bytes", report.peakBytes},
               {"machine", report.machine ? machineJson(*report.machine) : Json()},
               {"prefill", toJson(report.prefill, report.promptTokens)},
               {"decode", toJson(report.decode, report.decodeTokens - 1)}};
  os << printJson(json) << "\n";
}

} // namespace phic
