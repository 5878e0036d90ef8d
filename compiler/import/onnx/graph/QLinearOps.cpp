//===- QLinearOps.cpp - Imports elementwise ops on codes -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/graph/QuantizedNode.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

using phiq::MapFunction;

/// The element type of input `index`, once it is imported.
Type codesOf(NodeImport &node, unsigned index) { return elementTypeOf(*tensorOf(node, index)); }

/// Whether both are the same number, known or not.
bool areEqual(Value x, Value y) {
  phiq::ConstantOp a = constantOf(x), b = constantOf(y);
  return x == y || (a && b && a.getValue() == b.getValue());
}

} // namespace

/// QLinearAdd and QLinearMul: a, scale, zero; b, scale, zero; scale and zero of the result.
LogicalResult importQLinearBinary(NodeImport &node) {
  FailureOr<Value> a = dequantized(node, 0), b = dequantized(node, 3);
  if (llvm::failed(a) || llvm::failed(b))
    return failure();
  const MapFunction function = node.node.op == "QLinearAdd" ? MapFunction::Add : MapFunction::Multiply;
  return give(node, quantized(node, map(node, function, {*a, *b}), 6, codesOf(node, 0)));
}

LogicalResult importQLinearSigmoid(NodeImport &node) {
  FailureOr<Value> x = dequantized(node, 0);
  return llvm::failed(x) ? failure()
                         : give(node, quantized(node, map(node, MapFunction::Sigmoid, *x), 3, codesOf(node, 0)));
}

LogicalResult importQLinearLeakyRelu(NodeImport &node) {
  FailureOr<Value> x = dequantized(node, 0);
  const float alpha = node.real("alpha", 0.01f);
  if (llvm::failed(x))
    return failure();
  FailureOr<Value> y = map(node, MapFunction::Prelu, {*x, scalar(node, alpha, elementTypeOf(*x))});
  return give(node, quantized(node, y, 3, codesOf(node, 0)));
}

/// Scale and zero point of the result come first, then a tensor with its own each three inputs. Codes that have those of the
/// result already stay as they are.
LogicalResult importQLinearConcat(NodeImport &node) {
  const int64_t given = node.integer("axis", 0);
  const auto inputs = unsigned(node.node.inputs.size());
  SmallVector<Value> xs;
  for (unsigned i = 2; i + 2 < inputs; i += 3) {
    FailureOr<Value> codes = tensorOf(node, i), x = dequantized(node, i);
    if (llvm::failed(codes) || llvm::failed(x))
      return failure();
    auto from = quantizationOf(node, i + 1, elementTypeOf(*codes), shapeOf(*x));
    auto to = quantizationOf(node, 0, codesOf(node, 2), shapeOf(*x));
    if (llvm::failed(from) || llvm::failed(to))
      return failure();
    const bool stays = areEqual(from->scale, to->scale) && areEqual(from->zero, to->zero);
    x = stays ? codes : quantized(node, x, 0, codesOf(node, 2));
    if (llvm::failed(x))
      return failure();
    xs.push_back(*x);
  }
  if (xs.empty() || inputs % 3 != 2)
    return node.unsupported("its inputs must be a scale and a zero point, then three for each tensor");
  return give(node, concatenated(node, xs, given));
}

} // namespace phic::onnx::graph
