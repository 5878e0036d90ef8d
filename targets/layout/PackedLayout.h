//===- PackedLayout.h - Weights in tile order ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a weight [N, K] lies in the weight segment so that a kernel's inner loop
// streams one contiguous array. A *panel* is 8 rows of W (8 columns of the
// result); panels follow one another, N is padded with zero weights.
//
// Block-quantized panel: one tile per block of K, or per super-block of 256 where scales have two levels:
//
//     codes                      padded to sub-blocks of 32 elements, or of 16 where blocks are not multiples of 32
//     scale, zero, min           [blocks of the tile][8] each in its own type, absent when the format has none
//     superScale[8], superMin[8] of two-level formats, whose scales and minima are bytes
//
// Codes have 2..8 bits, and lie in *planes* of 8, 4, 2 or 1 bits: the low four bits of a u6 in one, its upper two in another. A
// vector of 32 bytes of a plane of w bits holds 8/w groups of four elements: byte 4c+i is column c, and its lowest w bits are
// element i of the first group, the next w bits element i of the second. As many elements as fill a vector of the narrowest
// plane are a *run*: its planes follow one another, the lowest bits first.
//
// Code panel, of 8-bit codes without scales: the plane of 8 bits above for all of K, padded to groups with
// zeros, then the sum of each column's stored codes, i32 [8], then its words as they are paired (PairedWords.h), padded to 32
// bytes.
// Float panel: [K][8]. Dense: rows of f32, for vectors and tables, or of
// 8-bit integers.
//
// Nothing is lost (lossless import): codes are shifted by a constant together with their zero
// point, scales keep their type and their levels.
// No MLIR in here: the packer, `phic verify` and the tests use it too.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_LAYOUT_PACKEDLAYOUT_H
#define PHIC_TARGETS_LAYOUT_PACKEDLAYOUT_H

#include "dialects/phiq/Formats.h"
#include <span>

namespace phic {

/// Some bits of every code.
struct CodePlane {
  int64_t bits; ///< 8, 4, 2 or 1
  int64_t shift; ///< of their lowest in the code
  int64_t fields() const { return 8 / bits; } ///< groups of four elements in a vector
};

struct PackedLayout {
  enum class Kind : uint8_t { Dense, FloatPanel, BlockPanel, CodePanel };

  /// Columns of a panel (NR).
  static constexpr int64_t kColumns = 8;
  /// Elements of a column that lie side by side: a group.
  static constexpr int64_t kGroup = 4;
  /// Bytes of a panel's vector of codes.
  static constexpr int64_t kVectorBytes = kGroup * kColumns;

  Kind kind = Kind::Dense;
  Scalar element = Scalar::F32; ///< Dense: F32, I8 or U8; FloatPanel: F32, F16 or BF16; CodePanel: I8 or U8
  CodeType codes; ///< the format's; storedCodes() is what lies in memory
  int64_t block = 0; ///< elements of K sharing a scale
  Scalar scale = Scalar::None; ///< F32, F16 or BF16; a super-block's F16 with two levels
  uint8_t subScaleBits = 0; ///< the format's: two levels where it is not 0
  bool subScaleSigned = false; ///< the format's; of scales, not minima
  Scalar zero = Scalar::None; ///< I8 or F32; None: `zeroConstant`
  int64_t zeroConstant = 0; ///< the format's; storedZero() is what a kernel subtracts
  Scalar min = Scalar::None; ///< as scale; None: absent
  bool operator==(const PackedLayout &) const = default;

  /// The layout of a 1-D weight, or of rows that a kernel reads as they are; `element` is F32, I8 or U8.
  static PackedLayout dense(Scalar element = Scalar::F32);
  /// The layout of a float matrix; `element` is F32, F16 or BF16.
  static PackedLayout floatPanel(Scalar element);
  /// The layout of a matrix of integers; `element` is I8 or U8.
  static PackedLayout codePanel(Scalar element);
  /// The layout of a quantized matrix [N, K]; empty with a reason when no layout holds it.
  static std::optional<PackedLayout> blockPanel(const BlockFormat &format, int64_t K, std::string *reason);

  /// `panel8x32_u4_f16_z8`, `panel8x32_u4_f16u6_mf16u6`, `panel8_f16`, `panel8_u8`, `dense_f32`; parse accepts exactly what name emits.
  std::string name() const;
  static std::optional<PackedLayout> parse(std::string_view name);

  /// Codes as kernels unpack them: unsigned, or s8, so that a signed x unsigned dot product takes them.
  CodeType storedCodes() const;
  /// Stored code = code - codeShift(); zero points likewise, so that code - zero is unchanged.
  int64_t codeShift() const;
  int64_t storedZero() const { return zeroConstant - codeShift(); }
  /// Bits that a code takes in memory.
  int64_t storedBits() const;
  /// Where they lie, the lowest first.
  std::span<const CodePlane> planes() const;
  /// One plane of 4 bits.
  bool nibbles() const { return storedBits() == 4; }
  int64_t runElements() const { return kGroup * planes().back().fields(); }

  /// Scales, and minima, have two levels.
  bool isTwoLevel() const { return subScaleBits > 0; }
  /// Types of the numbers that each block has.
  Scalar blockScale() const { return !isTwoLevel() ? scale : subScaleSigned ? Scalar::I8 : Scalar::U8; }
  Scalar blockMin() const { return isTwoLevel() && min != Scalar::None ? Scalar::U8 : min; }

  /// Elements of the run-time activation block that its kernels want: 32 or 16.
  int64_t subBlock() const { return block % 32 == 0 || block % 16 != 0 ? 32 : 16; }
  int64_t blocks(int64_t K) const { return (K + block - 1) / block; }
  /// Elements of a whole tile.
  int64_t tileElements() const { return isTwoLevel() ? kSuperBlock : block; }
  /// Elements that a tile of `length` elements stores codes for.
  int64_t storedElements(int64_t length) const { return (length + subBlock() - 1) / subBlock() * subBlock(); }
  int64_t codeBytes(int64_t elements) const { return elements * kColumns * storedBits() / 8; }

  /// Where the parameters of a tile of `length` elements lie: its blocks' first ones.
  int64_t scaleOffset(int64_t length) const { return codeBytes(storedElements(length)); }
  int64_t zeroOffset(int64_t length) const;
  int64_t minOffset(int64_t length) const;
  int64_t superScaleOffset(int64_t length) const;
  int64_t superMinOffset(int64_t length) const;
  int64_t tileBytes(int64_t length) const;
  /// Bytes of a whole tile.
  int64_t tileBytes() const { return tileBytes(tileElements()); }
  int64_t panelBytes(int64_t K) const;
  /// Where the sums of a code panel's columns are.
  int64_t sumOffset(int64_t K) const { return groups(K) * kVectorBytes; }
  /// Where its words are listed in pairs.
  int64_t pairedOffset(int64_t K) const { return sumOffset(K) + kColumns * int64_t(sizeof(int32_t)); }
  static int64_t groups(int64_t K) { return (K + kGroup - 1) / kGroup; }
  /// Rows of W in a panel; dense rows are alone.
  int64_t panelRows() const { return kind == Kind::Dense ? 1 : kColumns; }
  int64_t panels(int64_t N) const { return (N + kColumns - 1) / kColumns; }
  /// Bytes of the packed copy of a weight [N, K] (a vector is [1, K]).
  int64_t bytes(int64_t N, int64_t K) const;

  /// Packs the panel made of `count` <= 8 rows into panelBytes(K) bytes.
  void packPanel(const BlockRow *rows, int64_t count, int64_t K, uint8_t *out) const;
  /// Same for a float or code panel, rows [count, K] (exact: the values come from `element`), or `count` dense rows.
  void packPanel(const float *rows, int64_t count, int64_t K, uint8_t *out) const;

  /// Row n of the packed weight [N, K] at `base`: as stored, and as the floats it stands for.
  void unpackRow(const uint8_t *base, int64_t K, int64_t n, BlockRow *out) const;
  void dequantizeRow(const uint8_t *base, int64_t K, int64_t n, float *out) const;
};

/// One row of activations quantized at run time, `!phiq.block<s8, block, scale = f32>`, in memory:
/// codes s8 padded with zeros to whole blocks, then f32 scale per block, then f32 scale * sum of codes per block.
struct QuantizedRow {
  int64_t columns = 0, block = 32;

  int64_t blocks() const { return (columns + block - 1) / block; }
  int64_t paddedColumns() const { return blocks() * block; }
  int64_t scalesOffset() const { return paddedColumns(); }
  int64_t sumsOffset() const { return scalesOffset() + 4 * blocks(); }
  /// Distance of two rows: a multiple of a cache line.
  int64_t rowBytes() const { return (sumsOffset() + 4 * blocks() + 63) / 64 * 64; }
};

/// Distance of two rows of f32 activations.
inline int64_t floatRowBytes(int64_t columns) { return (4 * columns + 63) / 64 * 64; }

/// Bytes of a scalar in memory; sub-byte types are not scalars in memory.
int64_t scalarBytes(Scalar type);

} // namespace phic

#endif // PHIC_TARGETS_LAYOUT_PACKEDLAYOUT_H
