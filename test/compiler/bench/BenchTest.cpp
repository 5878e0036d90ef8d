//===- BenchTest.cpp - How stages and rates are put together -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/bench/Bench.h"
#include "gtest/gtest.h"

using namespace phic;

namespace {

TEST(Bench, MedianAndBestOfARate) {
  EXPECT_EQ((Rate{{3, 1, 2}}.median()), 2);
  EXPECT_EQ((Rate{{4, 1, 2, 3}}.median()), 2.5);
  EXPECT_EQ((Rate{{3, 1, 2}}.best()), 3);
  EXPECT_EQ(Rate{}.median(), 0);
}

TEST(Bench, StagesOfLayersAreOne) {
  std::vector<StageTime> groups = groupStages({{"embed", 1, 10, {}, 0.5},
                                               {"layers.0.mlp.up", 2, 20, {4, 1}, 1},
                                               {"layers.0.mlp.down", 3, 30, {}, 2},
                                               {"layers.11.mlp.up", 4, 20, {4, 1}, 1}});
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].name, "embed");
  EXPECT_EQ(groups[1].name, "layers.*.mlp.up");
  EXPECT_EQ(groups[1].stages, 2);
  EXPECT_EQ(groups[1].seconds, 6);
  EXPECT_EQ(groups[1].bytes, 40);
  EXPECT_EQ(groups[1].mulAdds.integer, 8);
  EXPECT_EQ(groups[1].mulAdds.real, 2);
  EXPECT_NEAR(groups[1].share(), 2.0 / 6, 1e-12);
  EXPECT_EQ(groups[2].seconds, 3);
}

} // namespace
