//===- LibrarySession.cpp - Sessions behind the C interface ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Library.h"

#include "Bindings.h"

namespace phi {
namespace {

/// False after a sentence.
bool checkOptions(const phi_model &model, phi_session_options *options, ErrorText &error) {
  if (options->context == 0)
    options->context = model.context_default;
  if (options->context < 1 || options->context > int64_t(model.context_max))
    error << "a context of " << options->context << " tokens; this model takes 1 to " << model.context_max;
  else
    return checkThreads(&options->threads, error);
  return false;
}

/// The session at the start of its block, and what belongs to it.
phi_session *placeSession(Layout *layout, const phi_model &model, const phi_session_options &options,
                          phi_session *session) {
  auto *placed = layout->take<phi_session>(1);
  SessionOptions wanted = {};
  wanted.context = options.context;
  wanted.threads = options.threads;
  wanted.logitRows = model.pruned_head ? 1 : PHI_VERIFY_ROWS;
  wanted.pool = options.pool;
  layoutSession(session, layout, libraryModel(&model).open.code, wanted);
  return placed;
}

uint64_t bytesOf(const phi_model &model, const phi_session_options &options) {
  Layout layout;
  phi_session measured = {};
  placeSession(&layout, model, options, &measured);
  return layout.overflow ? 0 : layout.size;
}

bool checkIds(const phi_session &session, const int32_t *ids, int64_t count, ErrorText &error) {
  for (int64_t i = 0; i < count; ++i)
    if (uint32_t(ids[i]) >= session.model->vocab) {
      error << "id " << ids[i] << " at " << i << " is out of range; this model has " << session.model->vocab
            << " tokens";
      return false;
    }
  return true;
}

/// PHI_OK when so many rows can be appended: embeddings where `columns` is not 0, else ids.
phi_status checkAppend(const phi_session *session, const void *rows, int64_t count, uint32_t columns,
                       phi_error *errorText) {
  ErrorText error(errorText);
  if (!session || !rows || count < 1)
    return error(PHI_BAD_ARGUMENT, !session  ? "there is no session"
                                   : columns ? "there are no embeddings"
                                             : "there are no ids");
  if (embeddingColumns(*session->model) != columns)
    return error(PHI_MISSING,
                 columns ? "this model takes ids, not embeddings" : "this model takes embeddings, not ids");
  if (!columns && !checkIds(*session, static_cast<const int32_t *>(rows), count, error))
    return PHI_BAD_ARGUMENT;
  if (count <= session->contextLimit - session->length)
    return PHI_OK;
  error << count << " tokens after " << session->length << " are more than the context of " << session->contextLimit;
  return PHI_FULL;
}

/// Whether the logits of each of so many tokens can be had; a sentence if not.
bool checkAll(const phi_session &session, int64_t count, phi_status *status, phi_error *errorText) {
  ErrorText error(errorText);
  if (session.model->pruned_head) {
    *status = error(PHI_MISSING, "this model's graph computes the last token's logits only");
    return false;
  }
  if (count <= int64_t(PHI_VERIFY_ROWS))
    return true;
  error << "verify takes 1 to " << PHI_VERIFY_ROWS << " ids, not " << count;
  *status = PHI_BAD_ARGUMENT;
  return false;
}

phi_status statusOf(const Session &session, Advance advance, phi_error *errorText) {
  if (advance == Advance::Done)
    return PHI_OK;
  ErrorText error(errorText);
  if (advance == Advance::Interrupted)
    return error(PHI_CANCELLED, "cancelled");
  explainFailure(session, error);
  return PHI_DEVICE_FAILED;
}

} // namespace

uint64_t sessionBytes(const phi_model *model, const phi_session_options *given) {
  ErrorText error(nullptr);
  phi_session_options options = readOptions(given);
  return model && checkOptions(*model, &options, error) ? bytesOf(*model, options) : 0;
}

phi_status createSession(const phi_model *model, const phi_session_options *given, void *memory, uint64_t bytes,
                         phi_session **session, phi_error *errorText) {
  ErrorText error(errorText);
  if (!model || !session)
    return error(PHI_BAD_ARGUMENT, model ? "there is no place for the session's pointer" : "there is no model");
  *session = nullptr;
  phi_session_options options = readOptions(given);
  if (!checkOptions(*model, &options, error))
    return PHI_BAD_ARGUMENT;
  uint64_t needed = bytesOf(*model, options);
  if (!needed || !blockFits(memory, bytes, needed, error))
    return needed ? PHI_NO_MEMORY : error(PHI_NO_MEMORY, "more memory than a process can have");
  Layout layout;
  layout.base = static_cast<uint8_t *>(memory);
  phi_session placed = {};
  phi_session *created = placeSession(&layout, *model, options, &placed);
  placed.interrupted = options.cancel;
  *created = placed;
  phi_status status = startSession(created);
  if (status != PHI_OK) {
    explainFailure(*created, error);
    return status;
  }
  *session = created;
  return PHI_OK;
}

phi_status forkSession(const phi_session *from, const phi_session_options *given, void *memory, uint64_t bytes,
                       phi_session **session, phi_error *errorText) {
  if (!from)
    return ErrorText(errorText)(PHI_BAD_ARGUMENT, "there is no session");
  phi_session_options options = readOptions(given);
  int64_t context = options.context ? options.context : from->model->context_default;
  if (context > 0 && from->length > context) {
    ErrorText error(errorText);
    error << "a sequence of " << from->length << " tokens is more than a context of " << context;
    return PHI_FULL;
  }
  phi_status status = createSession(from->model, given, memory, bytes, session, errorText);
  if (status != PHI_OK || copySequence(*from, *session))
    return status;
  status = statusOf(**session, Advance::Failed, errorText);
  freeSession(*session);
  *session = nullptr;
  return status;
}

void freeSession(phi_session *session) {
  if (session)
    stopSession(session);
}

phi_status prefill(phi_session *session, const int32_t *ids, int64_t count, phi_error *error) {
  phi_status status = checkAppend(session, ids, count, /*columns=*/0, error);
  return status == PHI_OK ? statusOf(*session, append(session, ids, count, nullptr), error) : status;
}

phi_status decodeOne(phi_session *session, int32_t id, phi_error *error) { return prefill(session, &id, 1, error); }

phi_status verify(phi_session *session, const int32_t *ids, int64_t count, phi_error *error) {
  phi_status status = checkAppend(session, ids, count, /*columns=*/0, error);
  if (status != PHI_OK || !checkAll(*session, count, &status, error))
    return status;
  return statusOf(*session, appendVerified(session, ids, count), error);
}

uint32_t embeddingColumns(const phi_model &model) {
  const phi_binding *input = findBinding(model, PHI_INPUT, PHI_DIM_ROWS);
  return input->element == PHI_F32 ? uint32_t(elementsOf(*input)) : 0;
}

phi_status appendEmbeddings(phi_session *session, const float *rows, int64_t count, int32_t all, phi_error *error) {
  const uint32_t columns = session ? embeddingColumns(*session->model) : 0;
  phi_status status = checkAppend(session, rows, count, columns ? columns : 1, error);
  if (status != PHI_OK || (all && !checkAll(*session, count, &status, error)))
    return status;
  return statusOf(*session, all ? appendVerified(session, rows, count) : append(session, rows, count, nullptr), error);
}

float *logitsRow(phi_session *session, int64_t row) {
  if (!session || row < 0 || row >= session->logitRows)
    return nullptr;
  return session->logits + row * int64_t(session->model->vocab);
}

int64_t sessionLength(const phi_session *session) { return session ? session->length : 0; }

phi_status truncateSession(phi_session *session, int64_t length, phi_error *errorText) {
  ErrorText error(errorText);
  if (!session)
    return error(PHI_BAD_ARGUMENT, "there is no session");
  if (length < 0 || length > session->length) {
    error << "length " << length << " is not within 0 to " << session->length;
    return PHI_BAD_ARGUMENT;
  }
  truncate(session, length);
  return PHI_OK;
}

} // namespace phi
