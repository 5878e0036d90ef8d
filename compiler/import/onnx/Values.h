//===- Values.h - What ONNX values become ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An ONNX value is a tensor of any rank with a batch axis; phiq has rows. While the
// graph is walked, each of its values is one of the kinds below; only activations and
// weights that something consumes become MLIR values.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_VALUES_H
#define PHIC_COMPILER_IMPORT_ONNX_VALUES_H

#include "compiler/import/onnx/Graph.h"
#include "compiler/import/onnx/Symbolic.h"
#include "mlir/IR/Value.h"
#include <variant>

namespace phic::onnx {

/// Activations, `tensor<?xNxf32>` or quantized, and how the graph sees them.
struct RowsValue {
  enum class View : uint8_t {
    Tokens,     ///< [1, M, N]
    Row,        ///< [1, N]: one token picked by Gather
    Heads,      ///< [1, M, N / headDim, headDim]
    HeadsFirst, ///< [1, N / headDim, M, headDim]
  };
  enum class Which : uint8_t {
    All,
    Wanted, ///< those whose logits are wanted: after phiq.logit_rows
    Last,   ///< after the graph's own choice of the last
  };
  mlir::Value value;
  View view = View::Tokens;
  Which which = Which::All;
  int64_t headDim = 0;
};

/// An initializer, seen through Reshape and Transpose.
struct TensorView {
  const Tensor *tensor = nullptr;
  std::vector<int64_t> dims;  ///< before the transposition
  bool transposed = false;    ///< of rank 2, axes exchanged

  int64_t dim(unsigned axis) const { return dims[transposed ? 1 - axis : axis]; }
};

/// One of two initializers, by the length of the sequence: LongRoPE's If.
struct Selected {
  int64_t threshold = 0;
  TensorView longer, shorter; ///< where past + seq > threshold, else
};

/// A dequantized weight: `value` is tensor<NxKxf32>, and the ONNX tensor it or its transpose.
struct FloatWeight {
  mlir::Value value;
  bool transposed = false;
};

/// An initializer of codes that a graph dequantizes: what multiplies by it takes the codes.
struct DequantizedTensor {
  TensorView codes;
  mlir::Value scale, zero; ///< which broadcast to the codes' shape
  std::optional<FloatWeight> inBlocks; ///< the same as a weight, of codes of 4 bits or with scales in blocks
};

/// `input_ids`, of any shape with one row of tokens.
struct Ids {};
/// past_key_values.N.key or .value, and what attention made of it.
struct Past {
  const ValueInfo *input = nullptr;
};
struct Present {
  std::string past; ///< name of the graph input that it continues
};
/// A tensor of static shape in a graph without steps: shape and element type are the value's.
struct Ranked {
  mlir::Value value;
};
/// The result of a node that was reported.
struct Poison {};

using Imported = std::variant<std::monostate, Poison, Ids, RowsValue, Symbolic, TensorView, Selected, FloatWeight, Past,
                              Present, Ranked, DequantizedTensor>;

} // namespace phic::onnx

#endif // PHIC_COMPILER_IMPORT_ONNX_VALUES_H
