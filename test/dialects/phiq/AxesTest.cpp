//===- AxesTest.cpp - Ops along axes on numbers done by hand ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/dialects/phiq/GridModel.h"

using namespace phic;
using namespace phic::test;
using testing::Each;
using testing::ElementsAre;
using testing::Lt;

namespace {

class Axes : public GridModel {};

TEST_F(Axes, SumsOfOuterAndInnerAxes) {
  const Rows x = floats({1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_THAT(run("tensor<2x2x2xf32>", "reduce sum %a over [0, 2] : tensor<2x2x2xf32>", "tensor<2xf32>", x).values,
              ElementsAre(14, 22));
  EXPECT_THAT(run("tensor<2x2x2xf32>", "reduce mean %a over [1] : tensor<2x2x2xf32>", "tensor<2x2xf32>", x).values,
              ElementsAre(2, 3, 6, 7));
}

/// What x is off by adds up, and so does rounding: 4 gamma.
TEST_F(Axes, BoundOfASum) {
  Rows x = floats({1, -2});
  x.error = {0.5, 0.25};
  Rows y = run("tensor<2xf32>", "reduce sum %a over [0] : tensor<2xf32>", "tensor<f32>", x);
  EXPECT_THAT(y.values, ElementsAre(-1));
  EXPECT_NEAR(y.error[0], 0.75 + 4 * 0x1p-24 * 4.5, 1e-9);
}

TEST_F(Axes, ReductionsOfNothing) {
  auto of = [&](const std::string &kind) {
    return run("tensor<0x1xf32>", "reduce " + kind + " %a over [0] : tensor<0x1xf32>", "tensor<1xf32>", floats({}))
        .values;
  };
  EXPECT_THAT(of("sum"), ElementsAre(0));
  EXPECT_THAT(of("product"), ElementsAre(1));
  EXPECT_THAT(of("max"), ElementsAre(-kInfinity));
  EXPECT_THAT(of("min"), ElementsAre(kInfinity));
  EXPECT_TRUE(std::isnan(of("mean")[0]));
}

TEST_F(Axes, IntegersWrapAround) {
  const Rows x = integers({INT32_MAX, 2});
  EXPECT_THAT(run("tensor<2xi32>", "reduce sum %a over [0] : tensor<2xi32>", "tensor<i32>", x).integers,
              ElementsAre(INT32_MIN + 1));
  EXPECT_THAT(run("tensor<2xi32>", "reduce product %a over [0] : tensor<2xi32>", "tensor<i32>", x).integers,
              ElementsAre(-2));
  EXPECT_THAT(
      run("tensor<2xui8>", "reduce min %a over [0] : tensor<2xui8>", "tensor<ui8>", integers({200, 100})).integers,
      ElementsAre(100));
}

TEST_F(Axes, MaximumOfNan) {
  Rows y = run("tensor<2x2xf32>", "reduce max %a over [1] : tensor<2x2xf32>", "tensor<2xf32>", floats({1, kNan, 1, 3}));
  EXPECT_TRUE(std::isnan(y.values[0]));
  EXPECT_EQ(y.values[1], 3);
}

TEST_F(Axes, FirstAndLastOfTheGreatest) {
  const Rows x = floats({3, 1, 3, kNan, -kInfinity, kNan});
  EXPECT_THAT(run("tensor<2x3xf32>", "arg max %a over 1 : tensor<2x3xf32>", "tensor<2xi64>", x).integers,
              ElementsAre(0, 0));
  EXPECT_THAT(run("tensor<2x3xf32>", "arg max %a over 1 last : tensor<2x3xf32>", "tensor<2xi64>", x).integers,
              ElementsAre(2, 2));
  EXPECT_THAT(run("tensor<2x3xf32>", "arg min %a over 0 : tensor<2x3xf32>", "tensor<3xi64>", x).integers,
              ElementsAre(0, 1, 0));
}

/// Numbers that doubles do not tell apart.
TEST_F(Axes, GreatestOfLongIntegers) {
  Rows y =
      run("tensor<2xi64>", "arg max %a over 0 : tensor<2xi64>", "tensor<i64>", integers({INT64_MAX - 1, INT64_MAX}));
  EXPECT_THAT(y.integers, ElementsAre(1));
}

/// 2 may be as great as 2.5: the index is off by as much.
TEST_F(Axes, BoundOfAnIndex) {
  Rows x = floats({2, 0, 2.5});
  x.error = {0.25, 0, 0.25};
  EXPECT_THAT(run("tensor<3xf32>", "arg max %a over 0 : tensor<3xf32>", "tensor<i64>", x).error, ElementsAre(2));
  x.error = {0.25, 0, 0.125};
  EXPECT_THAT(run("tensor<3xf32>", "arg max %a over 0 : tensor<3xf32>", "tensor<i64>", x).error, ElementsAre(0));
}

TEST_F(Axes, Softmax) {
  const float log = std::log(2.0f);
  Rows y = run("tensor<1x2xf32>", "softmax %a : tensor<1x2xf32>", "tensor<1x2xf32>", floats({log, 0}));
  EXPECT_THAT(y.values, ElementsAre(testing::FloatEq(2.0f / 3), testing::FloatEq(1.0f / 3)));
  EXPECT_THAT(y.error, Each(Lt(2e-6)));
  y = run("tensor<1x2xf32>", "softmax log %a : tensor<1x2xf32>", "tensor<1x2xf32>", floats({1000, 0}));
  EXPECT_THAT(y.values, ElementsAre(0, -1000));
  y = run("tensor<1x2xf32>", "softmax %a : tensor<1x2xf32>", "tensor<1x2xf32>", floats({1, -1e30f}));
  EXPECT_THAT(y.values, ElementsAre(1, 0));
  EXPECT_LT(y.error[1], 1e-20);
}

/// Of a share the greatest and the least that x within its errors makes: 2 e^0.5 / (2 e^0.5 + 1) and the like.
TEST_F(Axes, BoundOfASoftmax) {
  Rows x = floats({std::log(2.0f), 0});
  x.error = {0.5, 0};
  const double share = 2.0 / 3, least = 2 * std::exp(-0.5) / (2 * std::exp(-0.5) + 1),
               log = std::log(2 * std::exp(0.5) + 1) - std::log(3);
  Rows y = run("tensor<1x2xf32>", "softmax %a : tensor<1x2xf32>", "tensor<1x2xf32>", x);
  EXPECT_NEAR(y.error[0], share - least, 1e-5);
  EXPECT_NEAR(y.error[1], share - least, 1e-5);
  y = run("tensor<1x2xf32>", "softmax log %a : tensor<1x2xf32>", "tensor<1x2xf32>", x);
  EXPECT_NEAR(y.error[0], 0.5 + log, 1e-5);
  EXPECT_NEAR(y.error[1], log, 1e-5);
}

TEST_F(Axes, Normalize) {
  const std::string op = "normalize %a, %i, %i {epsilon = 0.0 : f32} : (tensor<1x2xf32>, tensor<2xf32>, tensor<2xf32>)";
  Rows y = run("tensor<1x2xf32>", op, "tensor<1x2xf32>", floats({1, 3}), floats({2, 5}), "tensor<2xf32>");
  EXPECT_THAT(y.values, ElementsAre(0, 10));
  EXPECT_THAT(y.error, Each(Lt(3e-5)));
}

/// Equal numbers that are off by more than epsilon allows: nothing is known where they count, and nothing is wrong where not.
TEST_F(Axes, BoundOfNormalizedEquals) {
  const std::string op =
      "normalize %a, %i, %i {epsilon = 0x322bcc77 : f32} : (tensor<1x2xf32>, tensor<2xf32>, tensor<2xf32>)";
  Rows x = floats({-1e4f, -1e4f});
  x.error = {1, 1};
  Rows y = run("tensor<1x2xf32>", op, "tensor<1x2xf32>", x, floats({0, 5}), "tensor<2xf32>");
  EXPECT_THAT(y.values, ElementsAre(0, 5));
  EXPECT_LT(y.error[0], 1e-5);
  EXPECT_EQ(y.error[1], std::numeric_limits<double>::infinity());
}

} // namespace
