//===- TokenizerTest.cpp - Bad text, bounds and streams -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/Tokenizer.h"
#include "compiler/tokenizer/Tokenizer.h"
#include "runtime/Utf8.h"
#include <filesystem>
#include <gtest/gtest.h>
#include <map>

namespace {

struct Loaded {
  phic::CompiledTokenizer compiled;
  phi::Tokenizer tokenizer;
};

const phi::Tokenizer &load(const char *name) {
  static std::map<std::string, Loaded> known;
  Loaded &loaded = known[name];
  if (!loaded.tokenizer.blob) {
    loaded.compiled = llvm::cantFail(
        phic::compileTokenizer((std::filesystem::path(PHIC_TEST_DIR) / "runtime" / "tokenizers" / name).string()));
    EXPECT_TRUE(phi::openTokenizer(loaded.compiled.tables.data(), loaded.compiled.tables.size(), &loaded.tokenizer));
  }
  return loaded.tokenizer;
}

phi::TextPart part(const std::string &text, bool control = true) {
  return {reinterpret_cast<const uint8_t *>(text.data()), text.size(), control};
}

std::vector<int32_t> encode(const phi::Tokenizer &tokenizer, std::vector<phi::TextPart> parts) {
  std::vector<uint64_t> work(phi::encodeWorkBytes(tokenizer, parts.data(), parts.size()) / 8 + 1);
  std::vector<int32_t> ids(4096);
  const int64_t count =
      phi::encode(tokenizer, parts.data(), parts.size(), 0, ids.data(), ids.size(), work.data(), work.size() * 8);
  EXPECT_GE(count, 0);
  ids.resize(static_cast<size_t>(count));
  return ids;
}

struct Stream {
  const phi::Tokenizer &tokenizer;
  phi::Decoder decoder = {};
  std::string operator()(int32_t id) {
    std::vector<uint8_t> out(phi::decodeBound(tokenizer));
    const size_t bytes = phi::decode(tokenizer, &decoder, id, out.data());
    return std::string(out.begin(), out.begin() + bytes);
  }
  std::string end() {
    uint8_t out[12];
    const size_t bytes = phi::decodeEnd(tokenizer, &decoder, out);
    return std::string(out, out + bytes);
  }
};

class EachTokenizer : public testing::TestWithParam<const char *> {};

TEST_P(EachTokenizer, InvalidUtf8IsReadAsReplacementCharacters) {
  const phi::Tokenizer &t = load(GetParam());
  const std::string mark = "\xEF\xBF\xBD";
  // One mark for each maximal invalid part.
  for (const auto &[bad, good] :
       std::vector<std::pair<std::string, std::string>>{{"a\xFFz", "a" + mark + "z"},
                                                        {"\xE2\x82", mark},
                                                        {"\xE2\x82q", mark + "q"},
                                                        {"\xC0\x80", mark + mark},
                                                        {"\xED\xA0\x80", mark + mark + mark},
                                                        {"\xF0\x9F\x98", mark},
                                                        {"\xF4\x90\x80\x80", mark + mark + mark + mark}})
    EXPECT_EQ(encode(t, {part(bad)}), encode(t, {part(good)})) << testing::PrintToString(bad);
}

TEST_P(EachTokenizer, PartsAreOneText) {
  const phi::Tokenizer &t = load(GetParam());
  const std::string text = "Hello wor\xF0\x9F\x98\x80ld, it is  2024 \xE2\x96\x81x\n\n";
  const std::vector<int32_t> whole = encode(t, {part(text)});
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    if (cut < text.size() && (text[cut] & 0xC0) == 0x80)
      continue; // a part is a text of its own as to UTF-8
    const std::string head = text.substr(0, cut), tail = text.substr(cut);
    EXPECT_EQ(encode(t, {part(head), part(tail, /*control=*/false)}), whole) << cut;
  }
  EXPECT_EQ(encode(t, {part(""), part(text), part("", false)}), whole);
  EXPECT_TRUE(encode(t, {}).empty());
}

TEST_P(EachTokenizer, CapacityAndMemoryAreRespected) {
  const phi::Tokenizer &t = load(GetParam());
  const std::string text = "Hello world, this is text";
  const phi::TextPart one = part(text);
  const std::vector<int32_t> whole = encode(t, {one});
  std::vector<uint64_t> work(phi::encodeWorkBytes(t, &one, 1) / 8 + 1);
  std::vector<int32_t> ids(whole.size(), -7);
  EXPECT_EQ(phi::encode(t, &one, 1, 0, ids.data(), 2, work.data(), work.size() * 8),
            static_cast<int64_t>(whole.size()));
  EXPECT_EQ(ids[1], whole[1]);
  EXPECT_EQ(ids[2], -7);
  EXPECT_EQ(phi::encode(t, &one, 1, 0, ids.data(), ids.size(), work.data(), 16), -1);
}

TEST_P(EachTokenizer, StreamsAreValidUtf8) {
  const phi::Tokenizer &t = load(GetParam());
  uint32_t state = 1;
  for (int run = 0; run < 50; ++run) {
    Stream stream{t, {}};
    stream.decoder.special = run % 2;
    for (int i = 0; i < 40; ++i) {
      state = state * 1664525u + 1013904223u;
      const std::string text = stream(static_cast<int32_t>((state >> 8) % (t.idLimit() + 2)) - 1);
      for (size_t at = 0; at < text.size();) {
        const phi::Utf8Scan scan = phi::scanUtf8(reinterpret_cast<const uint8_t *>(text.data()) + at, text.size() - at);
        ASSERT_EQ(scan.kind, phi::Utf8::Valid);
        at += scan.bytes;
      }
    }
    const std::string end = stream.end();
    EXPECT_LE(end.size(), 12u);
  }
}

TEST_P(EachTokenizer, DamagedTablesAreRefused) {
  const phi::Tokenizer &t = load(GetParam());
  std::vector<uint8_t> blob(t.blob, t.blob + t.tables->bytes);
  phi::Tokenizer copy;
  EXPECT_TRUE(phi::openTokenizer(blob.data(), blob.size(), &copy));
  EXPECT_FALSE(phi::openTokenizer(blob.data(), blob.size() - 1, &copy));
  EXPECT_FALSE(phi::openTokenizer(blob.data(), 8, &copy));
  EXPECT_FALSE(phi::openTokenizer(nullptr, 0, &copy));
  // Every table of the header, moved beyond the end.
  for (size_t at = offsetof(phi_tokenizer, text); at < sizeof(phi_tokenizer); at += sizeof(phi_table)) {
    std::vector<uint8_t> bad = blob;
    reinterpret_cast<phi_table *>(bad.data() + at)->offset = 0xFFFFFFF0u;
    EXPECT_FALSE(phi::openTokenizer(bad.data(), bad.size(), &copy)) << at;
  }
  blob[4] ^= 0x80; // version
  EXPECT_FALSE(phi::openTokenizer(blob.data(), blob.size(), &copy));
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, EachTokenizer, testing::Values("spm", "smollm", "o200k", "codegen"));

TEST(Stream, HoldsBackIncompleteCharacters) {
  const phi::Tokenizer &t = load("spm"); // byte tokens: 3 + byte
  Stream stream{t, {}};
  EXPECT_EQ(stream(3 + 0xF0), "");
  EXPECT_EQ(stream(3 + 0x9F), "");
  EXPECT_EQ(stream(3 + 0x98), "");
  EXPECT_EQ(stream(3 + 0x80), "\xF0\x9F\x98\x80");
  // One mark for each byte that makes no character, as Hugging Face's ByteFallback.
  EXPECT_EQ(stream(3 + 0xE2), "");
  EXPECT_EQ(stream(3 + 0x82), "");
  EXPECT_EQ(stream(3 + 'A'), "\xEF\xBF\xBD\xEF\xBF\xBD"
                             "A");
  EXPECT_EQ(stream(3 + 0xE2), "");
  EXPECT_EQ(stream.end(), "\xEF\xBF\xBD");
  EXPECT_EQ(stream.end(), "");
}

TEST(Stream, LeadingSpace) {
  const phi::Tokenizer &t = load("spm");
  const std::vector<int32_t> ids = encode(t, {part("the")});
  Stream fresh{t, {}};
  std::string text;
  for (int32_t id : ids)
    text += fresh(id);
  EXPECT_EQ(text, "the");
  Stream continued{t, {}};
  continued.decoder.continues = true;
  text.clear();
  for (int32_t id : ids)
    text += continued(id);
  EXPECT_EQ(text, " the");
}

TEST(Stream, IdsThatDoNotExistPrintNothing) {
  const phi::Tokenizer &t = load("smollm");
  Stream stream{t, {}};
  for (int32_t id : {-1, -2147483647, static_cast<int32_t>(t.idLimit()), 2147483647})
    EXPECT_EQ(stream(id), "");
}

} // namespace
