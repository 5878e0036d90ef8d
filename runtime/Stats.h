//===- Stats.h - Times and memory of a run ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHI_RUNTIME_STATS_H
#define PHI_RUNTIME_STATS_H

#include "CommandLine.h"
#include "PromptLookup.h"
#include "Session.h"

namespace phi {

struct Stats {
  double start = 0;           ///< os::now() when the process began
  double loaded = 0;          ///< seconds from then until the first step could begin
  double firstToken = 0;      ///< seconds from then until the first token was known
  double prefill = 0;         ///< seconds; includes sampling of each answer's first token
  double decode = 0;          ///< seconds, of all further tokens
  int64_t prefillTokens = 0;
  int64_t decodeTokens = 0;
};

/// For `--stats` and `--stats=json`: one JSON object on a line of its own.
void printStats(const Stats &stats, const Session &session, const PromptLookup &lookup, const ProgramOptions &options,
                Writer &out);

} // namespace phi

#endif // PHI_RUNTIME_STATS_H
