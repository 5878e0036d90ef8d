//===- Contractions.cpp - What imported contractions share -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/graph/Contractions.h"
#include "compiler/import/onnx/graph/WindowNode.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

using phiq::MapFunction;

/// An initializer whose bytes lie in the model's files, of a type that weights have.
const TensorView *storedTensor(NodeImport &node, unsigned index) {
  const auto *view = node.get<TensorView>(index);
  if (!view || !view->tensor->bytes || view->transposed)
    return nullptr;
  const ElementType type = view->tensor->type;
  const bool isWeight = type == ElementType::F32 || type == ElementType::I8 || type == ElementType::U8;
  return isWeight ? view : nullptr;
}

/// A parameter of codes whose axis `axis` becomes the rows of a weight of `rank` axes; null where it lies along another.
Value parameterOfRows(NodeImport &node, Value parameter, size_t axis, const TensorView &codes, size_t rank) {
  const int64_t count = cast<ShapedType>(parameter.getType()).getNumElements();
  if (count == 1)
    return reshape(node, parameter, {});
  SmallVector<int64_t> along(codes.dims.size() - axis, 1), rows(rank, 1);
  along[0] = rows[0] = codes.dims[axis];
  return shapeOf(parameter) == ArrayRef(along) ? reshape(node, parameter, rows) : Value();
}

/// `weight` dequantized; null where scale or zero point are not one a row.
Value dequantizedRows(NodeImport &node, const DequantizedTensor &of, size_t axis, llvm::function_ref<Value()> weight,
                      size_t rank) {
  Value scale = parameterOfRows(node, of.scale, axis, of.codes, rank),
        zero = parameterOfRows(node, of.zero, axis, of.codes, rank);
  if (!scale || !zero)
    return {};
  FailureOr<Value> result = map(node, MapFunction::Dequantize, {weight(), scale, zero}, node.builder.getF32Type());
  return llvm::succeeded(result) ? *result : Value();
}

} // namespace

namespace {

bool isKernel(ArrayRef<int64_t> dims) { return dims.size() == 3 || dims.size() == 4; }
int64_t plane(ArrayRef<int64_t> dims) { return dims.size() == 3 ? 1 : dims[2]; }

Value kernelWeight(NodeImport &node, const TensorView &view) {
  ArrayRef<int64_t> dims = view.dims;
  return node.weights.kernel(view, {dims[0], plane(dims), dims.back(), dims[1]});
}

/// Null where the input is not dequantized by the output channel.
Value dequantizedKernel(NodeImport &node, unsigned index) {
  const auto *of = node.get<DequantizedTensor>(index);
  return of && isKernel(of->codes.dims) ? dequantizedRows(
                                              node, *of, 0, [&] { return kernelWeight(node, of->codes); }, 4)
                                        : Value();
}

} // namespace

FailureOr<Factor> kernelOf(NodeImport &node, unsigned index) {
  Factor factor;
  if (const TensorView *view = storedTensor(node, index); view && isKernel(view->dims)) {
    factor.value = kernelWeight(node, *view);
    factor.shape.assign(view->dims.begin(), view->dims.end());
  } else if (Value codes = dequantizedKernel(node, index)) {
    ArrayRef<int64_t> dims = node.get<DequantizedTensor>(index)->codes.dims;
    factor.value = codes;
    factor.shape.assign(dims.begin(), dims.end());
  } else {
    FailureOr<Value> w = tensorOf(node, index);
    if (llvm::failed(w))
      return failure();
    SmallVector<int64_t> dims(shapeOf(*w));
    if (!isKernel(dims))
      return node.unsupportedInput(index, "must be of rank 3 or 4, found " + llvm::Twine(dims.size()));
    factor.shape = dims;
    factor.value = channelsLast(node, reshape(node, *w, {dims[0], dims[1], plane(dims), dims.back()}));
  }
  std::rotate(factor.shape.begin() + 1, factor.shape.begin() + 2, factor.shape.end());
  return factor;
}

FailureOr<Factor> rowsOf(NodeImport &node, unsigned index, bool transposed) {
  if (const TensorView *view = storedTensor(node, index); view && view->dims.size() == 2) {
    Value value = node.weights.matrix(*view, /*transpose=*/!transposed);
    return Factor{value, SmallVector<int64_t>(shapeOf(value))};
  }
  if (const auto *of = node.get<DequantizedTensor>(index); of && of->codes.dims.size() == 2) {
    auto weight = [&] { return node.weights.matrix(of->codes, /*transpose=*/!transposed); };
    if (Value value = dequantizedRows(node, *of, transposed ? 0 : 1, weight, 2))
      return Factor{value, SmallVector<int64_t>(shapeOf(value))};
  }
  FailureOr<Value> w = tensorOf(node, index);
  if (llvm::failed(w))
    return failure();
  if (shapeOf(*w).size() != 2)
    return node.unsupportedInput(index, "must be a matrix");
  Value value = transposed ? *w : inOrder(node, *w, {1, 0});
  return Factor{value, SmallVector<int64_t>(shapeOf(value))};
}

FailureOr<Value> zeroPointOf(NodeImport &node, unsigned index, Value codes, int64_t most) {
  if (!node.has(index))
    return Value();
  FailureOr<Value> zero = tensorOf(node, index);
  if (llvm::failed(zero))
    return failure();
  const int64_t count = cast<ShapedType>(zero->getType()).getNumElements();
  if ((count != 1 && count != most) || elementTypeOf(*zero) != elementTypeOf(codes))
    return node.unsupportedInput(index, "must be one zero point" +
                                            (most == 1 ? "" : ", or " + std::to_string(most) + ",") +
                                            " of the type of what it belongs to");
  return reshape(node, *zero, count == 1 ? ArrayRef<int64_t>() : ArrayRef(most));
}

namespace {

/// A scale: one number, or one a column.
FailureOr<Value> scaleOf(NodeImport &node, unsigned index, int64_t most) {
  FailureOr<Value> scale = floatsOf(node, index);
  if (llvm::failed(scale))
    return failure();
  const int64_t count = cast<ShapedType>(scale->getType()).getNumElements();
  if (count != 1 && count != most)
    return node.unsupportedInput(index,
                                 "must be one scale" + (most == 1 ? std::string() : ", or " + std::to_string(most)));
  return reshape(node, *scale, count == 1 ? ArrayRef<int64_t>() : ArrayRef(most));
}

} // namespace

FailureOr<Value> requantized(NodeImport &node, Value sums, const Requantization &inputs) {
  const int64_t columns = shapeOf(sums).back();
  FailureOr<Value> x = scaleOf(node, inputs.xScale, 1), w = scaleOf(node, inputs.wScale, columns),
                   y = scaleOf(node, inputs.yScale, 1), zero = tensorOf(node, inputs.yZero);
  if (llvm::failed(x) || llvm::failed(w) || llvm::failed(y) || llvm::failed(zero))
    return failure();
  if (cast<ShapedType>(zero->getType()).getNumElements() != 1 || !elementTypeOf(*zero).isInteger(8))
    return node.unsupportedInput(inputs.yZero, "must be one zero point of 8 bits");
  FailureOr<Value> scale = map(node, MapFunction::Multiply, {*x, *w});
  if (llvm::failed(scale))
    return failure();
  Value none = scalar(node, 0, node.builder.getI32Type());
  FailureOr<Value> real = map(node, MapFunction::Dequantize, {sums, *scale, none}, node.builder.getF32Type());
  if (llvm::failed(real))
    return failure();
  return map(node, MapFunction::Quantize, {*real, *y, reshape(node, *zero, {})}, elementTypeOf(*zero));
}

} // namespace phic::onnx::graph
