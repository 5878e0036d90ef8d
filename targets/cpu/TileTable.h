//===- TileTable.h - Sizes of a level's tiles ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Targets.def has the shapes of each level's tiles; `phic tune` finds a machine's own.
// Results do not depend on them, bit for bit: what they would depend on (attendKeys) is
// the level's, always.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_TILETABLE_H
#define PHIC_TARGETS_CPU_TILETABLE_H

#include "targets/Tiles.h"
#include "targets/cpu/CpuTarget.h"
#include <array>
#include <optional>
#include <string>
#include <vector>

namespace phic {

/// By MClass.
using TileShapes = std::array<TileShape, 3>;

/// What may be chosen of a shape, in the order of a TileTable.
inline constexpr TileSize kTileSizes[] = {{"columns", 8, 512}, {"rows", 1, 256}, {"attend_rows", 1, 64}};

/// Those of Targets.def, as shapes and as a table.
TileShapes tileShapesOf(const CpuTarget &target);
TileTable tileTableOf(const CpuTarget &target);

/// The shapes that a table's text stands for; accepts exactly what tileTableText emits.
std::optional<TileShapes> parseTileTable(std::string_view text, const CpuTarget &target);

/// What `phic tune` tries. `verify` is left out: nothing but guesses runs it, and few rows take the time of one.
std::vector<TileAxis> tileAxesOf(const CpuTarget &target);

} // namespace phic

#endif // PHIC_TARGETS_CPU_TILETABLE_H
