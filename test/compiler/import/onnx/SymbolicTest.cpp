//===- SymbolicTest.cpp - Lengths and positions evaluate right -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each result that is a formula is also compared with the numbers of concrete lengths.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Symbolic.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace phic::onnx;
using testing::HasSubstr;

namespace {

std::string text(llvm::Expected<Symbolic> value) {
  return value ? value->str() : "error: " + llvm::toString(value.takeError());
}
Symbolic constant(int64_t value) { return Symbolic::scalar({value}); }

int64_t evaluate(const Affine &x, int64_t seq, int64_t past) {
  return x.constant + x.seq * seq + x.past * past + (seq + past > x.threshold ? x.step : 0);
}

TEST(Symbolic, SeqlensAndTotal) {
  Symbolic sum = llvm::cantFail(symbolicReduceSum(Symbolic::mask(), {1}, false));
  EXPECT_EQ(text(symbolicSub(sum, constant(1))), "[past + seq - 1]");
  Symbolic shape = llvm::cantFail(symbolicShape(Symbolic::mask().shape, 0, INT64_MAX));
  EXPECT_EQ(text(symbolicGather(shape, constant(1), 0)), "[past + seq]");
  EXPECT_EQ(text(symbolicGather(shape, constant(-1), 0)), "[past + seq]");
  EXPECT_EQ(text(symbolicGather(shape, constant(2), 0)), "error: picks element 2 of [1, past + seq]");
  EXPECT_EQ(text(symbolicSlice(shape, -1, INT64_MAX)), "[past + seq]");
}

TEST(Symbolic, ComparisonsOfTheTotal) {
  Symbolic total = Symbolic::scalar(kTotal), limit = constant(64);
  struct {
    llvm::Expected<Symbolic> result;
    bool (*meaning)(int64_t);
  } cases[] = {
      {symbolicGreater(total, limit, false), [](int64_t t) { return t > 64; }},
      {symbolicGreater(total, limit, true), [](int64_t t) { return t >= 64; }},
      {symbolicGreater(limit, total, false), [](int64_t t) { return 64 > t; }},
      {symbolicGreater(limit, total, true), [](int64_t t) { return 64 >= t; }},
  };
  for (auto &test : cases) {
    Symbolic result = llvm::cantFail(std::move(test.result));
    for (int64_t t : {1, 63, 64, 65, 100})
      EXPECT_EQ(evaluate(*result.single(), t - 1, 1), test.meaning(t)) << result.str() << " at " << t;
  }
  EXPECT_EQ(text(symbolicGreater(constant(3), constant(2), false)), "[1]");
  EXPECT_THAT(text(symbolicGreater(Symbolic::scalar(kSeq), limit, false)), HasSubstr("is not affine"));
}

TEST(Symbolic, PositionsShiftedIntoASecondTable) {
  Symbolic last = llvm::cantFail(symbolicReduceMax(Symbolic::positions(), {}, false));
  EXPECT_EQ(last.str(), "[past + seq - 1]");
  Symbolic far = llvm::cantFail(symbolicGreater(last, constant(64), true));
  Symbolic shift = llvm::cantFail(symbolicMul(far, constant(64)));
  Symbolic shifted = llvm::cantFail(symbolicAdd(shift, Symbolic::positions()));
  EXPECT_EQ(shifted.str(), "positions from past + 64 * [past + seq > 64]");
  EXPECT_EQ(shifted.shape, Symbolic::positions().shape);
  EXPECT_THAT(text(symbolicMul(far, far)), HasSubstr("is not affine"));
  Symbolic other = llvm::cantFail(symbolicGreater(last, constant(7), true));
  EXPECT_THAT(text(symbolicAdd(far, other)), HasSubstr("is not affine"));
}

TEST(Symbolic, RangesAreKnownByTheirEnds) {
  Symbolic range = llvm::cantFail(symbolicRange(Symbolic::scalar(kPast), Symbolic::scalar(kTotal), constant(1)));
  Symbolic positions = llvm::cantFail(symbolicUnsqueeze(range, {0}));
  EXPECT_EQ(positions, Symbolic::positions());
  EXPECT_EQ(text(symbolicRange(constant(2), constant(5), constant(1))), "[2, 3, 4]");
  EXPECT_EQ(text(symbolicRange(constant(5), constant(2), constant(1))), "[]");
  EXPECT_THAT(text(symbolicRange(constant(0), constant(INT64_MAX), constant(1))), HasSubstr("too long"));
  EXPECT_THAT(text(symbolicRange(constant(INT64_MIN), constant(INT64_MAX), constant(1))), HasSubstr("error"));
}

TEST(Symbolic, ViewsKeepTheSequence) {
  Symbolic shape = llvm::cantFail(symbolicConcat({Symbolic::vector({{1}}), Symbolic::vector({kSeq})}));
  EXPECT_EQ(llvm::cantFail(symbolicReshape(Symbolic::positions(), shape)), Symbolic::positions());
  EXPECT_EQ(llvm::cantFail(symbolicReshape(Symbolic::positions(), Symbolic::vector({{0}, {-1}}))),
            Symbolic::positions());
  EXPECT_THAT(text(symbolicReshape(Symbolic::positions(), Symbolic::vector({kSeq, {1}}))), HasSubstr("error"));
  EXPECT_THAT(text(symbolicSqueeze(Symbolic::positions(), {1})), HasSubstr("removes an axis of length seq"));
  EXPECT_EQ(text(symbolicReshape(Symbolic::vector({{1}, {2}}), Symbolic::vector({{2}, {-1}}))), "[1, 2]");
  EXPECT_THAT(text(symbolicReshape(Symbolic::vector({{1}, {2}}), Symbolic::vector({{3}, {-1}}))), HasSubstr("error"));
}

TEST(Symbolic, OverflowIsNotAffine) {
  EXPECT_THAT(text(symbolicAdd(constant(INT64_MAX), constant(1))), HasSubstr("is not affine"));
  EXPECT_THAT(text(symbolicMul(constant(INT64_MIN), constant(-1))), HasSubstr("is not affine"));
  EXPECT_THAT(text(symbolicSub(constant(0), constant(INT64_MIN))), HasSubstr("is not affine"));
}

} // namespace
