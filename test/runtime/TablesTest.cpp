//===- TablesTest.cpp - Tables of any content -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/Tables.h"
#include "compiler/tokenizer/Model.h"
#include "compiler/tokenizer/Tokenizer.h"
#include "runtime/Template.h"
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

TEST(TableView, WhatLiesBeyondTheEndIsZero) {
  const uint32_t blob[] = {7, 8, 9, 10};
  const phi::TableView<uint32_t> view(reinterpret_cast<const uint8_t *>(blob), {4, 2});
  EXPECT_EQ(view[0], 8u);
  EXPECT_EQ(view[1], 9u);
  EXPECT_EQ(view[2], 0u);
  EXPECT_EQ(view[0xFFFFFFFFu], 0u);
  EXPECT_EQ(view.run(1, 1), blob + 2);
  EXPECT_EQ(view.run(2, 0), blob + 3);
  EXPECT_EQ(view.run(1, 2), nullptr);
  EXPECT_EQ(view.run(3, 0), nullptr);
  EXPECT_EQ(view.run(1, 0xFFFFFFFFu), nullptr);
}

/// Bytes right before a page that cannot be read.
class Guarded {
public:
  explicit Guarded(const std::vector<uint8_t> &bytes) : size(bytes.size()) {
    const size_t page = size_t(getpagesize()), most = (size + page - 1) / page * page;
    mapped = most + page;
    memory = static_cast<uint8_t *>(mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(memory + most, page, PROT_NONE);
    data = memory + most - size;
    memcpy(data, bytes.data(), size);
  }
  Guarded(const Guarded &) = delete;
  ~Guarded() { munmap(memory, mapped); }

  /// Makes the hash anew, as whoever changes tables on purpose would.
  void seal(uint32_t hashAt) {
    const uint32_t hash = phi_tables_hash(data, uint32_t(size), hashAt);
    memcpy(data + hashAt, &hash, sizeof(hash));
  }

  uint8_t *data;
  size_t size;

private:
  uint8_t *memory;
  size_t mapped;
};

std::vector<int32_t> encode(const phi::Tokenizer &tokenizer, const std::string &text) {
  const phi::TextPart part{reinterpret_cast<const uint8_t *>(text.data()), text.size(), /*control=*/true};
  std::vector<uint64_t> work(phi::encodeWorkBytes(tokenizer, &part, 1) / 8 + 1);
  std::vector<int32_t> ids(256);
  const int64_t count =
      phi::encode(tokenizer, &part, 1, phi::EncodePrefix, ids.data(), ids.size(), work.data(), work.size() * 8);
  ids.resize(size_t(std::clamp<int64_t>(count, 0, 256)));
  return ids;
}

void print(const phi::Tokenizer &tokenizer, const std::vector<int32_t> &ids) {
  phi::Decoder decoder;
  decoder.special = true;
  const size_t most = phi::decodeBound(tokenizer);
  std::vector<uint8_t> out(most);
  for (int32_t id : ids)
    ASSERT_LE(phi::decode(tokenizer, &decoder, id, out.data()), most);
}

/// Each word of all tables, one after the other, is what leads furthest astray.
TEST(Tables, AnyWordMayBeAnything) {
  const std::string text = "Hello  w\xC3\xB6rld, it's <s><|im_end|> 12\n\n\t\xE2\x96\x81x \xF0\x9F\x98\x80";
  for (const char *name : {"spm", "smollm"}) {
    const auto compiled = llvm::cantFail(
        phic::compileTokenizer((std::filesystem::path(PHIC_TEST_DIR) / "runtime" / "tokenizers" / name).string()));
    Guarded blob(compiled.tables);
    for (size_t at = offsetof(phi_tokenizer, flags); at < blob.size; at += 4)
      for (uint32_t word : {0x0FFFFFFFu, 0x7FFFFFF0u, 0xFFFFFFFFu}) {
        uint32_t before;
        memcpy(&before, blob.data + at, sizeof(before));
        memcpy(blob.data + at, &word, sizeof(word));
        blob.seal(offsetof(phi_tokenizer, hash));
        phi::Tokenizer tokenizer;
        if (phi::openTokenizer(blob.data, blob.size, &tokenizer))
          print(tokenizer, encode(tokenizer, text));
        memcpy(blob.data + at, &before, sizeof(before));
      }
  }
}

TEST(Tables, AnyTextOfAChatMayLieAnywhere) {
  const auto compiled = llvm::cantFail(
      phic::compileTokenizer((std::filesystem::path(PHIC_TEST_DIR) / "runtime" / "tokenizers" / "smollm").string()));
  Guarded blob(compiled.chat);
  const uint8_t text[] = "Hi";
  const phi::Message messages[] = {{PHI_ROLE_SYSTEM, text, 2}, {PHI_ROLE_USER, text, 0}};
  for (size_t at = offsetof(phi_chat, glue); at < sizeof(phi_chat); at += 4)
    for (uint32_t word : {uint32_t(blob.size), 0x7FFFFFF0u, 0xFFFFFFF0u}) {
      uint32_t before;
      memcpy(&before, blob.data + at, sizeof(before));
      memcpy(blob.data + at, &word, sizeof(word));
      blob.seal(offsetof(phi_chat, hash));
      phi::Chat chat;
      ASSERT_TRUE(phi::openChat(blob.data, blob.size, &chat));
      phi::TextPart parts[5];
      const size_t count = phi::layOutChat(chat, PHI_ROLE_START, messages, 2, parts);
      for (size_t i = 0; i < count; i += 2) {
        EXPECT_GE(parts[i].text, blob.data);
        EXPECT_LE(parts[i].text + parts[i].bytes, blob.data + blob.size);
      }
      memcpy(blob.data + at, &before, sizeof(before));
    }
}

/// Of a token that ends inside a character, the rest would be read as one that goes on behind the text.
TEST(Tables, AddedTokensAreNoPartsOfCharacters) {
  phic::tokenizer::TokenizerModel model;
  model.tokens = {
      {"a", "a", PHI_TOKEN_PRESENT}, {"\xC3", "\xC3", PHI_TOKEN_PRESENT}, {"\xA9", "\xA9", PHI_TOKEN_PRESENT}};
  model.added = {{"\xC3", 1}, {"\xA9", 2}};
  model.lookup = {0};
  model.unknownId = 0;
  const std::vector<uint8_t> tables = llvm::cantFail(phic::tokenizer::writeTables(model));
  phi::Tokenizer tokenizer;
  ASSERT_TRUE(phi::openTokenizer(tables.data(), tables.size(), &tokenizer));
  EXPECT_EQ(encode(tokenizer, "\xC3\xA9"), (std::vector<int32_t>{0}));
}

/// Memory for printing is sized by it.
TEST(Tables, NoTokenIsLongerThanAllTexts) {
  phic::tokenizer::TokenizerModel model;
  model.tokens = {{"abc", "abc", PHI_TOKEN_PRESENT}};
  std::vector<uint8_t> tables = llvm::cantFail(phic::tokenizer::writeTables(model));
  phi_tokenizer header;
  for (uint32_t bytes : {3u, 4u, 0xFFFFFFFFu, 2u}) {
    memcpy(&header, tables.data(), sizeof(header));
    header.max_token_bytes = bytes;
    memcpy(tables.data(), &header, sizeof(header));
    header.hash = phi_tables_hash(tables.data(), header.bytes, offsetof(phi_tokenizer, hash));
    memcpy(tables.data(), &header, sizeof(header));
    phi::Tokenizer tokenizer;
    ASSERT_EQ(phi::openTokenizer(tables.data(), tables.size(), &tokenizer), bytes <= 3) << bytes;
    uint8_t out[32];
    phi::Decoder decoder;
    if (bytes <= 3)
      EXPECT_EQ(phi::decode(tokenizer, &decoder, 0, out), bytes == 3 ? 3u : 0u);
  }
}

} // namespace
