//===- Contractions.h - What imported contractions share -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights of matmuls and convolutions as rows: an initializer is read from the model's file in that order, anything else
// is permuted when it is run. And the zero points and scales beside integers.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_GRAPH_CONTRACTIONS_H
#define PHIC_COMPILER_IMPORT_ONNX_GRAPH_CONTRACTIONS_H

#include "compiler/import/onnx/graph/GraphNode.h"

namespace phic::onnx::graph {

/// The weight of a phiq.contract.
struct Factor {
  Value value;
  llvm::SmallVector<int64_t> shape; ///< as rows: [O, KH, KW, C], [O, KL, C] or [N, K]
};

/// An input [O, C, ...] as `groups` kernels, one behind the other, with channels last; their values have two dimensions
/// between.
FailureOr<llvm::SmallVector<Factor>> kernelsOf(NodeImport &node, unsigned index, int64_t groups);
/// An input [O, 1, ...], O a multiple of `channels`, as the kernel of a convolution of each channel by itself: the value is
/// [KH, KW, O]. Codes that are dequantized stay codes.
FailureOr<llvm::SmallVector<Factor>> channelKernelOf(NodeImport &node, unsigned index, int64_t channels);
/// A matrix [K, N], or [N, K] where it is `transposed`, as rows [N, K].
FailureOr<Factor> rowsOf(NodeImport &node, unsigned index, bool transposed);

/// An optional zero point of codes like those of `codes`: one number, or `most`. Null where the node has none.
FailureOr<Value> zeroPointOf(NodeImport &node, unsigned index, Value codes, int64_t most);

/// Inputs of a node that say how sums of products become codes.
struct Requantization {
  unsigned xScale, wScale, yScale, yZero;
};
/// quantize(dequantize(sums)): by x's scale times w's, which is one number or one a column, then by y's.
FailureOr<Value> requantized(NodeImport &node, Value sums, const Requantization &inputs);

} // namespace phic::onnx::graph

#endif // PHIC_COMPILER_IMPORT_ONNX_GRAPH_CONTRACTIONS_H
