//===- MatmulOps.cpp - Imports matmuls and embeddings ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     MatMul(x, W[K, N])             ->   phiq.matmul %x, %w : ..., tensor<NxKxf32>
//     MatMulNBits(x, codes, scales)  ->   phiq.matmul %x, %w : ..., tensor<NxKx!phiq.block<u4, 32, scale = f32, zero = 8>>
//     Gather(W[V, N], input_ids)     ->   phiq.embed %ids, %w
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/PackedCodes.h"

using namespace mlir;

namespace phic::onnx {
namespace {

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
  FailureOr<Value> rhs = weightOfNBits(node);
  FailureOr<RowsValue> lhs = node.tokens(0);
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
