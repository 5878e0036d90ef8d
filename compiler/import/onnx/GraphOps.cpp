//===- GraphOps.cpp - Imports ops on tensors of static shape ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a graph without steps computes on tensors of its own shapes. Each result's type follows from the operands':
//
//     MaxPool(x)        ->  phiq.max_pool %x {kernel, strides, pads, dilations}
//     Flatten(x)        ->  phiq.reshape %x
//     Gemm(x, W, b)     ->  phiq.bias (phiq.matmul %x, %w), %b
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/GraphOps.h"

using namespace mlir;

namespace phic::onnx {
namespace {

ArrayRef<int64_t> shapeOf(Value value) { return cast<ShapedType>(value.getType()).getShape(); }

/// A list of `count` positive integers; all `absent` where the node has none.
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

/// Scale and zero point of a whole tensor.
struct LinearScale {
  Value scale;
  Type codes;
  int64_t zero = 0;
};

FailureOr<LinearScale> linearScale(NodeImport &node, Type codes) {
  node.ignore({"axis"}); // of one scale
  FailureOr<TensorView> scale = node.tensor(1, /*isFloat=*/true);
  if (llvm::failed(scale) || llvm::failed(node.require("block_size", 0)))
    return failure();
  if (scale->tensor->elements() != 1)
    return node.unsupportedInput(1, "must be one scale for the whole tensor, found " +
                                        llvm::Twine(scale->tensor->elements()));
  LinearScale result{node.weights.vector(*scale), codes};
  if (!node.has(2))
    return result;
  FailureOr<TensorView> zero = node.tensor(2, /*isFloat=*/false);
  if (llvm::failed(zero))
    return failure();
  auto values = node.importer.model.integers(*zero->tensor);
  bool isSigned = zero->tensor->type == ElementType::I8;
  if (!values || values->size() != 1 || (!isSigned && zero->tensor->type != ElementType::U8))
    return node.unsupportedInput(2, "must be one zero point, int8 or uint8");
  result.zero = values->front();
  result.codes = isSigned ? Type(node.builder.getI8Type()) : Type(node.builder.getIntegerType(8, /*isSigned=*/false));
  return result;
}

/// B of Gemm as [N, K].
FailureOr<Value> gemmWeight(NodeImport &node, int64_t K) {
  const bool transB = node.integer("transB", 0);
  FailureOr<TensorView> b = node.tensor(1, /*isFloat=*/true);
  if (llvm::failed(b))
    return failure();
  if (b->dims.size() != 2 || b->dim(transB ? 1 : 0) != K)
    return node.unsupportedInput(1, "must be a matrix with K = " + llvm::Twine(K));
  return node.weights.matrix(*b, /*transpose=*/!transB);
}

} // namespace

LogicalResult makeReshape(NodeImport &node, Value x, ArrayRef<int64_t> shape) {
  auto type = rankedType(node.builder, shape, cast<ShapedType>(x.getType()).getElementType());
  node.result(0, Ranked{phiq::ReshapeOp::create(node.builder, node.loc, type, x)});
  return success();
}

LogicalResult quantizeRanked(NodeImport &node) {
  auto storage = ElementType(node.integer("output_dtype", 0));
  FailureOr<Value> x = node.ranked(0);
  if (llvm::failed(x))
    return failure();
  if (storage != ElementType::Undefined && storage != ElementType::U8 && storage != ElementType::I8)
    return node.unsupportedAttribute("output_dtype", "must be int8 or uint8, found " + elementTypeName(storage));
  OpBuilder &b = node.builder;
  FailureOr<LinearScale> to =
      linearScale(node, storage == ElementType::I8 ? Type(b.getI8Type()) : Type(b.getIntegerType(8, false)));
  if (llvm::failed(to))
    return failure();
  auto type = rankedType(b, shapeOf(*x), to->codes);
  node.result(0,
              Ranked{phiq::QuantizeLinearOp::create(b, node.loc, type, *x, to->scale, b.getI64IntegerAttr(to->zero))});
  return success();
}

LogicalResult dequantizeRanked(NodeImport &node) {
  FailureOr<Value> x = node.ranked(0, /*isFloat=*/false);
  if (llvm::failed(x))
    return failure();
  Type codes = cast<ShapedType>(x->getType()).getElementType();
  if (!codes.isInteger(8))
    return node.unsupportedInput(0, "must be 8-bit integers");
  FailureOr<LinearScale> from = linearScale(node, codes);
  if (llvm::failed(from))
    return failure();
  if (from->codes != codes)
    return node.unsupportedInput(2, "must have the type of input 0");
  auto type = rankedType(node.builder, shapeOf(*x));
  node.result(0, Ranked{phiq::DequantizeLinearOp::create(node.builder, node.loc, type, *x, from->scale,
                                                         node.builder.getI64IntegerAttr(from->zero))});
  return success();
}

LogicalResult importFlatten(NodeImport &node) {
  FailureOr<Value> x = node.ranked(0, /*isFloat=*/false);
  if (llvm::failed(x))
    return failure();
  ArrayRef<int64_t> shape = shapeOf(*x);
  const auto rank = int64_t(shape.size());
  int64_t axis = node.integer("axis", 1);
  if (axis < -rank || axis > rank)
    return node.unsupportedAttribute("axis", "must be " + llvm::Twine(-rank) + " to " + llvm::Twine(rank) + ", found " +
                                                 llvm::Twine(axis));
  axis = axis < 0 ? axis + rank : axis;
  int64_t outer = 1, inner = 1;
  for (auto [i, size] : llvm::enumerate(shape))
    (int64_t(i) < axis ? outer : inner) *= size;
  return makeReshape(node, *x, {outer, inner});
}

LogicalResult importMaxPool(NodeImport &node) {
  FailureOr<Value> x = node.ranked(0, /*isFloat=*/false, /*rank=*/4);
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
  auto type = rankedType(node.builder, shape, cast<ShapedType>(x->getType()).getElementType());
  node.result(0,
              Ranked{phiq::MaxPoolOp::create(node.builder, node.loc, type, *x, *kernel, *strides, *pads, *dilations)});
  return success();
}

LogicalResult importGemm(NodeImport &node) {
  FailureOr<Value> x = node.ranked(0, /*isFloat=*/true, /*rank=*/2);
  for (StringRef name : {"alpha", "beta"})
    if (float factor = node.real(name, 1); factor != 1)
      return node.unsupportedAttribute(name, "must be 1, found " + llvm::Twine(std::to_string(factor)));
  if (llvm::failed(x) || llvm::failed(node.require("transA", 0)))
    return failure();
  FailureOr<Value> weight = gemmWeight(node, shapeOf(*x)[1]);
  if (llvm::failed(weight))
    return failure();
  const int64_t N = shapeOf(*weight)[0];
  Value result = phiq::MatmulOp::create(node.builder, node.loc, rankedType(node.builder, {shapeOf(*x)[0], N}), *x,
                                        *weight, phiq::ComputeModeAttr());
  if (node.has(2)) {
    FailureOr<Value> bias = node.vector(2, N);
    if (llvm::failed(bias))
      return failure();
    result = phiq::BiasOp::create(node.builder, node.loc, result, *bias);
  }
  node.result(0, Ranked{result});
  return success();
}

} // namespace phic::onnx
