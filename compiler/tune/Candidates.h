//===- Candidates.h - What phic tune tries ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_TUNE_CANDIDATES_H
#define PHIC_COMPILER_TUNE_CANDIDATES_H

#include "targets/Backend.h"

namespace phic {

/// The axes of a level, without the sizes that it has already.
std::vector<TileAxis> candidatesFor(const Target &level);

/// An axis's sizes in a table.
std::vector<int64_t> sizesOf(const TileTable &table, const TileAxis &axis);
/// `table` with the axis's sizes.
TileTable withSizes(const TileTable &table, const TileAxis &axis, llvm::ArrayRef<int64_t> sizes);
/// "columns 64, rows 64" or "attend_rows 8".
std::string sizesText(const Backend &backend, const TileAxis &axis, llvm::ArrayRef<int64_t> sizes);

/// The candidate with the least ratio to the time of the level's own sizes, where it is a gain; smaller ones are noise.
inline constexpr double kLeastGain = 0.03;
std::optional<size_t> winner(llvm::ArrayRef<double> ratios);

} // namespace phic

#endif // PHIC_COMPILER_TUNE_CANDIDATES_H
