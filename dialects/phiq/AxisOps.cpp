//===- AxisOps.cpp - Verifiers of ops along axes ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Grid.h"

using namespace mlir;
using namespace phic;
using namespace phic::phiq;

namespace {

/// The shape without those axes.
SmallVector<int64_t> withoutAxes(ArrayRef<int64_t> shape, ArrayRef<int64_t> axes) {
  SmallVector<int64_t> left;
  for (auto [axis, size] : llvm::enumerate(shape))
    if (!llvm::is_contained(axes, int64_t(axis)))
      left.push_back(size);
  return left;
}

LogicalResult requireRows(Operation *op) {
  Type x = op->getOperand(0).getType();
  if (x != op->getResult(0).getType() || cast<ShapedType>(x).getRank() == 0 ||
      !cast<ShapedType>(x).getElementType().isF32())
    return op->emitOpError("requires x and result of one shape of f32, of rank 1 or more");
  return success();
}

} // namespace

LogicalResult ReduceOp::verify() {
  if (failed(requireStatic(*this)))
    return failure();
  // (C1)
  ArrayRef<int64_t> axes = getAxes(), x = shapeOf(getX());
  auto exists = [&](int64_t axis) { return axis >= 0 && axis < int64_t(x.size()); };
  if (!llvm::is_sorted(axes) || llvm::adjacent_find(axes) != axes.end() || !llvm::all_of(axes, exists))
    return emitOpError("requires axes of x that ascend");
  // (C2)
  if (withoutAxes(x, axes) != shapeOf(getResult()) || elementTypeOf(getX()) != elementTypeOf(getResult()))
    return emitOpError("does not make ") << getType() << " of " << getX().getType();
  // (C3)
  if (getKind() == ReduceKind::Mean && !elementTypeOf(getX()).isF32())
    return emitOpError("takes the mean of f32 only");
  return success();
}

LogicalResult ArgOp::verify() {
  if (failed(requireStatic(*this)))
    return failure();
  // (C1)
  ArrayRef<int64_t> x = shapeOf(getX());
  const auto axis = int64_t(getAxis());
  if (axis < 0 || axis >= int64_t(x.size()) || x[size_t(axis)] == 0)
    return emitOpError("requires an axis of x with an element");
  // (C2)
  if (withoutAxes(x, {axis}) != shapeOf(getResult()) || !elementTypeOf(getResult()).isInteger(64))
    return emitOpError("does not make ") << getType() << " of " << getX().getType();
  // (C3)
  if (getKind() != ReduceKind::Maximum && getKind() != ReduceKind::Minimum)
    return emitOpError("requires the kind max or min");
  return success();
}

LogicalResult SoftmaxOp::verify() { return failed(requireStatic(*this)) ? failure() : requireRows(*this); } // (C1)

LogicalResult NormalizeOp::verify() {
  if (failed(requireStatic(*this)) || failed(requireRows(*this))) // (C1)
    return failure();
  // (C2)
  auto vector = RankedTensorType::get(shapeOf(getX()).take_back(), elementTypeOf(getX()));
  if (getScale().getType() != vector || getBias().getType() != vector)
    return emitOpError("requires scale and bias ") << vector;
  return success();
}
