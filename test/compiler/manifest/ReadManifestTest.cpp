//===- ReadManifestTest.cpp - Manifests of other types -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/manifest/ReadManifest.h"
#include "gtest/gtest.h"

using namespace phic;

namespace {

constexpr char kManifest[] = R"({
  "phic": "1", "name": "n", "target": "t", "cpu_variants": ["v"], "act": "a", "kv": "k", "bits_per_weight": 4.5,
  "converted_weights": [{"name": "w", "relative_rms": 0.1}], "weights_file": "f", "weight_bytes": 1, "vocab": 9,
  "entries": [{"name": "decode", "most_rows": 1, "bindings": [{"kind": "input", "name": "x", "element": "f32", "shape": "[1]"}]}],
  "formats": {"u4": {"tensors": 1, "weights": 2, "bits_per_weight": 4}},
  "kernels": [{"cpu_variant": "v", "stage": "s", "entry": "e", "symbol": "y", "generator": "g"}],
  "files": ["a"], "plans": [{"device": "cpu", "variants": ["v"], "weights_offset": 0, "chunk_rows": 8, "ir": "module {}"}]
})";

bool isRead(const Json &manifest) {
  auto read = readManifest(printJson(manifest), "prog");
  if (read)
    return true;
  const std::string message = llvm::toString(read.takeError());
  EXPECT_EQ(message.rfind("prog: the manifest", 0), 0u) << message;
  return false;
}

/// Puts something of every other type in the place of `value`, and of each value in it. Returns how many places there were.
int tryOthers(const Json &whole, Json &value) {
  int places = 1;
  const Json kept = value;
  for (const Json &other : {Json(), Json(true), Json(5), Json(-5), Json("x"), Json::array({Json(nullptr)}),
                            Json::object({{"x", nullptr}})}) {
    if (kept.is_structured() && other.type() == kept.type())
      continue; // what is in it is tried by itself
    const bool isSame = kept.is_number() ? other == 5 : kept.type() == other.type();
    value = other;
    EXPECT_EQ(isRead(whole), isSame) << whole;
  }
  value = kept;
  if (value.is_structured())
    for (Json &part : value)
      places += tryOthers(whole, part);
  return places;
}

TEST(ReadManifest, TakesWhatIsWritten) {
  EXPECT_TRUE(isRead(Json::parse(kManifest)));
  EXPECT_TRUE(isRead(Json::object()));
  EXPECT_TRUE(isRead({{"of another version", {1, "x", nullptr}}}));
}

TEST(ReadManifest, RefusesOtherTypesInEveryPlace) {
  Json manifest = Json::parse(kManifest);
  int places = 0;
  for (Json &value : manifest)
    places += tryOthers(manifest, value);
  EXPECT_GT(places, 40);
}

TEST(ReadManifest, FindsWhatIsPacked) {
  constexpr const char *kPacked = "103:eNoVjEsKgDAMRK8iWXuCXkVEooZSbFNJP1BL7266e29mmA5OwECId/"
                                  "G09AErPCRMPoHZOlxvOSqKQ866qtqmjJaUkzJxlqZMM2/hjF7lU7HEJJjjvLYw9vED32ghag==";
  Json manifest = Json::parse(kManifest);
  manifest["plans"].push_back({{"device", "other"}, {"packed", kPacked}});
  auto read = readManifest(printJson(manifest), "prog");
  ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
  EXPECT_EQ((*read)["plans"][1]["ir"], "module {}");
  EXPECT_EQ((*read)["kernels"].size(), manifest["kernels"].size() + 1);
  EXPECT_EQ((*read)["kernels"].back()["symbol"], "z");
  for (std::string damaged :
       {std::string("9"), "9" + std::string(kPacked), std::string(kPacked, 60), std::string("0:")}) {
    manifest["plans"][1]["packed"] = damaged;
    EXPECT_FALSE(isRead(manifest)) << damaged;
  }
}

TEST(ReadManifest, RefusesWhatIsNoObject) {
  for (const char *text : {"", "5", "[]", "{", "{\"a\": \"\xff\"}", "null"})
    EXPECT_TRUE(llvm::errorToBool(readManifest(text, "prog").takeError())) << text;
}

} // namespace
