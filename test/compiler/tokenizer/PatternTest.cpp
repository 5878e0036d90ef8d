//===- PatternTest.cpp - Patterns compiled and matched --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler's half and the runtime's half of pre-tokenizer patterns together.
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/Pattern.h"
#include "compiler/tokenizer/Model.h"
#include "runtime/Pattern.h"
#include "runtime/Tokenizer.h"
#include "runtime/Utf8.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using phic::tokenizer::PatternTables;
using testing::ElementsAre;
using testing::HasSubstr;

/// A vector as a table that begins its blob.
template <typename T> phi::TableView<T> viewOf(const std::vector<T> &elements) {
  return {reinterpret_cast<const uint8_t *>(elements.data()), {0, static_cast<uint32_t>(elements.size())}};
}
phi::Patterns patternsOf(const PatternTables &tables) {
  return {viewOf(tables.code), viewOf(tables.classes), viewOf(tables.ranges)};
}

/// The pieces that the pattern cuts a text into; what it does not match is in angle brackets.
std::vector<std::string> cut(llvm::StringRef pattern, const std::string &text) {
  PatternTables tables;
  auto program = tables.addPattern(pattern);
  if (!program)
    return {llvm::toString(program.takeError())};
  const phi::Patterns patterns = patternsOf(tables);
  const auto *bytes = reinterpret_cast<const uint8_t *>(text.data());
  const auto end = static_cast<uint32_t>(text.size());
  std::vector<std::string> pieces;
  for (uint32_t at = 0; at < end;) {
    uint64_t steps = UINT64_MAX;
    const uint32_t to = phi::matchPattern(patterns, *program, bytes, at, end, &steps);
    const uint32_t next = to == phi::NoMatch ? at + phi::utf8Length(bytes[at]) : to;
    const std::string piece = text.substr(at, next - at);
    pieces.push_back(to == phi::NoMatch ? "<" + piece + ">" : piece);
    at = next;
  }
  return pieces;
}

std::string errorOf(llvm::StringRef pattern) {
  auto program = PatternTables().addPattern(pattern);
  return program ? "compiles" : llvm::toString(program.takeError());
}

TEST(Pattern, Gpt2) {
  const char *const p = phic::tokenizer::gpt2Pattern;
  EXPECT_THAT(cut(p, "I don't know 12ab  !?\n"),
              ElementsAre("I", " don", "'t", " know", " 12", "ab", " ", " !?", "\n"));
  EXPECT_THAT(cut(p, "a   b"), ElementsAre("a", "  ", " b"));
  EXPECT_THAT(cut(p, "a   "), ElementsAre("a", "   "));
  EXPECT_THAT(cut(p, "x\xC2\xA0y"), ElementsAre("x", "\xC2\xA0", "y"));
  EXPECT_THAT(cut(p, "h\xC3\xA9 \xD9\xA1\xD9\xA2"), ElementsAre("h\xC3\xA9", " \xD9\xA1\xD9\xA2"));
}

TEST(Pattern, Llama3) {
  const char p[] =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  EXPECT_THAT(cut(p, "don'T"), ElementsAre("don", "'T"));
  EXPECT_THAT(cut(p, "1234567"), ElementsAre("123", "456", "7"));
  EXPECT_THAT(cut(p, "x\n\n  y"), ElementsAre("x", "\n\n", " ", " y"));
  EXPECT_THAT(cut(p, "a  \n b"), ElementsAre("a", "  \n", " b"));
  EXPECT_THAT(cut(p, "it\xE2\x80\x99s !!\n\nx"), ElementsAre("it", "\xE2\x80\x99s", " !!\n\n", "x"));
}

TEST(Pattern, Repeats) {
  EXPECT_THAT(cut("a{2}", "aaaaa"), ElementsAre("aa", "aa", "<a>"));
  EXPECT_THAT(cut("a{2,}", "aaaaa"), ElementsAre("aaaaa"));
  EXPECT_THAT(cut("a{,2}b", "aaab"), ElementsAre("<a>", "aab"));
  EXPECT_THAT(cut("a+a", "aaa"), ElementsAre("aaa"));
  EXPECT_THAT(cut("a++a|b", "aab"), ElementsAre("<a>", "<a>", "b"));
  EXPECT_THAT(cut("a?+a|b", "ab"), ElementsAre("<a>", "b"));
  EXPECT_THAT(cut("(?:ab|a){1,3}c", "aabac"), ElementsAre("aabac"));
  EXPECT_THAT(cut("(?:ab)?a", "aba"), ElementsAre("aba"));
  EXPECT_THAT(cut("(?:ab)?+a|b", "ab"), ElementsAre("<a>", "b"));
  EXPECT_THAT(cut("(?>a|ab)c|b|c", "abc"), ElementsAre("<a>", "b", "c"));
}

TEST(Pattern, ClassesAndEscapes) {
  EXPECT_THAT(cut(R"([a-c\-\]]+)", "ab-]x"), ElementsAre("ab-]", "<x>"));
  EXPECT_THAT(cut(R"([^a-c]+)", "xyza\xC3\xA9"), ElementsAre("xyz", "<a>", "\xC3\xA9"));
  EXPECT_THAT(cut(R"(\P{L}+|\p{^Nd})", "12x"), ElementsAre("12", "x"));
  EXPECT_THAT(cut(R"([x[yz]]+)", "xyz]"), ElementsAre("xyz", "<]>"));
  EXPECT_THAT(cut(R"(\x41\x{e9}\u4f60\.)", "A\xC3\xA9\xE4\xBD\xA0."), ElementsAre("A\xC3\xA9\xE4\xBD\xA0."));
  EXPECT_THAT(cut(R"(\d\w\S.)", "1_x y"), ElementsAre("1_x ", "<y>"));
  EXPECT_THAT(cut(R"(\p{Han}+)", "a\xE4\xBD\xA0\xE5\xA5\xBD"), ElementsAre("<a>", "\xE4\xBD\xA0\xE5\xA5\xBD"));
  EXPECT_THAT(cut("(?i:s)+", "sS\xC5\xBFx"), ElementsAre("sS\xC5\xBF", "<x>")); // U+017F folds to s
  EXPECT_THAT(cut("(?i:a(?-i:b))c", "AbcABc"), ElementsAre("Abc", "<A>", "<B>", "<c>"));
}

TEST(Pattern, Lookahead) {
  EXPECT_THAT(cut(R"(\s+(?!\S)|\s|\w+)", "a  b "), ElementsAre("a", " ", " ", "b", " "));
  EXPECT_THAT(cut("a(?=b)|b", "aab"), ElementsAre("<a>", "a", "b"));
}

TEST(Pattern, UnsupportedConstructsAreNamed) {
  EXPECT_THAT(errorOf("(?<=a)b"), HasSubstr("the group '(?<=' is not supported"));
  EXPECT_THAT(errorOf("^a"), HasSubstr("the anchor '^'"));
  EXPECT_THAT(errorOf("a\\b"), HasSubstr("the escape '\\b'"));
  EXPECT_THAT(errorOf("a+?"), HasSubstr("lazy repeats ('+?')"));
  EXPECT_THAT(errorOf("a{1,3}+"), HasSubstr("a repeat of a repeat"));
  EXPECT_THAT(errorOf("(ab)*c"), HasSubstr("a group that repeats without bound"));
  EXPECT_THAT(errorOf("(ab){17}"), HasSubstr("more than 16 times"));
  EXPECT_THAT(errorOf("[a&&b]"), HasSubstr("&&"));
  EXPECT_THAT(errorOf("[[:alpha:]]"), HasSubstr("POSIX"));
  EXPECT_THAT(errorOf("\\p{Klingon}"), HasSubstr("the property '\\p{Klingon}' is not known"));
  EXPECT_THAT(errorOf("a*"), HasSubstr("it can match nothing"));
  EXPECT_THAT(errorOf("a|(?!b)"), HasSubstr("it can match nothing"));
  EXPECT_THAT(errorOf("(a"), HasSubstr("unbalanced '('"));
  EXPECT_THAT(errorOf("a)"), HasSubstr("unbalanced ')'"));
  EXPECT_THAT(errorOf("[a"), HasSubstr("unbalanced '['"));
  EXPECT_THAT(errorOf("a{5,2}"), HasSubstr("no repeat count"));
  EXPECT_THAT(errorOf("a{99999999999}"), HasSubstr("above 1000"));
  EXPECT_THAT(errorOf("[z-a]"), HasSubstr("ends before it begins"));
  EXPECT_THAT(errorOf("\\"), HasSubstr("it ends in '\\'"));
  EXPECT_THAT(errorOf(std::string(100, '(') + "a" + std::string(100, ')')), HasSubstr("nested deeper"));
}

TEST(Pattern, SizeIsBounded) {
  EXPECT_THAT(errorOf("(?:(?:(?:(?:a|b){16}){16}){16}){16}c"),
              testing::AnyOf(HasSubstr("too large"), HasSubstr("choices")));
  std::string nested = "a";
  for (int i = 0; i < 12; ++i)
    nested = "a(?=" + nested + ")";
  EXPECT_THAT(errorOf(nested), HasSubstr("nested too deep"));
}

/// Steps that cutting the text takes, a byte.
double stepsPerByte(llvm::StringRef pattern, const std::string &text) {
  PatternTables tables;
  const uint32_t program = llvm::cantFail(tables.addPattern(pattern));
  const phi::Patterns patterns = patternsOf(tables);
  const auto *bytes = reinterpret_cast<const uint8_t *>(text.data());
  const auto end = static_cast<uint32_t>(text.size());
  const uint64_t all = phi::EncodeStepsPerByte * end;
  uint64_t left = all;
  for (uint32_t at = 0; at < end;) {
    const uint32_t to = phi::matchPattern(patterns, program, bytes, at, end, &left);
    at = to == phi::NoMatch ? at + phi::utf8Length(bytes[at]) : to;
  }
  return double(all - left) / end;
}

TEST(Pattern, PublishedOnesNeedAnEighthOfTheStepsAtMost) {
  const char *const patterns[] = {
      phic::tokenizer::gpt2Pattern,
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
      R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
  for (const char *pattern : patterns)
    for (const char *unit : {"a", "A", "Aa", "aA", " ", "  x", "\n", " \n", "1", "'", "'S", ".", " .", "\xE4\xBD\xA0",
                             "\xCC\x81", "\xF0\x9F\xA6\x9C", "\t \r\n", "/", "A\xCC\x81"}) {
      std::string text;
      while (text.size() < 20000)
        text += unit;
      for (const char *last : {"", "x", "\n", "."})
        EXPECT_LT(stepsPerByte(pattern, text + last), phi::EncodeStepsPerByte / 8.0) << pattern << " of " << unit;
    }
}

TEST(Pattern, BacktrackingEndsWithItsSteps) {
  for (const char *pattern : {"(?:a?){16}(?:a?){16}b|[^b]", "a*a*a*a*a*a*a*a*b|[^b]",
                              R"(\p{L}+\p{L}+\p{L}+\p{L}+x|\p{L}+)", "a*b|[^b]", "(?=(?:a?){16}(?:a?){16}b)a|[^b]"})
    EXPECT_EQ(stepsPerByte(pattern, std::string(5000, 'a')), double(phi::EncodeStepsPerByte)) << pattern;
}

} // namespace
