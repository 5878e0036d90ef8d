//===- NumericsTest.cpp - Rounding, exhaustively where it can be *- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Numerics.h"

#include "llvm/ADT/APFloat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <bit>
#include <cmath>
#include <random>

using namespace phic;
using llvm::APFloat;

namespace {

uint32_t bits(float value) { return std::bit_cast<uint32_t>(value); }
float fromBits(uint32_t value) { return std::bit_cast<float>(value); }

/// The independent reference: LLVM's arbitrary-precision floats.
uint16_t convertByApFloat(float value, const llvm::fltSemantics &semantics) {
  APFloat number(value);
  bool losesInfo;
  number.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  return uint16_t(number.bitcastToAPInt().getZExtValue());
}

float widenByApFloat(uint16_t value, const llvm::fltSemantics &semantics) {
  APFloat number(semantics, llvm::APInt(16, value));
  bool losesInfo;
  number.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToFloat();
}

TEST(Numerics, EveryHalfWidensExactlyAndComesBack) {
  for (uint32_t half = 0; half < 0x10000; ++half) {
    float wide = halfToFloat(uint16_t(half));
    if ((half & 0x7fff) > 0x7c00) {
      EXPECT_TRUE(std::isnan(wide));
      EXPECT_EQ(floatToHalf(wide), half | 0x200) << half;
      continue;
    }
    ASSERT_EQ(bits(wide), bits(widenByApFloat(uint16_t(half), APFloat::IEEEhalf()))) << half;
    ASSERT_EQ(floatToHalf(wide), half);
  }
}

TEST(Numerics, EveryBfloatWidensExactlyAndComesBack) {
  for (uint32_t bfloat = 0; bfloat < 0x10000; ++bfloat) {
    float wide = bfloatToFloat(uint16_t(bfloat));
    if (std::isnan(wide))
      ASSERT_EQ(floatToBfloat(wide), bfloat | 0x40);
    else
      ASSERT_EQ(floatToBfloat(wide), bfloat);
  }
}

// Every pair of neighbouring halves: the tie, and the floats just below and above it.
TEST(Numerics, HalvesRoundToEvenAtEveryTie) {
  for (uint32_t half = 0; half < 0x7c00; ++half) {
    double low = halfToFloat(uint16_t(half));
    double high = half == 0x7bff ? 65536.0 : halfToFloat(uint16_t(half + 1));
    auto tie = float((low + high) / 2); // exact in f32
    uint32_t even = half & 1 ? half + 1 : half;
    ASSERT_EQ(floatToHalf(tie), even);
    ASSERT_EQ(floatToHalf(-tie), even | 0x8000);
    ASSERT_EQ(floatToHalf(std::nextafterf(tie, 0)), half);
    ASSERT_EQ(floatToHalf(std::nextafterf(tie, 1e30f)), half + 1);
  }
}

TEST(Numerics, NarrowingOfRandomFloatsAgreesWithApFloat) {
  std::mt19937 random(7);
  for (int i = 0; i < 300000; ++i) {
    // All bit patterns, and as many near the range of halves.
    float value = fromBits(i & 1 ? random() : (random() & 0x87ffffff) + 0x34000000);
    if (std::isnan(value))
      continue;
    ASSERT_EQ(floatToHalf(value), convertByApFloat(value, APFloat::IEEEhalf())) << bits(value);
    ASSERT_EQ(floatToBfloat(value), convertByApFloat(value, APFloat::BFloat())) << bits(value);
  }
}

TEST(Numerics, NarrowingEdges) {
  EXPECT_EQ(floatToHalf(0x1p-25f), 0);
  EXPECT_EQ(floatToHalf(std::nextafterf(0x1p-25f, 1)), 1);
  EXPECT_EQ(floatToHalf(-0.0f), 0x8000);
  EXPECT_EQ(floatToHalf(fromBits(1)), 0);
  EXPECT_EQ(floatToHalf(INFINITY), 0x7c00);
  EXPECT_EQ(floatToHalf(-1e30f), 0xfc00);
  EXPECT_EQ(floatToHalf(fromBits(0x7f800001)), 0x7e00);
  EXPECT_EQ(floatToBfloat(fromBits(0x7f800001)), 0x7fc0);
  EXPECT_EQ(floatToBfloat(3.4028235e38f), 0x7f80);
  EXPECT_EQ(roundTo(Scalar::F16, 1.0f + 0x1p-11f), 1.0f);
  EXPECT_EQ(roundTo(Scalar::BF16, 1.0f + 3 * 0x1p-8f), 1.015625f);
  EXPECT_EQ(roundTo(Scalar::F32, 0.1f), 0.1f);
}

TEST(Numerics, WidenReadsUnalignedRuns) {
  const uint8_t bytes[] = {0, 0x00, 0x3c, 0x00, 0xc0, 0x80, 0x3f};
  float values[2];
  widen(Scalar::F16, bytes + 1, 2, values);
  EXPECT_THAT(values, testing::ElementsAre(1, -2));
  widen(Scalar::BF16, bytes + 5, 1, values);
  EXPECT_EQ(values[0], 1);
}

TEST(Numerics, CodeRanges) {
  EXPECT_EQ(leastCode({4, false}), 0);
  EXPECT_EQ(greatestCode({4, false}), 15);
  EXPECT_EQ(leastCode({4, true}), -8);
  EXPECT_EQ(greatestCode({4, true}), 7);
  EXPECT_EQ(leastCode({8, true}), -128);
  EXPECT_EQ(greatestCode({8, false}), 255);
  EXPECT_EQ(greatestCode({5, false}), 31);
}

// The case of docs/numerics.md, which upstream's lower-quant-ops gets wrong (6, 0, 7, -9).
TEST(Numerics, QuantizeRoundsHalfToEvenThenSaturates) {
  constexpr CodeType s8 = {8, true};
  EXPECT_EQ(quantize(7, 2, 3, s8), 7);
  EXPECT_EQ(quantize(-7, 2, 3, s8), -1);
  EXPECT_EQ(quantize(9, 2, 3, s8), 7);
  EXPECT_EQ(quantize(1000, 2, 3, s8), 127);
  EXPECT_EQ(quantize(-1000, 2, 3, s8), -128);
  EXPECT_EQ(quantize(INFINITY, 2, 3, s8), 127);
  EXPECT_EQ(quantize(-INFINITY, 2, 3, s8), -128);
  EXPECT_EQ(quantize(NAN, 2, 3, s8), 3);
  EXPECT_EQ(quantize(1, 0, 3, s8), 127);
}

TEST(Numerics, RoundToCodeAgreesWithDoubleReference) {
  std::mt19937 random(11);
  const CodeType types[] = {{2, false}, {4, false}, {4, true}, {5, false}, {6, false}, {8, false}, {8, true}};
  for (int i = 0; i < 200000; ++i) {
    CodeType type = types[i % std::size(types)];
    auto zero = int32_t(random() % (1u << type.bits)) + leastCode(type);
    // Halves of integers are common, so that ties are tried.
    float value = i & 8 ? float(int32_t(random() % 1025) - 512) / 2
                        : std::ldexp(float(int32_t(random())), int(random() % 40) - 40);
    double expected = std::nearbyint(double(value)) + zero;
    expected = std::fmin(std::fmax(expected, leastCode(type)), greatestCode(type));
    ASSERT_EQ(roundToCode(value, zero, type), int32_t(expected)) << value << " + " << zero;
  }
}

TEST(Numerics, RequantizeRoundsTheF32Product) {
  constexpr CodeType u8 = {8, false};
  EXPECT_EQ(requantize(5, 0.5f, 128, u8), 130);
  EXPECT_EQ(requantize(7, 0.5f, 128, u8), 132);
  EXPECT_EQ(requantize(-1000000, 0.5f, 128, u8), 0);
  EXPECT_EQ(requantize(INT32_MAX, 1e30f, 0, u8), 255);
}

TEST(Numerics, DequantizeRoundsProductThenSum) {
  float scale = 0.1f, min = -0.3f;
  float product = scale * 7.0f;
  EXPECT_EQ(bits(dequantize(15, scale, 8)), bits(product));
  EXPECT_EQ(bits(dequantize(15, scale, 8, min)), bits(product + min));
  // Without a minimum the sign of zero is the product's.
  EXPECT_EQ(bits(dequantize(8, -0.5f, 8)), 0x80000000u);
}

TEST(Numerics, DequantizeRowTakesEachBlocksNumbers) {
  BlockFormat format = *BlockFormat::parse("u4, 2, scale = f32, zero = u4", nullptr);
  BlockRow row{{1, 2, 3, 4, 5}, {1, 10, 100}, {0, 1, 2}, {9, 9, 9}};
  float values[5];
  dequantizeRow(row, format, values);
  EXPECT_THAT(values, testing::ElementsAre(1, 2, 20, 30, 300));
  format.min = Scalar::F32;
  dequantizeRow(row, format, values);
  EXPECT_THAT(values, testing::ElementsAre(10, 11, 29, 39, 309));
}

TEST(Numerics, DynamicQuantizationStaysWithinItsBound) {
  std::mt19937 random(13);
  std::normal_distribution<float> normal;
  constexpr int64_t columns = 100, block = 32;
  for (int i = 0; i < 20000; ++i) {
    float x[columns], scales[4], sums[4];
    int8_t codes[columns];
    float magnitude = std::ldexp(1.0f, int(random() % 180) - 90);
    for (float &value : x)
      value = normal(random) * magnitude;
    quantizeRow(x, columns, block, codes, scales, sums);
    int32_t sum[4] = {};
    for (int64_t k = 0; k < columns; ++k) {
      float scale = scales[k / block];
      ASSERT_LE(std::fabs(double(x[k]) - double(scale) * codes[k]), kDynamicQuantizeError * scale);
      ASSERT_GE(codes[k], -127);
      sum[k / block] += codes[k];
    }
    for (int64_t b = 0; b < 4; ++b)
      ASSERT_EQ(sums[b], scales[b] * float(sum[b]));
  }
}

TEST(Numerics, DynamicQuantizationEdges) {
  // A tie; the greatest magnitude; a block of zeros, of denormals, of huge values.
  float x[] = {127, 0.5f, 1.5f, -127, 0, -0.0f, 1e-40f, 0x1p-101f, 3e38f, -3e38f, 1, 0};
  int8_t codes[12];
  float scales[3];
  quantizeRow(x, 12, 4, codes, scales, nullptr);
  EXPECT_THAT(codes, testing::ElementsAre(127, 0, 2, -127, 0, 0, 0, 0, 127, -127, 0, 0));
  EXPECT_THAT(scales, testing::ElementsAre(1, 0, 3e38f / 127));
}

TEST(Numerics, DynamicQuantizationOfWhatIsNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (float odd : {NAN, -NAN, kInfinity, -kInfinity}) {
    float x[] = {1, odd, -2, 127, 0, -127, odd, odd};
    int8_t codes[8];
    float scales[4], sums[4];
    quantizeRow(x, 8, 2, codes, scales, sums);
    EXPECT_THAT(codes, testing::ElementsAre(0, 0, -2, 127, 0, -127, 0, 0));
    EXPECT_THAT(scales, testing::ElementsAre(testing::IsNan(), 1, 1, testing::IsNan()));
    EXPECT_THAT(sums, testing::ElementsAre(testing::IsNan(), 125, -127, testing::IsNan()));
  }
}

} // namespace
