//===- WindowOps.cpp - Verifiers of ops on windows -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Windows.h"

using namespace mlir;
using namespace phic;
using namespace phic::phiq;

namespace {

bool areAtLeast(ArrayRef<int64_t> numbers, size_t count, int64_t least) {
  return numbers.size() == count &&
         llvm::all_of(numbers, [&](int64_t number) { return number >= least && number <= INT32_MAX; });
}

/// `pads` are so many an axis.
LogicalResult requireWindows(Operation *op, ArrayRef<int64_t> kernel, ArrayRef<int64_t> strides, ArrayRef<int64_t> pads,
                             ArrayRef<int64_t> dilations, size_t padsOfAxis) {
  ArrayRef<int64_t> x = shapeOf(op->getOperand(0)), y = shapeOf(op->getResult(0));
  if (x.size() < 3 || x.size() > 5 || x.size() != y.size() || x.front() != y.front())
    return op->emitOpError("requires x and result [N, S..., C] with one to three axes S");
  const size_t axes = x.size() - 2;
  if (!areAtLeast(kernel, axes, 1) || !areAtLeast(strides, axes, 1) || !areAtLeast(dilations, axes, 1) ||
      !areAtLeast(pads, padsOfAxis * axes, 0))
    return op->emitOpError("requires positive kernel, strides and dilations and pads from 0 on, for ")
           << axes << " axes";
  return success();
}

/// (C2) of pool.
LogicalResult requireElements(Operation *op, const Windows &windows) {
  for (auto [axis, along] : llvm::enumerate(windows.axes))
    for (int64_t i = 0; i < along.windows; ++i)
      if (along.first(i) >= along.end(i))
        return op->emitOpError("has a window without an element along axis ")
               << int64_t(axis + shapeOf(op->getOperand(0)).size()) - 4;
  return success();
}

} // namespace

LogicalResult PoolOp::verify() {
  if (failed(requireStatic(*this)) ||
      failed(requireWindows(*this, getKernel(), getStrides(), getPads(), getDilations(), 2))) // (C1)
    return failure();
  if (shapeOf(getX()).back() != shapeOf(getResult()).back() || elementTypeOf(getX()) != elementTypeOf(getResult()))
    return emitOpError("requires x and result of one type and as many channels");
  // (C3)
  if (getKind() != ReduceKind::Maximum && !(getKind() == ReduceKind::Mean && elementTypeOf(getX()).isF32()))
    return emitOpError("requires the kind max, or mean of f32");
  return requireElements(*this, windowsOf(*this));
}

LogicalResult DepthwiseOp::verify() {
  ArrayRef<int64_t> w = shapeOf(getW());
  if (failed(requireStatic(*this)))
    return failure();
  // (C1)
  if (w.empty() || failed(requireWindows(*this, w.drop_back(), getStrides(), getPads(), getDilations(), 2)))
    return failure();
  if (shapeOf(getX()).back() != w.back() || shapeOf(getResult()).back() != w.back())
    return emitOpError("requires x, w and result of as many channels");
  // (C2)
  Type x = elementTypeOf(getX()), of = elementTypeOf(getW()), y = elementTypeOf(getResult());
  auto isZero = [](Value zero, Type type, ArrayRef<int64_t> shape) {
    return !zero || (elementTypeOf(zero) == type && (shapeOf(zero).empty() || shapeOf(zero) == shape));
  };
  const bool isFloat = x.isF32() && of.isF32() && y.isF32() && !getXZero() && !getWZero();
  const bool isInteger = x.isInteger() && x.getIntOrFloatBitWidth() == 8 && of.isInteger() &&
                         of.getIntOrFloatBitWidth() == 8 && y.isSignlessInteger(32) && isZero(getXZero(), x, {}) &&
                         isZero(getWZero(), of, w.take_back());
  if (!isFloat && !isInteger)
    return emitOpError("requires f32, or integers of 8 bits with zero points of their types that give i32");
  return requireElements(*this, windowsOf(*this));
}

LogicalResult ConvTransposeOp::verify() {
  ArrayRef<int64_t> w = shapeOf(getW()), x = shapeOf(getX()), y = shapeOf(getResult());
  if (failed(requireStatic(*this)))
    return failure();
  // (C1)
  if (w.size() < 2 || failed(requireWindows(*this, w.drop_back(2), getStrides(), getPads(), getDilations(), 1)))
    return w.size() < 2 ? emitOpError("requires w [K..., C, M / groups]") : failure();
  // (C2)
  const auto groups = int64_t(getGroups());
  if (!elementTypeOf(getX()).isF32() || !elementTypeOf(getW()).isF32() || !elementTypeOf(getResult()).isF32() ||
      groups < 1 || w[w.size() - 2] != x.back() || x.back() % groups || w.back() * groups != y.back())
    return emitOpError("requires f32, C channels of x and w that groups divide, and groups of the result's channels");
  return success();
}

LogicalResult ResampleOp::verify() {
  if (failed(requireStatic(*this)))
    return failure();
  // (C1)
  SmallVector<int64_t> shape(shapeOf(getX()));
  const auto axis = size_t(getAxis());
  ArrayRef<int64_t> y = shapeOf(getResult());
  if (!elementTypeOf(getX()).isF32() || !elementTypeOf(getResult()).isF32() || axis >= shape.size() ||
      shape[axis] < 1 || y.size() != shape.size())
    return emitOpError("requires f32 and an axis of x with an element");
  shape[axis] = y[axis];
  if (y != ArrayRef(shape))
    return emitOpError("does not make ") << getType() << " of " << getX().getType();
  // (C2)
  ArrayRef<int64_t> indices = shapeOf(getIndices());
  if (indices.size() != 2 || indices[0] != y[axis] || indices[1] < 1 || shapeOf(getWeights()) != indices ||
      !elementTypeOf(getIndices()).isSignlessInteger(32) || !elementTypeOf(getWeights()).isF32())
    return emitOpError("requires i32 indices and f32 weights [") << y[axis] << ", T]";
  return success();
}
