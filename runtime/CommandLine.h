//===- CommandLine.h - The flags of a model binary -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Flags are `--name VALUE` or `--name=VALUE`. Whatever is named and cannot be
// honoured is an error of one sentence.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_COMMANDLINE_H
#define PHI_RUNTIME_COMMANDLINE_H

#include "Sampler.h"
#include "Writer.h"
#include "phi/format.h"

namespace phi {

constexpr int64_t kMostStops = 16, kMostThreads = 1024;

enum class StatsKind { None, Plain, Json };

struct ProgramOptions {
  const char *prompt = nullptr;      ///< nullptr: none given
  const char *system = nullptr;
  const char *tokens = nullptr;      ///< --tokens
  const char *tokensFile = nullptr;
  const char *logits = nullptr;      ///< file to write
  const char *weights = nullptr;     ///< file to read; nullptr: embedded, or beside the program
  const char *device = nullptr;      ///< --device; nullptr: the best that there is
  const char *cpuVariant = nullptr;  ///< --cpu-variant; nullptr: the best that this machine runs
  const char *stops[kMostStops] = {};
  int64_t stopCount = 0;
  bool interactive = false, raw = false, ignoreEos = false, printIds = false, version = false, help = false,
       licenses = false, listDevices = false;
  StatsKind stats = StatsKind::None;
  int64_t count = -1;                ///< -n; -1: until a stop or the context's end
  int64_t context = 0;               ///< --ctx; 0: the model's default
  int64_t promptLookup = 0;          ///< most tokens guessed a step, up to PHI_VERIFY_ROWS - 1
  int64_t threads = 0;               ///< 0: physical cores
  int64_t streamStages = -1;         ///< file descriptor
  int64_t streamTimes = -1;          ///< file descriptor
  bool seeded = false;
  SamplerOptions sampler = {};

  bool streams() const { return streamStages >= 0 || streamTimes >= 0; }
  bool hasTokens() const { return tokens || tokensFile; }
};

/// Reads the flags. On a mistake writes a sentence to `errors` and returns false.
bool parseCommandLine(const phi_model &model, int argc, const char *const *argv, ProgramOptions *options,
                      Writer &errors);

void printHelp(const phi_model &model, const char *program, Writer &out);
void printVersion(const phi_model &model, Writer &out);

} // namespace phi

#endif // PHI_RUNTIME_COMMANDLINE_H
