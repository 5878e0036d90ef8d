//===- GatherOps.cpp - Imports ops on indices ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Indices at even distances that are known are a slice:
//
//     Gather(x [4, 3, 8], 2, axis 1)   ->   phiq.slice [4, 1, 8], phiq.reshape [4, 8]
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/graph/Slices.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

/// The indices as start, start + step, ..., where they are known and that is what they are.
std::optional<AxisRange> rangeOf(Value indices, int64_t size) {
  phiq::ConstantOp known = constantOf(indices);
  if (!known)
    return std::nullopt;
  const std::vector<int64_t> list = numbersOf(known.getValue()).integers;
  auto at = [&](size_t i) { return list[i] < 0 ? list[i] + size : list[i]; };
  if (list.empty())
    return std::nullopt;
  const AxisRange range{at(0), list.size() > 1 ? at(1) - at(0) : 1, int64_t(list.size())};
  for (size_t i = 0; i < list.size(); ++i)
    if (at(i) != range.start + int64_t(i) * range.step)
      return std::nullopt;
  return range;
}

/// Indices, of which those that are known lie in one of the axes' sizes.
FailureOr<Value> indicesOf(NodeImport &node, ArrayRef<int64_t> sizes) {
  FailureOr<Value> indices = tensorOf(node, 1);
  if (llvm::failed(indices))
    return failure();
  Type element = elementTypeOf(*indices);
  if (!element.isInteger(32) && !element.isInteger(64))
    return node.unsupportedInput(1, "must be int32 or int64");
  if (phiq::ConstantOp known = constantOf(*indices))
    for (auto [i, number] : llvm::enumerate(numbersOf(known.getValue()).integers))
      if (const int64_t size = sizes[i % sizes.size()]; number < -size || number >= size)
        return node.unsupportedInput(1, "has the index " + llvm::Twine(number) + " into " + llvm::Twine(size));
  return indices;
}

FailureOr<Value> gathered(NodeImport &node, Value x, Value indices, int64_t axis) {
  const int64_t size = shapeOf(x)[size_t(axis)];
  Sizes shape(shapeOf(x).take_front(size_t(axis)));
  llvm::append_range(shape, shapeOf(indices));
  llvm::append_range(shape, shapeOf(x).drop_front(size_t(axis) + 1));
  if (llvm::failed(requireRoom(node, shape)))
    return failure();
  if (std::optional<AxisRange> range = rangeOf(indices, size)) {
    SmallVector<AxisRange> ranges = wholeOf(x);
    ranges[size_t(axis)] = *range;
    return reshape(node, slice(node, x, ranges), shape);
  }
  if (size == 0 && !llvm::is_contained(shape, 0))
    return node.unsupportedInput(0, "has nothing to choose from along axis " + llvm::Twine(axis));
  return make<phiq::GatherOp>(node, typeOf(x, shape), x, indices, axis);
}

/// A scale or zero point, which broadcasts to a tensor of `rank` axes, for what is gathered of that.
FailureOr<Value> gatheredParameter(NodeImport &node, Value parameter, size_t rank, Value indices, int64_t axis) {
  Sizes shape(shapeOf(parameter));
  shape.insert(shape.begin(), rank - shape.size(), 1);
  if (shape[size_t(axis)] != 1)
    return gathered(node, reshape(node, parameter, shape), indices, axis);
  shape.erase(shape.begin() + axis);
  shape.insert(shape.begin() + axis, shapeOf(indices).size(), 1);
  return reshape(node, parameter, shape);
}

} // namespace

/// Of a tensor that is dequantized the codes are gathered, so that it stays codes.
LogicalResult importGather(NodeImport &node) {
  std::optional<DequantizedTensor> of;
  if (const auto *found = node.get<DequantizedTensor>(0))
    of = *found;
  FailureOr<Value> x = of ? FailureOr<Value>(tensorOf(node, Imported(of->codes))) : tensorOf(node, 0);
  if (llvm::failed(x))
    return failure();
  const auto rank = int64_t(shapeOf(*x).size());
  FailureOr<int64_t> axis = axisOf(node, node.integer("axis", 0), rank);
  if (llvm::failed(axis))
    return failure();
  FailureOr<Value> indices = indicesOf(node, shapeOf(*x)[size_t(*axis)]);
  if (llvm::failed(indices))
    return failure();
  FailureOr<Value> y = gathered(node, *x, *indices, *axis);
  if (llvm::failed(y) || !of)
    return give(node, y);
  FailureOr<Value> scale = gatheredParameter(node, of->scale, size_t(rank), *indices, *axis),
                   zero = gatheredParameter(node, of->zero, size_t(rank), *indices, *axis);
  if (llvm::failed(scale) || llvm::failed(zero))
    return failure();
  return give(node, map(node, phiq::MapFunction::Dequantize, {*y, *scale, *zero}, node.builder.getF32Type()));
}

LogicalResult importGatherElements(NodeImport &node) {
  FailureOr<AlongAxis> along = alongAxis(node, /*absent=*/0);
  if (llvm::failed(along))
    return failure();
  const auto [x, axis] = *along;
  FailureOr<Value> indices = indicesOf(node, shapeOf(x)[size_t(axis)]);
  if (llvm::failed(indices))
    return failure();
  ArrayRef<int64_t> from = shapeOf(x), shape = shapeOf(*indices);
  if (from.size() != shape.size())
    return node.unsupportedInput(1, "must be of rank " + llvm::Twine(from.size()));
  for (auto [i, size] : llvm::enumerate(shape))
    if (!llvm::is_contained(shape, 0) && (int64_t(i) == axis ? from[i] == 0 : from[i] < size))
      return node.unsupportedInput(1, "is larger than input 0 along axis " + llvm::Twine(i));
  return give(node, make<phiq::GatherElementsOp>(node, typeOf(x, shape), x, *indices, axis));
}

LogicalResult importGatherND(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0), given = tensorOf(node, 1);
  const int64_t batched = node.integer("batch_dims", 0);
  if (llvm::failed(x) || llvm::failed(given))
    return failure();
  ArrayRef<int64_t> from = shapeOf(*x), where = shapeOf(*given);
  if (batched < 0 || batched >= int64_t(where.size()) || batched > int64_t(from.size()) ||
      where.back() > int64_t(from.size()) - batched ||
      from.take_front(size_t(batched)) != where.take_front(size_t(batched)))
    return node.unsupportedInput(1, "must be [batch..., n], of the first axes of input 0 and for n more of them");
  ArrayRef<int64_t> indexed = from.slice(size_t(batched), size_t(where.back()));
  Sizes shape(where.drop_back());
  llvm::append_range(shape, from.drop_front(size_t(batched + where.back())));
  if (llvm::is_contained(indexed, 0) && !llvm::is_contained(shape, 0))
    return node.unsupportedInput(0, "has nothing to choose from");
  FailureOr<Value> indices = indicesOf(node, indexed);
  if (llvm::failed(indices) || llvm::failed(requireRoom(node, shape)))
    return failure();
  return give(node, make<phiq::GatherNDOp>(node, typeOf(*x, shape), *x, *indices, batched));
}

LogicalResult importScatterND(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0), given = tensorOf(node, 1), updates = tensorOf(node, 2);
  if (std::string reduction = node.text("reduction", "none"); reduction != "none")
    return node.unsupportedAttribute("reduction", "must be none, found " + reduction);
  if (llvm::failed(x) || llvm::failed(given) || llvm::failed(updates))
    return failure();
  ArrayRef<int64_t> to = shapeOf(*x), where = shapeOf(*given);
  if (where.empty() || where.back() > int64_t(to.size()))
    return node.unsupportedInput(1, "must be [i..., n], for n of the axes of input 0");
  Sizes shape(where.drop_back());
  llvm::append_range(shape, to.drop_front(size_t(where.back())));
  ArrayRef<int64_t> indexed = to.take_front(size_t(where.back()));
  if (shapeOf(*updates) != ArrayRef(shape) || elementTypeOf(*updates) != elementTypeOf(*x) ||
      (llvm::is_contained(indexed, 0) && !llvm::is_contained(shape, 0)))
    return node.unsupportedInput(2, "must be what the indices name of input 0");
  FailureOr<Value> indices = indicesOf(node, indexed);
  return llvm::failed(indices) ? failure()
                               : give(node, make<phiq::ScatterNDOp>(node, typeOf(*x, to), *x, *indices, *updates));
}

} // namespace phic::onnx::graph
