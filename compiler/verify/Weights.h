//===- Weights.h - Weights for the interpreter -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two places that the interpreter's weights can come from: the model's files,
// and the packed copy in a program. Comparing them checks the packing.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_VERIFY_WEIGHTS_H
#define PHIC_COMPILER_VERIFY_WEIGHTS_H

#include "compiler/weights/WeightReader.h"
#include "compiler/weights/WeightStore.h"
#include "dialects/phiq/Interpreter.h"
#include "dialects/plan/Plan.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/Error.h"

namespace phic {

/// Every `phiq.weight` of a module, read from the files that its `phiq.files` names.
class ModelWeights final : public WeightSource {
public:
  static llvm::Expected<std::unique_ptr<ModelWeights>> open(mlir::ModuleOp module, llvm::StringRef directory);

  void dequantizeRows(mlir::Operation *weight, int64_t n0, int64_t count, float *values) override;
  void readRows(mlir::Operation *weight, int64_t n0, int64_t count, BlockRow *rows) override;

private:
  std::unique_ptr<WeightStore> store;
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<WeightReader>> readers;
};

/// Every weight and rope table of a planned module, unpacked from a weight segment.
class PackedWeights final : public WeightSource {
public:
  /// Checks that each has a `plan.packed` whose bytes lie in `segment`.
  static llvm::Expected<std::unique_ptr<PackedWeights>> open(mlir::ModuleOp module, llvm::ArrayRef<uint8_t> segment);

  void dequantizeRows(mlir::Operation *weight, int64_t n0, int64_t count, float *values) override;
  void readRows(mlir::Operation *weight, int64_t n0, int64_t count, BlockRow *rows) override;

private:
  struct Packed {
    plan::WeightLayout layout;
    const uint8_t *base = nullptr;
    int64_t K = 0;
  };
  llvm::DenseMap<mlir::Operation *, Packed> weights;
};

/// Compares what a program's packed weights stand for with the model's, bit by bit; the first difference
/// is an error that names weight, row and element.
llvm::Error comparePacking(mlir::ModuleOp module, WeightSource &packed, WeightSource &model);

} // namespace phic

#endif // PHIC_COMPILER_VERIFY_WEIGHTS_H
