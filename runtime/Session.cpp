//===- Session.cpp - One running sequence ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts tokens into steps and chooses each step's entry point.
//===----------------------------------------------------------------------===//
#include "Session.h"

#include "Bindings.h"

#include <string.h>

namespace phi {
namespace {

/// The index of the first entry point that takes so many rows.
uint32_t entryFor(const phi_model &model, int64_t rows) {
  uint32_t entry = 0;
  while (model.entries[entry].most_rows && model.entries[entry].most_rows < rows)
    ++entry;
  return entry;
}

const phi_device &deviceOf(const Session &session) { return session.device.code->device(); }

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
  const int64_t most = session.device.code->plan().chunk_rows;
  return rows < most ? rows : most;
}

/// Computes tokens up to `total`; logits from token `firstWanted` on.
Advance compute(Session *session, int64_t total, int64_t firstWanted, const LogitsSink *sink) {
  phi_frame &frame = session->frame;
  const phi_device &device = deviceOf(*session);
  session->logitRows = 0;
  chooseTable(session, total);
  while (session->cached < total) {
    if (session->interrupted && __atomic_load_n(session->interrupted, __ATOMIC_RELAXED))
      return device.wait(session->device) ? Advance::Interrupted : Advance::Failed;
    int64_t rows = rowsOfStep(*session, total, firstWanted);
    device.upload(session->device, frame.bindings[findBinding(*session->model, PHI_INPUT, PHI_DIM_ROWS)->slot],
                  session->sequence + uint64_t(session->cached) * session->rowBytes,
                  uint64_t(rows) * session->rowBytes);
    frame.rows = rows;
    frame.past = session->cached;
    frame.total = total;
    frame.logit_row0 = firstLogitRow(frame.past, rows, firstWanted);
    device.run(session->device, entryFor(*session->model, rows), &frame);
    // The last step has logits: nothing is under way when this returns.
    if (frame.logit_row0 < rows && !device.wait(session->device))
      return Advance::Failed;
    session->cached += rows;
    session->length = session->cached > session->length ? session->cached : session->length;
    session->logitRows = rows - frame.logit_row0;
    if (sink && session->logitRows > 0 && !sink->take(sink->state, session->logits, session->logitRows))
      return Advance::Interrupted;
  }
  return Advance::Done;
}

/// A cache's strips: the part that holds the first `tokens`, in whole groups.
void copyCache(const phi_stage_output &cache, const Session &from, Session *to) {
  const int64_t group = cache.group;
  uint64_t strips = cache.strips ? cache.strips : 1;
  uint64_t tokenBytes = cache.row_bytes / strips;
  uint64_t count = uint64_t((from.cached + group - 1) / group * group) * tokenBytes;
  for (uint64_t strip = 0; strip < strips; ++strip) {
    uint64_t at = cache.offset + strip * tokenBytes;  // a token; times the capacity it is the strip's place
    deviceOf(*to).copy(to->device, cachesOf(*to->model, to->frame) + at * uint64_t(to->frame.context),
                       cachesOf(*from.model, from.frame) + at * uint64_t(from.frame.context), count);
  }
}

/// The memory that the device computes in; a layout of their own for what the host reads. Returns the logits' place.
uint8_t *placeFrame(Session *session, Layout *work, Layout *results) {
  phi_frame &frame = session->frame;
  const phi_model &model = *session->model;
  const phi_plan &plan = session->device.code->plan();
  auto bind = [&](uint32_t kind, int64_t dimension, uint8_t *memory) {
    const phi_binding *binding = findBinding(model, kind, dimension);
    if (binding && session->slots)
      session->slots[binding->slot] = memory;
  };
  uint8_t *logits = results->take(uint64_t(session->options.logitRows), model.vocab * sizeof(float));
  bind(PHI_RESULT, PHI_DIM_LOGIT_ROWS, logits);
  bind(PHI_INPUT, PHI_DIM_ROWS, work->take(plan.chunk_rows, session->rowBytes));
  frame.scratch = work->take(1, scratchBytes(*session));
  frame.arena = work->take(1, plan.arena_bytes);
  // A cache is many strips, of which short sequences fill the beginnings.
  work->beginPage();
  bind(PHI_STATE, PHI_DIM_CONTEXT, work->take(uint64_t(frame.context), plan.state_bytes_per_token));
  return logits;
}

/// Memory of a device that has its own.
phi_status reserveFrame(Session *session) {
  Layout work, results;
  placeFrame(session, &work, &results);
  DeviceSession &device = session->device;
  if (!deviceOf(*session).reserve(&device, work.overflow ? UINT64_MAX : work.size, results.size)) {
    deviceOf(*session).stop(&device);
    return PHI_NO_MEMORY;
  }
  work = {.base = device.work};
  results = {.base = device.results};
  placeFrame(session, &work, &results);
  session->logits = reinterpret_cast<float *>(device.resultsHost);
  return PHI_OK;
}

} // namespace

void layoutSession(Session *session, Layout *layout, const LoadedCode &code, const SessionOptions &options) {
  phi_frame &frame = session->frame;
  session->model = code.model;
  session->device = {&code, nullptr, nullptr, nullptr, nullptr};
  session->options = options;
  session->contextLimit = options.context;
  session->length = session->cached = session->logitRows = 0;
  session->longTable = false;
  frame.weights = code.weights;
  const int64_t step = code.plan().context_step;
  frame.context = (options.context + step - 1) / step * step;
  session->device.state = layout->take(1, code.device().stateBytes(code, options));
  session->rowBytes = bytesOf(*findBinding(*code.model, PHI_INPUT, PHI_DIM_ROWS));
  session->sequence = layout->take(uint64_t(frame.context), session->rowBytes);
  session->slots = layout->take<uint8_t *>(code.model->entries[0].slot_count);
  frame.bindings = session->slots;
  if (code.device().isHost)
    session->logits = reinterpret_cast<float *>(placeFrame(session, layout, layout));
}

SessionNeed needOf(const LoadedCode &code, const SessionOptions &options) {
  if (code.device().isHost)
    return {};
  Session measured = {};
  Layout unused, work, results;
  layoutSession(&measured, &unused, code, options);
  placeFrame(&measured, &work, &results);
  return {work.overflow ? UINT64_MAX : work.size, results.size, measured.frame.context};
}

phi_status startSession(Session *session) {
  const phi_device &device = deviceOf(*session);
  phi_status status = device.start(&session->device, session->options);
  if (status != PHI_OK)
    return status;
  status = device.isHost ? PHI_OK : reserveFrame(session);
  if (status == PHI_OK)
    device.settle(session->device, session->frame, session->options);
  return status;
}

void stopSession(Session *session) { deviceOf(*session).stop(&session->device); }

void explainFailure(const Session &session, Writer &errors) { deviceOf(session).explain(session.device, errors); }

uint64_t kvBytes(const Session &session) {
  return session.device.code->plan().state_bytes_per_token * uint64_t(session.frame.context);
}

uint64_t scratchBytes(const Session &session) {
  const uint64_t threads = deviceOf(session).isHost ? uint64_t(session.options.threads) : 1;
  return session.device.code->plan().scratch_bytes * threads;
}

/// Behind the sequence, of which it may be a part.
static void addRows(Session *session, const void *rows, int64_t count) {
  memmove(session->sequence + uint64_t(session->length) * session->rowBytes, rows, size_t(count) * session->rowBytes);
}

Advance append(Session *session, const void *rows, int64_t count, const LogitsSink *sink) {
  addRows(session, rows, count);
  int64_t total = session->length + count;
  return compute(session, total, sink && !session->model->pruned_head ? session->length : total - 1, sink);
}

Advance appendVerified(Session *session, const void *rows, int64_t count) {
  addRows(session, rows, count);
  const int64_t from = session->length, total = from + count, limit = session->model->rope_switch;
  if (limit == 0 || from >= limit || total <= limit)
    return compute(session, total, from, nullptr);
  // Tokens up to the limit go by one table and those after it by the other, as if decoded one by one.
  Advance advance = compute(session, limit, from, nullptr);
  if (advance != Advance::Done)
    return advance;
  // The others' logits lie behind theirs.
  const int64_t before = session->logitRows;
  uint8_t *&logits = session->slots[findBinding(*session->model, PHI_RESULT, PHI_DIM_LOGIT_ROWS)->slot];
  uint8_t *const first = logits;
  logits += uint64_t(before) * session->model->vocab * sizeof(float);
  advance = compute(session, total, limit, nullptr);
  logits = first;
  session->logitRows += advance == Advance::Done ? before : 0;
  return advance;
}

void truncate(Session *session, int64_t length) {
  if (length == session->length)
    return;
  session->length = length;
  session->cached = session->cached < length ? session->cached : length;
  session->logitRows = 0;
}

bool copySequence(const Session &from, Session *to) {
  const phi_plan &plan = from.device.code->plan();
  to->length = from.length;
  to->cached = from.cached;
  to->longTable = from.longTable;
  to->logitRows = from.logitRows;
  memcpy(to->sequence, from.sequence, size_t(from.length) * from.rowBytes);
  for (uint32_t i = 0; i < plan.stage_count; ++i)
    for (uint32_t j = 0; j < plan.stages[i].output_count; ++j) {
      const phi_stage_output &output = plan.stages[i].outputs[j];
      if (output.space == PHI_SPACE_KV_KEY || output.space == PHI_SPACE_KV_VALUE)
        copyCache(output, from, to);
    }
  bool done = deviceOf(*to).wait(to->device);
  // Not before: waiting makes the host's logits those of the device.
  memcpy(to->logits, from.logits, size_t(from.logitRows) * from.model->vocab * sizeof(float));
  return done;
}

} // namespace phi
