//===- tokenizer_tables_fuzz.cpp - Damaged tables with a hash of their own -===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A committed tokenizer's tables and its chat's with some words changed and the hash made anew: what opens is used as a
// program does, on text, on ids and in a chat, within memory (AddressSanitizer) and time.
//===----------------------------------------------------------------------===//
#include "FuzzPrompt.h"
#include "FuzzTokenizers.h"
#include "runtime/Output.h"
#include "test/runtime/FakeModel.h"
#include <fuzzer/FuzzedDataProvider.h>
#include <memory>

const phi_model phi_the_model = phi::fake::model(); // libraries refer to it

namespace {

/// The words of a blob that may be changed: a table's, or the header's.
struct Place {
  uint32_t at, words;
};

std::vector<Place> placesOf(const std::vector<uint8_t> &tables) {
  phi_tokenizer header;
  memcpy(&header, tables.data(), sizeof(header));
  std::vector<Place> places = {
      {offsetof(phi_tokenizer, flags), (sizeof(phi_tokenizer) - offsetof(phi_tokenizer, flags)) / 4}};
  auto add = [&](const phi_table &table, uint32_t size) {
    if (uint32_t words = table.count * size / 4)
      places.push_back({table.offset, words});
  };
  for (auto [table, size] : {std::pair(header.text, 1u),
                             {header.token_offsets, 4},
                             {header.token_flags, 1},
                             {header.byte_ids, 4},
                             {header.lookup, 4},
                             {header.merge_offsets, 4},
                             {header.merges, uint32_t(sizeof(phi_merge))},
                             {header.prefix, 4},
                             {header.suffix, 4},
                             {header.splits, uint32_t(sizeof(phi_split))},
                             {header.code, uint32_t(sizeof(phi_instruction))},
                             {header.classes, uint32_t(sizeof(phi_class))},
                             {header.ranges, uint32_t(sizeof(phi_range))},
                             {header.decompositions, uint32_t(sizeof(phi_decomposition))},
                             {header.compositions, 4},
                             {header.combining, uint32_t(sizeof(phi_combining))}})
    add(table, size);
  for (const phi_added_set &set : header.added) {
    add(set.first, 4);
    add(set.tokens, sizeof(phi_added));
  }
  return places;
}

void editWord(std::vector<uint8_t> &blob, const Place &place, FuzzedDataProvider &from) {
  auto pick = [&] { return place.at + 4 * from.ConsumeIntegralInRange<uint32_t>(0, place.words - 1); };
  uint8_t *word = blob.data() + pick();
  uint32_t value;
  memcpy(&value, word, sizeof(value));
  switch (from.ConsumeIntegralInRange(0, 4)) {
  case 0:
    value = from.ConsumeIntegral<uint32_t>();
    break;
  case 1:
    value = from.ConsumeIntegral<uint8_t>();
    break;
  case 2:
    value += uint32_t(from.ConsumeIntegral<int8_t>());
    break;
  case 3:
    value ^= 1u << from.ConsumeIntegralInRange(0, 31);
    break;
  case 4:
    memcpy(&value, blob.data() + pick(), sizeof(value));
    break;
  }
  memcpy(word, &value, sizeof(value));
}

void seal(std::vector<uint8_t> &blob, uint32_t hashAt) {
  const uint32_t hash = phi_tables_hash(blob.data(), uint32_t(blob.size()), hashAt);
  memcpy(blob.data() + hashAt, &hash, sizeof(hash));
}

/// Prints the ids as an answer, and once more with special tokens, into as much memory as decode() asks for.
void print(const phi::Tokenizer &tokenizer, const std::vector<int32_t> &ids) {
  const char *const stops[] = {"e\xE2\x82\xAC", "  "};
  phi::Output output;
  phi::Layout measured;
  layoutOutput(&output, &measured, &tokenizer, /*printIds=*/false, stops, 2);
  std::vector<uint64_t> memory(measured.size / 8 + 1);
  phi::Layout layout;
  layout.base = reinterpret_cast<uint8_t *>(memory.data());
  layoutOutput(&output, &layout, &tokenizer, /*printIds=*/false, stops, 2);
  beginAnswer(&output, /*continues=*/false);
  char said[64];
  phi::Writer out(said, sizeof(said));
  for (int32_t id : ids)
    printToken(&output, id, out);
  endAnswer(&output, out);

  phi::Decoder decoder;
  decoder.special = true;
  const std::unique_ptr<uint8_t[]> text(new uint8_t[phi::decodeBound(tokenizer)]);
  for (int32_t id : ids)
    decode(tokenizer, &decoder, id, text.get());
  decodeEnd(tokenizer, &decoder, text.get());
}

/// As encode() and encodeChat() are called: with as much work memory as they ask for.
template <typename Encode>
void encoded(const phi::Tokenizer &tokenizer, const phi::TextPart *parts, size_t count, Encode encode) {
  const size_t bytes = phi::encodeWorkBytes(tokenizer, parts, count);
  const std::unique_ptr<uint8_t[]> work(new uint8_t[bytes]);
  std::vector<int32_t> ids(256);
  const int64_t size = encode(ids.data(), ids.size(), work.get(), bytes);
  ids.resize(size < 0 ? 0 : std::min(size_t(size), ids.size()));
  ids.insert(ids.end(), {-1, 0, 1, int32_t(tokenizer.idLimit() - 1), int32_t(tokenizer.idLimit())});
  print(tokenizer, ids);
}

void useTables(const phi::Prompt &opened, const std::string &text) {
  const auto *bytes = reinterpret_cast<const uint8_t *>(text.data());
  const size_t half = text.size() / 2;
  const phi::TextPart parts[] = {{bytes, half, true}, {bytes + half, text.size() - half, false}};
  encoded(opened.tokenizer, parts, 2, [&](auto... room) {
    return encode(opened.tokenizer, parts, 2, phi::EncodePrefix | phi::EncodeSuffix, room...);
  });
  if (!opened.chat.tables)
    return;
  const phi::Message message = {PHI_ROLE_USER, bytes, text.size()};
  phi::TextPart turn[3];
  const size_t count = layOutChat(opened.chat, PHI_ROLE_ASSISTANT, &message, 1, turn);
  for (int32_t last : {-1, 2})
    encoded(opened.tokenizer, turn, count, [&](auto... room) {
      return encodeChat(opened.chat, opened.tokenizer, PHI_ROLE_ASSISTANT, last, turn, count, room...);
    });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  FuzzedDataProvider from(data, size);
  const auto &all = phic::fuzz::compiledTokenizers();
  const phic::CompiledTokenizer &whole = all[from.ConsumeIntegralInRange<size_t>(0, all.size() - 1)];
  std::vector<uint8_t> tables = whole.tables, chat = whole.chat;
  const std::vector<Place> places = placesOf(tables);
  const Place ofChat = {offsetof(phi_chat, flags), (sizeof(phi_chat) - offsetof(phi_chat, flags)) / 4};
  for (int edits = from.ConsumeIntegralInRange(1, 6); edits > 0; --edits) {
    const size_t which = from.ConsumeIntegralInRange<size_t>(0, chat.empty() ? places.size() - 1 : places.size());
    if (which < places.size())
      editWord(tables, places[which], from);
    else
      editWord(chat, ofChat, from);
  }
  seal(tables, offsetof(phi_tokenizer, hash));
  if (!chat.empty())
    seal(chat, offsetof(phi_chat, hash));

  phi_model model = phi::fake::model();
  model.vocab = whole.idLimit;
  model.tokenizer = tables.data(), model.tokenizer_bytes = tables.size();
  model.chat = chat.empty() ? nullptr : chat.data(), model.chat_bytes = chat.size();
  char said[256];
  phi::Writer errors(said, sizeof(said));
  phi::Prompt opened = {};
  if (!openTables(&opened, model, errors))
    return 0;
  const std::string text = from.ConsumeRemainingBytesAsString();
  useTables(opened, text);
  phi::ProgramOptions options;
  options.prompt = text.c_str();
  options.raw = !model.chat;
  phic::fuzz::encodePrompt(opened, model, options, errors);
  return 0;
}
