//===- MapOps.cpp - Imports elementwise ops --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/graph/GraphNode.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

using phiq::MapFunction;

/// All inputs of the node.
FailureOr<SmallVector<Value>> operandsOf(NodeImport &node) {
  SmallVector<Value> operands;
  for (unsigned i = 0; i < node.node.inputs.size(); ++i) {
    FailureOr<Value> x = tensorOf(node, i);
    if (llvm::failed(x))
      return failure();
    operands.push_back(*x);
  }
  return operands;
}

/// min(max(0, x * alpha + beta), 1)
FailureOr<Value> hardSigmoid(NodeImport &node, Value x, float alpha, float beta) {
  Type element = elementTypeOf(x);
  FailureOr<Value> y = map(node, MapFunction::Multiply, {x, scalar(node, alpha, element)});
  if (llvm::succeeded(y))
    y = map(node, MapFunction::Add, {*y, scalar(node, beta, element)});
  if (llvm::succeeded(y))
    y = map(node, MapFunction::Relu, *y);
  return llvm::failed(y) ? y : map(node, MapFunction::Minimum, {*y, scalar(node, 1, element)});
}

/// A bound of Clip: an input, before operator set 11 an attribute; null where there is none.
FailureOr<Value> clipBound(NodeImport &node, unsigned index, StringRef attribute, Type element) {
  if (node.has(index))
    return tensorOf(node, index);
  if (node.attribute(attribute))
    return scalar(node, node.real(attribute, 0), element);
  return Value();
}

} // namespace

LogicalResult importMap(NodeImport &node, MapFunction function) {
  FailureOr<SmallVector<Value>> operands = operandsOf(node);
  return llvm::failed(operands) ? failure() : give(node, map(node, function, *operands));
}

/// Codes cast to floats, and the constant that multiplies them if it is their scale: a number for each place along some of
/// their axes, the first of them not 1.
static std::optional<DequantizedTensor> scaledCodes(NodeImport &node, unsigned index, unsigned scaleIndex) {
  const auto *of = node.get<DequantizedTensor>(index);
  const auto *scale = node.get<TensorView>(scaleIndex);
  phiq::ConstantOp one = of ? constantOf(of->scale) : phiq::ConstantOp();
  if (!one || !scale || numbersOf(one.getValue()).values != std::vector<float>{1})
    return std::nullopt;
  DequantizedTensor scaled = *of;
  FailureOr<Value> floats = tensorOf(node, scaleIndex);
  if (llvm::failed(floats) || !elementTypeOf(*floats).isF32() ||
      !phiq::broadcastsTo(shapeOf(*floats), scaled.codes.dims))
    return std::nullopt;
  scaled.scale = reshape(node, *floats, shapeOf(*floats).drop_while([](int64_t size) { return size == 1; }));
  return scaled;
}

LogicalResult importMul(NodeImport &node) {
  if (node.has(1))
    for (unsigned index : {0, 1})
      if (std::optional<DequantizedTensor> scaled = scaledCodes(node, index, 1 - index)) {
        node.result(0, *scaled);
        return success();
      }
  return importMap(node, MapFunction::Multiply);
}

/// Greater(a, b) is Less(b, a).
LogicalResult importGreater(NodeImport &node) {
  FailureOr<SmallVector<Value>> operands = operandsOf(node);
  if (llvm::failed(operands))
    return failure();
  const MapFunction function = node.node.op == "Greater" ? MapFunction::Less : MapFunction::LessOrEqual;
  return give(node, map(node, function, llvm::to_vector(llvm::reverse(*operands))));
}

/// Max, Min and Sum of any number of inputs, from the first on.
LogicalResult importVariadic(NodeImport &node) {
  FailureOr<SmallVector<Value>> operands = operandsOf(node);
  if (llvm::failed(operands))
    return failure();
  const MapFunction function = node.node.op == "Max"   ? MapFunction::Maximum
                               : node.node.op == "Min" ? MapFunction::Minimum
                                                       : MapFunction::Add;
  Value result = operands->front();
  for (Value next : ArrayRef(*operands).drop_front()) {
    FailureOr<Value> both = map(node, function, {result, next});
    if (llvm::failed(both))
      return failure();
    result = *both;
  }
  return give(node, result);
}

/// An integer to the power of a float: exact where that is a whole number from 0 on, else what floats make of it, without its
/// fraction.
static FailureOr<Value> powerOfInteger(NodeImport &node, Value x, Value y) {
  Type integer = elementTypeOf(x), f32 = elementTypeOf(y);
  auto apply = [&](MapFunction function, ValueRange xs, Type element) { return map(node, function, xs, element); };
  Value whole = *apply(MapFunction::Cast, y, integer);
  Value isWhole = *apply(MapFunction::Equal, {*apply(MapFunction::Cast, whole, f32), y}, node.builder.getI1Type());
  Value isUpward = *apply(MapFunction::LessOrEqual, {scalar(node, 0, f32), y}, node.builder.getI1Type());
  FailureOr<Value> exact = apply(MapFunction::Power, {x, whole}, integer),
                   real = apply(MapFunction::Power, {*apply(MapFunction::Cast, x, f32), y}, f32);
  if (llvm::failed(exact) || llvm::failed(real))
    return failure();
  Value truncated = *apply(MapFunction::Cast, *real, integer);
  return apply(MapFunction::Select,
               {*apply(MapFunction::And, {isWhole, isUpward}, node.builder.getI1Type()), *exact, truncated}, integer);
}

/// Squares, cubes, roots and reciprocals by themselves; a cube is rounded twice, as ONNX Runtime does it. The exponent has the
/// type of the base, or is cast to it.
LogicalResult importPow(NodeImport &node) {
  FailureOr<SmallVector<Value>> operands = operandsOf(node);
  if (llvm::failed(operands))
    return failure();
  Value x = (*operands)[0], y = (*operands)[1];
  if (elementTypeOf(x) != elementTypeOf(y)) {
    if (!elementTypeOf(x).isF32() && elementTypeOf(y).isF32())
      return give(node, powerOfInteger(node, x, y));
    FailureOr<Value> same = map(node, MapFunction::Cast, y, elementTypeOf(x));
    if (llvm::failed(same))
      return failure();
    y = *same;
  }
  if (phiq::ConstantOp exponent = constantOf(y); exponent && shapeOf(y).size() <= shapeOf(x).size()) {
    const Rows numbers = numbersOf(exponent.getValue());
    auto isAll = [&](double number) { return numbers.size() == 1 && numbers.number(0) == number; };
    auto times = [&](Value y) { return map(node, MapFunction::Multiply, {y, x}); };
    if (isAll(2))
      return give(node, times(x));
    if (isAll(3)) {
      FailureOr<Value> square = times(x);
      return give(node, llvm::failed(square) ? square : times(*square));
    }
    if (isAll(-1) && elementTypeOf(x).isF32())
      return give(node, map(node, MapFunction::Divide, {scalar(node, 1, elementTypeOf(x)), x}));
    if (isAll(0.5))
      return give(node, map(node, MapFunction::SquareRoot, x));
  }
  return give(node, map(node, MapFunction::Power, {x, y}));
}

LogicalResult importReciprocal(NodeImport &node) {
  FailureOr<Value> x = floatsOf(node, 0);
  return llvm::failed(x) ? failure()
                         : give(node, map(node, MapFunction::Divide, {scalar(node, 1, elementTypeOf(*x)), *x}));
}

LogicalResult importLeakyRelu(NodeImport &node) {
  FailureOr<Value> x = floatsOf(node, 0);
  const float alpha = node.real("alpha", 0.01f);
  return llvm::failed(x) ? failure()
                         : give(node, map(node, MapFunction::Prelu, {*x, scalar(node, alpha, elementTypeOf(*x))}));
}

LogicalResult importHardSigmoid(NodeImport &node) {
  FailureOr<Value> x = floatsOf(node, 0);
  const float alpha = node.real("alpha", 0.2f), beta = node.real("beta", 0.5f);
  return llvm::failed(x) ? failure() : give(node, hardSigmoid(node, *x, alpha, beta));
}

LogicalResult importHardSwish(NodeImport &node) {
  FailureOr<Value> x = floatsOf(node, 0);
  if (llvm::failed(x))
    return failure();
  FailureOr<Value> gate = hardSigmoid(node, *x, 1.0f / 6, 0.5f);
  return llvm::failed(gate) ? failure() : give(node, map(node, MapFunction::Multiply, {*x, *gate}));
}

/// min(max(x, least), most), in this order.
LogicalResult importClip(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  if (llvm::failed(x))
    return failure();
  FailureOr<Value> least = clipBound(node, 1, "min", elementTypeOf(*x)),
                   most = clipBound(node, 2, "max", elementTypeOf(*x));
  if (llvm::failed(least) || llvm::failed(most))
    return failure();
  FailureOr<Value> y = *x;
  if (*least)
    y = map(node, MapFunction::Maximum, {*y, *least});
  if (llvm::succeeded(y) && *most)
    y = map(node, MapFunction::Minimum, {*y, *most});
  return give(node, y);
}

LogicalResult importGelu(NodeImport &node) {
  FailureOr<Value> x = floatsOf(node, 0);
  if (std::string form = node.text("approximate", "none"); form != "none")
    return node.unsupportedAttribute("approximate", "must be none, found " + form);
  return llvm::failed(x) ? failure() : give(node, map(node, MapFunction::Gelu, *x));
}

/// Codes of the model's file as floats are dequantized by the scale 1: a product with another scale may follow.
LogicalResult importCast(NodeImport &node) {
  node.ignore({"saturate", "round_mode"}); // of float8
  const auto to = ElementType(node.integer("to", 0));
  if (const TensorView *codes = to == ElementType::F32 ? storedCodes(node, 0) : nullptr) {
    Type element = elementOf(node.builder, codes->tensor->type);
    node.result(0, DequantizedTensor{*codes, scalar(node, 1, node.builder.getF32Type()), scalar(node, 0, element), {}});
    return success();
  }
  FailureOr<Value> x = tensorOf(node, 0);
  Type element = elementOf(node.builder, to);
  if (!element)
    return node.unsupportedAttribute("to", "is " + elementTypeName(to) + ", which graphs do not compute with");
  if (llvm::succeeded(x) && elementTypeOf(*x) == element)
    return give(node, x);
  return llvm::failed(x) ? failure() : give(node, map(node, MapFunction::Cast, *x, element));
}

LogicalResult importCastLike(NodeImport &node) {
  node.ignore({"saturate", "round_mode"});
  FailureOr<Value> x = tensorOf(node, 0), like = tensorOf(node, 1);
  if (llvm::failed(x) || llvm::failed(like))
    return failure();
  return elementTypeOf(*x) == elementTypeOf(*like) ? give(node, x)
                                                   : give(node, map(node, MapFunction::Cast, *x, elementTypeOf(*like)));
}

} // namespace phic::onnx::graph
