//===- TuneTest.cpp - Files of tiles, and what is tried --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/request/TilesFile.h"
#include "compiler/tune/Candidates.h"
#include "targets/cpu/TileTable.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace phic;
using testing::HasSubstr;

namespace {

std::string errorOf(llvm::StringRef text) {
  auto tiles = parseTiles(text, "t.json");
  return tiles ? "" : llvm::toString(tiles.takeError());
}

TEST(TilesFile, WhatIsWrittenIsRead) {
  TilesOfLevels tiles;
  for (const CpuTarget &target : cpuLevels())
    tiles.emplace(target.name, tileTableOf(target));
  tiles.begin()->second[2].front() = 256;
  auto read = parseTiles(printTiles(tiles), "t.json");
  ASSERT_TRUE(bool(read));
  EXPECT_EQ(*read, tiles);
}

TEST(TilesFile, ErrorsNameThePlace) {
  const std::string shape = R"({"columns": 32, "rows": 1, "attend_rows": 1})";
  auto file = [&](const std::string &decode) {
    return R"({"neon": {"decode": )" + decode + R"(, "verify": )" + shape + R"(, "prefill": )" + shape + "}}";
  };
  EXPECT_EQ(errorOf(file(shape)), "");
  EXPECT_THAT(errorOf("{"), HasSubstr("t.json: "));
  EXPECT_EQ(errorOf("[]"), "t.json: the file should be an object with a table for each level");
  EXPECT_THAT(errorOf(R"({"x86-64-v9": {}})"), HasSubstr("t.json: 'x86-64-v9' should be a level: x86-64-v3, "));
  EXPECT_EQ(errorOf(R"({"neon": {"decode": {}}})"), "t.json: neon should be an object of decode, verify, prefill");
  EXPECT_EQ(errorOf(file(R"({"columns": 32})")),
            "t.json: neon.decode should be an object of columns, rows, attend_rows");
  EXPECT_EQ(errorOf(file(R"({"columns": 12, "rows": 1, "attend_rows": 1})")),
            "t.json: neon.decode.columns should be a multiple of 8 from 8 to 512, not 12");
  EXPECT_EQ(errorOf(file(R"({"columns": 32, "rows": 1, "attend_rows": "1"})")),
            "t.json: neon.decode.attend_rows should be an integer from 1 to 64, not \"1\"");
}

TEST(TileAxes, TryWhatIsNotThereAlready) {
  for (const CpuTarget &target : cpuLevels()) {
    const TileTable own = tileTableOf(target);
    for (const TileAxis &axis : candidatesFor(target)) {
      EXPECT_FALSE(axis.candidates.empty()) << axis.name;
      for (const std::vector<int64_t> &sizes : axis.candidates) {
        const TileTable changed = withSizes(own, axis, sizes);
        EXPECT_NE(changed, own) << axis.name;
        EXPECT_EQ(sizesOf(changed, axis), sizes) << axis.name;
        EXPECT_TRUE(parseTileTable(tileTableText(changed), target)) << axis.name;
      }
    }
  }
}

TEST(TileAxes, TheFastestWinsWhereItIsAGain) {
  EXPECT_EQ(winner({}), std::nullopt);
  EXPECT_EQ(winner({1.5, 1.5, 1.5}), std::nullopt);
  EXPECT_EQ(winner({1.5, 0.98, 1.5}), std::nullopt);
  EXPECT_EQ(winner({1.5, 0.9, 1.5}), 1);
  EXPECT_EQ(winner({1.5, 0.9, 0.8}), 2);
}

} // namespace
