//===- Contractions.cpp - What imported contractions share -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/graph/Contractions.h"
#include "compiler/import/onnx/graph/Slices.h"
#include "compiler/import/onnx/graph/WindowNode.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

using phiq::MapFunction;

/// A stored tensor of a type that weights have.
const TensorView *storedWeight(NodeImport &node, unsigned index) {
  const TensorView *view = storedTensor(node, index);
  if (!view)
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

/// A matrix as rows, dequantized; null where scale or zero point are not one a row.
Value dequantizedRows(NodeImport &node, const DequantizedTensor &of, bool transposed) {
  const size_t axis = transposed ? 0 : 1;
  Value scale = parameterOfRows(node, of.scale, axis, of.codes, 2),
        zero = parameterOfRows(node, of.zero, axis, of.codes, 2);
  if (!scale || !zero)
    return {};
  Value rows = node.weights.matrix(of.codes, /*transpose=*/!transposed);
  return *map(node, MapFunction::Dequantize, {rows, scale, zero}, node.builder.getF32Type());
}

} // namespace

namespace {

bool isKernel(ArrayRef<int64_t> dims) { return dims.size() == 3 || dims.size() == 4; }
int64_t plane(ArrayRef<int64_t> dims) { return dims.size() == 3 ? 1 : dims[2]; }

/// Some rows of [O, ...].
struct KernelRows {
  int64_t first, count;
};

Value rowsIn(NodeImport &node, Value x, KernelRows rows) {
  SmallVector<AxisRange> ranges = wholeOf(x);
  ranges[0] = {rows.first, 1, rows.count};
  return slice(node, x, ranges);
}

Value kernelWeight(NodeImport &node, const TensorView &view, KernelRows rows) {
  ArrayRef<int64_t> dims = view.dims;
  return node.weights.kernel(view, {rows.count, plane(dims), dims.back(), dims[1]}, rows.first);
}

/// Makes the kernels of an input [O, C, ...].
struct Kernels {
  Sizes dims; ///< O, C, ...
  std::function<Value(KernelRows rows)> make;
};

FailureOr<Kernels> kernelsIn(NodeImport &node, unsigned index) {
  if (const TensorView *view = storedWeight(node, index); view && isKernel(view->dims))
    return Kernels{Sizes(view->dims.begin(), view->dims.end()),
                   [&node, view](KernelRows rows) { return kernelWeight(node, *view, rows); }};
  if (const auto *of = node.get<DequantizedTensor>(index); of && isKernel(of->codes.dims)) {
    Value scale = parameterOfRows(node, of->scale, 0, of->codes, 4),
          zero = parameterOfRows(node, of->zero, 0, of->codes, 4);
    auto dequantized = [&node, codes = of->codes, scale, zero](KernelRows rows) -> Value {
      auto part = [&](Value x) { return shapeOf(x).empty() ? x : rowsIn(node, x, rows); };
      return *map(node, MapFunction::Dequantize, {kernelWeight(node, codes, rows), part(scale), part(zero)},
                  node.builder.getF32Type());
    };
    if (scale && zero) // else not by the output channel
      return Kernels{Sizes(of->codes.dims.begin(), of->codes.dims.end()), dequantized};
  }
  FailureOr<Value> w = tensorOf(node, index);
  if (llvm::failed(w))
    return failure();
  Sizes dims(shapeOf(*w));
  if (!isKernel(dims))
    return node.unsupportedInput(index, "must be of rank 3 or 4, found " + llvm::Twine(dims.size()));
  Value all = channelsLast(node, reshape(node, *w, {dims[0], dims[1], plane(dims), dims.back()}));
  return Kernels{dims, [&node, all](KernelRows rows) { return rowsIn(node, all, rows); }};
}

} // namespace

FailureOr<SmallVector<Factor>> kernelsOf(NodeImport &node, unsigned index, int64_t groups) {
  FailureOr<Kernels> kernels = kernelsIn(node, index);
  if (llvm::failed(kernels))
    return failure();
  Sizes shape = kernels->dims;
  if (shape[0] % groups)
    return node.unsupportedInput(index, "must have as many kernels for each of " + llvm::Twine(groups) + " groups");
  shape[0] /= groups;
  std::rotate(shape.begin() + 1, shape.begin() + 2, shape.end());
  SmallVector<Factor> factors;
  for (int64_t group = 0; group < groups; ++group)
    factors.push_back({kernels->make({group * shape[0], shape[0]}), shape});
  return factors;
}

namespace {

/// `codes`, in the order of a row, dequantized when the graph is run: what multiplies by them takes the codes.
Value dequantizedChannels(NodeImport &node, const DequantizedTensor &of, Value codes) {
  Value scale = parameterOfRows(node, of.scale, 0, of.codes, 1), zero = parameterOfRows(node, of.zero, 0, of.codes, 1);
  if (!scale || !zero)
    return {};
  return phiq::MapOp::create(node.builder, node.loc, typeOf(node.builder.getF32Type(), shapeOf(codes)),
                             MapFunction::Dequantize, ValueRange{codes, scale, zero});
}

} // namespace

FailureOr<SmallVector<Factor>> channelKernelOf(NodeImport &node, unsigned index, int64_t channels) {
  auto arranged = [&](Value w, ArrayRef<int64_t> dims) {
    return inOrder(node, reshape(node, w, {dims[0], plane(dims), dims.back()}), {1, 2, 0});
  };
  auto isOfChannels = [&](ArrayRef<int64_t> dims) { return isKernel(dims) && dims[1] == 1 && dims[0] % channels == 0; };
  Factor factor;
  if (const auto *of = node.get<DequantizedTensor>(index); of && isOfChannels(of->codes.dims)) {
    const DequantizedTensor found = *of;
    factor.shape.assign(found.codes.dims.begin(), found.codes.dims.end());
    factor.value = dequantizedChannels(node, found, arranged(tensorOf(node, found.codes), found.codes.dims));
  }
  if (!factor.value) {
    FailureOr<Value> w = tensorOf(node, index);
    if (llvm::failed(w))
      return failure();
    factor.shape.assign(shapeOf(*w).begin(), shapeOf(*w).end());
    if (!isOfChannels(factor.shape))
      return node.unsupportedInput(index, "must have as many kernels for each of " + llvm::Twine(channels) + " groups");
    factor.value = arranged(*w, factor.shape);
  }
  std::rotate(factor.shape.begin() + 1, factor.shape.begin() + 2, factor.shape.end());
  return SmallVector<Factor>{factor};
}

FailureOr<Factor> rowsOf(NodeImport &node, unsigned index, bool transposed) {
  if (const TensorView *view = storedWeight(node, index); view && view->dims.size() == 2) {
    Value value = node.weights.matrix(*view, /*transpose=*/!transposed);
    return Factor{value, SmallVector<int64_t>(shapeOf(value))};
  }
  if (const auto *of = node.get<DequantizedTensor>(index); of && of->codes.dims.size() == 2 && !of->inBlocks)
    if (Value value = dequantizedRows(node, *of, transposed))
      return Factor{value, SmallVector<int64_t>(shapeOf(value))};
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
