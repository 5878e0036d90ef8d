//===- WindowNode.cpp - Windows and channels of nodes ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/graph/WindowNode.h"
#include "dialects/phiq/Windows.h"

using namespace mlir;

namespace phic::onnx::graph {

Value inOrder(NodeImport &node, Value x, ArrayRef<int64_t> order) {
  if (llvm::is_sorted(order))
    return x;
  SmallVector<int64_t> shape = llvm::map_to_vector(order, [&](int64_t axis) { return shapeOf(x)[size_t(axis)]; });
  return make<phiq::PermuteOp>(node, typeOf(x, shape), x, order);
}

Value channelsLast(NodeImport &node, Value x) {
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, int64_t(shapeOf(x).size())));
  std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return inOrder(node, x, order);
}

Value channelsFirst(NodeImport &node, Value x) {
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, int64_t(shapeOf(x).size())));
  std::rotate(order.begin() + 1, order.end() - 1, order.end());
  return inOrder(node, x, order);
}

FailureOr<SmallVector<int64_t>> integersFrom(NodeImport &node, StringRef name, size_t count,
                                             std::optional<int64_t> absent, int64_t least) {
  std::vector<int64_t> found = node.integers(name);
  if (found.empty() && absent)
    return SmallVector<int64_t>(count, *absent);
  auto fits = [&](int64_t size) { return size >= least && size <= INT32_MAX; };
  if (found.size() != count || !llvm::all_of(found, fits))
    return node.unsupportedAttribute(name,
                                     "must be " + llvm::Twine(count) + " integers from " + llvm::Twine(least) + " on");
  return SmallVector<int64_t>(ArrayRef<int64_t>(found));
}

namespace {

/// The number of windows that begin every `stride` elements, and pads by the node's auto_pad.
LogicalResult place(NodeImport &node, StringRef autoPad, WindowAxis &along, bool ceil) {
  const int64_t window = (along.kernel - 1) * along.dilation + 1;
  if (autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER") {
    along.windows = (along.size + along.stride - 1) / along.stride;
    const int64_t total = std::max<int64_t>(0, (along.windows - 1) * along.stride + window - along.size);
    along.before = autoPad == "SAME_UPPER" ? total / 2 : total - total / 2;
    along.after = total - along.before;
    return success();
  }
  const int64_t room = along.size + along.before + along.after - window;
  if (room < 0)
    return node.unsupported("a window of " + llvm::Twine(window) + " does not fit into " + llvm::Twine(along.size) +
                            " elements with pads of " + llvm::Twine(along.before) + " and " + llvm::Twine(along.after));
  along.windows = room / along.stride + 1;
  if (ceil && room % along.stride && along.windows * along.stride < along.size + along.before)
    ++along.windows;
  return success();
}

} // namespace

FailureOr<NodeWindows> windowsOfNode(NodeImport &node, ArrayRef<int64_t> sizes, std::optional<ArrayRef<int64_t>> kernel,
                                     bool ceil, bool mayMiss) {
  const size_t axes = sizes.size();
  const std::string autoPad = node.text("auto_pad", "NOTSET");
  if (axes < 1 || axes > 3)
    return node.unsupportedInput(0, "must be of rank 3 to 5, found " + llvm::Twine(axes + 2));
  if (!llvm::is_contained({"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}, StringRef(autoPad)))
    return node.unsupportedAttribute("auto_pad", "must be NOTSET, VALID, SAME_UPPER or SAME_LOWER, found " + autoPad);
  auto shape = integersFrom(node, "kernel_shape", axes, kernel ? std::optional<int64_t>(0) : std::nullopt);
  auto strides = integersFrom(node, "strides", axes, 1), dilations = integersFrom(node, "dilations", axes, 1);
  auto pads = integersFrom(node, "pads", 2 * axes, 0, /*least=*/0);
  if (llvm::failed(shape) || llvm::failed(strides) || llvm::failed(dilations) || llvm::failed(pads))
    return failure();
  if (kernel && shape->front() != 0 && ArrayRef(*shape) != *kernel)
    return node.unsupportedAttribute("kernel_shape", "must be that of the weights");
  NodeWindows windows = {kernel ? SmallVector<int64_t>(*kernel) : *shape, *strides, *dilations, *pads, {}};
  if (autoPad != "NOTSET")
    windows.pads.assign(2 * axes, 0);
  for (size_t axis = 0; axis < axes; ++axis) {
    WindowAxis along = {sizes[axis],
                        0,
                        windows.kernel[axis],
                        windows.strides[axis],
                        windows.dilations[axis],
                        windows.pads[axis],
                        windows.pads[axes + axis]};
    if (llvm::failed(place(node, autoPad, along, ceil)))
      return failure();
    for (int64_t i = 0; i < along.windows && !mayMiss; ++i)
      if (along.first(i) >= along.end(i))
        return node.unsupported("a window has no element of the " + llvm::Twine(along.size) + " along axis " +
                                llvm::Twine(2 + axis));
    windows.pads[axis] = along.before;
    windows.pads[axes + axis] = along.after;
    windows.count.push_back(along.windows);
  }
  return windows;
}

} // namespace phic::onnx::graph
