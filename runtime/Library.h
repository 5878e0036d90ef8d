//===- Library.h - The objects behind the C interface ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each lives at the start of the block that the caller gave. A phi_model of the
// interface is the first member of an OpenModel, so that what takes a model's
// constants takes it as it is.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_LIBRARY_H
#define PHI_RUNTIME_LIBRARY_H

#include "LibraryCalls.h"
#include "Model.h"
#include "Sampler.h"
#include "Session.h"
#include "Template.h"

struct phi_session : phi::Session {};
struct phi_sampler : phi::Sampler {};

namespace phi {

struct LibraryModel {
  OpenModel open;
  Tokenizer tokenizer;
  Chat chat;
};

inline const LibraryModel &libraryModel(const phi_model *model) {
  return *reinterpret_cast<const LibraryModel *>(model);
}

// The functions of phi_api, by file; see phi/runtime.h.

// LibrarySession.cpp
uint64_t sessionBytes(const phi_model *model, const phi_session_options *options);
phi_status createSession(const phi_model *model, const phi_session_options *options, void *memory, uint64_t bytes,
                         phi_session **session, phi_error *error);
phi_status forkSession(const phi_session *from, const phi_session_options *options, void *memory, uint64_t bytes,
                       phi_session **session, phi_error *error);
void freeSession(phi_session *session);
phi_status prefill(phi_session *session, const int32_t *ids, int64_t count, phi_error *error);
phi_status decodeOne(phi_session *session, int32_t id, phi_error *error);
phi_status verify(phi_session *session, const int32_t *ids, int64_t count, phi_error *error);
phi_status appendEmbeddings(phi_session *session, const float *rows, int64_t count, int32_t all, phi_error *error);
/// 0: the model takes ids.
uint32_t embeddingColumns(const phi_model &model);
float *logitsRow(phi_session *session, int64_t row);
int64_t sessionLength(const phi_session *session);
phi_status truncateSession(phi_session *session, int64_t length, phi_error *error);

// LibraryText.cpp
size_t encodeWork(const phi_model *model, size_t bytes, size_t messages);
int64_t encodeText(const phi_model *model, const char *text, size_t bytes, uint32_t flags, int32_t *ids,
                   size_t capacity, void *work, size_t workBytes);
int64_t encodeMessages(const phi_model *model, int32_t from, const phi_message *messages, size_t count, int32_t lastId,
                       int32_t *ids, size_t capacity, void *work, size_t workBytes);
int64_t renderMessages(const phi_model *model, int32_t from, const phi_message *messages, size_t count, char *text,
                       size_t capacity);
size_t piece(const phi_model *model, phi_decoder *decoder, int32_t id, char *text);
size_t pieceEnd(const phi_model *model, phi_decoder *decoder, char *text);
size_t samplerBytes(const phi_model *model);
phi_status createSampler(const phi_model *model, const phi_sampler_options *options, void *memory, size_t bytes,
                         phi_sampler **sampler, phi_error *error);
void noteIds(phi_sampler *sampler, const int32_t *ids, int64_t count);
int32_t sampleLogits(phi_sampler *sampler, float *logits);

} // namespace phi

#endif // PHI_RUNTIME_LIBRARY_H
