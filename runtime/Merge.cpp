//===- Merge.cpp - Byte-pair merging of one piece -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "Merge.h"

namespace phi {
namespace {

/// The pairs that may merge, lowest (rank, position) first. A pair is named by its
/// left symbol, which knows its slot, so that a changed pair moves in place.
class PairHeap {
public:
  PairHeap(const Merges &merges, Symbol *symbols, uint32_t *heap) : merges(merges), symbols(symbols), heap(heap) {}

  /// Looks up the pair that begins at `left` anew.
  void update(uint32_t left) {
    Symbol &symbol = symbols[left];
    const phi_merge *merge =
        symbol.next == NoSymbol ? nullptr : merges.find(uint32_t(symbol.id), uint32_t(symbols[symbol.next].id));
    if (!merge)
      return remove(left);
    symbol.rank = merge->rank;
    symbol.merged = merge->merged;
    if (symbol.slot == NoSymbol)
      place(size++, left);
    sink(symbol.slot);
    rise(symbol.slot);
  }

  void remove(uint32_t left) {
    const uint32_t slot = symbols[left].slot;
    if (slot == NoSymbol)
      return;
    symbols[left].slot = NoSymbol;
    if (slot == --size)
      return;
    place(slot, heap[size]);
    sink(slot);
    rise(slot);
  }

  bool empty() const { return size == 0; }
  uint32_t top() const { return heap[0]; }

private:
  bool before(uint32_t a, uint32_t b) const {
    return symbols[a].rank != symbols[b].rank ? symbols[a].rank < symbols[b].rank : a < b;
  }

  void place(uint32_t slot, uint32_t symbol) {
    heap[slot] = symbol;
    symbols[symbol].slot = slot;
  }

  void rise(uint32_t slot) {
    const uint32_t symbol = heap[slot];
    for (; slot > 0 && before(symbol, heap[(slot - 1) / 2]); slot = (slot - 1) / 2)
      place(slot, heap[(slot - 1) / 2]);
    place(slot, symbol);
  }

  void sink(uint32_t slot) {
    const uint32_t symbol = heap[slot];
    for (uint32_t child; (child = 2 * slot + 1) < size; slot = child) {
      if (child + 1 < size && before(heap[child + 1], heap[child]))
        ++child;
      if (!before(heap[child], symbol))
        break;
      place(slot, heap[child]);
    }
    place(slot, symbol);
  }

  const Merges &merges;
  Symbol *symbols;
  uint32_t *heap;
  uint32_t size = 0;
};

} // namespace

const phi_merge *Merges::find(uint32_t left, uint32_t right) const {
  const uint32_t count = offsets[left + 1] - offsets[left];
  const phi_merge *ofLeft = entries.run(offsets[left], count);
  if (!ofLeft)
    return nullptr;
  uint32_t low = 0;
  for (uint32_t high = count; low < high;) {
    const uint32_t middle = low + (high - low) / 2;
    if (ofLeft[middle].right < right)
      low = middle + 1;
    else
      high = middle;
  }
  return low < count && ofLeft[low].right == right ? ofLeft + low : nullptr;
}

void mergeSymbols(const Merges &merges, Symbol *symbols, uint32_t count, uint32_t *heap) {
  for (uint32_t i = 0; i < count; ++i) {
    symbols[i].previous = i == 0 ? NoSymbol : i - 1;
    symbols[i].next = i + 1 == count ? NoSymbol : i + 1;
    symbols[i].slot = NoSymbol;
  }
  PairHeap pairs(merges, symbols, heap);
  for (uint32_t i = 0; i + 1 < count; ++i)
    pairs.update(i);
  while (!pairs.empty()) {
    const uint32_t left = pairs.top();
    Symbol &symbol = symbols[left];
    const uint32_t right = symbol.next;
    pairs.remove(right);
    symbol.id = static_cast<int32_t>(symbol.merged);
    symbol.next = symbols[right].next;
    if (symbol.next != NoSymbol)
      symbols[symbol.next].previous = left;
    pairs.update(left);
    if (symbol.previous != NoSymbol)
      pairs.update(symbol.previous);
  }
}

} // namespace phi
