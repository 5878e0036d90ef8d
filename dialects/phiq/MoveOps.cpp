//===- MoveOps.cpp - Verifiers of moves ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Grid.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;

namespace phic::phiq {
namespace {

/// What every move has to keep: static shapes, and x's element type for the result.
LogicalResult verifyMove(Operation *op) {
  if (llvm::failed(requireStatic(op)))
    return failure();
  if (op->getNumOperands() && elementTypeOf(op->getOperand(0)) != elementTypeOf(op->getResult(0)))
    return op->emitOpError("cannot make ") << op->getResult(0).getType() << " of " << op->getOperand(0).getType();
  return success();
}

bool isEmpty(Value value) { return llvm::is_contained(shapeOf(value), 0); }

LogicalResult requireAxis(Operation *op, int64_t axis, Value x) {
  const auto rank = int64_t(shapeOf(x).size());
  return axis >= 0 && axis < rank ? success()
                                  : op->emitOpError("requires an axis below ") << rank << ", found " << axis;
}

/// A sum of sizes and multiples stays far from the ends of int64_t.
bool isModest(ArrayRef<int64_t> numbers) {
  return llvm::all_of(numbers, [](int64_t number) { return std::abs(number) <= INT32_MAX; });
}

} // namespace

LogicalResult PermuteOp::verify() {
  if (llvm::failed(verifyMove(*this)))
    return failure();
  ArrayRef<int64_t> x = shapeOf(getX()), y = shapeOf(getResult());
  // (C1)
  SmallVector<int64_t> sorted(getOrder());
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, int64_t(x.size()))))
    return emitOpError("requires each of ") << x.size() << " axes once";
  // (C2)
  if (y.size() != x.size() ||
      !llvm::all_of(llvm::enumerate(getOrder()), [&](auto axis) { return y[axis.index()] == x[size_t(axis.value())]; }))
    return emitOpError("does not make ") << getType() << " of " << getX().getType();
  return success();
}

LogicalResult SliceOp::verify() {
  if (llvm::failed(verifyMove(*this)))
    return failure();
  ArrayRef<int64_t> x = shapeOf(getX()), y = shapeOf(getResult());
  // (C1)
  if (getStarts().size() != x.size() || getSteps().size() != x.size() || y.size() != x.size() ||
      !isModest(getStarts()) || !isModest(getSteps()))
    return emitOpError("requires a start and a step for each of ") << x.size() << " axes";
  if (isEmpty(getResult()))
    return success();
  // (C2)
  for (auto [axis, size] : llvm::enumerate(x)) {
    const int64_t first = getStarts()[axis];
    int64_t last = 0;
    if (llvm::MulOverflow(y[axis] - 1, getSteps()[axis], last) || llvm::AddOverflow(last, first, last) || first < 0 ||
        first >= size || last < 0 || last >= size)
      return emitOpError("leaves x along axis ") << axis;
  }
  return success();
}

LogicalResult ConcatOp::verify() {
  // (C1)
  if (getXs().empty())
    return emitOpError("requires an operand");
  if (llvm::failed(verifyMove(*this)) || llvm::failed(requireAxis(*this, getAxis(), getResult())))
    return failure();
  const auto axis = size_t(getAxis());
  int64_t sum = 0;
  for (Value x : getXs()) {
    SmallVector<int64_t> like(shapeOf(getResult()));
    if (shapeOf(x).size() == like.size())
      like[axis] = shapeOf(x)[axis];
    if (shapeOf(x) != ArrayRef(like) || elementTypeOf(x) != elementTypeOf(getResult()))
      return emitOpError("cannot put ") << x.getType() << " into " << getType();
    sum += like[axis];
  }
  // (C2)
  if (sum != shapeOf(getResult())[axis])
    return emitOpError("has ") << shapeOf(getResult())[axis] << " along axis " << axis << " of " << sum;
  return success();
}

LogicalResult BroadcastOp::verify() {
  if (llvm::failed(verifyMove(*this)))
    return failure();
  // (C1)
  if (!broadcastsTo(shapeOf(getX()), shapeOf(getResult())))
    return emitOpError("cannot broadcast ") << getX().getType() << " to " << getType();
  return success();
}

LogicalResult PadOp::verify() {
  if (llvm::failed(verifyMove(*this)))
    return failure();
  ArrayRef<int64_t> x = shapeOf(getX()), y = shapeOf(getResult()), before = getBefore();
  // (C1)
  if (before.size() != x.size() || y.size() != x.size() || !isModest(before))
    return emitOpError("requires what is before each of ") << x.size() << " axes";
  for (auto [axis, size] : llvm::enumerate(x))
    if (before[axis] < 0 || before[axis] + size > y[axis])
      return emitOpError("has no room for x along axis ") << axis;
  // (C2)
  const bool isConstant = getMode() == PadMode::Constant;
  if (isConstant != bool(getValue()) ||
      (isConstant && (elementTypeOf(getValue()) != elementTypeOf(getX()) || !shapeOf(getValue()).empty())))
    return emitOpError("requires a value of x's type and of rank 0 where it is constant, else none");
  // (C3)
  for (auto [axis, size] : llvm::enumerate(x))
    if (!isConstant && size == 0 && y[axis] > 0)
      return emitOpError("has no element to repeat along axis ") << axis;
  return success();
}

LogicalResult GatherOp::verify() {
  if (llvm::failed(verifyMove(*this)) || llvm::failed(requireAxis(*this, getAxis(), getX())))
    return failure();
  ArrayRef<int64_t> x = shapeOf(getX()), y = shapeOf(getResult()), indices = shapeOf(getIndices());
  const auto axis = size_t(getAxis());
  // (C1)
  if (x[axis] == 0 && !isEmpty(getResult()))
    return emitOpError("has nothing to choose from along axis ") << axis;
  // (C2)
  SmallVector<int64_t> shape(x.take_front(axis));
  shape.append(indices.begin(), indices.end());
  llvm::append_range(shape, x.drop_front(axis + 1));
  if (y != ArrayRef(shape))
    return emitOpError("does not make ") << getType() << " of " << getX().getType() << " and "
                                         << getIndices().getType();
  return success();
}

LogicalResult GatherElementsOp::verify() {
  if (llvm::failed(verifyMove(*this)) || llvm::failed(requireAxis(*this, getAxis(), getX())))
    return failure();
  ArrayRef<int64_t> x = shapeOf(getX()), y = shapeOf(getResult()), indices = shapeOf(getIndices());
  // (C1)
  if (x.size() != y.size() || indices != y)
    return emitOpError("requires indices of the result's shape, and x of their rank");
  // (C2)
  for (auto [axis, size] : llvm::enumerate(x))
    if (!isEmpty(getResult()) && (axis == getAxis() ? size == 0 : size < y[axis]))
      return emitOpError("has only ") << size << " to choose from along axis " << axis;
  return success();
}

LogicalResult GatherNDOp::verify() {
  if (llvm::failed(verifyMove(*this)))
    return failure();
  ArrayRef<int64_t> x = shapeOf(getX()), y = shapeOf(getResult()), indices = shapeOf(getIndices());
  // (C1)
  const auto batch = int64_t(getBatchDims());
  if (batch < 0 || batch >= int64_t(indices.size()) || indices.back() > int64_t(x.size()) - batch)
    return emitOpError("requires indices [batch..., i..., n], n of at most as many as x has axes after the batch's");
  const auto batched = size_t(batch), tuple = size_t(indices.back());
  if (x.take_front(batched) != indices.take_front(batched))
    return emitOpError("requires x and indices to begin with the same ") << batched << " axes";
  // (C2)
  SmallVector<int64_t> shape(indices.drop_back());
  llvm::append_range(shape, x.drop_front(batched + tuple));
  if (y != ArrayRef(shape))
    return emitOpError("does not make ") << getType() << " of " << getX().getType() << " and "
                                         << getIndices().getType();
  // (C3)
  for (size_t axis = batched; axis < batched + tuple; ++axis)
    if (x[axis] == 0 && !isEmpty(getResult()))
      return emitOpError("has nothing to choose from along axis ") << axis;
  return success();
}

LogicalResult ScatterNDOp::verify() {
  if (llvm::failed(verifyMove(*this)))
    return failure();
  ArrayRef<int64_t> x = shapeOf(getX()), indices = shapeOf(getIndices());
  // (C1)
  if (indices.empty() || indices.back() > int64_t(x.size()) || getX().getType() != getType())
    return emitOpError("requires indices [i..., n], n of at most as many as x has axes, and a result like x");
  const auto tuple = size_t(indices.back());
  // (C2)
  SmallVector<int64_t> shape(indices.drop_back());
  llvm::append_range(shape, x.drop_front(tuple));
  if (shapeOf(getUpdates()) != ArrayRef(shape) || elementTypeOf(getUpdates()) != elementTypeOf(getX()))
    return emitOpError("cannot put ") << getUpdates().getType() << " into " << getType() << " by "
                                      << getIndices().getType();
  // (C3)
  for (size_t axis = 0; axis < tuple; ++axis)
    if (x[axis] == 0 && !isEmpty(getUpdates()))
      return emitOpError("has no place along axis ") << axis;
  return success();
}

} // namespace phic::phiq
