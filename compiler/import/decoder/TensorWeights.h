//===- TensorWeights.h - Weights that are one tensor each ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Most containers are a table of tensors in one file or several. Given that table and the container's names, this finds a
// decoder's weights, says what speaks against them, and makes handles to their bytes.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_DECODER_TENSORWEIGHTS_H
#define PHIC_COMPILER_IMPORT_DECODER_TENSORWEIGHTS_H

#include "compiler/import/decoder/TensorNames.h"
#include "compiler/weights/WeightStore.h"
#include "dialects/phiq/StoredAs.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <functional>

namespace phic::decoder {

/// How the elements of a tensor lie in the file: in blocks along the last axis, floats in blocks of one.
struct StoredType {
  StoredAs storedAs = StorageLayout::DenseNK;
  uint64_t blockElements = 1, blockBytes = 4;
  bool isFloat = true;
  BlockFormat format; ///< of floats, its scale is the element

  /// Elements one after the other.
  static StoredType floats(Scalar element);
};

struct StoredTensor {
  std::string name;
  llvm::SmallVector<int64_t, 4> shape; ///< slowest axis first
  uint32_t file = 0; ///< of the store's
  uint64_t offset = 0, bytes = 0;
  std::string typeName; ///< as the container calls it
  std::optional<StoredType> type; ///< nothing: not read
};

/// What a container says, beside its configuration.
struct TensorTable {
  std::vector<StoredTensor> tensors;
  TensorNames names;
  std::string readableTypes; ///< "F32, F16, Q4_0", for the sentence about others
};

class TensorWeights final : public DecoderWeights {
public:
  /// `progress` is told the bytes of weights that were read, and those there are; it may be empty.
  TensorWeights(TensorTable table, WeightStore &store, std::function<void(uint64_t, uint64_t)> progress);

  bool has(const WeightId &id) const override { return find(id) != nullptr; }
  llvm::SmallVector<int64_t> shape(const WeightId &id) const override;
  mlir::Value get(mlir::OpBuilder &builder, const WeightId &id, llvm::ArrayRef<int64_t> shape, RowRange rows) override;
  std::vector<float> numbers(const WeightId &id, int64_t count) override;
  std::string name(Role role, int64_t layer) const override { return table.names.name(role, layer); }
  std::string spelled(const WeightId &id) const override { return table.names.tensor(id); }
  std::string layerPrefix(int64_t layer) const override { return table.names.layerPrefix(layer); }
  void refuse(const llvm::Twine &reason) override;
  llvm::ArrayRef<std::string> reasons() const override { return reasonList; }
  void refuseUnused() override;

private:
  const StoredTensor *find(const WeightId &id) const;
  const StoredTensor *checked(const WeightId &id, llvm::ArrayRef<int64_t> shape);
  std::optional<FileRange> rangeOf(const StoredTensor &tensor, llvm::ArrayRef<int64_t> shape, int64_t firstRow);

  TensorTable table;
  WeightStore &store;
  std::function<void(uint64_t, uint64_t)> progress;
  std::vector<std::string> reasonList;
  llvm::StringSet<> knownReasons;
  llvm::StringMap<size_t> index;
  llvm::StringSet<> used; ///< tensors that have a place in the model
  uint64_t hashed = 0, total = 0; ///< bytes of weights
};

} // namespace phic::decoder

#endif // PHIC_COMPILER_IMPORT_DECODER_TENSORWEIGHTS_H
