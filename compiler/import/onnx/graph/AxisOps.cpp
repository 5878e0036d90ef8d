//===- AxisOps.cpp - Imports ops along axes --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions are phiq.reduce between maps: ReduceL2 is the square root of a sum of squares.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/graph/QuantizedNode.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

using phiq::MapFunction;
using phiq::ReduceKind;

/// The axes that a reduction names, ascending; all where it names none.
FailureOr<SmallVector<int64_t>> reducedAxes(NodeImport &node, int64_t rank) {
  FailureOr<std::vector<int64_t>> given = node.has(1) ? integersOf(node, 1) : node.integers("axes");
  const bool keepsAll = node.integer("noop_with_empty_axes", 0);
  if (llvm::failed(given))
    return failure();
  SmallVector<int64_t> axes;
  if (given->empty() && !keepsAll)
    axes.assign(llvm::seq(rank).begin(), llvm::seq(rank).end());
  for (int64_t found : *given) {
    FailureOr<int64_t> axis = axisOf(node, found, rank, "axes");
    if (llvm::failed(axis))
      return failure();
    if (llvm::is_contained(axes, *axis))
      return node.unsupported("its axes name " + llvm::Twine(*axis) + " twice");
    axes.push_back(*axis);
  }
  llvm::sort(axes);
  return axes;
}

/// Reduced axes stay with size 1.
Value reduced(NodeImport &node, ReduceKind kind, Value x, ArrayRef<int64_t> axes) {
  if (axes.empty())
    return x;
  SmallVector<int64_t> shape, kept(shapeOf(x));
  for (auto [axis, size] : llvm::enumerate(kept)) {
    if (llvm::is_contained(axes, int64_t(axis)))
      size = 1;
    else
      shape.push_back(size);
  }
  Value result = make<phiq::ReduceOp>(node, typeOf(x, shape), kind, x, axes);
  return make<phiq::ReshapeOp>(node, typeOf(x, kept), result);
}

Value withoutAxes(NodeImport &node, Value x, ArrayRef<int64_t> axes) {
  SmallVector<int64_t> shape;
  for (auto [axis, size] : llvm::enumerate(shapeOf(x)))
    if (!llvm::is_contained(axes, int64_t(axis)))
      shape.push_back(size);
  return make<phiq::ReshapeOp>(node, typeOf(x, shape), x);
}

/// What an operator does before and behind the reduction, of which x keeps the axes.
using Reduction = FailureOr<Value> (*)(NodeImport &node, Value x, ArrayRef<int64_t> axes);

LogicalResult reduceWith(NodeImport &node, Reduction reduction, bool takesTruths = false) {
  const bool keeps = node.integer("keepdims", 1);
  FailureOr<Value> x = tensorOf(node, 0);
  if (llvm::failed(x))
    return failure();
  if (elementTypeOf(*x).isInteger(1) && !takesTruths)
    return node.unsupportedInput(0, "must be numbers");
  FailureOr<SmallVector<int64_t>> axes = reducedAxes(node, int64_t(shapeOf(*x).size()));
  if (llvm::failed(axes))
    return failure();
  FailureOr<Value> result = reduction(node, *x, *axes);
  if (llvm::failed(result))
    return failure();
  return give(node, keeps ? *result : withoutAxes(node, *result, *axes));
}

Value squares(NodeImport &node, Value x, ArrayRef<int64_t> axes) {
  return reduced(node, ReduceKind::Sum, *map(node, MapFunction::Multiply, {x, x}), axes);
}

template <ReduceKind kind> FailureOr<Value> plain(NodeImport &node, Value x, ArrayRef<int64_t> axes) {
  if (kind == ReduceKind::Mean && !elementTypeOf(x).isF32())
    return node.unsupportedInput(0, "must be floats");
  return reduced(node, kind, x, axes);
}

/// Along all axes but the first and the channels', which stay.
FailureOr<Value> reduceGlobally(NodeImport &node, ReduceKind kind, FailureOr<Value> x, bool isLast = false) {
  if (llvm::failed(x))
    return failure();
  const auto rank = int64_t(shapeOf(*x).size());
  if (rank < 2)
    return node.unsupportedInput(0, "must be of rank 2 or more");
  return reduced(node, kind, *x,
                 llvm::to_vector(isLast ? llvm::seq<int64_t>(1, rank - 1) : llvm::seq<int64_t>(2, rank)));
}

LogicalResult arg(NodeImport &node, ReduceKind kind) {
  const bool keeps = node.integer("keepdims", 1), last = node.integer("select_last_index", 0);
  FailureOr<AlongAxis> along = alongAxis(node, /*absent=*/0);
  if (llvm::failed(along))
    return failure();
  const auto [x, axis] = *along;
  SmallVector<int64_t> shape(shapeOf(x)), kept = shape;
  if (shape[size_t(axis)] == 0)
    return node.unsupported("axis " + llvm::Twine(axis) + " has no element");
  kept[size_t(axis)] = 1;
  shape.erase(shape.begin() + axis);
  Value index = make<phiq::ArgOp>(node, typeOf(node.builder.getI64Type(), shape), kind, x, axis, last);
  return give(node, keeps ? make<phiq::ReshapeOp>(node, typeOf(index, kept), index) : index);
}

} // namespace

LogicalResult importReduceSum(NodeImport &node) { return reduceWith(node, plain<ReduceKind::Sum>); }
LogicalResult importReduceMean(NodeImport &node) { return reduceWith(node, plain<ReduceKind::Mean>); }
LogicalResult importReduceProd(NodeImport &node) { return reduceWith(node, plain<ReduceKind::Product>); }
LogicalResult importReduceMax(NodeImport &node) {
  return reduceWith(node, plain<ReduceKind::Maximum>, /*takesTruths=*/true);
}
LogicalResult importReduceMin(NodeImport &node) {
  return reduceWith(node, plain<ReduceKind::Minimum>, /*takesTruths=*/true);
}

LogicalResult importReduceL1(NodeImport &node) {
  return reduceWith(node, [](NodeImport &node, Value x, ArrayRef<int64_t> axes) -> FailureOr<Value> {
    return reduced(node, ReduceKind::Sum, *map(node, MapFunction::Absolute, x), axes);
  });
}

LogicalResult importReduceL2(NodeImport &node) {
  return reduceWith(node, [](NodeImport &node, Value x, ArrayRef<int64_t> axes) -> FailureOr<Value> {
    return map(node, MapFunction::SquareRoot, squares(node, x, axes));
  });
}

LogicalResult importReduceSumSquare(NodeImport &node) {
  return reduceWith(node, [](NodeImport &node, Value x, ArrayRef<int64_t> axes) -> FailureOr<Value> {
    return squares(node, x, axes);
  });
}

LogicalResult importReduceLogSum(NodeImport &node) {
  return reduceWith(node, [](NodeImport &node, Value x, ArrayRef<int64_t> axes) -> FailureOr<Value> {
    return map(node, MapFunction::Log, reduced(node, ReduceKind::Sum, x, axes));
  });
}

/// Less the greatest, so that exp overflows for none.
LogicalResult importReduceLogSumExp(NodeImport &node) {
  return reduceWith(node, [](NodeImport &node, Value x, ArrayRef<int64_t> axes) -> FailureOr<Value> {
    if (!elementTypeOf(x).isF32())
      return node.unsupportedInput(0, "must be floats");
    Value most = reduced(node, ReduceKind::Maximum, x, axes);
    Value powers = *map(node, MapFunction::Exp, *map(node, MapFunction::Subtract, {x, most}));
    Value log = *map(node, MapFunction::Log, reduced(node, ReduceKind::Sum, powers, axes));
    return map(node, MapFunction::Add, {log, most});
  });
}

LogicalResult importGlobalAveragePool(NodeImport &node) {
  return give(node, reduceGlobally(node, ReduceKind::Mean, floatsOf(node, 0)));
}
LogicalResult importGlobalMaxPool(NodeImport &node) {
  return give(node, reduceGlobally(node, ReduceKind::Maximum, floatsOf(node, 0)));
}

LogicalResult importQLinearGlobalAveragePool(NodeImport &node) {
  const bool isLast = node.integer("channels_last", 0);
  FailureOr<Value> codes = tensorOf(node, 0);
  FailureOr<Value> y = reduceGlobally(node, ReduceKind::Mean, dequantized(node, 0), isLast);
  return llvm::failed(codes) ? failure() : give(node, quantized(node, y, 3, elementTypeOf(*codes)));
}

LogicalResult importArgMax(NodeImport &node) { return arg(node, ReduceKind::Maximum); }
LogicalResult importArgMin(NodeImport &node) { return arg(node, ReduceKind::Minimum); }

} // namespace phic::onnx::graph
