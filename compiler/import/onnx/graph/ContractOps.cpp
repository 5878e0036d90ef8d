//===- ContractOps.cpp - Imports matmuls and convolutions ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/graph/GraphNode.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

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

LogicalResult importGemm(NodeImport &node) {
  FailureOr<Value> x = floatsOf(node, 0);
  if (llvm::succeeded(x) && shapeOf(*x).size() != 2)
    return node.unsupportedInput(0, "must be a matrix");
  for (StringRef name : {"alpha", "beta"})
    if (float factor = node.real(name, 1); factor != 1)
      return node.unsupportedAttribute(name, "must be 1, found " + llvm::Twine(std::to_string(factor)));
  if (llvm::failed(x) || llvm::failed(node.require("transA", 0)))
    return failure();
  FailureOr<Value> weight = gemmWeight(node, shapeOf(*x)[1]);
  if (llvm::failed(weight))
    return failure();
  const int64_t N = shapeOf(*weight)[0];
  Value result = phiq::MatmulOp::create(node.builder, node.loc, typeOf(*x, {shapeOf(*x)[0], N}), *x, *weight,
                                        phiq::ComputeModeAttr());
  if (node.has(2)) {
    FailureOr<Value> bias = node.vector(2, N);
    if (llvm::failed(bias))
      return failure();
    result = phiq::BiasOp::create(node.builder, node.loc, result, *bias);
  }
  node.result(0, Ranked{result});
  return success();
}

} // namespace phic::onnx::graph
