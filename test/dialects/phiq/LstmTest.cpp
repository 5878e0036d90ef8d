//===- LstmTest.cpp - Steps of an LSTM done by hand ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "OneOpModel.h"
#include "gmock/gmock.h"
#include <cmath>

using namespace phic;
using testing::Each;
using testing::ElementsAre;
using testing::FloatEq;
using testing::Le;

namespace {

using Lstm = phic::test::OneOpModel;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// All gates half open, nothing added: the cell halves.
TEST_F(Lstm, HalvesItsCell) {
  auto states = [&](const std::string &attributes) {
    return run({"tensor<2x1x4xf32>", "tensor<4x1xf32>", "tensor<1x1xf32>"},
               "lstm %a0, %a1, %a2, %a2 " + attributes +
                   " : (tensor<2x1x4xf32>, tensor<4x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>)",
               "tensor<2x2x1x1xf32>", {floats({0, 0, 0, 0, 0, 0, 0, 0}), floats({0, 0, 0, 0}), floats({1})});
  };
  const float first = float(std::tanh(0.5) / 2), second = float(std::tanh(0.25) / 2);
  Rows forward = states("");
  EXPECT_THAT(forward.values, ElementsAre(FloatEq(first), 0.5f, FloatEq(second), 0.25f));
  EXPECT_THAT(forward.error, Each(Le(1e-6)));
  EXPECT_THAT(states("{reverse}").values, ElementsAre(FloatEq(second), 0.25f, FloatEq(first), 0.5f));
}

/// The state before times R, peepholes, clip and a forget gate that follows the input gate.
TEST_F(Lstm, OfOneStep) {
  Rows y = run({"tensor<1x1x4xf32>", "tensor<4x1xf32>", "tensor<1x1xf32>", "tensor<1x1xf32>", "tensor<3xf32>"},
               "lstm %a0, %a1, %a2, %a3 peepholes %a4 {clip = 1.5 : f32, input_forget} : (tensor<1x1x4xf32>, "
               "tensor<4x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>, tensor<3xf32>)",
               "tensor<1x2x1x1xf32>",
               {floats({0.5f, 0.25f, 9, 4}), floats({1, 2, 3, 4}), floats({0.5f}), floats({-1}), floats({1, 2, 3})});
  const double in = sigmoid(0.5 + 0.5 - 1), cell = (1 - in) * -1 + in * std::tanh(1.5);
  const double out = sigmoid(std::min(0.25 + 1 + 2 * cell, 1.5));
  EXPECT_THAT(y.values, ElementsAre(FloatEq(float(out * std::tanh(cell))), FloatEq(float(cell))));
}

/// 1 and -0.3 are quantized by the scale 1.3 / 255: they are 196 and -59 of its steps.
TEST_F(Lstm, OfCodes) {
  Rows y = run({"tensor<1x1x8xf32>", "tensor<8x2xui8>", "tensor<1x2xf32>", "tensor<1x2xf32>", "tensor<8xf32>"},
               "lstm %a0, %a1, %a2, %a3 scales %a4 {zero = 100 : i64} : (tensor<1x1x8xf32>, tensor<8x2xui8>, "
               "tensor<1x2xf32>, tensor<1x2xf32>, tensor<8xf32>)",
               "tensor<1x2x1x2xf32>",
               {floats({0, 0, 0, 0, 0, 0, 0, 0}),
                integers({101, 100, 100, 101, 100, 100, 100, 100, 100, 100, 100, 100, 110, 100, 100, 110}),
                floats({1, -0.3f}), floats({0, 0}), floats({1, 1, 1, 1, 1, 1, 0.1f, 0.1f})});
  const double up = 196 * 1.3 / 255, down = -59 * 1.3 / 255;
  const double first = sigmoid(up) * std::tanh(up), second = sigmoid(down) * std::tanh(down);
  EXPECT_THAT(y.values, ElementsAre(FloatEq(float(std::tanh(first) / 2)), FloatEq(float(std::tanh(second) / 2)),
                                    FloatEq(float(first)), FloatEq(float(second))));
}

} // namespace
