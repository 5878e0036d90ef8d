//===- WindowOps.cpp - Imports ops on windows of a tensor ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/graph/QuantizedNode.h"
#include "compiler/import/onnx/graph/WindowNode.h"
#include "dialects/phiq/Windows.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

/// `isLast`: channels are the last axis of x already.
FailureOr<Value> pool(NodeImport &node, phiq::ReduceKind kind, FailureOr<Value> x, bool countsPads,
                      bool isLast = false) {
  const bool ceil = node.integer("ceil_mode", 0);
  if (llvm::failed(x))
    return failure();
  const size_t rank = shapeOf(*x).size();
  if (rank < 3 || rank > 5)
    return node.unsupportedInput(0, "must be of rank 3 to 5, found " + llvm::Twine(rank));
  Value last = isLast ? *x : channelsLast(node, *x);
  FailureOr<NodeWindows> windows = windowsOfNode(node, shapeOf(last).drop_front().drop_back(), {}, ceil);
  if (llvm::failed(windows))
    return failure();
  SmallVector<int64_t> shape = {shapeOf(last).front()};
  llvm::append_range(shape, windows->count);
  shape.push_back(shapeOf(last).back());
  Value result = make<phiq::PoolOp>(node, typeOf(*x, shape), kind, last, windows->kernel, windows->strides,
                                    windows->pads, windows->dilations, countsPads);
  return isLast ? result : channelsFirst(node, result);
}

/// What the second result has for each element of x, counted within a channel: with the last axis innermost, or the first.
std::vector<int64_t> numbersOfPlaces(ArrayRef<int64_t> sizes, bool isFirstInnermost) {
  SmallVector<int64_t> strides = denseStrides(sizes);
  if (isFirstInnermost)
    for (size_t axis = 0, step = 1; axis < sizes.size(); step *= size_t(sizes[axis++]))
      strides[axis] = int64_t(step);
  std::vector<int64_t> numbers(size_t(ShapedType::getNumElements(sizes)));
  overElements(sizes, strides, [&](int64_t i, ArrayRef<int64_t> at) { numbers[size_t(i)] = at[0]; });
  return numbers;
}

/// Those of one channel.
Windows windowsOver(ArrayRef<int64_t> sizes, const NodeWindows &found) {
  Windows windows;
  const size_t axes = sizes.size();
  for (size_t i = 0; i < axes; ++i)
    windows.axes[windows.axes.size() - axes + i] = {
        sizes[i],           found.count[i], found.kernel[i],     found.strides[i],
        found.dilations[i], found.pads[i],  found.pads[axes + i]};
  return windows;
}

/// The places in a channel that each window sees, as many as it has; for those in pads, the window's first one in x.
std::vector<int64_t> placesOf(const Windows &windows) {
  const int64_t taps = windows.taps();
  std::vector<int64_t> places(size_t(windows.windows() * taps), -1);
  overPlaces(windows, [&](int64_t window, int64_t place, int64_t tap) { places[size_t(window * taps + tap)] = place; });
  for (size_t first = 0; first < places.size(); first += size_t(taps)) {
    auto begin = places.begin() + int64_t(first), end = begin + taps;
    std::replace(begin, end, int64_t(-1),
                 *llvm::find_if(llvm::make_range(begin, end), [](int64_t at) { return at >= 0; }));
  }
  return places;
}

/// For each window the number in x of its greatest element, the first of them: all elements of all windows side by side, the greatest of
/// each, and a table of numbers.
FailureOr<Value> placesOfGreatest(NodeImport &node, Value x, const NodeWindows &found) {
  constexpr int64_t kMostPlaces = int64_t(1) << 20;
  ArrayRef<int64_t> sizes = shapeOf(x).drop_front(2);
  const int64_t channels = shapeOf(x)[0] * shapeOf(x)[1], size = ShapedType::getNumElements(sizes);
  const Windows windows = windowsOver(sizes, found);
  const int64_t count = windows.windows(), taps = windows.taps();
  if (count > kMostPlaces / taps)
    return node.unsupported("its second result is of windows with more than " + llvm::Twine(kMostPlaces) + " places");
  std::vector<int64_t> places = placesOf(windows), first, channel;
  const std::vector<int64_t> numbers = numbersOfPlaces(sizes, node.integer("storage_order", 0));
  Type i64 = node.builder.getI64Type();
  Value seen = make<phiq::GatherOp>(node, typeOf(x, {channels, count * taps}), reshape(node, x, {channels, size}),
                                    integerVector(node, places), 1);
  Value greatest = make<phiq::ArgOp>(node, typeOf(i64, {channels, count}), phiq::ReduceKind::Maximum,
                                     reshape(node, seen, {channels, count, taps}), 2, false);
  for (int64_t window = 0; window < count; ++window)
    first.push_back(window * taps);
  for (int64_t c = 0; c < channels; ++c)
    channel.push_back(c * size);
  for (int64_t &place : places)
    place = numbers[size_t(place)];
  Value number = make<phiq::GatherOp>(node, typeOf(i64, {channels, count}), integerVector(node, places),
                                      *map(node, phiq::MapFunction::Add, {greatest, integerVector(node, first)}), 0);
  number = *map(node, phiq::MapFunction::Add, {number, reshape(node, integerVector(node, channel), {channels, 1})});
  SmallVector<int64_t> shape(shapeOf(x).take_front(2));
  llvm::append_range(shape, found.count);
  return reshape(node, number, shape);
}

} // namespace

LogicalResult importMaxPool(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0), y = pool(node, phiq::ReduceKind::Maximum, x, false);
  if (llvm::failed(y))
    return failure();
  if (!node.hasResult(1))
    node.ignore({"storage_order"});
  else if (auto windows = windowsOfNode(node, shapeOf(*x).drop_front(2), {}, node.integer("ceil_mode", 0));
           llvm::failed(windows) || llvm::failed(give(node, placesOfGreatest(node, *x, *windows), 1)))
    return failure();
  return give(node, y);
}

LogicalResult importAveragePool(NodeImport &node) {
  const bool countsPads = node.integer("count_include_pad", 0);
  return give(node, pool(node, phiq::ReduceKind::Mean, floatsOf(node, 0), countsPads));
}

LogicalResult importQLinearAveragePool(NodeImport &node) {
  const bool countsPads = node.integer("count_include_pad", 0), isLast = node.integer("channels_last", 0);
  FailureOr<Value> codes = tensorOf(node, 0);
  FailureOr<Value> y = pool(node, phiq::ReduceKind::Mean, dequantized(node, 0), countsPads, isLast);
  return llvm::failed(codes) ? failure() : give(node, quantized(node, y, 3, elementTypeOf(*codes)));
}

} // namespace phic::onnx::graph
