//===- Lifetimes.h - When each buffer holds something ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A result of a stage is live from the stage that writes it up to and including
// the last one that reads it: the tiles of a stage run in any order, so that it
// must not write where it reads.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PASSES_LAYOUT_LIFETIMES_H
#define PHIC_PASSES_LAYOUT_LIFETIMES_H

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "targets/Backend.h"

namespace phic {

struct Lifetime {
  mlir::OpResult result;
  unsigned first, last;  ///< indices of stages in the model
  std::optional<unsigned> slot; ///< of the binding that it is, where the model returns it

  plan::StageOp stage() const { return mlir::cast<plan::StageOp>(result.getOwner()); }
  bool overlaps(const Lifetime &other) const { return first <= other.last && other.first <= last; }
};

/// Of every result of every stage, in the order of the stages.
llvm::SmallVector<Lifetime> lifetimesOf(mlir::func::FuncOp model);

/// Bytes from one index of a buffer's first dimension to the next, in this space: a binding's are dense, as the caller has
/// them; in the arena, rows lie as the backend lays them out.
uint64_t rowBytesOf(mlir::Type type, plan::Space space, const Backend &backend);
/// The size of its first dimension; as many rows as a step may have where that is open.
uint64_t mostRowsOf(mlir::Type type, uint64_t chunkRows);

/// Every offset and row of the arena is a multiple of this many bytes, a cache line.
inline constexpr uint64_t kArenaAlignment = 64;

} // namespace phic

#endif // PHIC_PASSES_LAYOUT_LIFETIMES_H
