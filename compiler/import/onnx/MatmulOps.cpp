//===- MatmulOps.cpp - Imports matmuls and embeddings ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     MatMul(x, W[K, N])             ->   phiq.matmul %x, %w : ..., tensor<NxKxf32>
//     MatMulNBits(x, codes, scales)  ->   phiq.matmul %x, %w : ..., tensor<NxKx!phiq.block<u4, 32, scale = f32, zero = 8>>
//     Gather(W[V, N], input_ids)     ->   phiq.embed %ids, %w
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/NodeImport.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic::onnx {
namespace {

Scalar scalarOf(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return Scalar::F32;
  case ElementType::F16:
    return Scalar::F16;
  case ElementType::BF16:
    return Scalar::BF16;
  default:
    return Scalar::None;
  }
}

/// Codes packed in bytes as MatMulNBits and GatherBlockQuantized share them.
struct PackedCodes {
  unsigned codes, scales, zeros; ///< inputs of the node
  int64_t rows, columns, bits, block;
};

LogicalResult checkPacking(NodeImport &node, const PackedCodes &packed) {
  if (packed.bits != 2 && packed.bits != 4 && packed.bits != 8)
    return node.unsupportedAttribute("bits", "must be 2, 4 or 8, found " + llvm::Twine(packed.bits));
  if (packed.block < 16 || packed.block > 256 || !llvm::isPowerOf2_64(packed.block))
    return node.unsupportedAttribute("block_size",
                                     "must be a power of two from 16 to 256, found " + llvm::Twine(packed.block));
  constexpr int64_t kMaxDim = int64_t(1) << 31;
  if (packed.rows < 1 || packed.columns < 1 || packed.rows > kMaxDim || packed.columns > kMaxDim)
    return node.unsupported("the weight's shape " + llvm::Twine(packed.rows) + "x" + llvm::Twine(packed.columns) +
                            " is not supported");
  return success();
}

/// The zero points' type into `format`; their tensor, or null where they are constant.
FailureOr<const Tensor *> zeroPoints(NodeImport &node, const PackedCodes &packed, int64_t blocks, BlockFormat &format) {
  format.zeroConstant = int64_t(1) << (packed.bits - 1);
  if (!node.has(packed.zeros))
    return static_cast<const Tensor *>(nullptr);
  FailureOr<TensorView> zeros = node.tensor(packed.zeros, /*isFloat=*/false);
  if (llvm::failed(zeros))
    return failure();
  format.zeroConstant = 0;
  int64_t wanted = packed.rows * blocks;
  if (zeros->tensor->type == ElementType::U8) {
    wanted = packed.rows * llvm::divideCeil(blocks * packed.bits, 8);
    format.zero = packed.bits == 4 ? Scalar::U4 : packed.bits == 8 ? Scalar::U8 : Scalar::None;
  } else {
    format.zero = scalarOf(zeros->tensor->type);
  }
  if (format.zero == Scalar::None || format.zero == Scalar::BF16)
    return node.unsupportedInput(packed.zeros, "has zero points of type " + elementTypeName(zeros->tensor->type) +
                                                   ", which is not supported for " + llvm::Twine(packed.bits) +
                                                   " bits");
  if (zeros->tensor->elements() != wanted)
    return node.unsupportedInput(packed.zeros, "must have " + llvm::Twine(wanted) + " elements, found " +
                                                   llvm::Twine(zeros->tensor->elements()));
  return zeros->tensor;
}

/// Where K is no multiple of the block, MatMulNBits pads the last block of each row; `layout` says what is meant.
FailureOr<Value> packedWeight(NodeImport &node, const PackedCodes &packed, StorageLayout layout) {
  if (llvm::failed(checkPacking(node, packed)))
    return failure();
  FailureOr<TensorView> codes = node.tensor(packed.codes, /*isFloat=*/false);
  FailureOr<TensorView> scales = node.tensor(packed.scales, /*isFloat=*/true);
  if (llvm::failed(codes) || llvm::failed(scales))
    return failure();
  int64_t blocks = llvm::divideCeil(packed.columns, packed.block);
  BlockFormat format{{uint8_t(packed.bits), false}, packed.block, scalarOf(scales->tensor->type)};
  FailureOr<const Tensor *> zeros = zeroPoints(node, packed, blocks, format);
  if (llvm::failed(zeros))
    return failure();
  int64_t elementsPerRow = layout == StorageLayout::NBits ? blocks * packed.block : packed.columns;
  int64_t bytes = packed.rows * (elementsPerRow * packed.bits / 8);
  if (codes->tensor->type != ElementType::U8 || codes->tensor->elements() != bytes)
    return node.unsupportedInput(packed.codes, "must be uint8 with " + llvm::Twine(bytes) + " elements, found " +
                                                   elementTypeName(codes->tensor->type) + " with " +
                                                   llvm::Twine(codes->tensor->elements()));
  if (scales->tensor->elements() != packed.rows * blocks)
    return node.unsupportedInput(packed.scales, "must have " + llvm::Twine(packed.rows * blocks) + " elements, found " +
                                                    llvm::Twine(scales->tensor->elements()));
  SmallVector<const Tensor *> parts{codes->tensor, scales->tensor};
  if (*zeros)
    parts.push_back(*zeros);
  return node.weights.blocks(layout, packed.rows, packed.columns, format, parts);
}

/// lhs times the transpose of rhs [N, K]; before the language-model head, only of the rows whose logits are wanted.
LogicalResult makeMatmul(NodeImport &node, RowsValue lhs, Value rhs, unsigned biasInput) {
  auto type = cast<ShapedType>(rhs.getType());
  if (columnsOf(lhs.value) != type.getDimSize(1))
    return node.unsupported("activations have " + llvm::Twine(columnsOf(lhs.value)) +
                            " columns, the weight K = " + llvm::Twine(type.getDimSize(1)));
  if (node.importer.isHead(node.node) && lhs.which == RowsValue::Which::All) {
    lhs.value = phiq::LogitRowsOp::create(node.builder, node.loc, lhs.value, /*pruned=*/false);
    lhs.which = RowsValue::Which::Wanted;
  }
  int64_t columns = type.getDimSize(0);
  Value result = phiq::MatmulOp::create(node.builder, node.loc, rowsType(node.builder, columns), lhs.value, rhs,
                                        phiq::ComputeModeAttr());
  if (node.has(biasInput)) {
    FailureOr<Value> bias = node.vector(biasInput, columns);
    if (llvm::failed(bias))
      return failure();
    result = phiq::BiasOp::create(node.builder, node.loc, result, *bias);
  }
  node.rowsResult(0, result, lhs);
  return success();
}

/// Gather(weight, input_ids): `table` is [V, N].
LogicalResult makeEmbedding(NodeImport &node, Value table) {
  Value ids = node.builder.getBlock()->getParent()->getArgument(0);
  auto type = rowsType(node.builder, columnsOf(table));
  node.result(0, RowsValue{phiq::EmbedOp::create(node.builder, node.loc, type, ids, table)});
  return success();
}

/// Gather(activations, -1, axis 1): the graph computes the logits of the last token alone.
LogicalResult pickLast(NodeImport &node, int64_t axis) {
  FailureOr<RowsValue> rows = node.tokens(0);
  FailureOr<Symbolic> index = node.symbolic(1);
  if (llvm::failed(rows) || llvm::failed(index))
    return failure();
  const Affine *at = index->single();
  bool isLast = at && (*at == Affine{-1} || *at == Affine{-1, 1, 0});
  if (!isLast || (axis != 1 && axis != -2) || index->shape.size() > 1)
    return node.unsupportedInput(1, "picks " + index->str() + " along axis " + llvm::Twine(axis) +
                                        " of activations; only the last token (-1 along axis 1) can be picked");
  Value value = rows->value;
  if (rows->which != RowsValue::Which::Last)
    value = phiq::LogitRowsOp::create(node.builder, node.loc, value, /*pruned=*/true);
  node.importer.setPrunedHead();
  auto view = index->shape.empty() ? RowsValue::View::Row : RowsValue::View::Tokens;
  node.result(0, RowsValue{value, view, RowsValue::Which::Last});
  return success();
}

} // namespace

LogicalResult importMatMul(NodeImport &node) {
  FailureOr<RowsValue> lhs = node.tokens(0);
  if (llvm::failed(lhs))
    return failure();
  if (const auto *weight = node.get<FloatWeight>(1))
    return makeMatmul(node, *lhs, weight->transposed ? weight->value : node.weights.transpose(weight->value), ~0u);
  FailureOr<TensorView> rhs = node.tensor(1, /*isFloat=*/true);
  if (llvm::failed(rhs))
    return failure();
  if (rhs->dims.size() != 2)
    return node.unsupportedInput(1, "must be of rank 2, found rank " + llvm::Twine(rhs->dims.size()));
  return makeMatmul(node, *lhs, node.weights.matrix(*rhs, /*transpose=*/true), ~0u);
}

LogicalResult importMatMulNBits(NodeImport &node) {
  // accuracy_level permits a kernel to round activations; it does not change the meaning.
  node.ignore({"accuracy_level"});
  PackedCodes packed{
      1, 2, 3, node.integer("N", 0), node.integer("K", 0), node.integer("bits", 4), node.integer("block_size", 32)};
  if (llvm::failed(node.require("weight_prepacked", 0)) || llvm::failed(node.refuseInputs(4, {"g_idx"})))
    return failure();
  FailureOr<RowsValue> lhs = node.tokens(0);
  FailureOr<Value> rhs = packedWeight(node, packed, StorageLayout::NBits);
  if (llvm::failed(lhs) || llvm::failed(rhs))
    return failure();
  return makeMatmul(node, *lhs, *rhs, 5);
}

LogicalResult importGatherBlockQuantized(NodeImport &node) {
  int64_t bits = node.integer("bits", 4), axis = node.integer("quantize_axis", 1);
  const auto *data = node.get<TensorView>(0);
  if (llvm::failed(node.require("gather_axis", 0)))
    return failure();
  if (!node.get<Ids>(1))
    return node.unsupportedInput(1, "must be the token ids");
  if (!data || data->dims.size() != 2 || data->transposed || data->tensor->type != ElementType::U8)
    return node.unsupportedInput(0, "must be an initializer of type uint8 and rank 2");
  if (axis != 1 && axis != -1)
    return node.unsupportedAttribute("quantize_axis", "must be 1, found " + llvm::Twine(axis));
  PackedCodes packed{0, 2, 3, data->dims[0], 0, bits, node.integer("block_size", 128)};
  if (bits == 2 || bits == 4 || bits == 8)
    packed.columns = data->dims[1] > (int64_t(1) << 31) ? 0 : data->dims[1] * 8 / bits;
  // The codes of whole blocks lie as MatMulNBits has them, so that a tied head is the same weight.
  bool whole = packed.block > 0 && packed.columns % packed.block == 0;
  if (!whole && node.has(3))
    return node.unsupportedInput(3, "is not supported where the block size does not divide the row");
  FailureOr<Value> table = packedWeight(node, packed, whole ? StorageLayout::NBits : StorageLayout::QdqNK);
  return llvm::failed(table) ? failure() : makeEmbedding(node, *table);
}

LogicalResult importGather(NodeImport &node) {
  int64_t axis = node.integer("axis", 0);
  if (node.isSymbolic(0)) {
    FailureOr<Symbolic> x = node.symbolic(0), indices = node.symbolic(1);
    return llvm::failed(x) || llvm::failed(indices) ? failure() : node.result(symbolicGather(*x, *indices, axis));
  }
  if (node.get<RowsValue>(0))
    return pickLast(node, axis);
  if (!node.get<Ids>(1) || axis != 0)
    return node.unsupportedInput(1, "must be the token ids, along axis 0");
  if (const auto *weight = node.get<FloatWeight>(0))
    return makeEmbedding(node, weight->transposed ? node.weights.transpose(weight->value) : weight->value);
  FailureOr<TensorView> table = node.tensor(0, /*isFloat=*/true);
  if (llvm::failed(table))
    return failure();
  if (table->dims.size() != 2)
    return node.unsupportedInput(0, "must be of rank 2, found rank " + llvm::Twine(table->dims.size()));
  return makeEmbedding(node, node.weights.matrix(*table, /*transpose=*/false));
}

} // namespace phic::onnx
