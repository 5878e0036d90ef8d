//===- PairedWords.h - Bytes that are added in 16 bits ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// vpmaddubsw multiplies four unsigned bytes by four signed ones and adds two products each in 16 bits; two such words are
// added before their sums are widened. Saturating is out of the question where among the four weights of a sum the positive
// ones add up to 128 at most, and the negative ones to -128: the other factor may be 255. For each block of K a panel lists
// its groups of four elements so that two that follow each other fit, in all columns:
//
//     [paired] u16, [alone] u16, then for each: the group u8, the order of its bytes u8; those that are paired first
//
// A group has three ways to be paired. One that has none that fits is two words of two elements each; a word that fits to no
// other is alone.
// No MLIR in here: the packer uses it.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_LAYOUT_PAIREDWORDS_H
#define PHIC_TARGETS_LAYOUT_PAIREDWORDS_H

#include <array>
#include <cstdint>

namespace phic {

struct PairedWord {
  /// Groups of a block, 1024 elements.
  static constexpr int64_t kGroups = 256;
  static constexpr int64_t kBlockBytes = 4 + 4 * kGroups;
  /// What may be read behind the last word.
  static constexpr int64_t kSlack = 16;
  /// Of a group: the first kWhole have all its elements, the others two; kNone is a byte that is 0.
  static constexpr int8_t kNone = -128;
  static constexpr std::array<std::array<int8_t, 4>, 5> kOrders{
      {{0, 1, 2, 3}, {0, 2, 1, 3}, {0, 3, 1, 2}, {0, kNone, 2, kNone}, {kNone, 1, kNone, 3}}};
  static constexpr int64_t kWhole = 3;

  uint8_t group, order; ///< of the block's groups; of kOrders

  /// Of the blocks of a panel: each has room for two words a group.
  static constexpr int64_t bytes(int64_t groups) { return (groups + kGroups - 1) / kGroups * 4 + 4 * groups + kSlack; }
  /// Lists the words of a panel of 8 columns, `codes` [groups][8][4].
  static void pack(const uint8_t *codes, int64_t groups, uint8_t *out);
};

} // namespace phic

#endif // PHIC_TARGETS_LAYOUT_PAIREDWORDS_H
