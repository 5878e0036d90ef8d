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
/// rotated by the one in force when they were made, so crossing the limit makes
/// them all wrong.
bool crossesRopeSwitch(const Session &session, int64_t count) {
  int64_t limit = session.model->rope_switch;
  return limit > 0 && session.length > 0 && session.length <= limit && session.length + count > limit;
}

/// Rows of a step whose logits are wanted, when rows below `firstWanted` are not.
int64_t firstLogitRow(const Session &session, int64_t past, int64_t rows, int64_t total,
                      int64_t firstWanted) {
  bool lastOnly = session.model->pruned_head || firstWanted == total;
  int64_t from = lastOnly ? total - 1 : firstWanted;
  int64_t row = from - past;
  return row < 0 ? 0 : row > rows ? rows : row;
}

} // namespace

void layoutSession(Session *session, Layout *layout, const phi_model &model, const phi_variant *variant,
                   const SessionOptions &options) {
  phi_frame &frame = session->frame;
  session->model = &model;
  session->variant = variant;
  session->options = options;
  session->contextLimit = options.context;
  session->length = 0;
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
  // Positions lie in many strips: a huge page each would take memory for tokens that never come.
  os::keepPagesSmall(session->frame.kv, kvBytes(*session));
  session->scheduler = startScheduler(session->schedulerMemory, session->options.threads,
                                      session->model->scratch_bytes, session->options.hook);
  return session->scheduler != nullptr;
}

void stopSession(Session *session) { stopScheduler(session->scheduler); }

uint64_t kvBytes(const Session &session) {
  return session.model->kv_bytes_per_token * uint64_t(session.frame.context);
}

Advance append(Session *session, const int32_t *ids, int64_t count, const LogitsSink *sink) {
  phi_frame &frame = session->frame;
  memmove(session->tokens + session->length, ids, size_t(count) * sizeof(int32_t));
  int64_t total = session->length + count;
  int64_t firstWanted = sink ? session->length : total;
  if (crossesRopeSwitch(*session, count))
    session->length = 0;

  while (session->length < total) {
    if (session->interrupted && *session->interrupted)
      return Advance::Interrupted;
    int64_t rows = total - session->length;
    if (rows > int64_t(session->model->chunk_rows))
      rows = session->model->chunk_rows;
    frame.tokens = session->tokens + session->length;
    frame.rows = rows;
    frame.past = session->length;
    frame.total = total;
    frame.logit_row0 = firstLogitRow(*session, frame.past, rows, total, firstWanted);
    runStep(session->scheduler, entryFor(*session->variant, rows), &frame);
    session->length += rows;
    int64_t logitRows = rows - frame.logit_row0;
    if (sink && logitRows > 0 && !sink->take(sink->state, frame.logits, logitRows))
      return Advance::Interrupted;
  }
  return Advance::Done;
}

} // namespace phi
