//===- GgufReaderTest.cpp - Good files read, damaged ones refused *- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GgufWriter.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace phic::gguf;
using namespace llvm;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

Expected<std::unique_ptr<GgufFile>> parse(const std::string &bytes) {
  return GgufFile::parse(arrayRefFromStringRef(bytes));
}
std::string errorOf(const std::string &bytes) { return toString(parse(bytes).takeError()); }
template <typename T> std::string errorOf(Expected<T> value) { return toString(value.takeError()); }

GgufWriter sample() {
  GgufWriter writer;
  writer.string("general.architecture", "llama").u32("llama.block_count", 2).f32("eps", 1e-5f).boolean("tied", true);
  writer.put("small", ValueType::I8, "\xff").put("big", ValueType::U64, GgufWriter::little(UINT64_MAX));
  writer.strings("tokens", {"a", "", "bcd"}).array<int32_t>("types", ValueType::I32, {1, -3});
  writer.array<float>("scores", ValueType::F32, {0.5f, -1});
  writer.tensor("norm", 0, {4}).tensor("w", 2, {3, 64}).tensor("strange", 16, {2, 256});
  return writer;
}

TEST(GgufReader, ReadsMetadata) {
  std::string bytes = sample().bytes();
  auto file = cantFail(parse(bytes));
  EXPECT_EQ(file->keys().size(), 9u);
  EXPECT_EQ(cantFail(file->get<StringRef>("general.architecture")), "llama");
  EXPECT_EQ(cantFail(file->get<uint64_t>("llama.block_count")), 2u);
  EXPECT_EQ(cantFail(file->get<double>("llama.block_count")), 2.0);
  EXPECT_EQ(cantFail(file->get<double>("eps")), 1e-5f);
  EXPECT_EQ(cantFail(file->get<bool>("tied")), true);
  EXPECT_EQ(cantFail(file->get<int64_t>("small")), -1);
  EXPECT_EQ(cantFail(file->get<uint64_t>("big")), UINT64_MAX);
  EXPECT_THAT(cantFail(file->get<std::vector<StringRef>>("tokens")), ElementsAre("a", "", "bcd"));
  EXPECT_THAT(cantFail(file->get<std::vector<int64_t>>("types")), ElementsAre(1, -3));
  EXPECT_THAT(cantFail(file->get<std::vector<double>>("scores")), ElementsAre(0.5, -1.0));
  EXPECT_EQ(cantFail(file->getOr<uint64_t>("absent", 7)), 7u);
  EXPECT_EQ(cantFail(file->find<uint64_t>("absent")), std::nullopt);
  EXPECT_EQ(cantFail(file->find<uint64_t>("llama.block_count")), 2u);
  EXPECT_TRUE(file->isArray("types"));
  EXPECT_FALSE(file->isArray("eps"));
  EXPECT_FALSE(file->isArray("absent"));
}

TEST(GgufReader, TypeErrorsNameTheKey) {
  std::string bytes = sample().bytes();
  auto file = cantFail(parse(bytes));
  EXPECT_EQ(errorOf(file->get<uint64_t>("absent")), "metadata key 'absent' is missing");
  EXPECT_EQ(errorOf(file->get<uint64_t>("eps")),
            "metadata key 'eps' is of type f32, expected a non-negative integer that fits");
  EXPECT_EQ(errorOf(file->get<uint64_t>("small")),
            "metadata key 'small' is of type s8, expected a non-negative integer that fits");
  EXPECT_EQ(errorOf(file->get<int64_t>("big")), "metadata key 'big' is of type u64, expected an integer that fits");
  EXPECT_EQ(errorOf(file->get<StringRef>("tokens")), "metadata key 'tokens' is an array of string, expected a string");
  EXPECT_EQ(errorOf(file->get<std::vector<StringRef>>("types")),
            "metadata key 'types' is an array of s32, expected an array, each element a string "
            "that fits");
  EXPECT_EQ(errorOf(file->find<bool>("eps")), "metadata key 'eps' is of type f32, expected a bool that fits");
}

TEST(GgufReader, ReadsTensors) {
  std::string bytes = sample().bytes();
  auto file = cantFail(parse(bytes));
  ASSERT_EQ(file->tensors().size(), 3u);
  const GgufTensor *w = file->tensor("w");
  ASSERT_TRUE(w);
  EXPECT_THAT(w->shape, ElementsAre(3, 64));
  EXPECT_EQ(w->bytes, 3u * 2 * 18);
  EXPECT_EQ(w->offset % 32, 0u);
  EXPECT_EQ(file->tensor("strange")->bytes, 0u);
  EXPECT_EQ(file->tensor("absent"), nullptr);
  EXPECT_EQ(file->tensor("strange")->offset - w->offset, 128u);
}

TEST(GgufReader, RefusesForeignFiles) {
  EXPECT_EQ(errorOf(""), "at byte 0: the magic number of 4 bytes runs past the end of the file, which has 0 bytes");
  EXPECT_EQ(errorOf("PK\3\4 and more"), "at byte 0: not a GGUF file: it does not begin with 'GGUF'");
  EXPECT_EQ(errorOf(std::string("GGUF\1\0\0\0", 8)),
            "at byte 4: GGUF version 1 is not supported, only 2 and 3; convert the model again");
  EXPECT_EQ(errorOf(std::string("GGUF\0\0\0\3", 8)), "at byte 4: big-endian GGUF files are not supported");
  EXPECT_THAT(errorOf(GgufFile::open("/nonexistent.gguf")), HasSubstr("cannot read /nonexistent.gguf"));
}

TEST(GgufReader, RefusesDamagedMetadata) {
  auto one = [](auto edit) {
    GgufWriter writer;
    edit(writer);
    return errorOf(writer.bytes());
  };
  EXPECT_EQ(one([](GgufWriter &w) { w.put("k", ValueType::String, GgufWriter::little(uint64_t(1) << 40)); }),
            "at byte 45 (metadata key 'k'): a string of 1099511627776 bytes runs past the end of "
            "the file, which has "
            "64 bytes");
  EXPECT_EQ(one([](GgufWriter &w) { w.put("k", ValueType(99), ""); }),
            "at byte 33 (metadata key 'k'): unknown value type 99");
  EXPECT_EQ(one([](GgufWriter &w) { w.put("k", ValueType::Bool, "\2"); }),
            "at byte 37 (metadata key 'k'): a bool must be 0 or 1, found 2");
  EXPECT_EQ(one([](GgufWriter &w) { w.u32("k", 1).u32("k", 2); }),
            "at byte 41 (metadata key 'k'): the key appears twice");
  std::string huge = GgufWriter::little(uint32_t(ValueType::U64)) + GgufWriter::little(UINT64_MAX);
  EXPECT_EQ(one([&](GgufWriter &w) { w.put("k", ValueType::Array, huge); }),
            "at byte 49 (metadata key 'k'): an array of 18446744073709551615 elements cannot be in "
            "a file");
  std::string nested = GgufWriter::little(uint32_t(ValueType::Array)) + GgufWriter::little(uint64_t(1));
  EXPECT_EQ(one([&](GgufWriter &w) { w.put("k", ValueType::Array, nested); }),
            "at byte 49 (metadata key 'k'): arrays of arrays are not supported");
  EXPECT_THAT(one([](GgufWriter &w) { w.keyCount = UINT64_MAX; }), HasSubstr("past the end of the file"));
  EXPECT_EQ(one([](GgufWriter &w) { w.u32("general.alignment", 48); }), "general.alignment is 48, not a power of two");
}

TEST(GgufReader, RefusesDamagedTensors) {
  auto one = [](uint32_t type, std::vector<uint64_t> shape, uint64_t offset) {
    return errorOf(GgufWriter().tensorInfo("t", type, shape, offset).bytes());
  };
  EXPECT_EQ(one(0, {1, 1, 1, 1, 1}, 0), "at byte 33 (tensor 't'): 5 axes, at most 4 are possible");
  EXPECT_EQ(one(0, {0}, 0), "at byte 37 (tensor 't'): an axis of 0 elements is not possible");
  EXPECT_EQ(one(0, {1ull << 40, 1ull << 40}, 0),
            "at byte 45 (tensor 't'): an axis of 1099511627776 elements is not possible");
  EXPECT_EQ(one(2, {2, 48}, 0),
            "at byte 65 (tensor 't'): rows of 48 elements are not whole blocks of 32, as Q4_0 asks for");
  EXPECT_EQ(one(0, {1}, 8), "at byte 57 (tensor 't'): offset 8 is not a multiple of general.alignment, 32");
  EXPECT_EQ(one(0, {64}, 32), "at byte 64 (tensor 't'): 256 bytes at offset 32 of the data run "
                              "past the end of the file, which has 64 "
                              "bytes");
  EXPECT_THAT(one(0, {8}, UINT64_MAX - 31), HasSubstr("run past the end of the file"));
  EXPECT_EQ(errorOf(GgufWriter().tensor("t", 0, {8}).tensor("t", 0, {8}).bytes()),
            "at byte 57 (tensor 't'): the name appears twice");
}

// Every prefix of a good file is refused or read, never a crash; only the data's padding may be
// missing.
TEST(GgufReader, EveryTruncationIsRefused) {
  std::string bytes = sample().bytes();
  for (size_t length = 0; length + 512 < bytes.size(); ++length)
    EXPECT_NE(errorOf(bytes.substr(0, length)), "") << length;
}

} // namespace
