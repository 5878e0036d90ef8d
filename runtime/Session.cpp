//===- Session.cpp - One running sequence ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts tokens into steps and chooses each step's entry point.
//===----------------------------------------------------------------------===//
#include "Session.h"

#include <string.h>

namespace phi {
namespace {

phi_entry entryFor(const phi_variant &variant, int64_t rows) {
  if (rows == 1)
    return variant.decode;
  return rows <= int64_t(PHI_VERIFY_ROWS) ? variant.verify : variant.prefill;
}

/// LongRoPE has two tables, chosen by the sequence's length. Keys in the cache are
/// rotated by the one in force when they were made, so crossing the limit, either
/// way, makes them all wrong.
void chooseTable(Session *session, int64_t total) {
  int64_t limit = session->model->rope_switch;
  bool wanted = limit > 0 && total > limit;
  if (wanted != session->longTable)
    session->cached = 0;
  session->longTable = wanted;
}

/// Rows of a step whose logits are wanted, when those of tokens below `firstWanted` are not.
int64_t firstLogitRow(int64_t past, int64_t rows, int64_t firstWanted) {
  int64_t row = firstWanted - past;
  return row < 0 ? 0 : row > rows ? rows : row;
}

/// No step crosses firstWanted: all logits of a few last tokens come from one step.
int64_t rowsOfStep(const Session &session, int64_t total, int64_t firstWanted) {
  int64_t end = session.cached < firstWanted && firstWanted < total - 1 ? firstWanted : total;
  int64_t rows = end - session.cached;
  return rows < int64_t(session.model->chunk_rows) ? rows : int64_t(session.model->chunk_rows);
}

/// Computes tokens up to `total`; logits from token `firstWanted` on.
Advance compute(Session *session, int64_t total, int64_t firstWanted, const LogitsSink *sink) {
  phi_frame &frame = session->frame;
  session->logitRows = 0;
  chooseTable(session, total);
  while (session->cached < total) {
    if (session->interrupted && __atomic_load_n(session->interrupted, __ATOMIC_RELAXED))
      return Advance::Interrupted;
    int64_t rows = rowsOfStep(*session, total, firstWanted);
    frame.tokens = session->tokens + session->cached;
    frame.rows = rows;
    frame.past = session->cached;
    frame.total = total;
    frame.logit_row0 = firstLogitRow(frame.past, rows, firstWanted);
    runStep(session->scheduler, entryFor(*session->variant, rows), &frame);
    session->cached += rows;
    session->length = session->cached > session->length ? session->cached : session->length;
    session->logitRows = rows - frame.logit_row0;
    if (sink && session->logitRows > 0 && !sink->take(sink->state, frame.logits, session->logitRows))
      return Advance::Interrupted;
  }
  return Advance::Done;
}

/// A cache's strips: the part that holds the first `tokens`, whole groups of eight.
void copyCache(const phi_stage_output &cache, const Session &from, Session *to) {
  constexpr int64_t kGroup = 8;
  uint64_t strips = cache.strips ? cache.strips : 1;
  uint64_t tokenBytes = cache.row_bytes / strips;
  uint64_t count = uint64_t((from.cached + kGroup - 1) / kGroup * kGroup) * tokenBytes;
  for (uint64_t strip = 0; strip < strips; ++strip) {
    uint64_t at = cache.offset + strip * tokenBytes;  // a token; times the capacity it is the strip's place
    memcpy(to->frame.kv + at * uint64_t(to->frame.context), from.frame.kv + at * uint64_t(from.frame.context), count);
  }
}

} // namespace

void layoutSession(Session *session, Layout *layout, const phi_model &model, const phi_variant *variant,
                   const SessionOptions &options) {
  phi_frame &frame = session->frame;
  session->model = &model;
  session->variant = variant;
  session->options = options;
  session->contextLimit = options.context;
  session->length = session->cached = session->logitRows = 0;
  session->longTable = false;
  frame.weights = model.weights;
  frame.context = (options.context + kContextGranule - 1) / kContextGranule * kContextGranule;
  session->schedulerMemory = layout->take(1, schedulerBytes(options.threads));
  session->tokens = layout->take<int32_t>(uint64_t(frame.context));
  frame.logits = reinterpret_cast<float *>(layout->take(uint64_t(options.logitRows), model.vocab * sizeof(float)));
  frame.scratch = layout->take(uint64_t(options.threads), model.scratch_bytes);
  frame.arena = layout->take(1, model.arena_bytes);
  frame.kv = layout->take(uint64_t(frame.context), model.kv_bytes_per_token);
}

bool startSession(Session *session) {
  session->scheduler = startScheduler(session->schedulerMemory, session->options.threads, session->model->scratch_bytes,
                                      session->options.hook, session->options.pool);
  return session->scheduler != nullptr;
}

void stopSession(Session *session) { stopScheduler(session->scheduler); }

uint64_t kvBytes(const Session &session) { return session.model->kv_bytes_per_token * uint64_t(session.frame.context); }

Advance append(Session *session, const int32_t *ids, int64_t count, const LogitsSink *sink) {
  memmove(session->tokens + session->length, ids, size_t(count) * sizeof(int32_t));
  int64_t total = session->length + count;
  return compute(session, total, sink && !session->model->pruned_head ? session->length : total - 1, sink);
}

Advance appendVerified(Session *session, const int32_t *ids, int64_t count) {
  memmove(session->tokens + session->length, ids, size_t(count) * sizeof(int32_t));
  return compute(session, session->length + count, session->length, nullptr);
}

void truncate(Session *session, int64_t length) {
  if (length == session->length)
    return;
  session->length = length;
  session->cached = session->cached < length ? session->cached : length;
  session->logitRows = 0;
}

void copySequence(const Session &from, Session *to) {
  const phi_model &model = *from.model;
  to->length = from.length;
  to->cached = from.cached;
  to->longTable = from.longTable;
  to->logitRows = from.logitRows;
  memcpy(to->tokens, from.tokens, size_t(from.length) * sizeof(int32_t));
  memcpy(to->frame.logits, from.frame.logits, size_t(from.logitRows) * model.vocab * sizeof(float));
  for (uint32_t i = 0; i < model.stage_count; ++i)
    for (uint32_t j = 0; j < model.stages[i].output_count; ++j) {
      const phi_stage_output &output = model.stages[i].outputs[j];
      if (output.space == PHI_SPACE_KV_KEY || output.space == PHI_SPACE_KV_VALUE)
        copyCache(output, from, to);
    }
}

} // namespace phi
