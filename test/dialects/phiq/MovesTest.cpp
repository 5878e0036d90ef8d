//===- MovesTest.cpp - Moves on numbers done by hand -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Moves.h"

#include "OneOpModel.h"
#include "gmock/gmock.h"

using namespace phic;
using testing::ElementsAre;

namespace {

using Moves = phic::test::OneOpModel;

TEST_F(Moves, Permute) {
  Rows x = floats({1, 2, 3, 4, 5, 6});
  x.error = {0, 0.5, 0, 0, 0, 0};
  Rows y = run({"tensor<2x3xf32>"}, "permute %a0 {order = array<i64: 1, 0>} : tensor<2x3xf32>", "tensor<3x2xf32>", {x});
  EXPECT_THAT(y.values, ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THAT(y.error, ElementsAre(0, 0, 0.5, 0, 0, 0));
}

TEST_F(Moves, SliceBackward) {
  Rows y =
      run({"tensor<2x3xf32>"}, "slice %a0 {starts = array<i64: 0, 2>, steps = array<i64: 1, -2>} : tensor<2x3xf32>",
          "tensor<2x2xf32>", {floats({1, 2, 3, 4, 5, 6})});
  EXPECT_THAT(y.values, ElementsAre(3, 1, 6, 4));
}

TEST_F(Moves, ConcatTwice) {
  Rows x = integers({1, 2, 3, 4});
  Rows y = run({"tensor<2x2xi64>"}, "concat %a0, %a0 {axis = 1 : i64} : (tensor<2x2xi64>, tensor<2x2xi64>)",
               "tensor<2x4xi64>", {x});
  EXPECT_THAT(y.integers, ElementsAre(1, 2, 1, 2, 3, 4, 3, 4));
}

TEST_F(Moves, Broadcast) {
  Rows y = run({"tensor<2x1xf32>"}, "broadcast %a0 : tensor<2x1xf32>", "tensor<2x2x2xf32>", {floats({1, 2})});
  EXPECT_THAT(y.values, ElementsAre(1, 1, 2, 2, 1, 1, 2, 2));
}

TEST_F(Moves, PadBeyondTheTensor) {
  auto padded = [&](const std::string &mode) {
    return run({"tensor<3xf32>"}, "pad " + mode + " %a0 {before = array<i64: 4>} : (tensor<3xf32>)", "tensor<10xf32>",
               {floats({1, 2, 3})})
        .values;
  };
  EXPECT_THAT(padded("edge"), ElementsAre(1, 1, 1, 1, 1, 2, 3, 3, 3, 3));
  EXPECT_THAT(padded("reflect"), ElementsAre(1, 2, 3, 2, 1, 2, 3, 2, 1, 2));
  EXPECT_THAT(padded("wrap"), ElementsAre(3, 1, 2, 3, 1, 2, 3, 1, 2, 3));
}

TEST_F(Moves, PadConstant) {
  Rows y = run({"tensor<1x2xf32>", "tensor<f32>"},
               "pad constant %a0, %a1 {before = array<i64: 1, 0>} : (tensor<1x2xf32>, tensor<f32>)", "tensor<3x3xf32>",
               {floats({1, 2}), floats({9})});
  EXPECT_THAT(y.values, ElementsAre(9, 9, 9, 1, 2, 9, 9, 9, 9));
}

/// An index that is not known leads anywhere.
TEST_F(Moves, GatherByIndicesInAndOutOfRange) {
  Rows indices = integers({1, -1, 7, -9});
  indices.error = {0, 0, 0, 1};
  Rows y =
      run({"tensor<3x2xf32>", "tensor<4xi64>"}, "gather %a0, %a1 {axis = 0 : i64} : (tensor<3x2xf32>, tensor<4xi64>)",
          "tensor<4x2xf32>", {floats({1, 2, 3, 4, 5, 6}), indices});
  EXPECT_THAT(y.values, ElementsAre(3, 4, 5, 6, 5, 6, 1, 2));
  const double any = std::numeric_limits<double>::infinity();
  EXPECT_THAT(y.error, ElementsAre(0, 0, 0, 0, 0, 0, any, any));
}

TEST_F(Moves, GatherElements) {
  Rows y = run({"tensor<2x3xf32>", "tensor<2x2xi32>"},
               "gather_elements %a0, %a1 {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2x2xi32>)", "tensor<2x2xf32>",
               {floats({1, 2, 3, 4, 5, 6}), integers({2, 0, -1, 1})});
  EXPECT_THAT(y.values, ElementsAre(3, 1, 6, 5));
}

TEST_F(Moves, GatherNDInBatches) {
  Rows y = run({"tensor<2x2x2xf32>", "tensor<2x1xi64>"},
               "gather_nd %a0, %a1 {batch_dims = 1 : i64} : (tensor<2x2x2xf32>, tensor<2x1xi64>)", "tensor<2x2xf32>",
               {floats({1, 2, 3, 4, 5, 6, 7, 8}), integers({1, 0})});
  EXPECT_THAT(y.values, ElementsAre(3, 4, 5, 6));
}

/// The last of two updates of a row stays.
TEST_F(Moves, ScatterND) {
  Rows y = run({"tensor<3x2xf32>", "tensor<3x1xi64>", "tensor<3x2xf32>"},
               "scatter_nd %a0, %a1, %a2 : (tensor<3x2xf32>, tensor<3x1xi64>, tensor<3x2xf32>)", "tensor<3x2xf32>",
               {floats({1, 2, 3, 4, 5, 6}), integers({-1, 0, -1}), floats({7, 8, 9, 10, 11, 12})});
  EXPECT_THAT(y.values, ElementsAre(9, 10, 3, 4, 11, 12));
}

/// Two boxes of the value an axis, and x.
TEST_F(Moves, PiecesOfAPad) {
  run({"tensor<2x3xf32>", "tensor<f32>"},
      "pad constant %a0, %a1 {before = array<i64: 1, 2>} : (tensor<2x3xf32>, tensor<f32>)", "tensor<4x5xf32>",
      {floats({1, 2, 3, 4, 5, 6}), floats({0})});
  mlir::Operation *pad = nullptr;
  module->walk([&](phiq::PadOp op) { pad = op; });
  llvm::SmallVector<MovePiece> pieces = movePieces(pad);
  ASSERT_EQ(pieces.size(), 5u);
  EXPECT_THAT(pieces[0].shape, ElementsAre(1, 5));
  EXPECT_EQ(pieces[1].toFirst, 15);
  EXPECT_THAT(pieces[2].shape, ElementsAre(2, 2));
  EXPECT_TRUE(pieces[3].isEmpty());
  EXPECT_EQ(pieces[4].toFirst, 7);
  EXPECT_THAT(pieces[4].from, ElementsAre(3, 1));
}

} // namespace
