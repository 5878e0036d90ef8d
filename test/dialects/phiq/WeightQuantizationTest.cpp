//===- WeightQuantizationTest.cpp - Round to nearest of weights *- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Numerics.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace phic;
using testing::ElementsAre;

namespace {

BlockFormat format(const char *text) {
  std::string error;
  auto parsed = BlockFormat::parse(text, &error);
  EXPECT_TRUE(parsed) << error;
  return *parsed;
}

// The greatest magnitude, here negative, is code 0; +8 would be code 16, which saturates.
TEST(WeightQuantization, SymmetricCodesReachOneEndOfTheRange) {
  const float x[] = {-8, 8, 0.5f, 1.5f, -2.5f, 3};
  BlockRow row;
  ASSERT_TRUE(quantizeWeightRow(x, 6, format("u4, 32, scale = f32, zero = 8"), row));
  EXPECT_THAT(row.scale, ElementsAre(1));
  EXPECT_THAT(row.codes, ElementsAre(0, 15, 8, 10, 6, 11));  // ties to even: 0.5 -> 0, 1.5 -> 2, -2.5 -> -2
}

TEST(WeightQuantization, APositiveExtremeMakesTheScaleNegative) {
  const float x[] = {4, -1, 0};
  BlockRow row;
  ASSERT_TRUE(quantizeWeightRow(x, 3, format("s4, 32, scale = f32"), row));
  EXPECT_THAT(row.scale, ElementsAre(-0.5f));
  EXPECT_THAT(row.codes, ElementsAre(-8, 2, 0));
}

TEST(WeightQuantization, ZeroPointsKeepZeroExact) {
  const float x[] = {-1, 0, 2, 0.1f};
  BlockRow row;
  ASSERT_TRUE(quantizeWeightRow(x, 4, format("u4, 32, scale = f32, zero = u4"), row));
  EXPECT_FLOAT_EQ(row.scale[0], 0.2f);
  EXPECT_THAT(row.zero, ElementsAre(5));
  EXPECT_THAT(row.codes, ElementsAre(0, 5, 15, 5));  // 0.1 / 0.2 is 0.5: to even
}

TEST(WeightQuantization, MinimaShiftTheBlock) {
  const float x[] = {10, 11, 25};
  BlockRow row;
  ASSERT_TRUE(quantizeWeightRow(x, 3, format("u4, 32, scale = f16, min = f16"), row));
  EXPECT_THAT(row.scale, ElementsAre(1));
  EXPECT_THAT(row.min, ElementsAre(10));
  EXPECT_THAT(row.codes, ElementsAre(0, 1, 15));
}

TEST(WeightQuantization, TheLastBlockMayBeShort) {
  const float x[] = {1, 2, 3, 4, -100};
  BlockRow row;
  ASSERT_TRUE(quantizeWeightRow(x, 5, format("s8, 4, scale = f32"), row));
  EXPECT_THAT(row.scale, ElementsAre(-4.0f / 128, 100.0f / 128));
  EXPECT_EQ(row.codes.back(), -128);
}

TEST(WeightQuantization, ZerosAndUnderflowingScalesAreZero) {
  for (const char *text :
       {"u4, 32, scale = f16, zero = 8", "u8, 32, scale = f16, zero = u8", "u4, 32, scale = f16, min = f16"}) {
    const float zeros[] = {0, 0, -0.0f}, tiny[] = {1e-9f, -1e-9f, 0};
    BlockRow row;
    for (const float *x : {zeros, tiny}) {
      ASSERT_TRUE(quantizeWeightRow(x, 3, format(text), row));
      float w[3];
      dequantizeRow(row, format(text), w);
      EXPECT_THAT(w, ElementsAre(0, 0, 0)) << text;
    }
  }
}

TEST(WeightQuantization, WhatIsNotFiniteSaysSo) {
  BlockRow row;
  for (const char *text :
       {"u4, 2, scale = f16, zero = 8", "u4, 2, scale = f16, zero = u4", "u4, 2, scale = f16, min = f16"}) {
    const float values[][4] = {{1, 2, NAN, 1}, {1, 2, 1, INFINITY}, {1, 2, -3e38f, 3e38f}};
    for (const float *x : values) {
      EXPECT_FALSE(quantizeWeightRow(x, 4, format(text), row)) << text;
      EXPECT_FALSE(std::isnan(row.scale[0]));
      EXPECT_TRUE(std::isnan(row.scale[1]));
    }
  }
}

/// The worst |w - x| over its bound, over random blocks of many magnitudes and shapes.
double worstShare(const BlockFormat &format) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::uniform_int_distribution<int> exponent(-40, 12), kind(0, 3);
  double worst = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    float x[32], w[32];
    const float scale = std::ldexp(1.0f, exponent(random)), shift = kind(random) == 0 ? 3 * scale : 0;
    const bool isTie = kind(random) == 1;
    for (float &value : x) {
      value = scale * normal(random) + shift;
      if (isTie)
        value = scale * std::round(2 * normal(random)) / 2;
    }
    BlockRow row;
    EXPECT_TRUE(quantizeWeightRow(x, 32, format, row));
    dequantizeRow(row, format, w);
    const double bound = roundToNearestBound(format, row.scale[0], row.min[0]);
    for (int k = 0; k < 32; ++k)
      worst = std::max(worst, std::fabs(double(w[k]) - x[k]) / bound);
  }
  return worst;
}

TEST(WeightQuantization, ErrorsStayWithinTheBoundAndComeNearIt) {
  for (const char *text : {"u4, 32, scale = f16, zero = 8", "u4, 32, scale = f32, zero = 8", "s4, 32, scale = bf16",
                           "u4, 32, scale = f16, zero = u4", "s8, 32, scale = f16", "u8, 32, scale = f16, zero = u8",
                           "u8, 32, scale = f32, zero = u8", "u2, 32, scale = f16, zero = 2",
                           "u4, 32, scale = f16, min = f16", "u6, 32, scale = f32, min = f32"}) {
    double share = worstShare(format(text));
    EXPECT_LE(share, 1) << text;
    EXPECT_GE(share, 0.5) << text;  // the bound says something
  }
}

TEST(WeightQuantization, RefusesFormatsItCannotMake) {
  using testing::HasSubstr;
  EXPECT_EQ(checkRoundToNearest(format("u4, 32, scale = f16, zero = 8")), "");
  EXPECT_THAT(checkRoundToNearest(format("u4, 32, scale = f16 * u6, min = f16 * u6")), HasSubstr("two-level"));
  EXPECT_THAT(checkRoundToNearest(format("u4, 32, scale = f16")), HasSubstr("zero = 0, the middle of its codes is 8"));
  EXPECT_THAT(checkRoundToNearest(format("u4, 32, scale = f16, zero = f16")), HasSubstr("float zero points"));
  EXPECT_THAT(checkRoundToNearest(format("u4, 32, scale = f16, zero = u8")), HasSubstr("another type"));
  EXPECT_THAT(checkRoundToNearest(format("s4, 32, scale = f16, min = f16")), HasSubstr("unsigned codes"));
}

} // namespace
