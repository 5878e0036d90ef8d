//===- MapsOfRows.h - Maps of rows in scratch memory -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What becomes of rows that a tile of a stage has made: each in vectors, and what is left of it in narrower ones. A long chain
// of maps is some loops, each of which leaves what it makes where its operand lay.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_MAPSOFROWS_H
#define PHIC_TARGETS_CPU_KERNELS_MAPSOFROWS_H

#include "targets/cpu/kernels/GridEmitter.h"

namespace phic {

/// Some rows of what an op makes, as its maps read it: elements [column, column + width), words `rowBytes` apart.
struct TileRows {
  mlir::Value made;
  mlir::Value first; ///< row 0's number among all of them
  mlir::Value column;
  int64_t width;
  mlir::Value words;
  int64_t rowBytes;
};

/// The stage's results of `count` rows, by the maps behind the op; `most`: rows of any tile.
void emitResultsOfRows(GridEmitter &g, const TileRows &rows, llvm::ArrayRef<phiq::MapOp> maps, mlir::Value count,
                       int64_t most);
/// The maps of rows [begin, end), which are whole: what the last makes is left in its place, in elements of its type. They may
/// be done to what lies between rows, too.
void emitMapsInPlace(GridEmitter &g, const TileRows &rows, llvm::ArrayRef<phiq::MapOp> maps, mlir::Value begin,
                     mlir::Value end);

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_MAPSOFROWS_H
