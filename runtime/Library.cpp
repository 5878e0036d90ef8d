//===- Library.cpp - The table behind the query function ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// phi_query is the one symbol that a library exports; the compiler renames it to
// phi_query_NAME and makes every other symbol local.
//===----------------------------------------------------------------------===//
#include "Library.h"

#include "Os.h"

namespace phi {

namespace {

size_t pieceBytes() {
  constexpr size_t kEndBytes = 12;  // of decodeEnd
  Tokenizer tokenizer;
  if (!openTokenizer(phi_the_model.tokenizer, phi_the_model.tokenizer_bytes, &tokenizer))
    return 0;
  size_t bound = decodeBound(tokenizer);
  return bound < kEndBytes ? kEndBytes : bound;
}

void writeFacts(phi_facts *facts) {
  if (!facts)
    return;
  const phi_model &model = phi_the_model;
  const phi_generation &generation = model.generation;
  const phi_plan &plan = *model.variants->plan; // there is nothing better to tell before one is chosen
  phi_facts known = {};
  known.size = facts->size;
  known.name = model.name;
  known.phic_version = model.phic_version;
  known.weights_file = model.sidecar;
  known.vocab = model.vocab;
  known.context_max = model.context_max;
  known.context_default = model.context_default;
  known.chunk_rows = plan.chunk_rows;
  known.has_tokenizer = model.tokenizer != nullptr;
  known.has_chat = model.chat != nullptr;
  known.last_row_only = model.pruned_head;
  known.piece_bytes = uint32_t(pieceBytes());
  known.stop_ids = model.stop_ids;
  known.stop_id_count = model.stop_id_count;
  known.top_k = generation.top_k;
  known.temperature = generation.temperature;
  known.top_p = generation.top_p;
  known.min_p = generation.min_p;
  known.repetition_penalty = generation.repetition_penalty;
  known.weights_bytes = model.weights_bytes;
  known.weights_hash = model.weights_hash;
  known.kv_bytes_per_token = plan.state_bytes_per_token;
  known.arena_bytes = plan.arena_bytes;
  known.scratch_bytes = plan.scratch_bytes;
  known.embedding_columns = embeddingColumns(model);
  memcpy(facts, &known, facts->size < sizeof(known) ? facts->size : sizeof(known));
}

size_t modelBytes() { return sizeof(LibraryModel); }

phi_status openLibraryModel(const phi_model_options *given, void *memory, size_t bytes, phi_model **model,
                            phi_error *errorText) {
  ErrorText error(errorText);
  if (!model)
    return error(PHI_BAD_ARGUMENT, "there is no place for the model's pointer");
  *model = nullptr;
  if (!blockFits(memory, bytes, sizeof(LibraryModel), error))
    return PHI_NO_MEMORY;
  phi_model_options options = readOptions(given);
  auto *opened = static_cast<LibraryModel *>(memory);
  *opened = {};
  phi_status status = openAsAsked(&opened->open, phi_the_model, options, error);
  if (status != PHI_OK)
    return status;
  const phi_model &constants = opened->open.model;
  if ((constants.tokenizer && !openTokenizer(constants.tokenizer, constants.tokenizer_bytes, &opened->tokenizer)) ||
      (constants.chat && !openChat(constants.chat, constants.chat_bytes, &opened->chat))) {
    closeModel(&opened->open);
    return error(PHI_NO_WEIGHTS, "this model's file is damaged: its tokenizer tables are not readable");
  }
  logOpened(options, opened->open);
  *model = &opened->open.model;
  return PHI_OK;
}

void closeLibraryModel(phi_model *model) {
  if (model)
    closeModel(reinterpret_cast<OpenModel *>(model));
}

constexpr phi_api kApi = {
    sizeof(phi_api),
    PHI_ABI_VERSION,
    0,
    writeFacts,
    os::physicalCores,
    modelBytes,
    openLibraryModel,
    closeLibraryModel,
    sessionBytes,
    createSession,
    forkSession,
    freeSession,
    prefill,
    decodeOne,
    verify,
    logitsRow,
    sessionLength,
    truncateSession,
    encodeWork,
    encodeText,
    encodeMessages,
    renderMessages,
    piece,
    pieceEnd,
    samplerBytes,
    createSampler,
    noteIds,
    sampleLogits,
    appendEmbeddings,
};

} // namespace
} // namespace phi

extern "C" __attribute__((visibility("default"))) const phi_api *phi_query(uint32_t version);
const phi_api *phi_query(uint32_t version) { return version == PHI_ABI_VERSION ? &phi::kApi : nullptr; }
