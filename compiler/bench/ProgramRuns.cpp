//===- ProgramRuns.cpp - Runs a program and reads its times ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/bench/ProgramRuns.h"
#include "compiler/files/InputFile.h"
#include "compiler/files/Json.h"
#include "compiler/verify/Emulator.h"
#include "compiler/verify/ProgramPipe.h"
#include "compiler/verify/TestPrompt.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"

using namespace llvm;

namespace phic {
namespace {

/// Removes itself.
struct ErrorFile {
  ~ErrorFile() { sys::fs::remove(path); }
  std::string text() const {
    auto buffer = readInput(path);
    return buffer ? (*buffer)->getBuffer().trim().str() : toString(buffer.takeError());
  }
  SmallString<128> path;
};

/// The last line of what the program said; earlier ones may be remarks.
std::optional<RunStats> parseStats(StringRef text) {
  Expected<Json> parsed = parseJson(text.rsplit('\n').second.empty() ? text : text.rsplit('\n').second, "statistics");
  if (!parsed)
    return consumeError(parsed.takeError()), std::nullopt;
  const Json &json = *parsed;
  if (!member(json, "decode_s") && !member(json, "run_s"))
    return std::nullopt;
  RunStats stats;
  stats.model = stringOr(json, "model", "");
  stats.cpuVariant = stringOr(json, "cpu_variant", "");
  stats.threads = integerOr(json, "threads", 0);
  stats.prefillTokens = integerOr(json, "prefill_tokens", int64_t(0));
  stats.decodeTokens = integerOr(json, "decode_tokens", int64_t(0));
  stats.prefillSeconds = numberOr(json, "prefill_s", 0);
  stats.decodeSeconds = numberOr(json, "decode_s", 0);
  stats.loadSeconds = numberOr(json, "load_s", 0);
  stats.firstTokenSeconds = numberOr(json, "first_token_s", 0);
  stats.runs = integerOr(json, "runs", int64_t(0));
  stats.runSeconds = numberOr(json, "run_s", 0);
  stats.firstRunSeconds = numberOr(json, "first_run_s", 0);
  stats.peakBytes = integerOr(json, "peak_rss_bytes", uint64_t(0));
  return stats;
}

} // namespace

std::vector<std::string> generationWork(const ProgramPlan &plan, int64_t promptTokens, int64_t decodeTokens) {
  return {"--tokens",     tokensText(makePrompt(promptTokens, plan.vocab)),
          "-n",           std::to_string(decodeTokens),
          "--ctx",        std::to_string(promptTokens + decodeTokens - 1),
          "--temp",       "0",
          "--ignore-eos", "--print-ids"};
}

std::vector<std::string> ProgramRuns::arguments() const {
  std::vector<std::string> words = work;
  words.insert(words.end(), {"--device", plan.device});
  if (threads > 0)
    words.insert(words.end(), {"--threads", std::to_string(threads)});
  return words;
}

Expected<RunStats> ProgramRuns::run() const {
  Expected<std::vector<std::string>> command = commandFor(program);
  if (!command)
    return command.takeError();
  std::vector<std::string> words = std::move(*command), more = arguments();
  words.insert(words.end(), more.begin(), more.end());
  words.push_back("--stats=json");
  ErrorFile errors;
  if (std::error_code code = sys::fs::createTemporaryFile("phic-bench", "txt", errors.path))
    return createStringError("cannot make a temporary file: " + code.message());
  std::vector<StringRef> references(words.begin(), words.end());
  std::string message;
  int code = sys::ExecuteAndWait(words.front(), references, std::nullopt,
                                 {StringRef(""), StringRef(""), StringRef(errors.path)},
                                 /*SecondsToWait=*/0, /*MemoryLimit=*/0, &message);
  if (code < 0)
    return createStringError("cannot run " + program + ": " + message);
  if (code > 0)
    return createStringError(program + " ended with exit code " + Twine(code) + ": " + errors.text());
  std::optional<RunStats> stats = parseStats(errors.text());
  if (!stats ||
      (stats->runs < 1 && (stats->decodeTokens < 1 || stats->prefillSeconds <= 0 || stats->decodeSeconds <= 0)))
    return createStringError(program + ": --stats=json gave no times: " + errors.text());
  return *stats;
}

Expected<std::vector<TimedStep>> ProgramRuns::runTimed() const {
  ProgramPipe pipe(program, "--stream-times");
  phi_stream_header header;
  if (Error failure = pipe.start(arguments()))
    return std::move(failure);
  if (Error failure = pipe.readHeader(PHI_TIMES_MAGIC, plan, header))
    return std::move(failure);
  std::vector<TimedStep> steps;
  while (true) {
    TimedStep step{{}, std::vector<uint64_t>(plan.stageCount)};
    if (Error failure = pipe.readStep(plan, header, step.facts))
      return std::move(failure);
    if (step.facts.rows == 0)
      break;
    if (Error failure = pipe.read(step.nanoseconds.data(), step.nanoseconds.size() * sizeof(uint64_t)))
      return std::move(failure);
    steps.push_back(std::move(step));
  }
  if (Error failure = pipe.finish())
    return std::move(failure);
  return steps;
}

} // namespace phic
