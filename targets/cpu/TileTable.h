//===- TileTable.h - Sizes of a level's tiles ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Targets.def has a table for each level; `phic tune` finds a machine's own. Results
// do not depend on it, bit for bit: what they would depend on (attendKeys) is the
// level's, always.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_TILETABLE_H
#define PHIC_TARGETS_CPU_TILETABLE_H

#include "targets/cpu/CpuTarget.h"
#include <array>
#include <optional>
#include <string>

namespace phic {

/// By MClass.
using TileTable = std::array<TileShape, 3>;

/// That of Targets.def.
TileTable tileTableOf(const CpuTarget &target);

/// What one of a shape's sizes may be: a multiple of `step` in [step, most].
struct TileLimit {
  std::string_view name;              ///< "columns", "rows", "attend_rows"
  int64_t TileShape::*size;
  int64_t step, most;
  bool holds(int64_t value) const { return value >= step && value <= most && value % step == 0; }
  std::string str() const;            ///< "a multiple of 8 from 8 to 512"
};
inline constexpr TileLimit kTileLimits[] = {{"columns", &TileShape::columns, 8, 512},
                                            {"rows", &TileShape::rows, 1, 256},
                                            {"attend_rows", &TileShape::attendRows, 1, 64}};

/// `decode:32x1x1/verify:64x64x16/prefill:64x64x16`, in the order of kTileLimits; parse accepts exactly what it emits.
std::string tileTableText(const TileTable &table);
std::optional<TileTable> parseTileTable(std::string_view text, const CpuTarget &target);

} // namespace phic

#endif // PHIC_TARGETS_CPU_TILETABLE_H
