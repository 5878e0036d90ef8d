//===- WeightLayout.cpp - Which packed layout a weight takes ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/layout/WeightLayout.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Plan.h"

using namespace mlir;

namespace phic {
namespace {

ShapedType typeOf(Operation *weight) { return cast<ShapedType>(weight->getResult(0).getType()); }

/// Whether each reader of a weight, inside the stages, takes it as a table of positions.
SmallVector<bool> isTableForReaders(Operation *weight) {
  SmallVector<bool> result;
  for (OpOperand &use : weight->getUses())
    if (auto stage = dyn_cast<plan::StageOp>(use.getOwner()))
      for (OpOperand &inner : stage.getBody().getArgument(use.getOperandNumber()).getUses())
        result.push_back(roleOf(inner) == phiq::OperandRole::PositionTable);
  return result;
}

Scalar scalarOf(Type element) { return element.isF16() ? Scalar::F16 : element.isBF16() ? Scalar::BF16 : Scalar::F32; }

} // namespace

std::optional<PackedLayout> packedLayoutOf(Operation *weight, std::string *reason) {
  ShapedType type = typeOf(weight);
  SmallVector<bool> readers = isTableForReaders(weight);
  bool isTable = llvm::is_contained(readers, true);
  if (isTable && llvm::is_contained(readers, false)) {
    *reason = "is read both as a table of rope and otherwise";
    return std::nullopt;
  }
  if (type.getRank() == 1 || isTable || isa<phiq::RopeTableOp>(weight))
    return PackedLayout::dense();
  if (auto block = dyn_cast<phiq::BlockType>(type.getElementType()))
    return PackedLayout::blockPanel(block.getFormat(), type.getDimSize(1), reason);
  return PackedLayout::floatPanel(scalarOf(type.getElementType()));
}

int64_t packedBytes(Operation *weight, const PackedLayout &layout) {
  ShapedType type = typeOf(weight);
  return type.getRank() == 1 ? layout.bytes(1, type.getDimSize(0))
                             : layout.bytes(type.getDimSize(0), type.getDimSize(1));
}

} // namespace phic
