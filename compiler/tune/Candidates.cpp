//===- Candidates.cpp - What phic tune tries -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/tune/Candidates.h"
#include "llvm/ADT/STLExtras.h"

namespace phic {

std::vector<TileAxis> candidatesFor(const Target &level) {
  const Backend &backend = backendOf(level);
  std::vector<TileAxis> axes = backend.tileAxes(level);
  for (TileAxis &axis : axes)
    llvm::erase(axis.candidates, sizesOf(backend.tilesOf(level), axis));
  return axes;
}

std::vector<int64_t> sizesOf(const TileTable &table, const TileAxis &axis) {
  std::vector<int64_t> sizes;
  for (unsigned size : axis.sizes)
    sizes.push_back(table[unsigned(axis.mClass)][size]);
  return sizes;
}

TileTable withSizes(const TileTable &table, const TileAxis &axis, llvm::ArrayRef<int64_t> sizes) {
  TileTable changed = table;
  for (auto [size, value] : llvm::zip_equal(axis.sizes, sizes))
    changed[unsigned(axis.mClass)][size] = value;
  return changed;
}

std::string sizesText(const Backend &backend, const TileAxis &axis, llvm::ArrayRef<int64_t> sizes) {
  std::string text;
  for (auto [size, value] : llvm::zip_equal(axis.sizes, sizes))
    text += (text.empty() ? "" : ", ") + std::string(backend.tileSizes()[size].name) + " " + std::to_string(value);
  return text;
}

std::optional<size_t> winner(llvm::ArrayRef<double> ratios) {
  auto least = std::min_element(ratios.begin(), ratios.end());
  return least != ratios.end() && *least <= 1 - kLeastGain ? std::optional(size_t(least - ratios.begin()))
                                                           : std::nullopt;
}

} // namespace phic
