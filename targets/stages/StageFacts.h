//===- StageFacts.h - What is known of a stage before its kernel is made -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where its operands and results lie, its cache, and its groups of columns.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_STAGES_STAGEFACTS_H
#define PHIC_TARGETS_STAGES_STAGEFACTS_H

#include "targets/layout/PackedLayout.h"
#include "targets/stages/ColumnGroups.h"

namespace phic {

/// An input or a result of a stage, as a kernel sees it.
struct StageBuffer {
  enum class Space : uint8_t { Arena, Weights, Binding };
  Space space;
  int64_t rowBytes = 0;   ///< Arena, Binding
  PackedLayout layout = {}; ///< Weights
  int64_t columns = 0;    ///< N of rows; K of a weight
};

struct CacheFacts {
  int64_t heads, headDim;
  bool isHalf;             ///< f16 elements, else f32
  unsigned slot;           ///< of the KV caches in the binding table
  int64_t elementBytes() const { return isHalf ? 2 : 4; }
};

struct StageFacts {
  plan::StageOp stage;
  llvm::SmallVector<ColumnGroup> groups;
  llvm::SmallVector<StageBuffer> inputs, results;
  std::optional<CacheFacts> cache;
  bool logitRows = false;  ///< works on the wanted rows only
  std::optional<int64_t> rows; ///< where a step does not choose them

  /// Fails with a diagnostic when the stage has no kernel.
  static mlir::FailureOr<StageFacts> of(plan::StageOp stage);
  /// Ops on a grid: not rows that regions work on.
  bool isGrid() const {
    return llvm::all_of(plan::StageOp(stage).getBody().front().without_terminator(),
                        [](mlir::Operation &op) { return phic::isGrid(&op); });
  }
  /// Everything but offsets and names: equal for stages that can share a kernel.
  std::string key() const;
  template <typename Op> Op first() const {
    auto ops = plan::StageOp(stage).getBody().front().template getOps<Op>();
    return ops.empty() ? Op() : *ops.begin();
  }
};

} // namespace phic

#endif // PHIC_TARGETS_STAGES_STAGEFACTS_H
