//===- WindowsTest.cpp - Windows on numbers done by hand -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Windows.h"
#include "test/dialects/phiq/GridModel.h"

using namespace phic;
using namespace phic::test;
using testing::Each;
using testing::ElementsAre;
using testing::Lt;

namespace {

class WindowsTest : public GridModel {};

TEST_F(WindowsTest, MaxPool) {
  // Two channels of 2 x 3; windows of 2 x 2, a column of padding on the left, two elements apart along the row.
  Rows x = floats({1, -1, 5, -5, 2, -2, 4, -4, 3, -3, 6, -6});
  x.error = {0, 0, 0, 0, 0, 0, 0, 0, 0.5, 0.25, 0, 0};
  Rows y = run("tensor<1x2x3x2xf32>",
               "pool max %a {kernel = array<i64: 2, 2>, strides = array<i64: 1, 2>, pads = array<i64: 0, 1, 0, 0>, "
               "dilations = array<i64: 1, 2>} : tensor<1x2x3x2xf32>",
               "tensor<1x1x1x2xf32>", x);
  // The window's columns are -1 and 1: 5 and 3, -5 and -3.
  EXPECT_THAT(y.values, ElementsAre(5, -3));
  EXPECT_THAT(y.error, ElementsAre(0.5, 0.25));
}

TEST_F(WindowsTest, MaxPoolOfNan) {
  Rows y = run("tensor<1x4x1xf32>",
               "pool max %a {kernel = array<i64: 2>, strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = "
               "array<i64: 1>} "
               ": tensor<1x4x1xf32>",
               "tensor<1x2x1xf32>", floats({kNan, 1, kNan, kNan}));
  EXPECT_THAT(y.values, ElementsAre(1, -kInfinity));
}

/// The last window has one element of x, one of the pads and one beyond them.
TEST_F(WindowsTest, MeanWithAndWithoutPads) {
  auto mean = [&](const std::string &more) {
    return run("tensor<1x4x1xf32>",
               "pool mean %a {kernel = array<i64: 3>, strides = array<i64: 3>, pads = array<i64: 0, 1>, dilations = "
               "array<i64: "
               "1>" +
                   more + "} : tensor<1x4x1xf32>",
               "tensor<1x2x1xf32>", floats({1, 2, 6, 4}));
  };
  EXPECT_THAT(mean("").values, ElementsAre(3, 4));
  EXPECT_THAT(mean(", count_pads").values, ElementsAre(3, 2));
  EXPECT_THAT(mean("").error, Each(Lt(5e-6)));
}

TEST_F(WindowsTest, Depthwise) {
  Rows y = run("tensor<1x3x2xf32>",
               "depthwise %a, %i {strides = array<i64: 1>, pads = array<i64: 1, 0>, dilations = array<i64: 1>} : "
               "tensor<1x3x2xf32>, tensor<2x2xf32>",
               "tensor<1x3x2xf32>", floats({1, 2, 3, 4, 5, 6}), floats({10, 1, 100, -1}), "tensor<2x2xf32>");
  EXPECT_THAT(y.values, ElementsAre(100, -2, 310, -2, 530, -2));
  EXPECT_THAT(y.error, Each(Lt(2e-4)));
}

/// What is not in x adds nothing, whatever the zero point.
TEST_F(WindowsTest, DepthwiseOfCodes) {
  Rows y =
      run("tensor<1x2x2xui8>",
          "depthwise %a, %i x_zero %z : tensor<ui8> {strides = array<i64: 1>, pads = array<i64: 1, 0>, dilations = "
          "array<i64: 1>} : tensor<1x2x2xui8>, tensor<2x2xi8>",
          "tensor<1x2x2xi32>", integers({130, 255, 127, 0}), integers({1, 2, 3, -128}), "tensor<2x2xi8>",
          "%z = phiq.constant dense<128> : tensor<ui8>");
  EXPECT_THAT(y.integers, ElementsAre(6, 127 * -128, 2 - 3, 254 + 128 * 128));
}

TEST_F(WindowsTest, ConvTranspose) {
  Rows y = run("tensor<1x2x1xf32>",
               "conv_transpose %a, %i {strides = array<i64: 2>, pads = array<i64: 1>, dilations = array<i64: 1>, "
               "groups = 1 : i64} : "
               "tensor<1x2x1xf32>, tensor<3x1x1xf32>",
               "tensor<1x5x1xf32>", floats({1, 10}), floats({1, 2, 3}), "tensor<3x1x1xf32>");
  // 1 2 3 + . . 10 20 30, without the first, and one more.
  EXPECT_THAT(y.values, ElementsAre(2, 13, 20, 30, 0));
  EXPECT_THAT(y.error, Each(Lt(1e-5)));
}

TEST_F(WindowsTest, ConvTransposeInGroups) {
  Rows y = run("tensor<1x1x2xf32>",
               "conv_transpose %a, %i {strides = array<i64: 1>, pads = array<i64: 0>, dilations = array<i64: 1>, "
               "groups = 2 : i64} : "
               "tensor<1x1x2xf32>, tensor<1x2x2xf32>",
               "tensor<1x1x4xf32>", floats({1, 10}), floats({1, 2, 3, 4}), "tensor<1x2x2xf32>");
  EXPECT_THAT(y.values, ElementsAre(1, 2, 30, 40));
}

TEST_F(WindowsTest, Resample) {
  Rows x = floats({1, 2, 3, 4});
  x.error = {0, 0, 0, 0.5};
  Rows y = run("tensor<2x2xf32>",
               "resample %a, %t, %i {axis = 0 : i64} : (tensor<2x2xf32>, tensor<3x2xi32>, tensor<3x2xf32>)",
               "tensor<3x2xf32>", x, floats({1, 0, 0.5, 0.5, 0.25, 0.75}), "tensor<3x2xf32>",
               "%t = phiq.constant dense<[[-1, 0], [0, 1], [1, 9]]> : tensor<3x2xi32>");
  EXPECT_THAT(y.values, ElementsAre(1, 2, 2, 3, 3, 4));
  EXPECT_NEAR(y.error[3], 0.25, 1e-6);
  EXPECT_NEAR(y.error[5], 0.5, 2e-6);
}

/// Ahead of a window of three, two apart: two before x, and two behind it in pads of one.
TEST_F(WindowsTest, PlacesAlongAnAxis) {
  const WindowAxis axis = {.size = 5, .windows = 3, .kernel = 3, .stride = 3, .dilation = 2, .before = 3, .after = 1};
  EXPECT_EQ(axis.first(0), 2);
  EXPECT_EQ(axis.end(0), 3);
  EXPECT_EQ(axis.first(2), 0);
  EXPECT_EQ(axis.end(2), 1);
  EXPECT_EQ(axis.withPads(2), 2);
}

} // namespace
