//===- TokenizerVectorsTest.cpp - Ids and text as Hugging Face's ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Both halves of the tokenizer together: a tokenizer.json or a GGUF file is
// compiled, the tables are read by the runtime, and ids and decoded text must
// equal what Hugging Face's library gave for the same strings.
//===----------------------------------------------------------------------===//
#include "compiler/import/gguf/GgufTokenizer.h"
#include "compiler/tokenizer/HuggingFace.h"
#include "compiler/tokenizer/Tokenizer.h"
#include "runtime/Tokenizer.h"
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct Loaded {
  phic::CompiledTokenizer compiled;
  phi::Tokenizer tokenizer;
};

void load(llvm::Expected<phic::CompiledTokenizer> compiled, Loaded &loaded) {
  ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
  loaded.compiled = std::move(*compiled);
  ASSERT_TRUE(phi::openTokenizer(loaded.compiled.tables.data(), loaded.compiled.tables.size(), &loaded.tokenizer));
}

std::vector<int32_t> encode(const phi::Tokenizer &tokenizer, const std::string &text, uint32_t flags) {
  const phi::TextPart part{reinterpret_cast<const uint8_t *>(text.data()), text.size(),
                           /*control=*/true};
  std::vector<uint64_t> work(phi::encodeWorkBytes(tokenizer, &part, 1) / 8 + 1);
  std::vector<int32_t> ids(4 * text.size() + 8);
  const int64_t count =
      phi::encode(tokenizer, &part, 1, flags, ids.data(), ids.size(), work.data(), work.size() * sizeof(uint64_t));
  EXPECT_GE(count, 0);
  EXPECT_LE(count, static_cast<int64_t>(ids.size()));
  ids.resize(static_cast<size_t>(count));
  return ids;
}

std::string decode(const phi::Tokenizer &tokenizer, const std::vector<int32_t> &ids, bool special) {
  phi::Decoder decoder;
  decoder.special = special;
  std::string text;
  std::vector<uint8_t> out(phi::decodeBound(tokenizer));
  for (int32_t id : ids) {
    const size_t bytes = phi::decode(tokenizer, &decoder, id, out.data());
    text.append(out.begin(), out.begin() + bytes);
  }
  const size_t bytes = phi::decodeEnd(tokenizer, &decoder, out.data());
  return text.append(out.begin(), out.begin() + bytes);
}

void checkVectors(const phi::Tokenizer &tokenizer, const Json &vectors) {
  ASSERT_FALSE(vectors.empty());
  for (const Json &vector : vectors) {
    const std::string text = vector["text"];
    const std::vector<int32_t> ids = vector["ids"], plain = vector["ids_no_special"];
    EXPECT_EQ(encode(tokenizer, text, phi::EncodePrefix | phi::EncodeSuffix), ids) << vector["text"];
    EXPECT_EQ(encode(tokenizer, text, 0), plain) << vector["text"];
    EXPECT_EQ(decode(tokenizer, ids, /*special=*/true), vector["decoded"].get<std::string>()) << vector["text"];
    EXPECT_EQ(decode(tokenizer, ids, /*special=*/false), vector["decoded_skip_special"].get<std::string>())
        << vector["text"];
  }
}

/// Our own few vectors, beside the tests.
class OwnVectors : public testing::TestWithParam<const char *> {};

TEST_P(OwnVectors, EqualHuggingFace) {
  const fs::path folder = fs::path(PHIC_TEST_DIR) / "runtime" / "tokenizers" / GetParam();
  Loaded loaded;
  load(phic::compileTokenizer(folder.string()), loaded);
  if (HasFatalFailure())
    return;
  const Json vectors = Json::parse(std::ifstream(folder / "vectors.json"), nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(vectors.is_object());
  checkVectors(loaded.tokenizer, vectors["vectors"]);
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, OwnVectors, testing::Values("spm", "smollm", "o200k", "codegen"));

/// Every combination of an added token's flags (make_added_flags.py), whether spaces are escaped before normalized tokens are
/// looked for, after, or never.
TEST(Tokenizer, FlagsOfAddedTokensEqualHuggingFace) {
  const fs::path folder = fs::path(PHIC_TEST_DIR) / "runtime" / "tokenizers";
  const Json kinds = Json::parse(std::ifstream(folder / "added_flags.json"), nullptr, /*allow_exceptions=*/false);
  ASSERT_EQ(kinds.size(), 3u);
  for (const auto &[name, kind] : kinds.items()) {
    Json source = Json::parse(std::ifstream(folder / kind["folder"].get<std::string>() / "tokenizer.json"));
    source.update(kind["other"]);
    for (const Json &token : kind["added_tokens"])
      source["added_tokens"].push_back(token);
    auto model = phic::tokenizer::readHuggingFace(source.dump(), {});
    ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
    auto tables = phic::tokenizer::writeTables(*model);
    ASSERT_TRUE(bool(tables)) << llvm::toString(tables.takeError());
    phi::Tokenizer tokenizer;
    ASSERT_TRUE(phi::openTokenizer(tables->data(), tables->size(), &tokenizer));
    EXPECT_GE(kind["vectors"].size(), 96u);
    for (const Json &vector : kind["vectors"])
      EXPECT_EQ(encode(tokenizer, vector[0], 0), vector[1].get<std::vector<int32_t>>()) << name << ": " << vector[0];
  }
}

/// What tokenizer_config.json says of a token wins over tokenizer.json, and a file without flags says nothing.
TEST(Tokenizer, FlagsOfTheConfigurationWin) {
  const fs::path source = fs::path(PHIC_TEST_DIR) / "runtime" / "tokenizers" / "smollm";
  const fs::path folder = fs::path(testing::TempDir()) / "phic-token-flags";
  fs::create_directories(folder);
  Json tokenizer = Json::parse(std::ifstream(source / "tokenizer.json"));
  const int32_t id = int32_t(tokenizer["model"]["vocab"].size()) + 100;
  const Json token = {{"id", id},        {"content", "<x>"},     {"lstrip", false},
                      {"rstrip", false}, {"single_word", false}, {"normalized", false},
                      {"special", true}};
  tokenizer["added_tokens"].push_back(token);
  std::ofstream(folder / "tokenizer.json") << tokenizer;
  std::ofstream(folder / "added_tokens.json") << Json{{"<x>", id}};
  auto idsOf = [&](const Json &stated) {
    Json all = {{"added_tokens_decoder", {{std::to_string(id), stated}}}};
    std::ofstream(folder / "tokenizer_config.json") << all;
    Loaded loaded;
    load(phic::compileTokenizer(folder.string()), loaded);
    return HasFatalFailure() ? std::vector<int32_t>() : encode(loaded.tokenizer, "a <x> b", 0);
  };
  const std::vector<int32_t> plain = idsOf(token);
  ASSERT_EQ(plain.size(), 4u); // "a", " ", "<x>", " b"
  Json left = token, right = token;
  left["lstrip"] = right["rstrip"] = true;
  EXPECT_EQ(idsOf(left), std::vector<int32_t>({plain[0], id, plain[3]}));
  EXPECT_NE(idsOf(right), plain);
  fs::remove_all(folder);
}

/// All vectors, where the test models are.
class SharedVectors : public testing::TestWithParam<const char *> {
protected:
  fs::path models = fs::path(PHIC_TEST_DIR).parent_path().parent_path() / "shared" / "models";
  Json vectors;

  void SetUp() override {
    std::ifstream file(models / "tokenizers" / GetParam() / "vectors.json");
    if (!file)
      GTEST_SKIP() << "[SKIP] no ../shared/models/tokenizers/" << GetParam();
    vectors = Json::parse(file, nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(vectors.is_object());
  }

  fs::path modelFolder() const {
    return (models / "tokenizers" / GetParam() / vectors["tokenizer"].get<std::string>()).parent_path();
  }
};

TEST_P(SharedVectors, TokenizerJsonEqualsHuggingFace) {
  Loaded loaded;
  load(phic::compileTokenizer(modelFolder().string()), loaded);
  if (!HasFatalFailure())
    checkVectors(loaded.tokenizer, vectors["vectors"]);
}

TEST_P(SharedVectors, GgufEqualsHuggingFace) {
  const fs::path folder = modelFolder().parent_path() / "gguf";
  if (!fs::exists(folder))
    GTEST_SKIP() << "[SKIP] no GGUF file of " << folder;
  for (const auto &entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".gguf")
      continue;
    auto file = phic::gguf::GgufFile::open(entry.path().string());
    ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
    Loaded loaded;
    load(phic::gguf::compileTokenizer(**file), loaded);
    if (HasFatalFailure())
      return;
    // llama.cpp's converter makes all of these tokens control tokens, which are not printed.
    Json sayable = Json::array();
    for (const Json &vector : vectors["vectors"])
      if (vector["text"].get<std::string>().find("<|tool") == std::string::npos)
        sayable.push_back(vector);
    checkVectors(loaded.tokenizer, sayable);
    return; // the other files hold the same
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, SharedVectors, testing::Values("spm", "smollm", "o200k", "codegen"));

} // namespace
