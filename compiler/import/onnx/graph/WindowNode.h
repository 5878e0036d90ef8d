//===- WindowNode.h - Windows and channels of nodes ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What pools and convolutions say of their windows in attributes, and the order of axes: ONNX has channels behind the batch,
// ops on windows have them last.
//
//     FailureOr<NodeWindows> windows = windowsOfNode(node, {H, W}, kernel);
//     Value y = channelsFirst(node, make<phiq::PoolOp>(node, ..., channelsLast(node, x), windows->kernel, ...));
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_GRAPH_WINDOWNODE_H
#define PHIC_COMPILER_IMPORT_ONNX_GRAPH_WINDOWNODE_H

#include "compiler/import/onnx/graph/GraphNode.h"

namespace phic::onnx::graph {

/// x with its axes in that order; x itself where nothing moves.
Value inOrder(NodeImport &node, Value x, ArrayRef<int64_t> order);
/// [N, C, S...] -> [N, S..., C], and back.
Value channelsLast(NodeImport &node, Value x);
Value channelsFirst(NodeImport &node, Value x);

struct NodeWindows {
  llvm::SmallVector<int64_t> kernel, strides, dilations;
  llvm::SmallVector<int64_t> pads; ///< before each axis, then behind
  llvm::SmallVector<int64_t> count; ///< windows along each axis
};

/// The node's windows over axes of those sizes; `kernel` where its weights say it, else kernel_shape. `ceil`: a last window may
/// begin in x and end behind its pads. Fails where a window has no element of x, but for those that `mayMiss` it: products of pads are 0.
FailureOr<NodeWindows> windowsOfNode(NodeImport &node, ArrayRef<int64_t> sizes,
                                     std::optional<ArrayRef<int64_t>> kernel = std::nullopt, bool ceil = false,
                                     bool mayMiss = false);
/// An attribute of `count` integers from `least` on; all `absent` where the node has none.
FailureOr<llvm::SmallVector<int64_t>> integersFrom(NodeImport &node, StringRef name, size_t count,
                                                   std::optional<int64_t> absent, int64_t least = 1);

} // namespace phic::onnx::graph

#endif // PHIC_COMPILER_IMPORT_ONNX_GRAPH_WINDOWNODE_H
