//===- GgufWeights.h - Tensors of a GGUF file as weights -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handles to the bytes of a file's tensors, and what speaks against them.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_GGUF_GGUFWEIGHTS_H
#define PHIC_COMPILER_IMPORT_GGUF_GGUFWEIGHTS_H

#include "compiler/import/gguf/GgufReader.h"
#include "compiler/weights/WeightStore.h"
#include "dialects/phiq/Phiq.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"
#include <functional>

namespace phic::gguf {

class GgufWeights {
public:
  /// `progress` is told the bytes of weights that were read, and those there are; it may be empty.
  GgufWeights(mlir::OpBuilder &builder, const GgufFile &file, WeightStore &store,
              const std::function<void(uint64_t, uint64_t)> &progress, std::vector<std::string> &reasons);

  /// Rows [firstRow, firstRow + shape[0]) of a tensor of allRows rows (0: of just those). Where it cannot be had the reason is
  /// noted, and a weight is made all the same, so that building can go on and find further reasons.
  mlir::Value get(const mlir::Twine &name, mlir::ArrayRef<int64_t> shape, int64_t firstRow = 0, int64_t allRows = 0);
  /// The tensor if it exists with that shape and a type that phic reads; else the reason is noted.
  const Tensor *checkedTensor(mlir::StringRef name, mlir::ArrayRef<int64_t> shape);
  /// A tensor without a place would change the model if it were passed over.
  void refuseUnused();
  /// Notes a reason; a tensor that is used twice is refused once.
  void refuse(const mlir::Twine &reason);

private:
  /// How tensors of a type are stored: as a row of Formats.def says, or one of a plugin.
  struct StoredType {
    mlir::StringRef layout;
    uint64_t blockElements, blockBytes;
    bool isFloat;
    BlockFormat format;
  };
  std::optional<StoredType> storedType(uint32_t id);
  mlir::Value placeholder(mlir::Location loc, mlir::ArrayRef<int64_t> shape);

  mlir::OpBuilder &builder;
  const GgufFile &file;
  WeightStore &store;
  const std::function<void(uint64_t, uint64_t)> &progress;
  std::vector<std::string> &reasons;
  uint64_t hashed = 0, total = 0; ///< bytes of weights
  llvm::StringSet<> used; ///< tensors that have a place in the model
};

} // namespace phic::gguf

#endif // PHIC_COMPILER_IMPORT_GGUF_GGUFWEIGHTS_H
