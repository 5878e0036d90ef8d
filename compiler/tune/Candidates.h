//===- Candidates.h - What phic tune tries ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_TUNE_CANDIDATES_H
#define PHIC_COMPILER_TUNE_CANDIDATES_H

#include "targets/cpu/TileTable.h"
#include <vector>

namespace phic {

/// Whose time a size matters for.
enum class TunedStage : uint8_t { Matmul, Attend };

/// Sizes of one M class that are tried together, and in place of which.
struct TileAxis {
  std::string_view name;       ///< "decode matmul"
  MClass mClass;
  TunedStage kind;
  std::vector<TileShape> shapes;  ///< without `own`
  TileShape own;
};

/// All that is tried beside `table`. `verify` is left out: nothing but guesses runs it, and few rows take the time of one.
std::vector<TileAxis> tileAxes(const TileTable &table);

/// `table` with the axis's sizes from `shape`.
TileTable withShape(const TileTable &table, const TileAxis &axis, const TileShape &shape);
/// "columns 64, rows 64" or "attend_rows 8".
std::string shapeText(const TileAxis &axis, const TileShape &shape);

/// The shape with the least ratio to the time of `own`, where it is a gain; smaller ones are noise.
inline constexpr double kLeastGain = 0.03;
TileShape winner(const TileAxis &axis, const std::vector<double> &ratios);

} // namespace phic

#endif // PHIC_COMPILER_TUNE_CANDIDATES_H
