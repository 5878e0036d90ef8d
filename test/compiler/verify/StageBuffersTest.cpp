//===- StageBuffersTest.cpp - Bytes of a program as values -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/StageBuffers.h"

#include "dialects/phiq/Numerics.h"
#include "dialects/phiq/Phiq.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>

using namespace phic;
using testing::ElementsAre;

namespace {

template <typename T> void put(std::vector<uint8_t> &bytes, size_t at, T value) {
  if (bytes.size() < at + sizeof(T))
    bytes.resize(at + sizeof(T));
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

class StageBuffers : public testing::Test {
protected:
  StageBuffers() { context.loadDialect<phiq::PhiqDialect, plan::PlanDialect>(); }
  mlir::RankedTensorType rowsOf(int64_t columns, mlir::Type element) {
    return mlir::RankedTensorType::get({mlir::ShapedType::kDynamic, columns}, element);
  }
  mlir::MLIRContext context;
  const Backend &backend = *allBackends().front();
};

TEST_F(StageBuffers, FloatRowsAreRowBytesApart) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < 2; ++i)
    for (size_t j = 0; j < 3; ++j)
      put(bytes, i * 64 + j * 4, float(10 * i + j));
  auto type = rowsOf(3, mlir::Float32Type::get(&context));
  auto stored = rowsFromBytes(type, backend, bytes, 2, 64);
  ASSERT_TRUE(bool(stored));
  EXPECT_THAT(stored->rows.values, ElementsAre(0, 1, 2, 10, 11, 12));
  auto tooMany = rowsFromBytes(type, backend, bytes, 3, 64);
  EXPECT_EQ(llvm::toString(tooMany.takeError()), "a buffer has 76 bytes, 3 rows of 12 are in it");
}

TEST_F(StageBuffers, QuantizedRowsAreCodesScalesSums) {
  // 20 columns in blocks of 16: codes padded to 32, then two scales, then two sums.
  std::vector<uint8_t> bytes(64);
  for (size_t j = 0; j < 20; ++j)
    bytes[j] = uint8_t(int8_t(j) - 5);
  put(bytes, 32, 0.5f);
  put(bytes, 36, 2.0f);
  put(bytes, 40, 20.0f);
  put(bytes, 44, 100.0f);
  BlockFormat format = *BlockFormat::parse("s8, 16, scale = f32", nullptr);
  auto stored = rowsFromBytes(rowsOf(20, phiq::BlockType::get(&context, format)), backend, bytes, 1, 64);
  ASSERT_TRUE(bool(stored));
  EXPECT_EQ(stored->rows.values[0], -2.5f);
  EXPECT_EQ(stored->rows.values[19], 28.0f);
  EXPECT_THAT(stored->rows.scales, ElementsAre(0.5f, 2));
  EXPECT_THAT(stored->sums, ElementsAre(20, 100));

  Rows expected = stored->rows;
  expected.leastCodes = expected.greatestCodes = expected.codes;
  expected.scaleError = {0, 0};
  EXPECT_EQ(compareRows(*stored, expected).ratio, 0);
  // A tie allows one of two codes, on one side.
  expected.codes[3] += 1;
  expected.greatestCodes[3] += 1;
  EXPECT_EQ(compareRows(*stored, expected).ratio, 0.5);
  expected.leastCodes[3] += 1;
  Divergence code = compareRows(*stored, expected);
  EXPECT_TRUE(code.ratio > 1 && code.what == "code" && code.column == 3);
  stored->rows.codes[3] += 1;
  Divergence sum = compareRows(*stored, expected);
  EXPECT_TRUE(sum.ratio > 1 && sum.what == "block sum" && sum.column == 0) << sum.what;
}

TEST_F(StageBuffers, CachesHaveTheirOrders) {
  CacheState cache;
  cache.heads = 2;
  cache.headDim = 2;
  cache.element = Scalar::F16;
  constexpr int64_t context = 32;
  std::vector<uint8_t> keys(2 * context * 2 * 2), values = keys;
  for (size_t head = 0; head < 2; ++head)
    for (size_t t = 0; t < context; ++t)
      for (size_t d = 0; d < 2; ++d) {
        uint16_t bits = floatToHalf(float(100 * head + 10 * d) + float(t));
        put(keys, 2 * (((head * (context / 8) + t / 8) * 2 + d) * 8 + t % 8), bits);
        put(values, 2 * ((head * context + t) * 2 + d), bits);
      }
  auto layout = plan::CacheLayoutAttr::get(&this->context, /*strips=*/2, /*key_group=*/8, /*value_group=*/1, 32);
  auto k = keysFromBytes(cache, layout, keys, context, 10), v = valuesFromBytes(cache, layout, values, context, 10);
  ASSERT_TRUE(bool(k) && bool(v));
  EXPECT_EQ(k->values, v->values);
  EXPECT_EQ(k->row(9)[3], 119);
  // What was there before must not change; what is new has its bound.
  Rows before = *k, expected = *k;
  expected.error.assign(expected.values.size(), 0.25);
  expected.row(9)[3] += 0.5f;
  EXPECT_EQ(compareCache(*k, expected, before, 9, /*isHalf=*/true).ratio, 2);
  before.row(2)[1] += 1;
  Divergence changed = compareCache(*k, expected, before, 9, /*isHalf=*/true);
  EXPECT_TRUE(std::isinf(changed.ratio) && changed.what == "earlier position" && changed.row == 2);
}

TEST_F(StageBuffers, HeadsMayLieSideBySide) {
  CacheState cache;
  cache.heads = 2;
  cache.headDim = 2;
  cache.element = Scalar::F32;
  constexpr int64_t context = 8;
  std::vector<uint8_t> keys(4 * 2 * context * 2), values = keys;
  for (size_t head = 0; head < 2; ++head)
    for (size_t t = 0; t < context; ++t)
      for (size_t d = 0; d < 2; ++d) {
        const float number = float(100 * head + 10 * d) + float(t);
        put(keys, 4 * ((t * 2 + head) * 2 + d), number);
        put(values, 4 * ((t / 4 * 4 + head * 2 + d) * 4 + t % 4), number);
      }
  auto layout = plan::CacheLayoutAttr::get(&this->context, /*strips=*/1, /*key_group=*/1, /*value_group=*/4, 8);
  auto k = keysFromBytes(cache, layout, keys, context, 7), v = valuesFromBytes(cache, layout, values, context, 7);
  ASSERT_TRUE(bool(k) && bool(v));
  EXPECT_EQ(k->row(6)[3], 116);
  EXPECT_EQ(k->values, v->values);
}

TEST_F(StageBuffers, NotANumberDiverges) {
  StoredRows got;
  got.rows = Rows(1, 2);
  Rows expected = got.rows;
  expected.error = {1, 1};
  got.rows.values[1] = NAN;
  Divergence worst = compareRows(got, expected);
  EXPECT_TRUE(std::isinf(worst.ratio) && worst.column == 1);
}

} // namespace
