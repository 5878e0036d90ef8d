//===- QuantizedNode.h - Operators on codes --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// QLinear operators are their operation between a dequantization and a quantization. Each tensor of codes has a scale and a
// zero point as inputs behind it, which may be one number or one for each place along an axis; a zero point that the
// node does not have is 0.
//
//     QLinearSigmoid(x, x_scale, x_zero, y_scale, y_zero)
//       ->  quantized(node, map(node, MapFunction::Sigmoid, *dequantized(node, 0)), 3, codes)
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_GRAPH_QUANTIZEDNODE_H
#define PHIC_COMPILER_IMPORT_ONNX_GRAPH_QUANTIZEDNODE_H

#include "compiler/import/onnx/graph/GraphNode.h"

namespace phic::onnx::graph {

/// Tensors that broadcast to the shape of what they quantize.
struct Quantization {
  Value scale, zero;
};

/// Inputs `index` and `index + 1`, for a tensor of `shape` whose codes are of type `codes`; where that is null, of the zero
/// point's, or uint8.
FailureOr<Quantization> quantizationOf(NodeImport &node, unsigned index, Type codes, ArrayRef<int64_t> shape,
                                       int64_t axis = 1);
/// Input `index`, codes, as the floats that they are by the two inputs behind it.
FailureOr<Value> dequantized(NodeImport &node, unsigned index, int64_t axis = 1);
/// x as codes by inputs `index` and `index + 1`.
FailureOr<Value> quantized(NodeImport &node, FailureOr<Value> x, unsigned index, Type codes, int64_t axis = 1);

/// u8 codes of a tensor whose one scale and zero point are found when it is run, both of rank 0.
struct DynamicCodes {
  Value codes, scale, zero;
};
/// As DynamicQuantizeLinear makes them of floats.
DynamicCodes dynamicCodes(NodeImport &node, Value x);

} // namespace phic::onnx::graph

#endif // PHIC_COMPILER_IMPORT_ONNX_GRAPH_QUANTIZEDNODE_H
