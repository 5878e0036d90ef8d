//===- GraphOps.h - Imports ops on tensors of static shape -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The side of ops that decoders have too on a graph's own tensors; ops that only graphs have are rows of ImportTable.def.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_GRAPHOPS_H
#define PHIC_COMPILER_IMPORT_ONNX_GRAPHOPS_H

#include "compiler/import/onnx/NodeImport.h"

namespace phic::onnx {

llvm::LogicalResult quantizeRanked(NodeImport &node);
llvm::LogicalResult dequantizeRanked(NodeImport &node);
/// phiq.reshape of x as the node's result.
llvm::LogicalResult makeReshape(NodeImport &node, mlir::Value x, llvm::ArrayRef<int64_t> shape);

/// An op on two tensors of floats [rows, columns] of one shape, element by element.
template <typename Op> llvm::LogicalResult elementwiseOfTwo(NodeImport &node) {
  llvm::FailureOr<mlir::Value> x = node.ranked(0, /*isFloat=*/true, /*rank=*/2),
                               y = node.ranked(1, /*isFloat=*/true, /*rank=*/2);
  if (llvm::failed(x) || llvm::failed(y))
    return llvm::failure();
  if (x->getType() != y->getType())
    return node.unsupportedInput(1, "must have the shape of input 0");
  node.result(0, Ranked{Op::create(node.builder, node.loc, *x, *y)});
  return llvm::success();
}

} // namespace phic::onnx

#endif // PHIC_COMPILER_IMPORT_ONNX_GRAPHOPS_H
