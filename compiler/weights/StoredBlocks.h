//===- StoredBlocks.h - Blocks as ggml stores them -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Unpacks rows of GGUF blocks into codes, scales and minima. No bounds are
// checked here: a row is `columns / blockElements` blocks, as its type says.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_WEIGHTS_STOREDBLOCKS_H
#define PHIC_COMPILER_WEIGHTS_STOREDBLOCKS_H

#include "dialects/phiq/BlockStorage.h"

namespace phic {

/// The unpacker of a GGUF layout, or nullptr for other layouts.
UnpackRow unpackerOf(StorageLayout layout);

} // namespace phic

#endif // PHIC_COMPILER_WEIGHTS_STOREDBLOCKS_H
