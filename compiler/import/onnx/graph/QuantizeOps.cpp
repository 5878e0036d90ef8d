//===- QuantizeOps.cpp - Imports linear quantizations ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scale and zero point lie along an axis, or in blocks of it, and become tensors that broadcast:
//
//     QuantizeLinear(x [1, 3, 8, 8], scale [3], zero [3], axis 1)   ->   phiq.map quantize %x, %s [3, 1, 1], %z [3, 1, 1]
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/graph/QuantizedNode.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

using phiq::MapFunction;

/// Whether an element type holds codes.
bool isCode(Type element) { return element.isInteger(8) || element.isInteger(4); }

/// A parameter with one number a block of `axis`, as one a element.
FailureOr<Value> repeated(NodeImport &node, unsigned index, Value parameter, ArrayRef<int64_t> shape, int64_t axis,
                          int64_t block) {
  SmallVector<int64_t> wanted(shape), blocks;
  wanted[size_t(axis)] = (wanted[size_t(axis)] + block - 1) / block;
  if (shapeOf(parameter) != ArrayRef(wanted))
    return node.unsupportedInput(index, "must have a number for each block of " + llvm::Twine(block) + " along axis " +
                                            llvm::Twine(axis));
  for (int64_t i = 0; i < shape[size_t(axis)]; ++i)
    blocks.push_back(i / block);
  return make<phiq::GatherOp>(node, typeOf(parameter, shape), parameter, integerVector(node, blocks), axis);
}

/// A parameter with one number, or one for each place along `given`, as a tensor that broadcasts to `shape`.
FailureOr<Value> along(NodeImport &node, unsigned index, Value parameter, ArrayRef<int64_t> shape, int64_t given) {
  const int64_t count = cast<ShapedType>(parameter.getType()).getNumElements();
  if (count == 1)
    return make<phiq::ReshapeOp>(node, typeOf(parameter, {}), parameter);
  FailureOr<int64_t> axis = axisOf(node, given, int64_t(shape.size()));
  if (llvm::failed(axis))
    return failure();
  if (shapeOf(parameter).size() != 1 || count != shape[size_t(*axis)])
    return node.unsupportedInput(index, "must be one number, or one for each of " + llvm::Twine(shape[size_t(*axis)]) +
                                            " along axis " + llvm::Twine(*axis));
  SmallVector<int64_t> wide(shape.size() - size_t(*axis), 1);
  wide[0] = count;
  return make<phiq::ReshapeOp>(node, typeOf(parameter, wide), parameter);
}

/// The scale (input 1) or the zero point (input 2) as a tensor that broadcasts to x's shape.
FailureOr<Value> parameterOf(NodeImport &node, unsigned index, ArrayRef<int64_t> shape) {
  FailureOr<Value> parameter = tensorOf(node, index);
  if (llvm::failed(parameter))
    return failure();
  const int64_t block = node.integer("block_size", 0), given = node.integer("axis", 1);
  if (!block)
    return along(node, index, *parameter, shape, given);
  FailureOr<int64_t> axis = axisOf(node, given, int64_t(shape.size()));
  if (llvm::failed(axis))
    return failure();
  return repeated(node, index, *parameter, shape, *axis, block);
}

/// Input 2, or zeros of type `absent`.
FailureOr<Value> zeroOf(NodeImport &node, ArrayRef<int64_t> shape, Type absent) {
  return node.has(2) ? parameterOf(node, 2, shape) : FailureOr<Value>(scalar(node, 0, absent));
}

} // namespace

FailureOr<Quantization> quantizationOf(NodeImport &node, unsigned index, Type codes, ArrayRef<int64_t> shape,
                                       int64_t axis) {
  FailureOr<Value> scale = floatsOf(node, index);
  Type absent = codes ? codes : elementOf(node.builder, ElementType::U8);
  FailureOr<Value> zero = node.has(index + 1) ? tensorOf(node, index + 1) : FailureOr<Value>(scalar(node, 0, absent));
  if (llvm::failed(scale) || llvm::failed(zero))
    return failure();
  if (!isCode(elementTypeOf(*zero)) || (codes && elementTypeOf(*zero) != codes))
    return node.unsupportedInput(index + 1, "(zero point) must be int8 or uint8, as the codes are");
  scale = along(node, index, *scale, shape, axis);
  zero = along(node, index + 1, *zero, shape, axis);
  if (llvm::failed(scale) || llvm::failed(zero))
    return failure();
  return Quantization{*scale, *zero};
}

FailureOr<Value> dequantized(NodeImport &node, unsigned index, int64_t axis) {
  FailureOr<Value> codes = tensorOf(node, index);
  if (llvm::failed(codes))
    return failure();
  if (!isCode(elementTypeOf(*codes)))
    return node.unsupportedInput(index, "must be int8 or uint8");
  auto by = quantizationOf(node, index + 1, elementTypeOf(*codes), shapeOf(*codes), axis);
  if (llvm::failed(by))
    return failure();
  return map(node, MapFunction::Dequantize, {*codes, by->scale, by->zero}, node.builder.getF32Type());
}

FailureOr<Value> quantized(NodeImport &node, FailureOr<Value> x, unsigned index, Type codes, int64_t axis) {
  if (llvm::failed(x))
    return failure();
  auto by = quantizationOf(node, index, codes, shapeOf(*x), axis);
  if (llvm::failed(by))
    return failure();
  return map(node, MapFunction::Quantize, {*x, by->scale, by->zero}, elementTypeOf(by->zero));
}

/// The steps of ONNX's function of it. Of zeros alone the scale is 1, as ONNX Runtime has it; by the function it would be 0,
/// and their codes anything.
DynamicCodes dynamicCodes(NodeImport &node, Value x) {
  Type f32 = elementTypeOf(x), u8 = elementOf(node.builder, ElementType::U8);
  Value none = scalar(node, 0, f32), most = scalar(node, 255, f32);
  auto apply = [&](MapFunction function, ValueRange xs, Type element) { return *map(node, function, xs, element); };
  const SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, int64_t(shapeOf(x).size())));
  auto extreme = [&](phiq::ReduceKind kind, MapFunction function) {
    Value found = axes.empty() ? x : make<phiq::ReduceOp>(node, typeOf(x, {}), kind, x, axes);
    return apply(function, {found, none}, f32);
  };
  Value least = extreme(phiq::ReduceKind::Minimum, MapFunction::Minimum);
  Value range = apply(MapFunction::Subtract, {extreme(phiq::ReduceKind::Maximum, MapFunction::Maximum), least}, f32);
  Value isFlat = apply(MapFunction::Equal, {range, none}, node.builder.getI1Type());
  Value scale = apply(MapFunction::Divide, {range, most}, f32);
  scale = apply(MapFunction::Select, {isFlat, scalar(node, 1, f32), scale}, f32);
  Value point = apply(MapFunction::Subtract, {none, apply(MapFunction::Divide, {least, scale}, f32)}, f32);
  point = apply(MapFunction::Minimum, {apply(MapFunction::Maximum, {point, none}, f32), most}, f32);
  Value zero = apply(MapFunction::Cast, apply(MapFunction::Round, point, f32), u8);
  return {apply(MapFunction::Quantize, {x, scale, zero}, u8), scale, zero};
}

LogicalResult importDynamicQuantizeLinear(NodeImport &node) {
  FailureOr<Value> x = floatsOf(node, 0);
  if (llvm::failed(x))
    return failure();
  const DynamicCodes made = dynamicCodes(node, *x);
  const Value results[] = {made.codes, made.scale, made.zero};
  for (auto [i, value] : llvm::enumerate(results))
    node.result(unsigned(i), Ranked{value});
  return success();
}

LogicalResult importQuantizeLinear(NodeImport &node) {
  node.ignore({"saturate"}); // of float8
  const auto precision = ElementType(node.integer("precision", 0)),
             storage = ElementType(node.integer("output_dtype", 0));
  FailureOr<Value> x = floatsOf(node, 0);
  if (llvm::failed(x))
    return failure();
  if (precision != ElementType::Undefined && precision != ElementType::F32)
    return node.unsupportedAttribute("precision", "must be float, found " + elementTypeName(precision));
  Type codes = elementOf(node.builder, storage == ElementType::Undefined ? ElementType::U8 : storage);
  if (!codes)
    return node.unsupportedAttribute("output_dtype",
                                     "is " + elementTypeName(storage) + ", which graphs do not compute with");
  FailureOr<Value> scale = parameterOf(node, 1, shapeOf(*x)), zero = zeroOf(node, shapeOf(*x), codes);
  if (llvm::failed(scale) || llvm::failed(zero))
    return failure();
  if (!isCode(elementTypeOf(*zero)))
    return node.unsupported("it makes " + elementTypeName(storage) + "; int4, uint4, int8 and uint8 are supported");
  return give(node, map(node, MapFunction::Quantize, {*x, *scale, *zero}, elementTypeOf(*zero)));
}

namespace {

/// Whether input 0 is a matrix that a weight in blocks can be: of 4 bits, or with scales in blocks that matmuls have. Parameters are
/// initializers, too.
bool isInBlocks(NodeImport &node) {
  auto stored = [&](unsigned index) {
    const auto *view = node.get<TensorView>(index);
    return view && !view->transposed && view->tensor->bytes ? view : nullptr;
  };
  const TensorView *codes = stored(0), *scale = stored(1), *zero = node.has(2) ? stored(2) : nullptr;
  if (!codes || !scale || codes->dims.size() != 2 || llvm::is_contained(codes->dims, 0) ||
      scale->tensor->type != ElementType::F32 ||
      (node.has(2) && (!zero || zero->tensor->type != codes->tensor->type || zero->dims != scale->dims)))
    return false;
  const ElementType type = codes->tensor->type;
  const bool isOf4Bits = type == ElementType::I4 || type == ElementType::U4,
             isOf8Bits = type == ElementType::I8 || type == ElementType::U8;
  const int64_t block = node.integer("block_size", 0), given = node.integer("axis", 1);
  const int64_t axis = given < 0 ? given + 2 : given;
  return axis >= 0 && axis < 2 && (block % 16 == 0 || block >= codes->dims[size_t(axis)]) &&
         (isOf4Bits || (isOf8Bits && block != 0));
}

LogicalResult dequantizeLater(NodeImport &node, TensorView codes) {
  FailureOr<Value> scale = parameterOf(node, 1, codes.dims),
                   zero = zeroOf(node, codes.dims, elementOf(node.builder, codes.tensor->type));
  if (llvm::failed(scale) || llvm::failed(zero))
    return failure();
  DequantizedTensor result{codes, *scale, *zero, {}};
  if (isInBlocks(node)) {
    FailureOr<FloatWeight> weight = dequantizedWeight(node);
    if (llvm::failed(weight))
      return failure();
    result.inBlocks = *weight;
  }
  node.result(0, result);
  return success();
}

} // namespace

LogicalResult importDequantizeLinear(NodeImport &node) {
  const auto to = ElementType(node.integer("output_dtype", 0));
  if (to != ElementType::Undefined && to != ElementType::F32)
    return node.unsupportedAttribute("output_dtype", "must be float, found " + elementTypeName(to));
  const TensorView *codes = node.integer("block_size", 0) ? nullptr : storedCodes(node, 0);
  if (codes || isInBlocks(node))
    return dequantizeLater(node, *node.get<TensorView>(0));
  FailureOr<Value> x = tensorOf(node, 0);
  if (llvm::failed(x))
    return failure();
  FailureOr<Value> scale = parameterOf(node, 1, shapeOf(*x)), zero = zeroOf(node, shapeOf(*x), elementTypeOf(*x));
  if (llvm::failed(scale) || llvm::failed(zero))
    return failure();
  return give(node, map(node, MapFunction::Dequantize, {*x, *scale, *zero}, node.builder.getF32Type()));
}

} // namespace phic::onnx::graph
