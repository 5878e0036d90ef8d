//===- PackedCodes.h - Weights as codes packed in bytes --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators of com.microsoft whose weights are codes of 2, 4 or 8 bits, with scales and zero points in blocks along a row:
//
//     MatMulNBits(x, codes, scales)  ->  %w : tensor<NxKx!phiq.block<u4, 32, scale = f32, zero = 8>>
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_PACKEDCODES_H
#define PHIC_COMPILER_IMPORT_ONNX_PACKEDCODES_H

#include "compiler/import/onnx/NodeImport.h"

namespace phic::onnx {

/// Codes packed in bytes as MatMulNBits and GatherBlockQuantized share them.
struct PackedCodes {
  unsigned codes, scales, zeros; ///< inputs of the node
  int64_t rows, columns, bits, block;
};

/// The weight, as `layout` stores it. Where K is no multiple of the block, MatMulNBits pads the last block of each row.
llvm::FailureOr<mlir::Value> packedWeight(NodeImport &node, const PackedCodes &packed, StorageLayout layout);

/// The weight [N, K] of a MatMulNBits.
llvm::FailureOr<mlir::Value> weightOfNBits(NodeImport &node);

} // namespace phic::onnx

#endif // PHIC_COMPILER_IMPORT_ONNX_PACKEDCODES_H
