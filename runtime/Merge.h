//===- Merge.h - Byte-pair merging of one piece ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Byte-pair encoding: of all adjacent pairs that may merge, the one of lowest
// rank does (the leftmost of equals), until none may. A heap of the pairs makes
// that n log n also for a text that is one piece.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_MERGE_H
#define PHI_RUNTIME_MERGE_H

#include "Tables.h"
#include <stdint.h>

namespace phi {

/// One token of a piece, linked to its neighbours by index.
struct Symbol {
  int32_t id;
  uint32_t previous, next;
  uint32_t rank;   ///< of the merge with the next one; meaningful while `slot` is
  uint32_t merged; ///< what that merge gives
  uint32_t slot;   ///< where the heap has this symbol, or NoSymbol
};

constexpr uint32_t NoSymbol = 0xFFFFFFFFu;

/// The merges of a tokenizer, by left token.
struct Merges {
  TableView<uint32_t> offsets;
  TableView<phi_merge> entries;

  /// The merge of two tokens, or null. Ids are anybody's.
  const phi_merge *find(uint32_t left, uint32_t right) const;
};

/// Merges symbols[0..count), whose ids are set. Afterwards the result is the chain
/// from symbol 0 along `next`. `heap` holds `count` entries.
void mergeSymbols(const Merges &merges, Symbol *symbols, uint32_t count, uint32_t *heap);

} // namespace phi

#endif // PHI_RUNTIME_MERGE_H
