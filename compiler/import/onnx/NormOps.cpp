//===- NormOps.cpp - Imports normalizations --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     SkipSimplifiedLayerNormalization(x, skip, gamma) -> out, "", "", sum
//  becomes
//     %sum = arith.addf %x, %skip      %out = phiq.rms_norm %sum, %gamma
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/NodeImport.h"

using namespace mlir;

namespace phic::onnx {
namespace {

/// Normalizes `x` into output 0; beta follows gamma where the op has one.
LogicalResult makeNorm(NodeImport &node, const RowsValue &x, unsigned gammaInput, float epsilon) {
  int64_t columns = columnsOf(x.value);
  bool isRms = StringRef(node.node.op).contains("Simplified");
  FailureOr<Value> gamma = node.vector(gammaInput, columns);
  if (llvm::failed(gamma))
    return failure();
  FloatAttr eps = node.builder.getF32FloatAttr(epsilon);
  if (isRms) {
    node.rowsResult(0, phiq::RmsNormOp::create(node.builder, node.loc, x.value, *gamma, eps), x);
    return success();
  }
  if (!node.has(gammaInput + 1))
    return node.unsupportedInput(gammaInput + 1, "(bias) is missing, which is not supported");
  FailureOr<Value> beta = node.vector(gammaInput + 1, columns);
  if (llvm::failed(beta))
    return failure();
  node.rowsResult(0, phiq::LayerNormOp::create(node.builder, node.loc, x.value, *gamma, *beta, eps), x);
  return success();
}

} // namespace

LogicalResult importLayerNormalization(NodeImport &node) {
  FailureOr<RowsValue> x = node.tokens(0);
  if (llvm::failed(x))
    return failure();
  if (int64_t axis = node.integer("axis", -1); axis != -1 && axis != 2)
    return node.unsupportedAttribute("axis", "must be the last one (-1), found " + llvm::Twine(axis));
  // 1: statistics in f32, which is what phic does.
  if (llvm::failed(node.require("stash_type", 1)))
    return failure();
  return makeNorm(node, *x, 1, node.real("epsilon", 1e-5f));
}

LogicalResult importSkipLayerNormalization(NodeImport &node) {
  bool isRms = StringRef(node.node.op).contains("Simplified");
  unsigned biasInput = isRms ? 3 : 4;
  FailureOr<RowsValue> x = node.tokens(0), skip = node.tokens(1);
  if (llvm::failed(x) || llvm::failed(skip))
    return failure();
  if (x->value.getType() != skip->value.getType() || x->which != skip->which)
    return node.unsupportedInput(1, "must have the shape of input 0");
  Value sum = arith::AddFOp::create(node.builder, node.loc, x->value, skip->value);
  if (node.has(biasInput)) {
    FailureOr<Value> bias = node.vector(biasInput, columnsOf(sum));
    if (llvm::failed(bias))
      return failure();
    sum = phiq::BiasOp::create(node.builder, node.loc, sum, *bias);
  }
  x->value = sum;
  node.rowsResult(3, sum, *x);
  return makeNorm(node, *x, 2, node.real("epsilon", 1e-12f));
}

} // namespace phic::onnx
