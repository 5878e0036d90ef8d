//===- QdqOps.cpp - Imports QuantizeLinear and its inverse -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     DequantizeLinear(codes[K, N], scales[K / 32, N], axis 0, block_size 32)
//  becomes
//     %w = phiq.weight layout = "qdq_kn" : tensor<NxKx!phiq.block<s4, 32, scale = f32>>
//     %f = phiq.dequantize %w : tensor<NxKxf32>
//  which the quantize phase folds into the matmul. On activations, QuantizeLinear and
//  DequantizeLinear stay what the graph states.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/NodeImport.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic::onnx {
namespace {

std::optional<CodeType> codeType(ElementType type) {
  switch (type) {
  case ElementType::U4:
    return CodeType{4, false};
  case ElementType::I4:
    return CodeType{4, true};
  case ElementType::U8:
    return CodeType{8, false};
  case ElementType::I8:
    return CodeType{8, true};
  default:
    return std::nullopt;
  }
}

Scalar zeroScalar(CodeType codes) {
  return codes.bits == 4 ? (codes.isSigned ? Scalar::I4 : Scalar::U4) : (codes.isSigned ? Scalar::I8 : Scalar::U8);
}

/// How scales lie on a weight [A, B].
struct ScaleLayout {
  bool transposed; ///< blocks run along axis 0: storage "qdq_kn", of [B, A]
  int64_t block;
};

/// Per axis: one scale an index of `axis`, so the other axis is the block. Blocked: as stated.
FailureOr<ScaleLayout> scaleLayout(NodeImport &node, ArrayRef<int64_t> dims, const TensorView &scales) {
  int64_t axis = node.integer("axis", 1), block = node.integer("block_size", 0);
  if (axis < -2 || axis > 1)
    return node.unsupportedAttribute("axis", "must be -2 to 1, found " + llvm::Twine(axis));
  axis = axis < 0 ? axis + 2 : axis;
  int64_t count = scales.tensor->elements();
  if (!block) {
    if (count == 1)
      return ScaleLayout{true, dims[0]};
    if (scales.dims.size() != 1 || count != dims[axis])
      return node.unsupportedInput(1, "must have one scale, or one for each of " + llvm::Twine(dims[axis]) +
                                          " along the axis, found " + llvm::Twine(count));
    return ScaleLayout{axis == 1, dims[1 - axis]};
  }
  if (block < 1 || block > (int64_t(1) << 31))
    return node.unsupportedAttribute("block_size", "must be positive, found " + llvm::Twine(block));
  SmallVector<int64_t> wanted(dims);
  wanted[axis] = llvm::divideCeil(wanted[axis], block);
  if (ArrayRef(scales.dims) != ArrayRef(wanted))
    return node.unsupportedInput(1, "must be " + llvm::Twine(wanted[0]) + "x" + llvm::Twine(wanted[1]) +
                                        " for blocks of " + llvm::Twine(block));
  return ScaleLayout{axis == 0, block};
}

} // namespace

FailureOr<FloatWeight> dequantizedWeight(NodeImport &node) {
  FailureOr<TensorView> codes = node.tensor(0, /*isFloat=*/false), scales = node.tensor(1, /*isFloat=*/true);
  if (llvm::failed(codes) || llvm::failed(scales))
    return failure();
  std::optional<CodeType> type = codeType(codes->tensor->type);
  if (!type || codes->dims.size() != 2 || codes->transposed || llvm::is_contained(codes->dims, 0))
    return node.unsupportedInput(0, "must be int4, uint4, int8 or uint8 and of rank 2, found " +
                                        elementTypeName(codes->tensor->type) + " of rank " +
                                        llvm::Twine(codes->dims.size()));
  FailureOr<ScaleLayout> layout = scaleLayout(node, codes->dims, *scales);
  if (llvm::failed(layout))
    return failure();
  BlockFormat format{*type, layout->block};
  Type scaleType = floatType(node.builder.getContext(), scales->tensor->type);
  format.scale = phiq::scalarOf(scaleType);
  SmallVector<const Tensor *> parts{codes->tensor, scales->tensor};
  if (node.has(2)) {
    FailureOr<TensorView> zeros = node.tensor(2, /*isFloat=*/false);
    if (llvm::failed(zeros))
      return failure();
    if (zeros->tensor->type != codes->tensor->type || zeros->dims != scales->dims)
      return node.unsupportedInput(2, "must have the type of input 0 and the shape of input 1");
    format.zero = zeroScalar(*type);
    parts.push_back(zeros->tensor);
  }
  bool transposed = layout->transposed;
  int64_t rows = codes->dims[transposed], columns = codes->dims[!transposed];
  StorageLayout storage = transposed ? StorageLayout::QdqKN : StorageLayout::QdqNK;
  Value weight = node.weights.blocks(storage, rows, columns, format, parts);
  auto result = RankedTensorType::get({rows, columns}, node.builder.getF32Type());
  return FloatWeight{phiq::DequantizeOp::create(node.builder, node.loc, result, weight), transposed};
}

namespace {

/// Scale and zero point of activations: of the whole tensor, or one scale a column.
struct ActivationScale {
  Value scale;
  CodeType codes;
  int64_t zero = 0;
  int64_t block = 0; ///< columns that share a scale
};

/// One scale, or one for each of the columns: the last axis of [batch, sequence, columns].
LogicalResult checkScales(NodeImport &node, const Tensor &scales, int64_t columns) {
  if (scales.elements() == 1)
    return success();
  constexpr int64_t kLast = 2;
  if (int64_t axis = node.integer("axis", 1); axis != -1 && axis != kLast)
    return node.unsupportedAttribute("axis", "must be -1 or 2 where activations have a scale for each column, found " +
                                                 llvm::Twine(axis));
  if (scales.elements() != columns)
    return node.unsupportedInput(1, "must be one scale for the whole of the activations, or one for each of " +
                                        llvm::Twine(columns) + " columns, found " + llvm::Twine(scales.elements()));
  return success();
}

FailureOr<ActivationScale> activationScale(NodeImport &node, ElementType storage, int64_t columns) {
  node.ignore({"axis"}); // of one scale
  FailureOr<TensorView> scale = node.tensor(1, /*isFloat=*/true);
  if (llvm::failed(scale) || llvm::failed(checkScales(node, *scale->tensor, columns)))
    return failure();
  ActivationScale result;
  result.block = scale->tensor->elements() == 1 ? columns : 1;
  if (node.has(2)) {
    FailureOr<TensorView> zero = node.tensor(2, /*isFloat=*/false);
    if (llvm::failed(zero))
      return failure();
    auto values = node.importer.model.integers(*zero->tensor);
    if (!values || values->empty() || !llvm::all_equal(*values))
      return node.unsupportedInput(2, "must be one zero point, the same for all columns");
    storage = zero->tensor->type;
    result.zero = values->front();
  }
  std::optional<CodeType> codes = codeType(storage);
  if (!codes || codes->bits != 8)
    return node.unsupported("activations quantized to " + elementTypeName(storage) +
                            " are not supported; int8 and uint8 are");
  result.codes = *codes;
  result.scale = node.weights.vector(*scale);
  return result;
}

/// Whether two scales are the same numbers; exporters write them twice.
bool isSameScale(NodeImport &node, Value a, Value b) {
  auto bytesOf = [&](Value scale) {
    auto range = cast<phiq::RangeAttr>(scale.getDefiningOp<phiq::WeightOp>().getRanges()[0]);
    return node.importer.model.bytes({range.getFile(), range.getOffset(), range.getLength()});
  };
  return a.getType() == b.getType() && bytesOf(a) == bytesOf(b);
}

} // namespace

LogicalResult importQuantizeLinear(NodeImport &node) {
  node.ignore({"saturate", "precision"}); // saturate concerns float8, precision the quotient of 16-bit floats
  if (llvm::failed(node.require("block_size", 0)))
    return failure();
  auto storage = ElementType(node.integer("output_dtype", 0));
  FailureOr<RowsValue> x = node.tokens(0);
  if (llvm::failed(x))
    return failure();
  int64_t columns = columnsOf(x->value);
  FailureOr<ActivationScale> to =
      activationScale(node, storage == ElementType::Undefined ? ElementType::U8 : storage, columns);
  if (llvm::failed(to))
    return failure();
  BlockFormat format{to->codes, to->block};
  format.zeroConstant = to->zero;
  auto type =
      RankedTensorType::get({ShapedType::kDynamic, columns}, phiq::BlockType::get(node.builder.getContext(), format));
  IntegerAttr zero = to->zero ? node.builder.getI64IntegerAttr(to->zero) : IntegerAttr();
  node.rowsResult(0, phiq::QuantizeOp::create(node.builder, node.loc, type, x->value, to->scale, zero), *x);
  return success();
}

/// Of a weight, or of activations that a QuantizeLinear with the same parameters made.
LogicalResult importDequantizeLinear(NodeImport &node) {
  if (!node.get<RowsValue>(0)) {
    FailureOr<FloatWeight> weight = dequantizedWeight(node);
    if (llvm::succeeded(weight))
      node.result(0, *weight);
    return weight;
  }
  FailureOr<RowsValue> x = node.rows(0);
  if (llvm::failed(x) || llvm::failed(node.require("block_size", 0)))
    return failure();
  int64_t columns = columnsOf(x->value);
  FailureOr<ActivationScale> from = activationScale(node, ElementType::U8, columns);
  if (llvm::failed(from))
    return failure();
  auto quantize = x->value.getDefiningOp<phiq::QuantizeOp>();
  if (!quantize || !isSameScale(node, quantize.getScale(), from->scale) ||
      int64_t(quantize.getZero().value_or(0)) != from->zero)
    return node.unsupportedInput(0, "must come from a QuantizeLinear with the same scale and zero point");
  node.rowsResult(0, phiq::DequantizeOp::create(node.builder, node.loc, rowsType(node.builder, columns), x->value), *x);
  return success();
}

} // namespace phic::onnx
