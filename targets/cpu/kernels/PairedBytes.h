//===- PairedBytes.h - Bytes multiplied in pairs of words ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// vpmaddubsw multiplies unsigned by signed bytes and adds products in 16 bits, where they would saturate if a panel did not
// list its words in pairs that do not (PairedWords.h). A word of a row is that group of the row in the same order: rows have a
// copy for each order of a whole group, and a panel is unpacked to
//
//     words  [steps][2][8]   zeros beside a word that is alone
//     places [steps][2]      where in a row, of which copy, the word is that each is multiplied by
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_PAIREDBYTES_H
#define PHIC_TARGETS_CPU_KERNELS_PAIREDBYTES_H

#include "targets/cpu/kernels/Contraction.h"
#include "targets/layout/PairedWords.h"

namespace phic {

/// A chunk of a panel, which is a block of paired words.
struct PairedCall {
  mlir::Value panel, k;
  mlir::Value copyBytes; ///< from a copy of the rows to the next
  mlir::Value orders; ///< kOrderBytes, written before
  mlir::Value to, places; ///< room for kMostWords
};

class PairedBytes {
public:
  /// Of a chunk all of whose groups are two words, each alone, and a vector more of places.
  static constexpr int64_t kMostWords = 4 * kChunkWords + PackedLayout::kColumns;
  static constexpr int64_t kCopies = PairedWord::kWhole;
  static constexpr int64_t kOrderBytes = int64_t(PairedWord::kOrders.size()) * PackedLayout::kVectorBytes;

  PairedBytes(KernelBuilder &b, const WordProduct &dot) : b(b), dot(dot) {}

  /// The other copies, behind the `count` rows.
  void copyRows(mlir::Value rows, mlir::Value count, mlir::Value words);
  /// What unpacking looks up by order: where bytes come from.
  void writeOrders(mlir::Value to);
  /// Returns how many words there are.
  mlir::Value unpack(const PackedLayout &layout, int64_t K, const PairedCall &call);

private:
  mlir::Value placesOf(mlir::Value words, int64_t count, mlir::Value copyBytes);
  void unpackWord(const PairedCall &call, mlir::Value codes, mlir::Value word, mlir::Value to);

  KernelBuilder &b;
  const WordProduct &dot;
};

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_PAIREDBYTES_H
