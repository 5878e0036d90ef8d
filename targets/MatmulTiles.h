//===- MatmulTiles.h - What all register tiles of matmul share -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops of phiq.matmul over K, written once for all families. A lane of a vector
// is a column: of one panel, or of two side by side where vectors have 512 bits
// (docs/decisions/0003), so accumulators are stored as they are and nothing is summed
// across lanes. A family adds its integer dot product, and a
// table of variants (Kernels.def).
//
// Integer dot products, per activation block with scale sx and codes x, per column:
//
//     sum_k s (q - z) sx x + m sx x  =  s (sx D - z sxS) + m sxS,   D = sum q x (s32),  sxS = sx sum x
//
// sxS comes with the activation row; D is the family's (IntegerDot). Since D is exact and the float operations
// are these, in this order, a row's result is the same on every machine, bit by bit.
//
// Float: w = s (q - z) + m, rounded as Numerics does, then one fma per element, k ascending.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_MATMULTILES_H
#define PHIC_TARGETS_MATMULTILES_H

#include "targets/Microkernels.h"
#include <span>

namespace phic {

/// What an emitter is given: operands, its tile and the values of the call.
struct TileEmission {
  KernelBuilder &b;
  const MatmulOperands &operands;
  int64_t MR, panels;        ///< register tile
  int64_t perVector;         ///< panels side by side in a vector: 1 or 2
  mlir::Value lhs, rhs;      ///< first row; first panel of the tile
  bool broadcastsLanes;      ///< an fma takes one lane of a vector for all of another's: activations are loaded four at a time
  const PackedLayout &layout() const { return operands.rhs; }
  int64_t vectors() const { return panels / perVector; }
  int64_t lanes() const { return PackedLayout::kColumns * perVector; }
  int64_t bytes() const { return 4 * lanes(); }
  int64_t row(int64_t r) const { return r * operands.lhsRowBytes; }
  int64_t panel(int64_t p) const { return p * operands.rhs.panelBytes(operands.K); }
  /// `count` elements of each panel of vector `v`, `at` bytes behind `pointer`, which points into the first panel.
  mlir::Value loadPanels(int64_t count, mlir::Type element, mlir::Value pointer, int64_t v, int64_t at = 0) {
    auto part = [&](int64_t p) { return b.load(b.vec(count, element), pointer, panel(v * perVector + p) + at); };
    return perVector == 1 ? part(0) : b.concat(part(0), part(1));
  }
};

/// Floats of the columns of a vector of a weight tile; absent ones are null.
struct ColumnParameters {
  mlir::Value scale, zero, min;
};

/// A family's integer dot product of one activation block, and which row and column an accumulator's lanes are.
/// Accumulator a = r * vectors + v: the default is row r, columns of vector v.
class IntegerDot {
public:
  virtual ~IntegerDot() = default;
  /// D of every accumulator (i32 lanes). `codes`: the block's codes of panel 0, `x`: the codes of row 0.
  virtual KernelBuilder::Values emit(TileEmission &e, mlir::Value codes, mlir::Value x) const = 0;
  /// The f32 at `pointer` of each row, in the lanes of an accumulator.
  virtual mlir::Value ofRows(TileEmission &e, mlir::Value pointer, int64_t bytes, int64_t accumulator) const;
  /// The vector's parameters in the lanes of an accumulator.
  virtual ColumnParameters ofColumns(TileEmission &e, const ColumnParameters &parameters, int64_t accumulator) const;
  /// Accumulators as lanes are stored: row by row, columns ascending.
  virtual KernelBuilder::Values rowMajor(TileEmission &e, const KernelBuilder::Values &sums) const;
};

/// Codes of an s8 vector product that may be added in s16: each adds at most greatest code * 127 `perLane` times.
int64_t vectorsPerSum(const PackedLayout &layout, int64_t perLane);
/// Low and high nibbles of each of `bytes` bytes.
std::pair<mlir::Value, mlir::Value> splitNibbles(KernelBuilder &b, mlir::Value nibbles);

/// What a variant computes on: activations (quantized at run time, or f32), weights (any block format, or floats).
enum class LhsKind : uint8_t { S8, F32 };
enum class RhsKind : uint8_t { Codes, Floats };

/// A row of a Kernels.def.
struct MatmulVariant {
  std::string_view isa;     ///< of the oldest target that has the instructions
  LhsKind lhs;
  RhsKind rhs;
  RegisterTile tile;
  const IntegerDot *dot;    ///< with S8
};

/// sums[r * vectors + v] += the whole of K, for one group of panels.
void emitMatmulTile(TileEmission &e, const MatmulVariant &variant, KernelBuilder::Values &sums);

/// The families' tables, oldest ISA first.
std::span<const MatmulVariant> x86MatmulVariants();
std::span<const MatmulVariant> armMatmulVariants();

} // namespace phic

#endif // PHIC_TARGETS_MATMULTILES_H
