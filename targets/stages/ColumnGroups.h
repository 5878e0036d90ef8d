//===- ColumnGroups.h - Which columns a stage computes together -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads a stage's region as *cores* (matmul, attend, embed: what has its own loops)
// and row operations after them, and splits the columns into groups that one tile
// can finish: a group's results need the same columns of the same cores.
//
//     q, k, v = columns of one matmul; rope(q), rope(k); append k, v; yield q
//     ->  {q: matmul columns [0, 512), rope, result 0}
//         {k: matmul columns [512, 640), rope, keys}   {v: [640, 768), values}
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_STAGES_COLUMNGROUPS_H
#define PHIC_TARGETS_STAGES_COLUMNGROUPS_H

#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Plan.h"
#include "targets/Backend.h"
#include "llvm/ADT/SmallVector.h"

namespace phic {

/// Columns [begin, begin + the group's columns) of a core's result.
struct CoreUse {
  mlir::Operation *core;
  int64_t begin;
  bool operator==(const CoreUse &) const = default;
};

/// Where a group's value goes.
struct Sink {
  enum class Kind : uint8_t { Result, Keys, Values };
  Kind kind;
  mlir::Value value;
  unsigned index = 0;              ///< of the stage's result
  phiq::CacheAppendOp append = {}; ///< Keys, Values
};

struct ColumnGroup {
  llvm::SmallVector<CoreUse> cores;
  llvm::SmallVector<Sink> sinks;
  int64_t columns = 0;
  int64_t headDim = 0;             ///< row operations work on heads of this width; 0: on any width
  int64_t unit = 8;                ///< a tile is a multiple of it

  /// One result that is a core's result unchanged: the core writes it in place.
  bool isPlain() const;
};

/// The groups of a stage, in the order of its sinks. Fails with a diagnostic at the offending op.
mlir::FailureOr<llvm::SmallVector<ColumnGroup>> findColumnGroups(plan::StageOp stage);
/// What of a stage with a matmul or attention no kernel can be made for.
std::optional<LackingKernel> findLacking(plan::StageOp stage);

/// Operands that are rows of activations, as opposed to weights.
inline bool isActivations(mlir::OpOperand &operand) { return roleOf(operand) == phiq::OperandRole::Rows; }
/// The last axis; of a [M, N] value its columns.
inline int64_t columnsOf(mlir::Value value) {
  auto type = mlir::cast<mlir::ShapedType>(value.getType());
  return type.getRank() == 0 ? 1 : type.getShape().back();
}
/// The block of a quantized value's format; 0 for floats.
int64_t blockOf(mlir::Value value);

} // namespace phic

#endif // PHIC_TARGETS_STAGES_COLUMNGROUPS_H
