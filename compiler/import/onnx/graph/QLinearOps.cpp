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

int64_t numElements(Value x) { return cast<ShapedType>(x.getType()).getNumElements(); }

/// The function of operands, if all of them could be made.
FailureOr<Value> mapped(NodeImport &node, MapFunction function, ArrayRef<FailureOr<Value>> operands,
                        Type element = {}) {
  SmallVector<Value> xs;
  for (const FailureOr<Value> &x : operands) {
    if (llvm::failed(x))
      return failure();
    xs.push_back(*x);
  }
  return map(node, function, xs, element);
}

/// Codes, their scale and their zero point, as floats; of a result only what its codes will have.
struct FloatCodes {
  Value codes, scale, zero;
};

/// Operands and result of an operator on two tensors, whose inputs are a, scale, zero; b, scale, zero; scale, zero.
struct BinaryCodes {
  FloatCodes a, b, y;
  Type type;
};

FailureOr<BinaryCodes> binaryCodes(NodeImport &node) {
  FailureOr<Value> a = tensorOf(node, 0), b = tensorOf(node, 3);
  if (llvm::failed(a) || llvm::failed(b))
    return failure();
  FailureOr<SmallVector<int64_t>> shape = broadcastShape(node, {*a, *b});
  if (llvm::failed(shape))
    return failure();
  Type type = elementTypeOf(*a);
  auto byA = quantizationOf(node, 1, type, shapeOf(*a)), byB = quantizationOf(node, 4, type, shapeOf(*b)),
       byY = quantizationOf(node, 6, type, *shape);
  if (llvm::failed(byA) || llvm::failed(byB) || llvm::failed(byY))
    return failure();
  auto floats = [&](Value codes) { return *map(node, MapFunction::Cast, codes, node.builder.getF32Type()); };
  return BinaryCodes{{floats(*a), byA->scale, floats(byA->zero)},
                     {floats(*b), byB->scale, floats(byB->zero)},
                     {Value(), byY->scale, floats(byY->zero)},
                     type};
}

/// Floats that count steps of the result, its zero point among them, as its codes.
LogicalResult giveSteps(NodeImport &node, FailureOr<Value> steps, Type codes) {
  Value one = scalar(node, 1, node.builder.getF32Type()), none = scalar(node, 0, codes);
  return give(node, mapped(node, MapFunction::Quantize, {steps, one, none}, codes));
}

} // namespace

/// In steps of the result and with its roundings as ONNX Runtime has them: where scales are powers of two apart, sums lie
/// between two codes often, and the order decides. With A = a_scale / scale, B = b_scale / scale:
///     a A + (b B + (zero - (a_zero A + b_zero B)))       b is the smaller one of operands that broadcast
LogicalResult importQLinearAdd(NodeImport &node) {
  FailureOr<BinaryCodes> codes = binaryCodes(node);
  if (llvm::failed(codes))
    return failure();
  auto &[a, b, y, type] = *codes;
  if (numElements(a.codes) < numElements(b.codes))
    std::swap(a, b);
  auto apply = [&](MapFunction function, ArrayRef<FailureOr<Value>> xs) { return mapped(node, function, xs); };
  FailureOr<Value> ofA = apply(MapFunction::Divide, {a.scale, y.scale}),
                   ofB = apply(MapFunction::Divide, {b.scale, y.scale});
  FailureOr<Value> zeros = apply(MapFunction::MultiplyAdd, {ofA, a.zero, apply(MapFunction::Multiply, {ofB, b.zero})});
  zeros = apply(MapFunction::Subtract, {y.zero, zeros});
  FailureOr<Value> steps = apply(MapFunction::MultiplyAdd, {b.codes, ofB, zeros});
  steps = apply(MapFunction::MultiplyAdd, {a.codes, ofA, steps});
  return giveSteps(node, steps, type);
}

/// The product of codes is exact; times a_scale b_scale / scale it is rounded with the zero point added, as ONNX Runtime
/// has it.
LogicalResult importQLinearMul(NodeImport &node) {
  FailureOr<BinaryCodes> codes = binaryCodes(node);
  if (llvm::failed(codes))
    return failure();
  auto &[a, b, y, type] = *codes;
  auto apply = [&](MapFunction function, ArrayRef<FailureOr<Value>> xs) { return mapped(node, function, xs); };
  auto overZero = [&](const FloatCodes &x) { return apply(MapFunction::Subtract, {x.codes, x.zero}); };
  FailureOr<Value> scale = apply(MapFunction::Divide, {apply(MapFunction::Multiply, {a.scale, b.scale}), y.scale});
  FailureOr<Value> product = apply(MapFunction::Multiply, {overZero(a), overZero(b)});
  return giveSteps(node, apply(MapFunction::MultiplyAdd, {product, scale, y.zero}), type);
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
