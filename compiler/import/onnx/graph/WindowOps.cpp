//===- WindowOps.cpp - Imports ops on windows of a tensor ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/graph/QuantizedNode.h"
#include "compiler/import/onnx/graph/WindowNode.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

/// `isLast`: channels are the last axis of x already.
FailureOr<Value> pool(NodeImport &node, phiq::ReduceKind kind, FailureOr<Value> x, bool countsPads,
                      bool isLast = false) {
  const bool ceil = node.integer("ceil_mode", 0);
  if (llvm::failed(x))
    return failure();
  if (node.hasResult(1))
    return node.unsupported("its second result, the places of the greatest, is not supported");
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

} // namespace

LogicalResult importMaxPool(NodeImport &node) {
  node.ignore({"storage_order"}); // of the second result
  return give(node, pool(node, phiq::ReduceKind::Maximum, tensorOf(node, 0), false));
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
