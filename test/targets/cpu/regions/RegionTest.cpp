//===- RegionTest.cpp - Row regions as functions ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/targets/cpu/regions/RegionText.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace phic;
using testing::HasSubstr;

namespace {

std::string addNormQuantize(const std::string &epsilon = "1.0e-5") {
  return "(%x: ROW, %residual: ROW, %gamma: VECTOR) -> (ROW, Q32) {\n"
         "  %0 = arith.addf %x, %residual : ROW\n"
         "  %1 = phiq.rms_norm %0, %gamma {epsilon = " +
         epsilon +
         " : f32} : ROW, VECTOR\n"
         "  %2 = phiq.quantize %1 : ROW -> Q32\n"
         "  return %0, %2 : ROW, Q32\n}";
}

TEST(Region, ReadsItsFunction) {
  ParsedRegion region(addNormQuantize(), 576);
  ASSERT_TRUE(region.region) << region.why;
  EXPECT_EQ(region->columns, 576);
  EXPECT_EQ(region->inputs.size(), 3u);
  EXPECT_EQ(region->argumentCount(), 7u);
  EXPECT_EQ(region->outputs[0].element, Scalar::F32);
  EXPECT_EQ(region->outputs[1].block, 32);
  EXPECT_TRUE(region->outputs[1].value.getDefiningOp<phiq::RmsNormOp>()) << "as floats";
}

TEST(Region, ReadsStoredFloats) {
  ParsedRegion head("(%x: HALF {phic.step = 8 : i64}, %cos: tensor<1x16xf32>) -> (HALF {phic.step = 8 : i64}) {\n"
                    "  %0 = arith.extf %x : HALF to ROW\n"
                    "  %1 = phiq.rope %0, %cos, %cos {head_dim = 96 : i64} : ROW, tensor<1x16xf32>, tensor<1x16xf32>\n"
                    "  %2 = arith.truncf %1 : ROW to HALF\n"
                    "  return %2 : HALF\n}",
                    96);
  ASSERT_TRUE(head.region) << head.why;
  EXPECT_EQ(head->inputs[0].element, Scalar::F16);
  EXPECT_EQ(head->inputs[0].step, 8);
  EXPECT_EQ(head->inputs[1].length, 16);
  EXPECT_EQ(head->outputs[0].element, Scalar::F16);
  EXPECT_EQ(head->outputs[0].step, 8);
  EXPECT_TRUE(head->rope());
}

TEST(Region, NameFollowsContent) {
  ParsedRegion region(addNormQuantize(), 576);
  EXPECT_THAT(region->name(), testing::MatchesRegex("add_rms_norm_f32_q32_576_[0-9a-f]+"));
  EXPECT_EQ(region->name(), ParsedRegion(addNormQuantize(), 576)->name());
  EXPECT_NE(region->name(), ParsedRegion(addNormQuantize("1.0e-6"), 576)->name());
}

TEST(Region, RefusesWhatIsNone) {
  const std::string rope = "phiq.rope %x, %t, %t {head_dim = COLUMNS : i64} : ROW, tensor<1x4xf32>, tensor<1x4xf32>\n";
  const std::pair<std::string, const char *> cases[] = {
      {"(%x: ROW) { return }", "returns something"},
      {"(%x: tensor<1x8xi32>) -> tensor<1x8xi32> { return %x : tensor<1x8xi32> }", "an input is a row"},
      {"(%x: tensor<2x8xf32>) -> tensor<2x8xf32> { return %x : tensor<2x8xf32> }", "an input is a row"},
      {"(%x: ROW {phic.step = 0 : i64}) -> ROW { return %x : ROW }", "an input is a row"},
      {"(%x: ROW) -> (ROW {phic.step = 0 : i64}) { return %x : ROW }", "step is positive"},
      {"(%x: VECTOR) -> VECTOR { return %x : VECTOR }", "a whole row"},
      {"(%x: BRAIN) -> BRAIN { return %x : BRAIN }", "f32, f16 or quantized"},
      {"(%x: ROW) -> ROW { %0 = arith.divf %x, %x : ROW  return %0 : ROW }", "arith.divf is no operation of a region"},
      {"(%x: ROW) -> ROW { %0 = phiq.columns %x from 0 : ROW -> ROW  return %0 : ROW }",
       "phiq.columns is no operation of a region"},
      {"(%x: ROW, %t: tensor<1x4xf32>) -> Q32 { %0 = " + rope + "%1 = phiq.quantize %0 : ROW -> Q32  return %1 : Q32 }",
       "not quantized"},
      {"(%x: ROW, %t: tensor<1x4xf32>, %g: VECTOR) -> ROW { %0 = " + rope +
           "%1 = phiq.rms_norm %0, %g {epsilon = 1.0e-5 : f32} : ROW, VECTOR  return %1 : ROW }",
       "phiq.rms_norm cannot follow a rope"},
      {"(%x: ROW, %t: tensor<1x4xf32>) -> (ROW, ROW) { %0 = " + rope + "%1 = " + rope + "return %0, %1 : ROW, ROW }",
       "one rope"},
      {"(%x: ROW) -> ROW { %0 = phiq.quantize %x : ROW -> Q32  %1 = phiq.dequantize %0 : Q32 -> ROW  return %1 : ROW }",
       "makes a region's result only"},
      {"(%x: ROW) -> HALF { %0 = phiq.silu %x : ROW  %1 = arith.truncf %0 : ROW to HALF  %2 = arith.extf %1 : HALF to "
       "ROW  return %1 : HALF }",
       "makes a region's result only"},
      {"(%x: ROW) -> tensor<1x8x!phiq.block<s8, 8, scale = f32>> { %0 = phiq.quantize %x : ROW -> "
       "tensor<1x8x!phiq.block<s8, 8, scale = f32>>  return %0 : tensor<1x8x!phiq.block<s8, 8, scale = f32>> }",
       "blocks of 16 or 32"},
  };
  for (const auto &[text, message] : cases) {
    ParsedRegion region(text, 8);
    EXPECT_FALSE(region.region) << text;
    EXPECT_THAT(region.why, HasSubstr(message)) << text;
  }
}

} // namespace
