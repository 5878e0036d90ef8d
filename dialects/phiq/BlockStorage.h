//===- BlockStorage.h - Formats that plugins add ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A storage layout made of blocks of fixed size, one byte range a weight: what the
// GGUF rows of Formats.def are, as a value. A plugin adds one with
// PluginRegistry::addFormat; it then is a layout of `phiq.weight` like any other.
// No MLIR in here.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_BLOCKSTORAGE_H
#define PHIC_DIALECTS_PHIQ_BLOCKSTORAGE_H

#include "dialects/phiq/Formats.h"

namespace phic {

/// Unpacks one row of `columns` elements, whole blocks; `row`'s vectors have their final sizes, zero points are set to the
/// format's constant and minima to 0 already. Of a two-level format it gives the outer scales and minima as well.
using UnpackRow = void (*)(const uint8_t *blocks, int64_t columns, BlockRow &row);

struct BlockStorage {
  std::string name; ///< of the layout: `phiq.weight ... layout = "name"`
  uint32_t blockElements = 32; ///< elements of one stored block
  uint32_t blockBytes = 0;
  BlockFormat format = {}; ///< what the blocks hold
  UnpackRow unpack = nullptr;
  std::optional<uint32_t> ggufType = {}; ///< GGUF tensors of this type have it: an id that phic does not read itself
};

/// Why this is no row that can be added, or an empty string.
std::string checkBlockStorage(const BlockStorage &row);

/// As checkStorage of Formats.h.
std::string checkStorage(const BlockStorage &storage, const BlockFormat *format, int64_t rows, int64_t columns,
                         const std::vector<uint64_t> &lengths);

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_BLOCKSTORAGE_H
