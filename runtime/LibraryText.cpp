//===- LibraryText.cpp - Text and sampling behind the C interface ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Library.h"
#include "Utf8.h"

namespace phi {
namespace {

const uint8_t *bytesOf(const char *text) { return reinterpret_cast<const uint8_t *>(text); }

/// The messages as the template wants them; false when one has no such role.
bool readMessages(const phi_message *given, size_t count, Message *messages) {
  for (size_t i = 0; i < count; ++i) {
    if (given[i].role <= PHI_ROLE_START || given[i].role >= PHI_ROLE_COUNT || (!given[i].text && given[i].bytes))
      return false;
    messages[i] = {phi_role(given[i].role), bytesOf(given[i].text ? given[i].text : ""), given[i].bytes};
  }
  return true;
}

/// What messages are laid out in: at the start of the work memory.
struct Parts {
  Layout layout;
  Message *messages;
  TextPart *parts;
  Parts(void *work, size_t count) {
    layout.base = static_cast<uint8_t *>(work);
    messages = layout.take<Message>(count);
    parts = layout.take<TextPart>(2 * count + 1);
  }
};

uint64_t longestTemplateText(const Chat &chat) {
  uint64_t longest = 0;
  auto see = [&](const phi_chat_text &text) {
    if (text.offset != PHI_CHAT_NONE && text.bytes > longest)
      longest = text.bytes;
  };
  for (uint32_t from = 0; from < PHI_ROLE_COUNT; ++from) {
    see(chat.tables->prompt[from]);
    for (uint32_t to = 0; to < PHI_ROLE_COUNT; ++to)
      see(chat.tables->glue[from][to]);
  }
  return longest;
}

/// A count of ids, or minus a status.
int64_t statusOf(int64_t encoded) {
  return encoded >= 0 ? encoded : encoded == EncodeTooSlow ? -PHI_BAD_ARGUMENT : -PHI_NO_MEMORY;
}

bool isTurn(int32_t from) { return from == PHI_ROLE_START || from == PHI_ROLE_ASSISTANT; }

} // namespace

size_t encodeWork(const phi_model *model, size_t bytes, size_t messages) {
  if (!model || !libraryModel(model).tokenizer.tables)
    return 0;
  const Chat &chat = libraryModel(model).chat;
  // Beyond what any text has, so that nothing below wraps around.
  constexpr uint64_t kMost = uint64_t(1) << 31;
  if (bytes > kMost || messages > kMost)
    return SIZE_MAX;
  // Each byte may be invalid and become three.
  uint64_t text = 3 * uint64_t(bytes) + (chat.tables ? (messages + 1) * longestTemplateText(chat) : 0);
  Parts parts(nullptr, messages);
  return parts.layout.size + encodeBound(libraryModel(model).tokenizer, text, 2 * messages + 1);
}

int64_t encodeText(const phi_model *model, const char *text, size_t bytes, uint32_t flags, int32_t *ids,
                   size_t capacity, void *work, size_t workBytes) {
  if (!model || (!text && bytes) || (!ids && capacity) || !work)
    return -PHI_BAD_ARGUMENT;
  const Tokenizer &tokenizer = libraryModel(model).tokenizer;
  if (!tokenizer.tables)
    return -PHI_MISSING;
  TextPart part = {bytesOf(text), bytes, (flags & PHI_ENCODE_CONTROL) != 0};
  constexpr uint32_t kKnown = PHI_ENCODE_PREFIX | PHI_ENCODE_SUFFIX | PHI_ENCODE_CONTINUE;
  static_assert(PHI_ENCODE_PREFIX == int(EncodePrefix) && PHI_ENCODE_SUFFIX == int(EncodeSuffix) &&
                PHI_ENCODE_CONTINUE == int(EncodeContinue));
  int64_t count = encode(tokenizer, &part, 1, flags & kKnown, ids, capacity, work, workBytes);
  return statusOf(count);
}

int64_t encodeMessages(const phi_model *model, int32_t from, const phi_message *given, size_t count, int32_t lastId,
                       int32_t *ids, size_t capacity, void *work, size_t workBytes) {
  if (!model || (!given && count) || (!ids && capacity) || !work || !isTurn(from))
    return -PHI_BAD_ARGUMENT;
  const LibraryModel &library = libraryModel(model);
  if (!library.tokenizer.tables || !library.chat.tables)
    return -PHI_MISSING;
  Parts parts(work, count);
  if (parts.layout.overflow || parts.layout.size > workBytes)
    return -PHI_NO_MEMORY;
  if (!readMessages(given, count, parts.messages))
    return -PHI_BAD_ARGUMENT;
  size_t partCount = layOutChat(library.chat, phi_role(from), parts.messages, count, parts.parts);
  if (!partCount)
    return -PHI_MISSING;
  int64_t idCount = encodeChat(library.chat, library.tokenizer, phi_role(from),
                               isStopToken(*model, lastId) ? lastId : -1, parts.parts, partCount, ids, capacity,
                               static_cast<uint8_t *>(work) + parts.layout.size, workBytes - parts.layout.size);
  return statusOf(idCount);
}

int64_t renderMessages(const phi_model *model, int32_t from, const phi_message *given, size_t count, char *text,
                       size_t capacity) {
  if (!model || (!given && count) || (!text && capacity) || !isTurn(from))
    return -PHI_BAD_ARGUMENT;
  const Chat &chat = libraryModel(model).chat;
  if (!chat.tables)
    return -PHI_MISSING;
  size_t used = 0;
  auto put = [&](const TextPart &part) {
    size_t room = capacity > used ? capacity - used : 0;
    memcpy(text + (room ? used : 0), part.text, part.bytes < room ? part.bytes : room);
    used += part.bytes;
  };
  // A message at a time: what comes before a text depends on the one before only.
  phi_role turn = phi_role(from);
  for (size_t i = 0; i < count; ++i) {
    Message message;
    TextPart parts[2];
    if (!readMessages(given + i, 1, &message))
      return -PHI_BAD_ARGUMENT;
    if (!layOutMessage(chat, &turn, message, parts))
      return -PHI_MISSING;
    put(parts[0]);
    put(parts[1]);
  }
  TextPart prompt;
  if (!layOutChat(chat, turn, nullptr, 0, &prompt))
    return -PHI_MISSING;
  put(prompt);
  return int64_t(used);
}

//===----------------------------------------------------------------------===//
// Pieces
//===----------------------------------------------------------------------===//

static_assert(sizeof(Decoder) <= sizeof(phi_decoder) && offsetof(phi_decoder, special) == offsetof(Decoder, special) &&
              offsetof(phi_decoder, continues) == offsetof(Decoder, continues));

/// The caller's memory may hold anything: what no call has left there is a text's start.
static Decoder readDecoder(const phi_decoder &given) {
  Decoder state;
  state.special = given.special != 0;
  state.continues = given.continues != 0;
  uint8_t bytes[sizeof(Decoder)];
  memcpy(bytes, &given, sizeof(bytes));
  const uint8_t count = bytes[offsetof(Decoder, pendingCount)], started = bytes[offsetof(Decoder, started)];
  const uint8_t *pending = bytes + offsetof(Decoder, pending);
  if (started > 1 || count >= sizeof(state.pending) || (count && scanUtf8(pending, count).kind != Utf8::Incomplete))
    return state;
  state.pendingCount = count;
  state.started = started;
  memcpy(state.pending, pending, sizeof(state.pending));
  return state;
}

size_t piece(const phi_model *model, phi_decoder *decoder, int32_t id, char *text) {
  if (!model || !decoder || !text || !libraryModel(model).tokenizer.tables)
    return 0;
  Decoder state = readDecoder(*decoder);
  size_t bytes = decode(libraryModel(model).tokenizer, &state, id, reinterpret_cast<uint8_t *>(text));
  memcpy(decoder, &state, sizeof(state));
  return bytes;
}

size_t pieceEnd(const phi_model *model, phi_decoder *decoder, char *text) {
  if (!model || !decoder || !text || !libraryModel(model).tokenizer.tables)
    return 0;
  Decoder state = readDecoder(*decoder);
  size_t bytes = decodeEnd(libraryModel(model).tokenizer, &state, reinterpret_cast<uint8_t *>(text));
  memset(decoder->state, 0, sizeof(decoder->state));
  return bytes;
}

//===----------------------------------------------------------------------===//
// Sampling
//===----------------------------------------------------------------------===//

static phi_sampler *placeSampler(Layout *layout, const phi_model &model, const SamplerOptions &options,
                                 phi_sampler *sampler) {
  auto *placed = layout->take<phi_sampler>(1);
  layoutSampler(sampler, layout, model.vocab, options);
  return placed;
}

size_t samplerBytes(const phi_model *model) {
  if (!model)
    return 0;
  Layout layout;
  phi_sampler measured = {};
  placeSampler(&layout, *model, {}, &measured);
  return layout.size;
}

/// 0 is off.
static double orOne(double value) { return value != 0 ? value : 1; }

/// Beyond, a logit of 0 would be no number.
constexpr double kMostPenalty = 1e30;

static bool checkSampling(const SamplerOptions &options) {
  return options.temperature >= 0 && options.topP > 0 && options.topP <= 1 && options.minP >= 0 && options.minP <= 1 &&
         options.topK >= 0 && options.repetitionPenalty > 0 && options.repetitionPenalty <= kMostPenalty;
}

phi_status createSampler(const phi_model *model, const phi_sampler_options *given, void *memory, size_t bytes,
                         phi_sampler **sampler, phi_error *errorText) {
  ErrorText error(errorText);
  if (!model || !sampler)
    return error(PHI_BAD_ARGUMENT, model ? "there is no place for the sampler's pointer" : "there is no model");
  *sampler = nullptr;
  phi_sampler_options options = readOptions(given);
  SamplerOptions settings = {
      options.temperature, orOne(options.top_p), options.min_p, options.top_k, orOne(options.repetition_penalty),
      options.seed};
  if (!checkSampling(settings))
    return error(
        PHI_BAD_ARGUMENT,
        "temperature, top_k, top_p, min_p or repetition_penalty is out of range: top_p and min_p are 0 to 1, the "
        "penalty is at most 1e30, none is negative");
  if (!blockFits(memory, bytes, samplerBytes(model), error))
    return PHI_NO_MEMORY;
  Layout layout;
  layout.base = static_cast<uint8_t *>(memory);
  phi_sampler placed = {};
  *sampler = placeSampler(&layout, *model, settings, &placed);
  **sampler = placed;
  memset(placed.seen, 0, model->vocab);
  return PHI_OK;
}

void noteIds(phi_sampler *sampler, const int32_t *ids, int64_t count) {
  for (int64_t i = 0; sampler && ids && i < count; ++i)
    if (uint32_t(ids[i]) < uint64_t(sampler->vocab))
      noteTokens(sampler, ids + i, 1);
}

int32_t sampleLogits(phi_sampler *sampler, float *logits) { return sampler && logits ? sample(sampler, logits) : -1; }

} // namespace phi
