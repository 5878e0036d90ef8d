//===- TileTableTest.cpp - Tables of tiles as text -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/TileTable.h"
#include "gtest/gtest.h"

using namespace phic;

namespace {

TEST(TileTable, TextsOfAllLevelsRoundTrip) {
  for (const CpuTarget &target : cpuLevels())
    EXPECT_EQ(parseTileTable(tileTableText(tileTableOf(target)), target), tileShapesOf(target)) << target.name;
}

TEST(TileTable, SizesAreTaken) {
  std::optional<TileShapes> shapes =
      parseTileTable("decode:64x1x1/verify:32x8x4/prefill:128x256x64", defaultCpuLevel());
  ASSERT_TRUE(shapes);
  EXPECT_EQ((*shapes)[0].columns, 64);
  EXPECT_EQ((*shapes)[1].rows, 8);
  EXPECT_EQ((*shapes)[2].attendRows, 64);
}

// Results would depend on it: it is not in the text.
TEST(TileTable, AttendKeysAreTheLevels) {
  for (const CpuTarget &target : cpuLevels())
    EXPECT_EQ((*parseTileTable("decode:64x1x1/verify:32x8x4/prefill:128x256x64", target))[2].attendKeys,
              target.tiles[2].attendKeys);
}

TEST(TileTable, ParsingIsStrict) {
  for (const char *text :
       {"", "decode:32x1x1", "decode:32x1x1/verify:64x64x16/prefill:64x64x16/",
        "decode:32x1x1/verify:64x64x16/prefill:64x64", "decode:32x1x1/prefill:64x64x16/verify:64x64x16",
        "decode:33x1x1/verify:64x64x16/prefill:64x64x16", "decode:32x0x1/verify:64x64x16/prefill:64x64x16",
        "decode:32x1x1/verify:64x64x16/prefill:64x257x16",
        "decode:32x1x1/verify:64x64x16/prefill:64x64x99999999999999999999",
        "decode:032x1x1/verify:64x64x16/prefill:64x64x16"})
    EXPECT_FALSE(parseTileTable(text, defaultCpuLevel())) << text;
}

} // namespace
