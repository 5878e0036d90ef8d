//===- PackedLayoutTest.cpp - Packing loses nothing ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For every code type, scale, zero point and minimum: pack, dequantize, and compare
// bit for bit with what Numerics says the row stands for.
//===----------------------------------------------------------------------===//
#include "targets/layout/PackedLayout.h"
#include "test/targets/cpu/kernels/RandomRow.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cstring>
#include <limits>

using namespace phic;

namespace {

/// Packs N rows panel by panel and compares each with the meaning of its format.
void checkRoundTrip(const BlockFormat &format, int64_t N, int64_t K) {
  SCOPED_TRACE(format.str() + " K=" + std::to_string(K));
  std::string reason;
  std::optional<PackedLayout> layout = PackedLayout::blockPanel(format, K, &reason);
  ASSERT_TRUE(layout) << reason;
  EXPECT_EQ(PackedLayout::parse(layout->name()), layout) << layout->name();
  std::mt19937 random(1);
  std::vector<BlockRow> rows;
  for (int64_t n = 0; n < N; ++n)
    rows.push_back(randomRow(format, K, 0.1f, random));
  std::vector<uint8_t> packed(layout->bytes(N, K));
  for (int64_t p = 0; p < layout->panels(N); ++p)
    layout->packPanel(&rows[p * 8], std::min<int64_t>(8, N - p * 8), K, packed.data() + p * layout->panelBytes(K));
  std::vector<float> meaning(K), unpacked(K);
  for (int64_t n = 0; n < N; ++n) {
    dequantizeRow(rows[n], format, meaning.data());
    layout->dequantizeRow(packed.data(), K, n, unpacked.data());
    EXPECT_EQ(std::memcmp(meaning.data(), unpacked.data(), K * sizeof(float)), 0) << "row " << n;
    BlockRow row;
    layout->unpackRow(packed.data(), K, n, &row);
    EXPECT_EQ(row.codes, rows[n].codes);
    EXPECT_EQ(row.zero, rows[n].zero);
  }
}

TEST(PackedLayout, BlockPanelsAreExact) {
  const Scalar scales[] = {Scalar::F32, Scalar::F16, Scalar::BF16};
  for (uint8_t bits = 2; bits <= 8; ++bits)
    for (bool isSigned : {false, true})
      for (Scalar scale : scales)
        for (int64_t block : {16, 32, 48, 128, 256})
          for (int64_t K : {96, 160, 576})
            checkRoundTrip(
                {.codes = {bits, isSigned}, .block = block, .scale = scale, .zeroConstant = isSigned ? 0 : 3}, 11, K);
}

TEST(PackedLayout, ZeroPointsAndMinimaAreExact) {
  for (int64_t K : {96, 160}) {
    checkRoundTrip({.codes = {4, false}, .block = 32, .scale = Scalar::F32, .zero = Scalar::U4}, 9, K);
    checkRoundTrip({.codes = {4, true}, .block = 32, .scale = Scalar::F32, .zero = Scalar::I4}, 9, K);
    checkRoundTrip({.codes = {8, false}, .block = 64, .scale = Scalar::F16, .zero = Scalar::U8}, 9, K);
    checkRoundTrip({.codes = {8, true}, .block = 64, .scale = Scalar::F16, .zero = Scalar::I8}, 9, K);
    checkRoundTrip({.codes = {4, false}, .block = 32, .scale = Scalar::F16, .zero = Scalar::F16}, 9, K);
    checkRoundTrip({.codes = {4, false}, .block = 32, .scale = Scalar::F16, .min = Scalar::F16}, 9, K);
    checkRoundTrip({.codes = {8, true}, .block = K, .scale = Scalar::F32}, 9, K);
  }
  checkRoundTrip({.codes = {8, true}, .block = 100, .scale = Scalar::F32}, 9, 100);
}

TEST(PackedLayout, TwoLevelScalesAreExact) {
  // Whole super-blocks, several, and one that ends early, within a sub-block too.
  for (int64_t K : {256, 768, 96, 608, 424}) {
    checkRoundTrip({.codes = {4, false}, .block = 32, .scale = Scalar::F16, .subScaleBits = 6, .min = Scalar::F16}, 11,
                   K);
    checkRoundTrip({.codes = {5, false}, .block = 32, .scale = Scalar::F16, .subScaleBits = 6, .min = Scalar::F16}, 11,
                   K);
    checkRoundTrip({.codes = {6, false},
                    .block = 16,
                    .scale = Scalar::F16,
                    .subScaleBits = 8,
                    .subScaleSigned = true,
                    .zeroConstant = 32},
                   11, K);
    checkRoundTrip({.codes = {3, false},
                    .block = 16,
                    .scale = Scalar::F16,
                    .subScaleBits = 6,
                    .subScaleSigned = true,
                    .zeroConstant = 4},
                   11, K);
    checkRoundTrip({.codes = {2, false}, .block = 16, .scale = Scalar::F16, .subScaleBits = 4, .min = Scalar::F16}, 11,
                   K);
    checkRoundTrip({.codes = {4, false}, .block = 32, .scale = Scalar::F16, .subScaleBits = 8, .zero = Scalar::U4}, 11,
                   K);
  }
}

TEST(PackedLayout, NumbersThatAreNoneStayWhatTheyAre) {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const BlockFormat format{.codes = {6, false},
                           .block = 16,
                           .scale = Scalar::F16,
                           .subScaleBits = 8,
                           .subScaleSigned = true,
                           .zeroConstant = 32};
  BlockRow row{std::vector<int16_t>(64, 33),
               {infinity, -infinity, nan, infinity},
               std::vector<float>(4, 32),
               std::vector<float>(4),
               {infinity},
               {0}},
      unpacked;
  const PackedLayout layout = *PackedLayout::blockPanel(format, 64, nullptr);
  std::vector<uint8_t> packed(layout.bytes(1, 64));
  layout.packPanel(&row, 1, 64, packed.data());
  layout.unpackRow(packed.data(), 64, 0, &unpacked);
  EXPECT_THAT(unpacked.scale, testing::ElementsAre(infinity, -infinity, testing::IsNan(), infinity));
}

// The bytes that a weight takes are those of its file, within 3 %: GGUF packs 6-bit integers side by side, here they are bytes.
TEST(PackedLayout, TakesWhatTheFormatTakes) {
  for (const char *text :
       {"u4, 32, scale = f16, zero = 8", "u5, 32, scale = f16, zero = 16", "u4, 32, scale = f16 * u6, min = f16 * u6",
        "u6, 16, scale = f16 * s8, zero = 32", "u2, 32, scale = f16", "u3, 32, scale = f16", "s8, 32, scale = f16"}) {
    const BlockFormat format = *BlockFormat::parse(text, nullptr);
    const PackedLayout layout = *PackedLayout::blockPanel(format, 1024, nullptr);
    EXPECT_NEAR(8.0 * double(layout.bytes(64, 1024)) / (64 * 1024), format.bitsPerWeight(),
                0.03 * format.bitsPerWeight())
        << text;
  }
}

TEST(PackedLayout, FloatPanelsAreExact) {
  for (Scalar element : {Scalar::F32, Scalar::F16, Scalar::BF16}) {
    PackedLayout layout = PackedLayout::floatPanel(element);
    EXPECT_EQ(PackedLayout::parse(layout.name()), layout);
    const int64_t N = 11, K = 96;
    std::vector<float> values(N * K), row(K);
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (float &value : values)
      value = roundTo(element, normal(random));
    std::vector<uint8_t> packed(layout.bytes(N, K));
    for (int64_t p = 0; p < layout.panels(N); ++p)
      layout.packPanel(&values[p * 8 * K], std::min<int64_t>(8, N - p * 8), K,
                       packed.data() + p * layout.panelBytes(K));
    for (int64_t n = 0; n < N; ++n) {
      layout.dequantizeRow(packed.data(), K, n, row.data());
      EXPECT_EQ(std::memcmp(row.data(), &values[n * K], K * sizeof(float)), 0);
    }
  }
}

TEST(PackedLayout, CodePanelsAreExactAndSumTheirColumns) {
  for (Scalar element : {Scalar::I8, Scalar::U8}) {
    PackedLayout layout = PackedLayout::codePanel(element);
    EXPECT_EQ(PackedLayout::parse(layout.name()), layout);
    const int64_t N = 11, K = 27, least = element == Scalar::I8 ? -128 : 0;
    std::vector<float> values(N * K), row(K);
    std::mt19937 random(1);
    for (float &value : values)
      value = float(least + int64_t(random() % 256));
    std::vector<uint8_t> packed(layout.bytes(N, K), 0xa5);
    for (int64_t p = 0; p < layout.panels(N); ++p)
      layout.packPanel(&values[p * 8 * K], std::min<int64_t>(8, N - p * 8), K,
                       packed.data() + p * layout.panelBytes(K));
    for (int64_t n = 0; n < N; ++n) {
      layout.dequantizeRow(packed.data(), K, n, row.data());
      EXPECT_EQ(std::memcmp(row.data(), &values[n * K], K * sizeof(float)), 0);
      int32_t expected = 0, sum;
      for (float value : row)
        expected += int32_t(value) - int32_t(layout.codeShift());
      std::memcpy(&sum, packed.data() + n / 8 * layout.panelBytes(K) + layout.sumOffset(K) + n % 8 * 4, 4);
      EXPECT_EQ(sum, expected);
    }
  }
}

TEST(PackedLayout, SaysWhatItCannotHold) {
  std::string reason;
  EXPECT_FALSE(PackedLayout::blockPanel({.codes = {8, false}, .block = 32, .zero = Scalar::F16}, 96, &reason));
  EXPECT_THAT(reason, testing::HasSubstr("float zero points"));
  EXPECT_FALSE(PackedLayout::blockPanel({.codes = {}, .block = 24}, 96, &reason));
  EXPECT_THAT(reason, testing::HasSubstr("blocks of 24"));
  EXPECT_FALSE(
      PackedLayout::blockPanel({.codes = {}, .block = 64, .scale = Scalar::F16, .subScaleBits = 6}, 256, &reason));
  EXPECT_THAT(reason, testing::HasSubstr("two-level scales of blocks of 64"));
  EXPECT_FALSE(
      PackedLayout::blockPanel({.codes = {}, .block = 32, .scale = Scalar::F32, .subScaleBits = 6}, 256, &reason));
  EXPECT_THAT(reason, testing::HasSubstr("two-level scales other than f16"));
}

TEST(PackedLayout, HoldsDenseIntegersInTheirBytes) {
  const PackedLayout layout = PackedLayout::dense(Scalar::I8);
  const float rows[] = {-128, 127, 0, -1, 5, 6};
  uint8_t bytes[6];
  ASSERT_EQ(layout.bytes(2, 3), 6);
  layout.packPanel(rows, 2, 3, bytes);
  EXPECT_THAT(bytes, testing::ElementsAre(128, 127, 0, 255, 5, 6));
  float row[3];
  layout.dequantizeRow(bytes, 3, 0, row);
  EXPECT_THAT(row, testing::ElementsAre(-128, 127, 0));
}

TEST(PackedLayout, NamesAreStrict) {
  EXPECT_EQ(PackedLayout::dense().name(), "dense_f32");
  EXPECT_EQ(PackedLayout::parse("dense_u8"), PackedLayout::dense(Scalar::U8));
  EXPECT_FALSE(PackedLayout::parse("dense_f16"));
  std::optional<PackedLayout> q4 =
      PackedLayout::blockPanel({.codes = {4, false}, .scale = Scalar::F16, .zeroConstant = 8}, 64, nullptr);
  EXPECT_EQ(q4->name(), "panel8x32_u4_f16_z8");
  EXPECT_EQ(q4->tileBytes(), 144);
  std::optional<PackedLayout> q4k = PackedLayout::parse("panel8x32_u4_f16u6_mf16u6");
  ASSERT_TRUE(q4k);
  EXPECT_EQ(q4k->tileBytes(), 8 * (128 + 8 + 8 + 2 + 2));
  EXPECT_EQ(PackedLayout::parse("panel8x16_u6_f16s8_z32")->tileBytes(), 8 * 210);
  for (const char *name : {"", "panel", "panel8x32_u4_f16u", "panel8x32_u4_f16u9", "panel8x32_u4_f16u6_mf16",
                           "panel8x32_u4_f16_mf16u6", "panel8", "panel8_i8", "panel8x_u4_f16", "panel8x32_u9_f16",
                           "panel8x32_u4", "panel8x32_u4_f16_", "panel8x32_u4_f16_q", "dense_f16"})
    EXPECT_FALSE(PackedLayout::parse(name)) << name;
}

} // namespace
