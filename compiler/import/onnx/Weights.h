//===- Weights.h - Initializers become weight handles ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Creates `phiq.weight` ops, one for each piece of storage: an embedding that reads
// the language-model head's bytes gets the head's op, whatever Reshape or Transpose
// the graph puts between.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_WEIGHTS_H
#define PHIC_COMPILER_IMPORT_ONNX_WEIGHTS_H

#include "compiler/import/onnx/Reader.h"
#include "compiler/import/onnx/Values.h"
#include "compiler/weights/WeightStore.h"
#include "dialects/phiq/Phiq.h"
#include "mlir/IR/Builders.h"
#include <functional>
#include <map>

namespace phic::onnx {

/// The MLIR type of float tensors; null for others.
mlir::Type floatType(mlir::MLIRContext *context, ElementType type);

class Weights {
public:
  /// `store`, where given, has the model's files and makes the handles; else the reader's bytes are hashed. `progress` is told the bytes hashed so far, and of how many; may be empty.
  Weights(const Model &model, WeightStore *store, mlir::OpBuilder &builder,
          std::function<void(uint64_t, uint64_t)> progress);

  /// Floats [N] of a tensor with N elements.
  mlir::Value vector(const TensorView &view);
  /// Floats of any rank, as they are.
  mlir::Value whole(const TensorView &view);
  /// Numbers of rank 2: the view, or its transpose.
  mlir::Value matrix(const TensorView &view, bool transpose);
  /// Numbers [O, C, ...] of a convolution as rows, [O, H, W, C]: `shape`, from row `first` of O on.
  mlir::Value kernel(const TensorView &view, llvm::ArrayRef<int64_t> shape, int64_t first);
  /// Rows [first, first + count) of an untransposed matrix.
  mlir::Value rows(const TensorView &view, int64_t first, int64_t count);
  /// tensor<rows x columns x !phiq.block<format>>, stored as `layout` in the parts' bytes.
  mlir::Value blocks(StorageLayout layout, int64_t rows, int64_t columns, const BlockFormat &format,
                     llvm::ArrayRef<const Tensor *> parts);
  /// `value` with its axes exchanged.
  mlir::Value transpose(mlir::Value value);

private:
  mlir::Value create(StorageLayout layout, mlir::RankedTensorType type, const std::string &name,
                     llvm::ArrayRef<ByteRange> ranges);
  mlir::Value dense(StorageLayout layout, llvm::ArrayRef<int64_t> shape, const Tensor &tensor, ByteRange range);

  const Model &model;
  WeightStore *store;
  mlir::OpBuilder &builder;
  std::function<void(uint64_t, uint64_t)> progress;
  uint64_t hashed = 0, total = 0;
  std::map<std::string, mlir::Value> made; ///< by storage, layout and type
  std::map<std::string, mlir::Value> transposed; ///< by storage, of the layouts that read transposed
};

} // namespace phic::onnx

#endif // PHIC_COMPILER_IMPORT_ONNX_WEIGHTS_H
