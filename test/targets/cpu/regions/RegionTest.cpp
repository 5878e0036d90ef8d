//===- RegionTest.cpp - Row regions as data --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/regions/Region.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace phic;
using testing::HasSubstr;

namespace {

RegionSpec addNormQuantize() {
  RegionSpec spec(576);
  unsigned x = spec.row(), residual = spec.row(), gamma = spec.row();
  unsigned sum = spec.op(RowOp::Add, {x, residual});
  unsigned norm = spec.op(RowOp::RmsNorm, {sum, gamma}, 1e-5f);
  spec.outputFloats(sum);
  spec.outputQuantized(norm, 32);
  return spec;
}

TEST(Region, PrintsAsOneLine) {
  RegionSpec spec = addNormQuantize();
  EXPECT_EQ(spec.check(), "");
  EXPECT_EQ(spec.str(), "576: %0 = in f32; %1 = in f32; %2 = in f32; %3 = add %0 %1; %4 = rms_norm %3 %2 1e-05; "
                        "out f32 %3; out q32 %4");
  EXPECT_EQ(spec.inputCount(), 3u);
  EXPECT_EQ(spec.argumentCount(), 7u);
}

TEST(Region, NameFollowsContent) {
  RegionSpec spec = addNormQuantize();
  EXPECT_THAT(spec.name(), testing::StartsWith("region_add_rms_norm_f32_q32_576_"));
  EXPECT_EQ(spec.name(), addNormQuantize().name());
  spec.values[4].epsilon = 1e-6f;
  EXPECT_NE(spec.name(), addNormQuantize().name());
}

TEST(Region, RoundTrips) {
  RegionSpec head(96);
  unsigned x = head.row(), cos = head.input(32), sin = head.input(32);
  unsigned turned = head.op(RowOp::RopeInterleaved, {x, cos, sin});
  head.outputFloats(turned, Scalar::F16, 8);
  RegionSpec embed(160);
  embed.outputFloats(embed.row(Scalar::F16, 8));
  RegionSpec snap(96);
  unsigned step = snap.input(1);
  snap.outputFloats(snap.snap(snap.row(), step, -100, 155));
  for (const RegionSpec &spec : {addNormQuantize(), head, embed, snap}) {
    std::string error;
    auto parsed = RegionSpec::parse(spec.str(), &error);
    ASSERT_TRUE(parsed) << error;
    EXPECT_EQ(*parsed, spec);
  }
}

TEST(Region, RefusesWhatIsNone) {
  struct Case {
    const char *text, *message;
  };
  const Case cases[] = {
      {"", "expected a number"},
      {"0: %0 = in f32; out f32 %0", "columns"},
      {"99999999999999999999: %0 = in f32; out f32 %0", "expected a number"},
      {"8 %0 = in f32; out f32 %0", "expected ':'"},
      {"8: %0 = in f32", "has an output"},
      {"8: %1 = in f32; out f32 %1", "expected the definition of %0"},
      {"8: %0 = in u4; out f32 %0", "an input is f32"},
      {"8: %0 = in f32; %1 = warp %0; out f32 %1", "expected an operation"},
      {"8: %0 = in f32; %1 = add %0 %1; out f32 %1", "before its definition"},
      {"8: %0 = in f32; %1 = in f32 x 4; %2 = add %0 %1; out f32 %2", "rows of 8 elements"},
      {"8: %0 = in f32; %1 = in f32 x 5; %2 = rope %0 %1 %1; out f32 %2", "at most half the row"},
      {"8: %0 = in f32; %1 = in f32 x 4; %2 = rope %0 %1 %1; out q32 %2", "not quantized"},
      {"8: %0 = in f32; %1 = in f32 x 4; %2 = rope %0 %1 %1; %3 = rms_norm %2 %0 1e-05; out f32 %3", "cannot follow"},
      {"8: %0 = in f32; %1 = in f32 x 4; %2 = rope %0 %1 %1; %3 = rope %0 %1 %1; out f32 %3", "one rope"},
      {"8: %0 = in f32; out f32 %7", "not defined"},
      {"8: %0 = in f32; out q8 %0", "blocks of 16 or 32"},
      {"8: %0 = in f32;  out f32 %0", "not in the form"},
      {"8: %0 = in f32; %1 = rms_norm %0 %0 nan; out f32 %1", "epsilon"},
      {"8: %0 = in f32; %1 = snap %0 %0 1 9; out f32 %1", "a range around 0"},
      {"8: %0 = in f32; %1 = snap %0 %0 -65537 9; out f32 %1", "a range around 0"},
      {"8: %0 = in f32; %1 = snap %0 %0 -8; out f32 %1", "expected a number"},
      {"8: %0 = in f32; %1 = in f32 x 2; %2 = snap %0 %1 -8 7; out f32 %2", "rows of 8 elements"},
  };
  for (const Case &c : cases) {
    std::string error;
    EXPECT_FALSE(RegionSpec::parse(c.text, &error)) << c.text;
    EXPECT_THAT(error, HasSubstr(c.message)) << c.text;
  }
}

} // namespace
