//===- TileTable.cpp - Sizes of a level's tiles ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/TileTable.h"
#include <charconv>

namespace phic {

TileTable tileTableOf(const CpuTarget &target) { return {target.tiles[0], target.tiles[1], target.tiles[2]}; }

std::string TileLimit::str() const {
  return (step == 1 ? "an integer" : "a multiple of " + std::to_string(step)) + " from " + std::to_string(step) +
         " to " + std::to_string(most);
}

std::string tileTableText(const TileTable &table) {
  std::string text;
  for (MClass mClass : kMClasses) {
    text += (text.empty() ? "" : "/") + std::string(mClassName(mClass));
    for (const TileLimit &limit : kTileLimits)
      text += (&limit == kTileLimits ? ":" : "x") + std::to_string(table[unsigned(mClass)].*limit.size);
  }
  return text;
}

std::optional<TileTable> parseTileTable(std::string_view text, const CpuTarget &target) {
  TileTable table = tileTableOf(target);
  std::string_view rest = text;
  for (TileShape &shape : table)
    for (const TileLimit &limit : kTileLimits) {
      const size_t digits = rest.find_first_of("0123456789");
      if (digits == std::string_view::npos)
        return std::nullopt;
      rest.remove_prefix(digits);
      auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), shape.*limit.size);
      if (error != std::errc() || !limit.holds(shape.*limit.size))
        return std::nullopt;
      rest.remove_prefix(size_t(end - rest.data()));
    }
  // What lies between the numbers is right if the text comes out again.
  return tileTableText(table) == text ? std::optional(table) : std::nullopt;
}

} // namespace phic
