//===- WindowOps.cpp - Imports ops on windows of a tensor ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/graph/GraphNode.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

/// A list of `count` integers from `least` on; all `absent` where the node has none.
FailureOr<SmallVector<int64_t>> sizes(NodeImport &node, StringRef name, size_t count, std::optional<int64_t> absent,
                                      int64_t least = 1) {
  std::vector<int64_t> found = node.integers(name);
  if (found.empty() && absent)
    return SmallVector<int64_t>(count, *absent);
  auto fits = [&](int64_t size) { return size >= least && size <= INT32_MAX; };
  if (found.size() != count || !llvm::all_of(found, fits))
    return node.unsupportedAttribute(name,
                                     "must be " + llvm::Twine(count) + " integers from " + llvm::Twine(least) + " on");
  return SmallVector<int64_t>(ArrayRef<int64_t>(found));
}

} // namespace

LogicalResult importMaxPool(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  if (llvm::succeeded(x) && shapeOf(*x).size() != 4)
    return node.unsupportedInput(0, "must be of rank 4, found " + llvm::Twine(shapeOf(*x).size()));
  if (std::string pad = node.text("auto_pad", "NOTSET"); pad != "NOTSET")
    return node.unsupportedAttribute("auto_pad", "must be NOTSET, found " + pad);
  if (llvm::failed(x) || llvm::failed(node.require("ceil_mode", 0)) || llvm::failed(node.require("storage_order", 0)))
    return failure();
  auto kernel = sizes(node, "kernel_shape", 2, std::nullopt), strides = sizes(node, "strides", 2, 1);
  auto dilations = sizes(node, "dilations", 2, 1), pads = sizes(node, "pads", 4, 0, /*least=*/0);
  if (llvm::failed(kernel) || llvm::failed(strides) || llvm::failed(dilations) || llvm::failed(pads))
    return failure();
  SmallVector<int64_t> shape(shapeOf(*x));
  for (unsigned axis : {0, 1}) {
    const int64_t window = ((*kernel)[axis] - 1) * (*dilations)[axis] + 1, size = shape[2 + axis];
    const int64_t room = size + (*pads)[axis] + (*pads)[2 + axis] - window;
    if (room < 0 || (*pads)[axis] >= window || (*pads)[2 + axis] >= window || size < (*dilations)[axis])
      return node.unsupported("a window has no element of the " + llvm::Twine(size) + " along axis " +
                              llvm::Twine(2 + axis));
    shape[2 + axis] = room / (*strides)[axis] + 1;
  }
  return give(node, make<phiq::MaxPoolOp>(node, typeOf(*x, shape), *x, *kernel, *strides, *pads, *dilations));
}

} // namespace phic::onnx::graph
