//===- Stats.cpp - Times and memory of a run ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Stats.h"

#include "CodeChoice.h"
#include "Os.h"

namespace phi {
namespace {

double rate(int64_t tokens, double seconds) { return seconds > 0 ? double(tokens) / seconds : 0; }

void printJson(const Stats &stats, const Session &session, const PromptLookup &lookup, const ProgramOptions &options,
               Writer &out) {
  const phi_model &model = *session.model;
  const LoadedCode &code = *session.device.code;
  const phi_plan &plan = code.plan();
  out << "{\"model\": ";
  out.quoted(model.name) << ", \"load_s\": ";
  out.fixed(stats.loaded, 6) << ", \"first_token_s\": ";
  out.fixed(stats.firstToken, 6) << ", \"prefill_tokens\": " << stats.prefillTokens << ", \"prefill_s\": ";
  out.fixed(stats.prefill, 6) << ", \"decode_tokens\": " << stats.decodeTokens << ", \"decode_s\": ";
  out.fixed(stats.decode, 6) << ", \"threads\": " << session.options.threads << ", \"device\": ";
  out.quoted(code.device().name) << ", \"cpu_variant\": ";
  out.quoted(code.variant->name) << ", \"context\": " << session.contextLimit
                                 << ", \"weight_bytes\": " << model.weights_bytes
                                 << ", \"arena_bytes\": " << plan.arena_bytes
                                 << ", \"scratch_bytes\": " << scratchBytes(session)
                                 << ", \"kv_bytes\": " << kvBytes(session)
                                 << ", \"peak_rss_bytes\": " << os::peakResidentBytes();
  if (lookup.most)
    out << ", \"guessed_tokens\": " << lookup.guessed << ", \"confirmed_tokens\": " << lookup.confirmed;
  if (options.sampler.temperature > 0)
    out << ", \"seed\": " << options.sampler.seed;
  out << "}\n";
}

void printPlain(const Stats &stats, const Session &session, const PromptLookup &lookup, Writer &out) {
  out << "load ";
  out.fixed(stats.loaded * 1e3, 1) << " ms, first token after ";
  out.fixed(stats.firstToken * 1e3, 1) << " ms\nprefill " << stats.prefillTokens << " tokens, ";
  out.fixed(rate(stats.prefillTokens, stats.prefill), 1) << " tokens/s\ndecode " << stats.decodeTokens << " tokens, ";
  out.fixed(rate(stats.decodeTokens, stats.decode), 1) << " tokens/s\n";
  if (lookup.most)
    out << lookup.guessed << " tokens guessed, " << lookup.confirmed << " of them right\n";
  writeRunner(*session.device.code, session.options.threads, out);
  if (uint64_t peak = os::peakResidentBytes())
    (out << ", peak memory ").fixed(double(peak) / (1 << 20), 1) << " MiB";
  out << '\n';
}

} // namespace

void printStats(const Stats &stats, const Session &session, const PromptLookup &lookup, const ProgramOptions &options,
                Writer &out) {
  if (options.stats == StatsKind::Json)
    printJson(stats, session, lookup, options, out);
  else if (options.stats == StatsKind::Plain)
    printPlain(stats, session, lookup, out);
  out.flush();
}

} // namespace phi
