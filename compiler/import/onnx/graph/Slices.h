//===- Slices.h - What importers of moves share ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_IMPORT_ONNX_GRAPH_SLICES_H
#define PHIC_COMPILER_IMPORT_ONNX_GRAPH_SLICES_H

#include "compiler/import/onnx/graph/GraphNode.h"

namespace phic::onnx::graph {

using Sizes = llvm::SmallVector<int64_t>;

/// What a slice takes along one axis.
struct AxisRange {
  int64_t start = 0, step = 1, count = 0;
};
/// Ranges that are all of x.
llvm::SmallVector<AxisRange> wholeOf(Value x);
/// x itself where the ranges are all of it.
Value slice(NodeImport &node, Value x, ArrayRef<AxisRange> ranges);
/// Fails where the result's shape has more elements than any tensor is meant to have, or than `most`.
LogicalResult requireRoom(NodeImport &node, ArrayRef<int64_t> shape, int64_t most = int64_t(1) << 31);

} // namespace phic::onnx::graph

#endif // PHIC_COMPILER_IMPORT_ONNX_GRAPH_SLICES_H
