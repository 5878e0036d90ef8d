//===- PackedLayoutTest.cpp - Packing loses nothing ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For every code type, scale, zero point and minimum: pack, dequantize, and compare
// bit for bit with what Numerics says the row stands for.
//===----------------------------------------------------------------------===//
#include "targets/PackedLayout.h"
#include "dialects/phiq/Numerics.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cstring>
#include <random>

using namespace phic;

namespace {

/// A row of random codes with scales that the format's types hold.
BlockRow randomRow(const BlockFormat &format, int64_t K, std::mt19937 &random) {
  std::uniform_int_distribution<int> code(leastCode(format.codes), greatestCode(format.codes));
  std::uniform_real_distribution<float> real(-0.1f, 0.1f);
  auto sub = [&](unsigned bits) { return bits ? float(random() % (1u << bits)) : 1.0f; };
  BlockRow row;
  for (int64_t k = 0; k < K; ++k)
    row.codes.push_back(int16_t(code(random)));
  for (int64_t b = 0; b < (K + format.block - 1) / format.block; ++b) {
    row.scale.push_back(roundTo(format.scale, real(random)) * sub(format.subScaleBits));
    row.zero.push_back(float(format.zeroConstant));
    if (format.zero == Scalar::F16 || format.zero == Scalar::F32)
      row.zero.back() = roundTo(format.zero, 8 + 10 * real(random));
    else if (format.zero != Scalar::None)
      row.zero.back() = float(code(random));
    row.min.push_back(format.min == Scalar::None ? 0.0f : roundTo(format.min, real(random)) * sub(format.subScaleBits));
  }
  return row;
}

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
    rows.push_back(randomRow(format, K, random));
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
            checkRoundTrip({.codes = {bits, isSigned}, .block = block, .scale = scale, .zeroConstant = isSigned ? 0 : 3}, 11, K);
}

TEST(PackedLayout, ZeroPointsAndMinimaAreExact) {
  for (int64_t K : {96, 160}) {
    checkRoundTrip({.codes = {4, false}, .block = 32, .scale = Scalar::F32, .zero = Scalar::U4}, 9, K);
    checkRoundTrip({.codes = {4, true}, .block = 32, .scale = Scalar::F32, .zero = Scalar::I4}, 9, K);
    checkRoundTrip({.codes = {8, false}, .block = 64, .scale = Scalar::F16, .zero = Scalar::U8}, 9, K);
    checkRoundTrip({.codes = {8, true}, .block = 64, .scale = Scalar::F16, .zero = Scalar::I8}, 9, K);
    checkRoundTrip({.codes = {4, false}, .block = 32, .scale = Scalar::F16, .zero = Scalar::F16}, 9, K);
    checkRoundTrip({.codes = {4, false}, .block = 32, .scale = Scalar::F16, .min = Scalar::F16}, 9, K);
    checkRoundTrip({.codes = {4, false}, .block = 32, .scale = Scalar::F16, .subScaleBits = 6, .min = Scalar::F16}, 9, K);
    checkRoundTrip({.codes = {6, true}, .block = 16, .scale = Scalar::F16, .subScaleBits = 8}, 9, K);
    checkRoundTrip({.codes = {8, true}, .block = K, .scale = Scalar::F32}, 9, K);
  }
  checkRoundTrip({.codes = {8, true}, .block = 100, .scale = Scalar::F32}, 9, 100);
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
      layout.packPanel(&values[p * 8 * K], std::min<int64_t>(8, N - p * 8), K, packed.data() + p * layout.panelBytes(K));
    for (int64_t n = 0; n < N; ++n) {
      layout.dequantizeRow(packed.data(), K, n, row.data());
      EXPECT_EQ(std::memcmp(row.data(), &values[n * K], K * sizeof(float)), 0);
    }
  }
}

TEST(PackedLayout, SaysWhatItCannotHold) {
  std::string reason;
  EXPECT_FALSE(PackedLayout::blockPanel({.codes = {8, false}, .block = 32, .zero = Scalar::F16}, 96, &reason));
  EXPECT_THAT(reason, testing::HasSubstr("float zero points"));
  EXPECT_FALSE(PackedLayout::blockPanel({.codes = {}, .block = 24}, 96, &reason));
  EXPECT_THAT(reason, testing::HasSubstr("blocks of 24"));
}

TEST(PackedLayout, NamesAreStrict) {
  EXPECT_EQ(PackedLayout::dense().name(), "dense_f32");
  std::optional<PackedLayout> q4 = PackedLayout::blockPanel({.codes = {4, false}, .scale = Scalar::F16, .zeroConstant = 8}, 64, nullptr);
  EXPECT_EQ(q4->name(), "panel8x32_u4_f16_z8");
  EXPECT_EQ(q4->tileBytes(), 144);
  for (const char *name : {"", "panel", "panel8", "panel8_i8", "panel8x_u4_f16", "panel8x32_u9_f16", "panel8x32_u4", "panel8x32_u4_f16_", "panel8x32_u4_f16_q", "dense_f16"})
    EXPECT_FALSE(PackedLayout::parse(name)) << name;
}

} // namespace
