//===- Contraction.h - Many rows times packed weights ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What graphs multiply: rows of a tensor, or of a window over one (a convolution), in f32 or 8-bit codes, by the panels
// of a weight. Both are copied into words of 32 bits that a family's WordProduct multiplies:
//
//     for each chunk of K:
//       rows     -> words [rows][256]       one f32, two s16 with the zero point taken off, or four bytes
//       for each group of panels, or of rows of a tensor:
//         they   -> words [256][NR]                 but where panels hold the words: f32, and bytes, unless these are paired
//         for each MR rows:  sums[MR][NR] += words x words
//
// so that a register tile knows nothing of windows, zero points or formats, and one tile serves all shapes. Sums are
// f32, k ascending, one fma each, or i32, which wraps.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_CONTRACTION_H
#define PHIC_TARGETS_CPU_KERNELS_CONTRACTION_H

#include "targets/cpu/CpuTarget.h"
#include "targets/cpu/kernels/GatherRows.h"
#include "targets/cpu/kernels/KernelLibrary.h"
#include "targets/cpu/kernels/Microkernels.h"

namespace phic {

/// A family's product of a word of a row and one of each column.
class WordProduct {
public:
  virtual ~WordProduct() = default;
  virtual WordKind kind() const = 0;
  /// sum + x . w in every lane; `x` is the word of the row in every lane, both are vectors of i32, or f32 with floats.
  virtual mlir::Value add(KernelBuilder &b, mlir::Value sum, mlir::Value x, mlir::Value w) const = 0;

  /// Of bytes: products are added in 16 bits, so that words have to be paired (PairedBytes.h).
  virtual bool isOfPairs() const { return false; }
  /// With them: sum + x[0] . w[0] + x[1] . w[1].
  virtual mlir::Value addPair(KernelBuilder &b, mlir::Value sum, llvm::ArrayRef<mlir::Value> x,
                              llvm::ArrayRef<mlir::Value> w) const;
  /// With them: 32 bytes in another order, each of the half that it stays in, or 0 where the place has its top bit set.
  virtual mlir::Value shuffle(KernelBuilder &b, mlir::Value bytes, mlir::Value places) const;
};

/// A row of a Kernels.def: the greatest tile; one vector has as many sums in more rows, lower ones any number of rows.
struct WordVariant {
  std::string_view isa;
  const WordProduct *dot;
  int64_t MR, vectors;
};
std::span<const WordVariant> x86WordVariants();
std::span<const WordVariant> armWordVariants();
/// The newest products of pairs of 16 bits that a target has; every level has some.
const WordProduct *shortWords(const CpuTarget &target);
/// Fused multiply-adds of f32, which every machine has.
const WordProduct &fmaWords();

/// Of fewer columns vectors would be mostly empty: dense rows of so few are multiplied along K.
inline constexpr int64_t kFewestColumns = 4;

/// Operands of a contraction, as far as code depends on them.
struct ContractionShape {
  RowSource lhs;
  int64_t M = 0, N = 0, K = 0; ///< rows and columns in all, and elements of a row
  PackedLayout rhs; ///< panels, or dense: rows [N, K] as activations are
  RowSource::Element rhsElement = RowSource::Element::F32; ///< of dense rows
  bool hasRhsZeros = false; ///< codes of weights have zero points other than 0
};

/// What a contraction is given.
struct ContractionCall {
  mlir::Value lhs, row, count; ///< the tensor, the tile's first row, and how many
  mlir::Value lhsZero; ///< of codes, i32; null: 0
  mlir::Value fill; ///< what pads read, in the element type of lhs; null: 0
  mlir::Value rhs; ///< the tile's first panel or row
  mlir::Value rhsZeros; ///< with hasRhsZeros: of the tile's padded columns, i32 in memory
  mlir::Value sums; ///< words [count][padded columns]
  mlir::Value scratch;
};

/// Words of the elements [k, k + length) of the tile's rows.
void emitGatherLhs(KernelBuilder &b, const ContractionShape &shape, WordKind words, const ContractionCall &call,
                   mlir::Value k, mlir::Value length, mlir::Value to);

class Contraction {
public:
  /// Nothing where the target has no tile for the operands.
  static std::optional<Contraction> of(const CpuTarget &target, const ContractionShape &shape);

  /// Rows of the lowest tile that has as many sums as the greatest: a multiple of those of all others.
  int64_t MR() const { return variant->MR * variant->vectors; }
  /// Columns of the greatest tile.
  int64_t NR() const { return variant->vectors * lanes; }
  WordKind words() const { return variant->dot->kind(); }
  /// Register tiles take the words of weights as panels hold them: they are not copied for each tile.
  bool readsPanels() const;
  /// Columns that sums have room for.
  int64_t paddedColumns(int64_t columns) const;
  /// Bytes at `scratch` for tiles of so many rows and columns.
  int64_t scratchBytes(int64_t rows, int64_t columns) const;

  /// Emits sums = rows times `columns` columns. A tile has a multiple of MR rows, or `rest` more.
  void emit(KernelBuilder &b, KernelLibrary &library, int64_t columns, int64_t rest, const ContractionCall &call) const;

private:
  friend class ContractionEmitter;
  bool isOfPairs() const { return variant->dot->isOfPairs(); }
  /// Rows of tiles of so many vectors: narrow ones need as many sums, lest each waits for itself.
  int64_t rowsOf(int64_t vectors) const { return MR() / vectors; }
  /// So few that vectors lie along K (DotProducts.h).
  bool isOfDots(int64_t columns) const {
    return shape.rhs.kind == PackedLayout::Kind::Dense && columns < kFewestColumns && words() != WordKind::Bytes;
  }

  Contraction(const WordVariant &variant, const CpuTarget &target, const ContractionShape &shape)
      : variant(&variant), isa(target.isa), lanes(std::max(target.vectorBytes / 4, PackedLayout::kColumns)),
        shape(shape) {}

  const WordVariant *variant;
  std::string_view isa;
  int64_t lanes;
  ContractionShape shape;
};

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_CONTRACTION_H
