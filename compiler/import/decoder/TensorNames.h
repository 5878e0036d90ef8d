//===- TensorNames.h - How a container spells weights ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_IMPORT_DECODER_TENSORNAMES_H
#define PHIC_COMPILER_IMPORT_DECODER_TENSORNAMES_H

#include "compiler/import/decoder/DecoderWeights.h"

namespace phic::decoder {

/// A row of a container's table. In patterns "{}" is the number of the layer.
struct TensorName {
  Role role;
  llvm::StringRef pattern; ///< without ".weight" and ".bias"
};

struct TensorNames {
  llvm::StringRef layer; ///< what a layer's names begin with: "blk.{}."
  llvm::ArrayRef<TensorName> rows;

  std::string layerPrefix(int64_t layer) const;
  /// Empty where the container has no such weight.
  std::string name(Role role, int64_t layer) const;
  /// With ".weight" or ".bias".
  std::string tensor(const WeightId &id) const;
};

} // namespace phic::decoder

#endif // PHIC_COMPILER_IMPORT_DECODER_TENSORNAMES_H
