//===- WeightUses.cpp - How stages read a weight ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/layout/WeightUses.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Plan.h"
#include "llvm/ADT/SmallSet.h"

using namespace mlir;

namespace phic {
namespace {

ShapedType typeOf(Operation *weight) { return cast<ShapedType>(weight->getResult(0).getType()); }

/// Floats of fewer rows than this are multiplied as they are: backends' panels have more columns.
constexpr int64_t kFewestRows = 4;

/// Whether an operand is a factor that is packed as one.
bool isPackedFactor(OpOperand &use) {
  auto type = cast<ShapedType>(use.get().getType());
  return phiq::isFactor(use) && !(type.getElementType().isF32() && type.getDimSize(0) < kFewestRows);
}

/// How each reader of a weight, inside the stages, takes it: as a table of positions, whole on a grid, or by its shape.
llvm::SmallSet<WeightUse::Kind, 4> kindsForReaders(Operation *weight) {
  llvm::SmallSet<WeightUse::Kind, 4> result;
  for (OpOperand &use : weight->getUses())
    if (auto stage = dyn_cast<plan::StageOp>(use.getOwner()))
      for (OpOperand &inner : stage.getBody().getArgument(use.getOperandNumber()).getUses())
        result.insert(roleOf(inner) == phiq::OperandRole::PositionTable           ? WeightUse::Kind::Table
                      : isPackedFactor(inner)                                     ? WeightUse::Kind::Matrix
                      : isGrid(inner.getOwner()) || typeOf(weight).getRank() == 1 ? WeightUse::Kind::Vector
                                                                                  : WeightUse::Kind::Matrix);
  return result;
}

} // namespace

std::optional<WeightUse> weightUseOf(Operation *weight, std::string *reason) {
  ShapedType type = typeOf(weight);
  const auto kinds = kindsForReaders(weight);
  // A constant that something reads as it is, a contraction can take so, too.
  if (isa<phiq::ConstantOp>(weight)) {
    if (kinds.size() == 1 && kinds.contains(WeightUse::Kind::Matrix))
      return WeightUse{WeightUse::Kind::Matrix, type};
    auto [rows, words] = rowsAndColumns(weight); // its bytes, in words
    return WeightUse{WeightUse::Kind::Vector,
                     RankedTensorType::get({rows, words}, Float32Type::get(weight->getContext()))};
  }
  if (kinds.size() > 1) {
    *reason = kinds.contains(WeightUse::Kind::Table) ? "is read both as a table of rope and otherwise"
                                                     : "is read both by a matmul and as it is";
    return std::nullopt;
  }
  if (type.getRank() == 1)
    return WeightUse{WeightUse::Kind::Vector, type};
  if (isa<phiq::RopeTableOp>(weight))
    return WeightUse{WeightUse::Kind::Table, type};
  return WeightUse{kinds.empty() ? WeightUse::Kind::Matrix : *kinds.begin(), type};
}

plan::WeightLayout weightLayoutOf(Operation *weight, const Backend &backend, std::string *reason) {
  std::optional<WeightUse> use = weightUseOf(weight, reason);
  return use ? backend.weightLayout(*use, reason) : plan::WeightLayout();
}

int64_t packedBytes(Operation *weight, plan::WeightLayout layout) {
  const auto [rows, columns] = rowsAndColumns(weight);
  return layout.bytes(rows, columns);
}

} // namespace phic
