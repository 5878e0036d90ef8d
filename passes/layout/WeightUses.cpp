//===- WeightUses.cpp - How stages read a weight ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/layout/WeightUses.h"
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

} // namespace

std::optional<WeightUse> weightUseOf(Operation *weight, std::string *reason) {
  ShapedType type = typeOf(weight);
  SmallVector<bool> readers = isTableForReaders(weight);
  bool isTable = llvm::is_contained(readers, true);
  if (isTable && llvm::is_contained(readers, false)) {
    *reason = "is read both as a table of rope and otherwise";
    return std::nullopt;
  }
  if (type.getRank() == 1)
    return WeightUse{WeightUse::Kind::Vector, type};
  return WeightUse{isTable || isa<phiq::RopeTableOp>(weight) ? WeightUse::Kind::Table : WeightUse::Kind::Matrix, type};
}

plan::WeightLayout weightLayoutOf(Operation *weight, const Backend &backend, std::string *reason) {
  std::optional<WeightUse> use = weightUseOf(weight, reason);
  return use ? backend.weightLayout(*use, reason) : plan::WeightLayout();
}

int64_t packedBytes(Operation *weight, plan::WeightLayout layout) {
  ShapedType type = typeOf(weight);
  return layout.bytes(type.getRank() == 1 ? 1 : type.getDimSize(0), type.getShape().back());
}

} // namespace phic
