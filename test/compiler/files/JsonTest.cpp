//===- JsonTest.cpp - What becomes of each kind of JSON --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/Json.h"
#include "compiler/request/TilesFile.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace phic {
namespace {

using testing::HasSubstr;

Json read(llvm::StringRef text) { return llvm::cantFail(parseJson(text, "a.json")); }
std::string refusal(llvm::StringRef text) { return llvm::toString(parseJson(text, "a.json").takeError()); }
std::string nested(size_t levels, char open = '[', char close = ']') {
  return std::string(levels, open) + std::string(levels, close);
}

TEST(Json, NestingIsBounded) {
  EXPECT_TRUE(read(nested(kMostJsonLevels)).is_array());
  EXPECT_EQ(refusal(nested(kMostJsonLevels + 1)), "a.json: nested deeper than 64 levels");
  EXPECT_EQ(refusal(nested(10'000'000)), "a.json: nested deeper than 64 levels");
  EXPECT_EQ(refusal(std::string(10'000'000, '[')), "a.json: nested deeper than 64 levels");
  std::string objects;
  for (int i = 0; i < 1'000'000; ++i)
    objects += "{\"a\":";
  EXPECT_EQ(refusal(objects), "a.json: nested deeper than 64 levels");
}

/// Flags and files of other rooms come in by the same function.
TEST(Json, NestingOfTilesIsBounded) {
  auto tiles = parseTiles(nested(1'000'000), "tiles.json");
  EXPECT_EQ(llvm::toString(tiles.takeError()), "tiles.json: nested deeper than 64 levels");
}

TEST(Json, IntegersKeepAll64Bits) {
  const Json json =
      read(R"({"most": 18446744073709551615, "least": -9223372036854775808, "more": 18446744073709551616})");
  EXPECT_EQ(integerOr(json, "most", uint64_t(0)), UINT64_MAX);
  EXPECT_EQ(integerOr(json, "least", int64_t(0)), INT64_MIN);
  EXPECT_EQ(integerOr(json, "most", int64_t(7)), 7);
  EXPECT_EQ(integerOr(json, "least", uint64_t(7)), 7u);
  EXPECT_EQ(integerOr(json, "more", uint64_t(7)), 7u); // a double now
  EXPECT_EQ(numberOr(json, "more", 0), 18446744073709551616.0);
}

TEST(Json, NumbersBeyondADoubleAreRefused) {
  EXPECT_EQ(read("[1e308, -0.0, 5e-324]").size(), 3u);
  EXPECT_EQ(refusal("[1e309]"), "a.json: a number that is too large, 1e309");
  EXPECT_EQ(refusal("[-1e309]"), "a.json: a number that is too large, -1e309");
  EXPECT_THAT(refusal("[NaN]"), HasSubstr("not valid JSON at byte 2"));
  EXPECT_THAT(refusal("[Infinity]"), HasSubstr("not valid JSON at byte 2"));
}

TEST(Json, TextIsUtf8) {
  EXPECT_EQ(stringOr(read(R"({"a": "\u2581\ud83d\ude00"})"), "a", ""), "\u2581\U0001F600");
  for (const char *text : {"[\"\xff\"]", "[\"\xc0\x80\"]", "[\"\xed\xa0\x80\"]", R"(["\ud800"])", "[\"\x01\"]"})
    EXPECT_THAT(refusal(text), HasSubstr("not valid JSON at byte")) << text;
}

TEST(Json, OfEqualKeysTheLastCounts) { EXPECT_EQ(integerOr(read(R"({"a": 1, "b": {"a": 2}, "a": 3})"), "a", 0), 3); }

TEST(Json, WhatIsCutOrGoesOnIsRefused) {
  for (const char *text : {"", " ", "{", "[1,]", "{\"a\":}", "[1] 2", "{'a': 1}", "// a\n[]"})
    EXPECT_THAT(refusal(text), HasSubstr("not valid JSON at byte")) << text;
}

TEST(Json, AccessorsNeverThrow) {
  for (const char *text : {"null", "7", "\"a\"", "[1]", R"({"a": {}})", R"({"a": null})", R"({"a": [1]})"}) {
    const Json json = read(text);
    EXPECT_EQ(stringOr(json, "a", "none"), "none") << text;
    EXPECT_EQ(integerOr(json, "a", 5), 5) << text;
    EXPECT_EQ(numberOr(json, "a", 5), 5) << text;
    EXPECT_TRUE(boolOr(json, "a", true)) << text;
    EXPECT_LE(listIn(json, "a").size(), 1u) << text;
  }
}

TEST(Json, WhatIsWrittenCanBeRead) {
  const Json json = {{"b", {1, 2.5, true, nullptr}}, {"a", "x\xffy\n"}};
  EXPECT_EQ(printJson(json, /*indent=*/-1), "{\"a\":\"x\uFFFDy\\n\",\"b\":[1,2.5,true,null]}");
  EXPECT_EQ(read(printJson(json))["b"], json["b"]);
  EXPECT_EQ(printJson({INFINITY, NAN}, /*indent=*/-1), "[null,null]");
}

} // namespace
} // namespace phic
