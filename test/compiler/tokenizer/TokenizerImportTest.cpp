//===- TokenizerImportTest.cpp - Diagnostics and small cases --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is wrong with a tokenizer.json is named; what is unusual in one is read.
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/HuggingFace.h"
#include "runtime/Tokenizer.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace phic::tokenizer;
using testing::ElementsAre;
using testing::HasSubstr;

/// A tokenizer.json; each part can be replaced.
struct Source {
  std::string vocab = R"({"a":0,"b":1,"ab":2,"\u2581":3,"<unk>":4,"<s>":5})";
  std::string merges = R"(["a b"])";
  std::string model = R"("unk_token":"<unk>")";
  std::string added = R"([{"id":5,"content":"<s>","special":true,"normalized":false}])";
  std::string normalizer = R"({"type":"Replace","pattern":{"String":" "},"content":"\u2581"})";
  std::string preTokenizer = "null", postProcessor = "null";
  std::string decoder =
      R"({"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"\u2581"},"content":" "},{"type":"Fuse"}]})";

  std::string text() const {
    return R"({"added_tokens":)" + added + R"(,"normalizer":)" + normalizer + R"(,"pre_tokenizer":)" + preTokenizer +
           R"(,"post_processor":)" + postProcessor + R"(,"decoder":)" + decoder + R"(,"model":{"type":"BPE","vocab":)" +
           vocab + R"(,"merges":)" + merges + "," + model + "}}";
  }
};

std::string errorOf(const std::string &text) {
  auto model = readHuggingFace(text, {});
  if (!model)
    return llvm::toString(model.takeError());
  auto tables = writeTables(*model);
  return tables ? "compiles" : llvm::toString(tables.takeError());
}

std::vector<int32_t> encode(const Source &source, const std::string &text, uint32_t flags = 0) {
  auto model = readHuggingFace(source.text(), {});
  EXPECT_TRUE(bool(model));
  if (!model) {
    ADD_FAILURE() << llvm::toString(model.takeError());
    return {};
  }
  auto tables = writeTables(*model);
  phi::Tokenizer tokenizer;
  if (!tables || !phi::openTokenizer(tables->data(), tables->size(), &tokenizer)) {
    ADD_FAILURE() << (tables ? "not opened" : llvm::toString(tables.takeError()));
    return {};
  }
  const phi::TextPart part{reinterpret_cast<const uint8_t *>(text.data()), text.size(),
                           /*control=*/true};
  std::vector<uint64_t> work(phi::encodeWorkBytes(tokenizer, &part, 1) / 8 + 1);
  std::vector<int32_t> ids(4 * text.size() + 8);
  ids.resize(static_cast<size_t>(
      phi::encode(tokenizer, &part, 1, flags, ids.data(), ids.size(), work.data(), work.size() * 8)));
  return ids;
}

TEST(TokenizerImport, ASmallOne) { EXPECT_THAT(encode({}, "ab ba<s>c"), ElementsAre(2, 3, 1, 0, 5, 4)); }

/// Letters with marks, alone and composed; a token that is looked for after normalization.
Source composing() {
  Source source;
  source.vocab = "{\"a\":0,\"e\":1,\"\u00e9\":2,\"\u0301\":3,\"<unk>\":4,\"<s>\":5,\"\u2581\":6,\"a\u00e9\":7}";
  source.merges = "[\"a \u00e9\"]";
  source.added = "[{\"id\":5,\"content\":\"<s>\",\"special\":true,\"normalized\":true},"
                 "{\"id\":8,\"content\":\"e\u0301<\",\"normalized\":true}]";
  source.normalizer =
      R"({"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Replace","pattern":{"String":" "},"content":"\u2581"}]})";
  return source;
}

TEST(TokenizerImport, ComposesText) {
  EXPECT_THAT(encode(composing(), "ae\u0301"), ElementsAre(7));
  EXPECT_THAT(encode(composing(), "a\u00e9 e e\u0301"), ElementsAre(7, 6, 1, 6, 2));
  // A mark joins no letter beyond a token, and nothing beyond the text.
  EXPECT_THAT(encode(composing(), "\u0301e<s>\u0301e"), ElementsAre(3, 1, 5, 3, 1));
  EXPECT_THAT(encode(composing(), "e\u0301<a"), ElementsAre(8, 0));
  EXPECT_THAT(encode(composing(), "\u00e9<a"), ElementsAre(8, 0));
  Source plain = composing();
  plain.normalizer = R"({"type":"Replace","pattern":{"String":" "},"content":"\u2581"})";
  EXPECT_THAT(encode(plain, "ae\u0301"), ElementsAre(0, 1, 3));
}

TEST(TokenizerImport, ComposedTextStaysTheUsers) {
  auto model = readHuggingFace(composing().text(), {});
  ASSERT_TRUE(bool(model));
  auto tables = llvm::cantFail(writeTables(*model));
  phi::Tokenizer tokenizer;
  ASSERT_TRUE(phi::openTokenizer(tables.data(), tables.size(), &tokenizer));
  const std::string text = "e\u0301a<s>";
  for (bool control : {false, true}) {
    const phi::TextPart part{reinterpret_cast<const uint8_t *>(text.data()), text.size(), control};
    std::vector<uint64_t> work(phi::encodeWorkBytes(tokenizer, &part, 1) / 8 + 1);
    std::vector<int32_t> ids(16);
    const int64_t count = phi::encode(tokenizer, &part, 1, 0, ids.data(), ids.size(), work.data(), work.size() * 8);
    ids.resize(size_t(count));
    if (control)
      EXPECT_THAT(ids, testing::Contains(5));
    else
      EXPECT_THAT(ids, testing::Not(testing::Contains(5)));
  }
}

TEST(TokenizerImport, Json) {
  EXPECT_THAT(errorOf("{"), HasSubstr("tokenizer.json: not valid JSON at byte"));
  EXPECT_THAT(errorOf("[1,2"), HasSubstr("not valid JSON"));
  EXPECT_THAT(errorOf(std::string(100000, '[')), HasSubstr("nested deeper than 64"));
  EXPECT_THAT(errorOf("{\"model\":{\"vocab\":{\"\xFF\":1}}}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(errorOf("{}"), HasSubstr("it has no model"));
  EXPECT_THAT(errorOf("[]"), HasSubstr("it has no model"));
  EXPECT_THAT(errorOf(R"({"model":{"type":"Unigram"}})"), HasSubstr("model type 'Unigram'"));
}

std::string withVocab(const char *vocab) {
  Source source;
  source.vocab = vocab;
  return errorOf(source.text());
}

TEST(TokenizerImport, Vocabulary) {
  EXPECT_THAT(withVocab("{}"), HasSubstr("not an object with tokens"));
  EXPECT_THAT(withVocab("[]"), HasSubstr("not an object with tokens"));
  EXPECT_THAT(withVocab(R"({"a":0,"b":0})"), HasSubstr("tokens 'a' and 'b' have the same id 0"));
  EXPECT_THAT(withVocab(R"({"a":-1})"), HasSubstr("gives 'a' no id from 0 to"));
  EXPECT_THAT(withVocab(R"({"a":99999999999999999999})"), HasSubstr("gives 'a' no id from 0 to"));
  EXPECT_THAT(withVocab(R"({"a":4194304})"), HasSubstr("gives 'a' no id from 0 to"));
  EXPECT_THAT(withVocab(R"({"a":1.5})"), HasSubstr("gives 'a' no id from 0 to"));
  EXPECT_THAT(withVocab(R"({"a":0})"), HasSubstr("model.unk_token '<unk>' is not in the vocabulary"));
}

std::string withMerges(const char *merges) {
  Source source;
  source.merges = merges;
  return errorOf(source.text());
}

TEST(TokenizerImport, Merges) {
  EXPECT_EQ(withMerges(R"([["a","b"]])"), "compiles");
  EXPECT_THAT(withMerges("{}"), HasSubstr("model.merges is not a list"));
  EXPECT_THAT(withMerges(R"(["a b c"])"), HasSubstr("model.merges[0] is not a pair"));
  EXPECT_THAT(withMerges(R"([["a"]])"), HasSubstr("model.merges[0] is not a pair"));
  EXPECT_THAT(withMerges(R"(["b a"])"), HasSubstr("the merge of 'b' and 'a' names or makes a token"));
  auto model = readHuggingFace(
      [] {
        Source source;
        source.merges = R"(["a b","a b"])";
        return source.text();
      }(),
      {});
  ASSERT_TRUE(bool(model));
  EXPECT_THAT(model->warnings, ElementsAre(HasSubstr("listed more than once")));
  EXPECT_EQ(model->merges.size(), 1u);
  EXPECT_EQ(model->merges[0].rank, 1u);
}

std::string withAdded(const char *added) {
  Source source;
  source.added = added;
  return errorOf(source.text());
}

TEST(TokenizerImport, AddedTokens) {
  EXPECT_THAT(withAdded(R"([{"content":"x"}])"), HasSubstr("no id"));
  EXPECT_THAT(withAdded(R"([7])"), HasSubstr("no content"));
  EXPECT_THAT(withAdded(R"([{"id":1,"content":"x"}])"), HasSubstr("'x' has id 1, which is 'b'"));
  EXPECT_THAT(withAdded(R"([{"id":9,"content":"a"}])"), HasSubstr("'a' has id 9, but the vocabulary says 0"));
  EXPECT_THAT(withAdded("3"), HasSubstr("added_tokens is not a list"));
}

TEST(TokenizerImport, WhiteSpaceOfAddedTokens) {
  Source source;
  source.added = R"([{"id":5,"content":"<s>","lstrip":true,"rstrip":true,"special":true}])";
  EXPECT_THAT(encode(source, "a \n<s>\t b"), ElementsAre(0, 5, 1));
  source.added = R"([{"id":5,"content":"<s>","rstrip":true,"special":true}])";
  EXPECT_THAT(encode(source, "a <s> <s> \xE3\x80\x80"), ElementsAre(0, 3, 5, 5));
  source.added = R"([{"id":6,"content":"ba","single_word":true,"normalized":false}])";
  EXPECT_THAT(encode(source, "ba bab aba ba"), ElementsAre(6, 3, 1, 2, 3, 2, 0, 3, 6));
}

TEST(TokenizerImport, LongestAddedTokenWins) {
  Source source;
  source.added = R"([{"id":6,"content":"<a"},{"id":7,"content":"<a>"},{"id":8,"content":"<a>>"}])";
  EXPECT_THAT(encode(source, "<a<a><a>>"), ElementsAre(6, 7, 8));
}

TEST(TokenizerImport, PrependedSpaces) {
  Source source;
  source.normalizer = "null";
  source.preTokenizer = R"({"type":"Metaspace","replacement":"\u2581","prepend_scheme":"first","split":false})";
  EXPECT_THAT(encode(source, "a<s>a"), ElementsAre(3, 0, 5, 0));
  EXPECT_THAT(encode(source, "a", phi::EncodeContinue), ElementsAre(0));
  EXPECT_THAT(encode(source, "<s>a"), ElementsAre(5, 0));
  source.preTokenizer = R"({"type":"Metaspace","replacement":"\u2581","prepend_scheme":"always"})";
  EXPECT_THAT(encode(source, " a<s>a"), ElementsAre(3, 0, 5, 3, 0));
}

TEST(TokenizerImport, PostProcessors) {
  Source source;
  source.postProcessor =
      R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"a"}}],"special_tokens":{"<s>":{"ids":[5]},"a":{"ids":[0]}}})";
  EXPECT_THAT(encode(source, "b", phi::EncodePrefix | phi::EncodeSuffix), ElementsAre(5, 1, 0));
  source.postProcessor = R"({"type":"RobertaProcessing","sep":["a",0],"cls":["<s>",5]})";
  EXPECT_THAT(encode(source, "b", phi::EncodePrefix | phi::EncodeSuffix), ElementsAre(5, 1, 0));
  source.postProcessor = R"({"type":"RobertaProcessing","sep":["a",70],"cls":["<s>",5]})";
  EXPECT_THAT(errorOf(source.text()), HasSubstr("adds an id that is no token"));
}

TEST(TokenizerImport, UnsupportedPartsAreNamed) {
  Source source;
  source.normalizer = R"({"type":"NFKC"})";
  EXPECT_THAT(errorOf(source.text()), HasSubstr("normalizer 'NFKC' is not supported"));
  source = {};
  source.preTokenizer = R"({"type":"Sequence","pretokenizers":[{"type":"Whitespace"}]})";
  EXPECT_THAT(errorOf(source.text()), HasSubstr("pre-tokenizer 'Whitespace' is not supported"));
  source.preTokenizer = R"({"type":"Split","pattern":{"Regex":"a"},"behavior":"MergedWithNext"})";
  EXPECT_THAT(errorOf(source.text()), HasSubstr("Split with behavior 'MergedWithNext'"));
  source.preTokenizer = R"({"type":"Split","pattern":{"Regex":"(?<=a)b"},"behavior":"Isolated"})";
  EXPECT_THAT(errorOf(source.text()), HasSubstr("the group '(?<='"));
  source = {};
  source.decoder = R"({"type":"WordPiece"})";
  EXPECT_THAT(errorOf(source.text()), HasSubstr("decoder 'WordPiece'"));
  source.decoder = R"({"type":"ByteLevel"})";
  EXPECT_THAT(errorOf(source.text()), HasSubstr("does not undo"));
  source = {};
  source.model = R"("end_of_word_suffix":"</w>")";
  EXPECT_THAT(errorOf(source.text()), HasSubstr("end_of_word_suffix '</w>'"));
}

TEST(TokenizerImport, SplitKeepsWhatItIsTold) {
  Source source;
  source.preTokenizer = R"({"type":"Split","pattern":{"String":"b"},"behavior":"Removed"})";
  EXPECT_THAT(encode(source, "abab"), ElementsAre(0, 0));
  source.preTokenizer = R"({"type":"Split","pattern":{"Regex":"a"},"behavior":"Removed","invert":true})";
  EXPECT_THAT(encode(source, "abab"), ElementsAre(0, 0));
  source.preTokenizer = R"({"type":"Split","pattern":{"Regex":"a"},"behavior":"Isolated"})";
  EXPECT_THAT(encode(source, "abab"), ElementsAre(0, 1, 0, 1));
}

TEST(TokenizerImport, UnknownCharacters) {
  Source source;
  EXPECT_THAT(encode(source, "axyb"), ElementsAre(0, 4, 4, 1));
  source.model = R"("unk_token":"<unk>","fuse_unk":true)";
  EXPECT_THAT(encode(source, "axyb"), ElementsAre(0, 4, 1));
  source.model = R"("unk_token":null)";
  EXPECT_THAT(encode(source, "axyb"), ElementsAre(2)); // dropped before merging
}

TEST(TokenizerImport, IgnoreMerges) {
  Source source;
  source.vocab = R"({"a":0,"b":1,"ab":2,"\u2581":3,"<unk>":4,"<s>":5,"aba":6})";
  EXPECT_THAT(encode(source, "aba"), ElementsAre(2, 0));
  source.model = R"("ignore_merges":true)";
  EXPECT_THAT(encode(source, "aba"), ElementsAre(6));
}

TEST(TokenizerImport, EqualInputsGiveEqualTables) {
  auto tables = [] {
    auto model = readHuggingFace(Source().text(), {});
    return llvm::cantFail(writeTables(*model));
  };
  EXPECT_EQ(tables(), tables());
}

/// What encode() returns.
int64_t encoded(const Source &source, llvm::ArrayRef<AddedToken> extra, const std::string &text) {
  auto tables = llvm::cantFail(writeTables(llvm::cantFail(readHuggingFace(source.text(), extra))));
  phi::Tokenizer tokenizer;
  if (!phi::openTokenizer(tables.data(), tables.size(), &tokenizer))
    return INT64_MIN;
  const phi::TextPart part{reinterpret_cast<const uint8_t *>(text.data()), text.size(), /*control=*/true};
  std::vector<uint64_t> work(phi::encodeWorkBytes(tokenizer, &part, 1) / 8 + 1);
  return phi::encode(tokenizer, &part, 1, 0, nullptr, 0, work.data(), work.size() * 8);
}

TEST(TokenizerImport, TheLongestAddedTokenCounts) {
  Source source;
  source.added = R"([{"id":5,"content":"<s>"},{"id":9,"content":"<s"},{"id":8,"content":"<"},{"id":6,"content":"<s>ab"},
                     {"id":7,"content":"<t>"},{"id":10,"content":"\u00e4"}])";
  EXPECT_THAT(encode(source, "<s>a<s<<s>ab<t><u>\xC3\xA4\xC3"), ElementsAre(5, 0, 9, 8, 6, 7, 8, 4, 4, 10, 4));
}

/// Tokenizers that take long on purpose: what reads them ends in time and memory of their size, a program as well.
TEST(TokenizerImport, AddedTokensByTheTenThousand) {
  constexpr int kCount = 50000;
  Source source;
  std::vector<AddedToken> extra;
  source.added = "[";
  for (int i = 0; i < kCount; ++i) {
    const std::string name = "<<<<<<<<" + std::to_string(i) + ">";
    source.added += (i ? ",{\"id\":" : "{\"id\":") + std::to_string(i + 10) + ",\"content\":\"" + name + "\"}";
    extra.push_back({name, i + 10});
    extra.push_back({name + ">", kCount + i + 10});
  }
  source.added += "]";
  EXPECT_GT(encoded(source, extra, std::string(100000, '<')), 0);
}

TEST(TokenizerImport, PatternsThatBacktrackEndInAFailure) {
  Source source;
  source.preTokenizer = R"({"type":"Split","pattern":{"Regex":"a*a*a*a*a*b|[^b]"},"behavior":"Isolated"})";
  EXPECT_EQ(encoded(source, {}, std::string(6, 'a')), 6);
  EXPECT_EQ(encoded(source, {}, std::string(20000, 'a')), int64_t(phi::EncodeTooSlow));
}

TEST(TokenizerImport, AddedTokensThatNearlyMatchEverywhereEndInAFailure) {
  Source source;
  AddedToken token;
  token.content = std::string(1 << 20, 'a') + "b";
  token.id = 6;
  EXPECT_EQ(encoded(source, token, std::string(1 << 20, 'a')), int64_t(phi::EncodeTooSlow));
}

TEST(TokenizerImport, ATokenOfAMillionSpaces) {
  Source source;
  std::string spaces;
  for (int i = 0; i < 1 << 20; ++i)
    spaces += "\xE2\x96\x81";
  source.vocab = R"({"a":0,"b":1,"ab":2,"\u2581":3,"<unk>":4,"<s>":5,")" + spaces + "\":6}";
  EXPECT_EQ(encoded(source, {}, "a b"), 3);
}

/// Tokens that all want the same place in the table of a vocabulary.
TEST(TokenizerImport, TokensOfOneHashAreRefused) {
  constexpr uint32_t kTokens = 5000, kMask = 8191; // three quarters of the table are more
  Source source;
  source.vocab = R"({"a":0,"b":1,"ab":2,"\u2581":3,"<unk>":4,"<s>":5)";
  uint32_t id = 6;
  for (uint64_t i = 0; id < kTokens; ++i) {
    char name[11] = {};
    for (int digit = 0; digit < 10; ++digit)
      name[digit] = char('a' + (i >> (4 * digit) & 15));
    if ((phi_hash(reinterpret_cast<const uint8_t *>(name), 10) & kMask) == 7)
      source.vocab += ",\"" + std::string(name) + "\":" + std::to_string(id++);
  }
  source.vocab += "}";
  source.model = R"("ignore_merges":true)";
  EXPECT_THAT(errorOf(source.text()), HasSubstr("thousands of tokens of one hash"));
}

} // namespace
