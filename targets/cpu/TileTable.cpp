//===- TileTable.cpp - Sizes of a level's tiles ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/TileTable.h"
#include <charconv>

namespace phic {
namespace {

/// Where kTileSizes are in a shape.
constexpr int64_t TileShape::*kPlaces[] = {&TileShape::columns, &TileShape::rows, &TileShape::attendRows};

constexpr int64_t kDecodeColumns[] = {16, 32, 64, 128, 256}, kPrefillColumns[] = {32, 64, 128, 256},
                  kPrefillRows[] = {32, 64, 128}, kAttendRows[] = {4, 8, 16, 32};

TileTable tableOf(const TileShapes &shapes) {
  TileTable table;
  for (size_t mClass = 0; mClass < shapes.size(); ++mClass)
    for (auto place : kPlaces)
      table[mClass].push_back(shapes[mClass].*place);
  return table;
}

} // namespace

TileShapes tileShapesOf(const CpuTarget &target) { return {target.tiles[0], target.tiles[1], target.tiles[2]}; }

TileTable tileTableOf(const CpuTarget &target) { return tableOf(tileShapesOf(target)); }

std::optional<TileShapes> parseTileTable(std::string_view text, const CpuTarget &target) {
  TileShapes shapes = tileShapesOf(target);
  std::string_view rest = text;
  for (TileShape &shape : shapes)
    for (size_t i = 0; i < std::size(kTileSizes); ++i) {
      const size_t digits = rest.find_first_of("0123456789");
      if (digits == std::string_view::npos)
        return std::nullopt;
      rest.remove_prefix(digits);
      auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), shape.*kPlaces[i]);
      if (error != std::errc() || !kTileSizes[i].holds(shape.*kPlaces[i]))
        return std::nullopt;
      rest.remove_prefix(size_t(end - rest.data()));
    }
  // What lies between the numbers is right if the text comes out again.
  return tileTableText(tableOf(shapes)) == text ? std::optional(shapes) : std::nullopt;
}

std::vector<TileAxis> tileAxesOf(const CpuTarget &target) {
  std::vector<TileAxis> axes = {{"decode matmul", MClass::Decode, TunedStage::Matmul, {0, 1}, {}},
                                {"prefill matmul", MClass::Prefill, TunedStage::Matmul, {0, 1}, {}},
                                {"prefill attention", MClass::Prefill, TunedStage::Attend, {2}, {}}};
  for (int64_t columns : kDecodeColumns)
    axes[0].candidates.push_back({columns, target.tile(MClass::Decode).rows});
  for (int64_t columns : kPrefillColumns)
    for (int64_t rows : kPrefillRows)
      axes[1].candidates.push_back({columns, rows});
  for (int64_t rows : kAttendRows)
    axes[2].candidates.push_back({rows});
  return axes;
}

} // namespace phic
