//===- MatmulTiles.h - What all register tiles of matmul share -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops of phiq.matmul over K, written once for all families. A lane of a vector
// is a column: of half a panel, of one, or of two side by side, as a vector has 128, 256
// or 512 bits (docs/decisions/0003), so nothing is summed across lanes. A family adds its
// integer dot product, and a table of variants (Kernels.def).
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
#ifndef PHIC_TARGETS_CPU_KERNELS_MATMULTILES_H
#define PHIC_TARGETS_CPU_KERNELS_MATMULTILES_H

#include "targets/cpu/kernels/Microkernels.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <span>

namespace phic {

/// Where the blocks of quantized activations of a tile's rows are.
struct LhsBlocks {
  mlir::Value codes, scales;             ///< of the first block
  int64_t codeStep = 0, scaleStep = 0;   ///< from a block to the next
  int64_t sumOffset = 0;                 ///< from a block's scale to sumFactor * scale * sum of codes
  float sumFactor = 1;                   ///< 1, or -1, or minus the zero point that all weights have
};

/// What an emitter is given: operands, its tile and the values of the call.
struct TileEmission {
  KernelBuilder &b;
  const MatmulOperands &operands;
  int64_t MR, NR;            ///< register tile
  int64_t lanes;             ///< columns of a vector: 4, 8 or 16
  mlir::Value lhs, rhs;      ///< first row; first panel of the tile
  int64_t column;            ///< of that panel: the tile's first
  LhsBlocks blocks;          ///< of quantized activations
  bool
      broadcastsLanes; ///< an fma takes one lane of a vector for all of another's: activations are loaded four at a time
  const PackedLayout &layout() const { return operands.rhs; }
  int64_t vectors() const { return NR / lanes; }
  int64_t bytes() const { return 4 * lanes; }
  int64_t row(int64_t r) const { return r * operands.lhsRowBytes; }
  int64_t panel(int64_t p) const { return p * operands.rhs.panelBytes(operands.K); }
  /// `count` elements of each column of vector `v`; those of a panel lie column after column, the first panel's `at` bytes
  /// behind `pointer`.
  mlir::Value loadColumns(int64_t count, mlir::Type element, mlir::Value pointer, int64_t v, int64_t at = 0);
};

/// Floats of the columns of a vector of a weight tile; absent ones are null.
struct ColumnParameters {
  mlir::Value scale, zero, min;
};

/// What the integers of the blocks of a two-level tile are multiplied by; null with one level.
struct SuperParameters {
  mlir::Value scale, min;
};

/// Codes of an activation block: whole runs, or part of one.
struct BlockCodes {
  mlir::Value run; ///< panel 0's first
  int64_t first = 0; ///< element of it
};

/// A family's integer dot product of one activation block, and which row and column an accumulator's lanes are.
/// Accumulator r * vectors + v: the default is row r, columns of vector v.
class IntegerDot {
public:
  virtual ~IntegerDot() = default;
  /// Where the functions below find the rows' blocks: as they are stored, or as they are rearranged here, once for all
  /// panels, into `scratch`.
  virtual LhsBlocks arrange(TileEmission &e, mlir::Value scratch) const;
  /// Activation blocks of a weight tile that are not a loop.
  virtual int64_t unrolledBlocks() const { return 4; }
  /// Bytes that `arrange` needs.
  virtual int64_t scratchBytes(const MatmulOperands &operands, int64_t MR) const;
  /// D of the accumulators of vector v, r ascending (i32 lanes). `x`: the block's activations.
  virtual KernelBuilder::Values emit(TileEmission &e, const BlockCodes &codes, mlir::Value x, int64_t v) const = 0;
  /// Whether emitUnpacked takes such codes, where Kernels.def has a tile for many rows.
  virtual bool takesUnpacked(const PackedLayout &layout) const;
  /// D of all accumulators, from codes that are unpacked to bytes: those of a vector behind those of the one before, four
  /// elements of a column side by side.
  virtual KernelBuilder::Values emitUnpacked(TileEmission &e, mlir::Value codes, mlir::Value x) const;
  /// The f32 of each row `bytes` behind `pointer`, in the lanes of accumulators r.
  virtual mlir::Value ofRows(TileEmission &e, mlir::Value pointer, int64_t bytes, int64_t r) const;
  /// The vector's parameters in the lanes of its accumulator r.
  virtual ColumnParameters ofColumns(TileEmission &e, const ColumnParameters &parameters, int64_t r) const;
  /// Accumulators as lanes are stored: row by row, columns ascending.
  virtual KernelBuilder::Values rowMajor(TileEmission &e, const KernelBuilder::Values &sums) const;
};

/// Codes of an s8 vector product that may be added in s16: each adds at most greatest code * 127 `perLane` times.
int64_t vectorsPerSum(const PackedLayout &layout, int64_t perLane);
/// Hands on the codes of the columns of vector v in an activation block, unpacked to bytes, elements k..k+3 a time.
void overCodes(TileEmission &e, const BlockCodes &codes, int64_t v,
               llvm::function_ref<void(mlir::Value bytes, int64_t k)> use);

/// What a variant computes on: activations (quantized at run time, or f32), weights (any block format, or floats).
enum class LhsKind : uint8_t { S8, F32 };
enum class RhsKind : uint8_t { Codes, Floats };

/// A row of a Kernels.def.
struct MatmulVariant {
  std::string_view isa; ///< of the oldest target that has the instructions
  LhsKind lhs;
  RhsKind rhs;
  RegisterTile tile;
  const IntegerDot *dot; ///< with S8
  bool tall = false; ///< for many rows (TallMatmul.h)
  int64_t prefetch = 0; ///< bytes of codes to ask for ahead; 0: leave it to the machine
};

/// Outer scale and minimum of the columns of vector v of the tile at `tile`, which has `elements` elements.
SuperParameters loadSuperParameters(TileEmission &e, mlir::Value tile, int64_t elements, int64_t v);
/// Scale, zero point and minimum of its block `block` (i64).
ColumnParameters loadParameters(TileEmission &e, const SuperParameters &outer, mlir::Value tile, int64_t elements,
                                mlir::Value block, int64_t v);
/// The zero point that all columns share and the layout does not store; null when there is none.
mlir::Value constantZero(TileEmission &e);

/// sx and sumFactor sxS of an activation block, in the lanes of an accumulator; `sum` is null where nothing needs it.
struct RowScales {
  mlir::Value sx, sum;
};
/// Those of accumulator r of a vector. `scale` points to the block's activation scale of row 0.
RowScales loadRowScales(TileEmission &e, const IntegerDot &dot, mlir::Value scale, const ColumnParameters &columns,
                        int64_t r);
/// sum + s (sx D - z sxS) + m sxS
mlir::Value addBlockTerm(TileEmission &e, const ColumnParameters &columns, const RowScales &row, mlir::Value D,
                         mlir::Value sum);

/// sums[r * vectors + v] += the whole of K, for one group of panels.
void emitMatmulTile(TileEmission &e, const MatmulVariant &variant, KernelBuilder::Values &sums);

/// The families' tables, oldest ISA first.
std::span<const MatmulVariant> x86MatmulVariants();
std::span<const MatmulVariant> armMatmulVariants();

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_MATMULTILES_H
