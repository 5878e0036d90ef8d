//===- GridEmitter.h - What kernels of ops on grids are made of -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The op of a grid stage with what its kernel needs: where the elements of its operands and of its result are. Tensors are
// dense; a kernel's tiles are runs of something it counts itself (GridKernel::tiles).
//
// A kernel is a function of an emitter, in the table of EmitGridStage.cpp. One op, one file where it is not a few lines.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_GRIDEMITTER_H
#define PHIC_TARGETS_CPU_KERNELS_GRIDEMITTER_H

#include "dialects/phiq/RowChain.h"
#include "targets/code/MapCode.h"
#include "targets/cpu/kernels/StageEmitter.h"
#include "llvm/Support/MathExtras.h"

namespace phic {

/// Elements that a tile computes, about: enough that starting it costs nothing, few enough for all threads.
inline constexpr int64_t kGridTileElements = 2048;

struct GridEmitter {
  StageEmitter &e;
  KernelBuilder &b;
  const CpuTarget &target;
  /// Floats, or i32, of a register.
  int64_t lanes() const { return target.vectorBytes / 4; }

  /// Where an operand's elements begin, also of one that is seen through reshapes.
  mlir::Value base(mlir::Value operand) {
    return e.inputBase(mlir::cast<mlir::BlockArgument>(throughReshapes(operand)).getArgNumber());
  }
  mlir::Value resultBase(unsigned index = 0) { return e.resultBase(index); }
  /// The place of element `index` (i64) behind `base`.
  mlir::Value place(mlir::Value base, mlir::Type element, mlir::Value index) {
    return b.offset(base, b.mul(index, elementBytes(element)));
  }
  /// One element, as a vector of one lane (MapCode.h).
  mlir::Value load(mlir::Value operand, mlir::Value index) {
    mlir::Type element = elementTypeOf(operand);
    return loadLanes(b, element, 1, place(base(operand), element, index));
  }

  /// for begin <= i < end: body(i, w) for the first of the widths that so many are left for; the last is 1.
  void over(mlir::Value begin, mlir::Value end, llvm::ArrayRef<int64_t> widths,
            llvm::function_ref<void(mlir::Value i, int64_t lanes)> body);
  /// In vectors of a register, then one by one.
  void overLanes(mlir::Value begin, mlir::Value end, llvm::function_ref<void(mlir::Value i, int64_t lanes)> body) {
    over(begin, end, {lanes(), 1}, body);
  }
  /// The same with four registers first, so that what each iteration waits for overlaps.
  void overWideLanes(mlir::Value begin, mlir::Value end, llvm::function_ref<void(mlir::Value i, int64_t lanes)> body) {
    over(begin, end, {4 * lanes(), lanes(), 1}, body);
  }
};

/// `rows` rows of `inner` elements of a result, as tiles: runs of a row, or some rows.
struct RowTiles {
  int64_t rows, inner, run, rowsOfTile;

  /// An element is about as much work as `work` of a map.
  RowTiles(int64_t rows, int64_t inner, int64_t work);
  int64_t count() const { return std::max<int64_t>(1, int64_t(llvm::divideCeil(rows, rowsOfTile)) * runs()); }
  /// body(row, first element of it, end of them) for the rows of a tile.
  void overRows(KernelBuilder &b, mlir::Value tile,
                llvm::function_ref<void(mlir::Value row, mlir::Value begin, mlir::Value end)> body) const;

private:
  int64_t runs() const { return std::max<int64_t>(1, int64_t(llvm::divideCeil(inner, run))); }
};

/// The code of a grid stage.
struct GridKernel {
  int64_t tiles; ///< at least 1
  int64_t scratchBytes = 0;
  /// Emits the tile of that number.
  std::function<void(GridEmitter &g, mlir::Value tile)> tile;
  std::string key = {}; ///< what the code depends on beside the stage's own text
};

/// The maps of a stage, or none: a copy. EmitMaps.cpp.
GridKernel mapKernel(plan::StageOp stage);
/// Permute, slice, concat, broadcast and pad. EmitMoves.cpp.
GridKernel moveKernel(mlir::Operation *op);
/// Copies elements that lie side by side.
void copyRun(GridEmitter &g, mlir::Type element, mlir::Value to, mlir::Value from, mlir::Value elements);
/// Rows of as many lanes as there are rows become columns.
void turnSquare(KernelBuilder &b, llvm::SmallVectorImpl<mlir::Value> &rows);
/// EmitGathers.cpp
GridKernel gatherKernel(mlir::Operation *op);
GridKernel scatterKernel(phiq::ScatterNDOp op);
/// EmitReduce.cpp
GridKernel reduceKernel(phiq::ReduceOp op);
/// EmitArg.cpp
GridKernel argKernel(phiq::ArgOp op);
/// Softmax and normalize. EmitLastAxis.cpp
GridKernel lastAxisKernel(mlir::Operation *op);
/// The same of one row, which may stay where it is.
void emitLastAxisRow(mlir::Operation *op, GridEmitter &g, mlir::Value from, mlir::Value to);
/// EmitPools.cpp
GridKernel poolKernel(phiq::PoolOp op);
/// EmitDepthwise.cpp
GridKernel depthwiseKernel(phiq::DepthwiseOp op);
/// EmitConvTranspose.cpp
GridKernel convTransposeKernel(phiq::ConvTransposeOp op);
/// EmitResample.cpp
GridKernel resampleKernel(phiq::ResampleOp op);
/// EmitLstm.cpp
GridKernel lstmKernel(phiq::LstmOp op);
/// A contraction and the maps behind it. EmitContract.cpp; fails with a diagnostic where the target has no kernel.
mlir::FailureOr<GridKernel> contractKernel(const StageFacts &facts, const CpuTarget &target);
/// Contractions and what is between them and behind. EmitRowChain.cpp; fails likewise.
mlir::FailureOr<GridKernel> rowChainKernel(const StageFacts &facts, const RowChain &chain, const CpuTarget &target);

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_GRIDEMITTER_H
