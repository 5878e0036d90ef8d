//===- StageGroups.h - Which ops make one stage ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The decision of `fuse-stages`, apart from the rewriting. Before: a block of
// phiq ops in program order, i8 matmuls on quantized rows. After: groups in an
// order in which each reads only earlier groups' results.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PASSES_FUSE_STAGEGROUPS_H
#define PHIC_PASSES_FUSE_STAGEGROUPS_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include <string>

namespace phic {

enum class StageKind : uint8_t { Rows, Matmul, Attend, Grid };

/// The kind a list of ops makes, from its main op.
StageKind stageKind(llvm::ArrayRef<mlir::Operation *> ops);

struct StageGroup {
  StageKind kind;
  llvm::SmallVector<mlir::Operation *> ops;  ///< in program order
  bool logitRows = false;                    ///< works on the rows whose logits are wanted
};

struct StageGroups {
  llvm::SmallVector<StageGroup> groups;                 ///< in the order they run
  llvm::DenseMap<mlir::Operation *, unsigned> groupOf;  ///< every op but weights, views and the terminator

  /// Group of a value's producer; none for weights and arguments.
  const StageGroup *producer(mlir::Value value) const;
};

StageGroups groupIntoStages(mlir::Block &model);

/// A reshape that costs nothing: its readers, ops on grids all, find x's elements where they are. It is in no group, but
/// in the stage of each reader.
bool isView(mlir::Operation *op);
/// The value whose elements a view, or a view of one, shows; any other value is itself.
mlir::Value viewed(mlir::Value value);

/// `layers.3.attn.qkv`: the layer that the locations name, and the group's part in the decoder.
/// Empty-layer names (`embed`, `norm`, `lm_head`) stand for themselves. In a model without steps, the name of the node.
std::string stageName(const StageGroups &all, const StageGroup &group);

} // namespace phic

#endif // PHIC_PASSES_FUSE_STAGEGROUPS_H
