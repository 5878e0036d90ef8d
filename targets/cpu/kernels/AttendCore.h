//===- AttendCore.h - Attention of one head --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops of phiq.attend for one query head and a run of rows, or for the query heads
// of one row that share a cache, over the cache orders of docs/numerics.md: keys
// [context/8][d][8], values [context][d]. Written
// with plain vectors of 8 lanes, which every CPU target has in one or two registers,
// or of 16.
//
// Keys are taken in blocks that begin at multiples of the block, so that a row's
// order of operations depends on its position only, never on the rows beside it.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_ATTENDCORE_H
#define PHIC_TARGETS_CPU_KERNELS_ATTENDCORE_H

#include "targets/code/KernelBuilder.h"
#include <optional>

namespace phic {

struct AttendShape {
  int64_t headDim = 0;        ///< a multiple of 8
  bool halfCache = true;      ///< f16 keys and values, else f32
  float scale = 1;
  std::optional<int64_t> window = std::nullopt;
  std::optional<float> softcap = std::nullopt;
  int64_t queryRowBytes = 0;  ///< distance of two rows of queries
  int64_t outRowBytes = 0;    ///< distance of two rows of the result
  int64_t rows = 1;           ///< most rows of a call
  bool onePosition =
      false; ///< rows are heads of the row at `position`, `rows` in each call; else rows of one head, one position after the other
  int64_t lanes =
      8; ///< f32 lanes of a vector: 8, or 16 where headDim is a multiple of 16; the result does not depend on it
  int64_t keys = 128; ///< keys of a block, a multiple of 32, as the context is

  int64_t scoreBytes() const { return rows * keys * 4; }
  /// Scratch of a call: scores [rows][keys], then maximum, sum and rescaling factor of each row.
  int64_t scratchBytes() const { return scoreBytes() + rows * 12; }
};

/// Values of one call.
struct AttendCall {
  mlir::Value queries, keys, values; ///< the (first) head's columns of row 0; the caches
  mlir::Value out; ///< f32 rows [rows][headDim]
  mlir::Value rows; ///< 1..shape.rows; not looked at with onePosition
  mlir::Value position; ///< of row 0
  mlir::Value scratch;
};

void emitAttend(KernelBuilder &b, const AttendShape &shape, const AttendCall &call);

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_ATTENDCORE_H
