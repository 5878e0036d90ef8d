//===- Tiles.h - Sizes of kernels that may be chosen -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A family may leave sizes of its kernels open: each level has a table of its own,
// `--tiles` brings another one, `phic tune` finds a machine's. Which sizes there are
// is the family's to say (Backend.h); here they are names and numbers. Results do not
// depend on them, bit for bit.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_TILES_H
#define PHIC_TARGETS_TILES_H

#include "targets/Target.h"
#include <array>
#include <string>
#include <vector>

namespace phic {

/// One of a family's sizes: a multiple of `step` in [step, most].
struct TileSize {
  std::string_view name; ///< "columns"
  int64_t step, most;
  bool holds(int64_t value) const { return value >= step && value <= most && value % step == 0; }
  std::string str() const; ///< "a multiple of 8 from 8 to 512"
};

/// By MClass, and there in the order of the family's sizes.
using TileTable = std::array<std::vector<int64_t>, 3>;

/// Whose time a size matters for.
enum class TunedStage : uint8_t { Matmul, Attend };

/// Sizes of one M class that `phic tune` tries together.
struct TileAxis {
  std::string_view name; ///< "decode matmul"
  MClass mClass;
  TunedStage kind;
  std::vector<unsigned> sizes;                  ///< which of the family's
  std::vector<std::vector<int64_t>> candidates; ///< a value for each of `sizes`
};

/// `decode:32x1x1/verify:64x64x16/prefill:64x64x16`.
std::string tileTableText(const TileTable &table);

} // namespace phic

#endif // PHIC_TARGETS_TILES_H
