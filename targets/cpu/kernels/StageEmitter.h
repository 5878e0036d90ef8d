//===- StageEmitter.h - What every stage kernel is made of -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A stage kernel has the ABI of phi_kernel (phi/format.h). Its `args` are, for each
// input and each result of the stage, the byte offset of its buffer or weight, or of its
// slot in the binding table, then key_offset and value_offset of its cache where it has one.
//
// StageEmitter holds the values of one kernel body and turns rows and columns into pointers.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_STAGEEMITTER_H
#define PHIC_TARGETS_CPU_KERNELS_STAGEEMITTER_H

#include "targets/cpu/CpuTarget.h"
#include "targets/cpu/kernels/KernelLibrary.h"
#include "targets/cpu/kernels/RegionPlan.h"
#include "targets/stages/StageFacts.h"

namespace phic {

/// How an M class's tiles divide the stage: `columns` tiles side by side, `rows` rows each.
struct StageTiles {
  int64_t columns, rows;
  bool isOneRow = false; ///< of steps of one row: a tile's number is its column's
};

/// One kernel of one stage for one M class.
struct StageKernel {
  StageTiles tiles;
  int64_t scratchBytes;
  std::string symbol;
  std::string fallback = {}; ///< the generic code that does part of it: "scalar code, ..."; empty: none
};

class StageEmitter {
public:
  StageEmitter(KernelBuilder &b, KernelLibrary &library, const StageFacts &facts,
               mlir::Block::BlockArgListType arguments);

  /// The tiles of [begin, end): `body(column tile, first row, number of rows)`.
  void overTiles(const StageTiles &tiles,
                 llvm::function_ref<void(mlir::Value column, mlir::Value row, mlir::Value count)> body);

  /// Byte `column`-independent start of row `row` of an input or result.
  mlir::Value inputRow(unsigned index, mlir::Value row);
  mlir::Value resultRow(unsigned index, mlir::Value row);
  /// The tiles of [begin, end), each by its number.
  void eachTile(llvm::function_ref<void(mlir::Value tile)> body) { b.loop(begin, end, 1, body); }
  /// Where a tensor of fixed shape, which is dense, begins.
  mlir::Value inputBase(unsigned index) { return inputBases[index]; }
  mlir::Value resultBase(unsigned index) { return resultBases[index]; }
  mlir::Value weight(unsigned index) { return inputBases[index]; }
  mlir::Value ids(unsigned index) { return inputBases[index]; }
  /// Keys and values of a KV head of the stage's cache.
  mlir::Value cacheKeys(mlir::Value head);
  mlir::Value cacheValues(mlir::Value head);

  /// Applies a group's region to rows [row, row + count) of the step and columns [column, column + width * steps) of
  /// the group. Core results are in scratch: `cores[i]` points to row 0 and the first column, rows `coreRowBytes` apart.
  void applyRegion(const ColumnGroup &group, int64_t width, mlir::Value steps, mlir::Value column, mlir::Value row,
                   mlir::Value count, llvm::ArrayRef<mlir::Value> cores, int64_t coreRowBytes);

  KernelBuilder &b;
  KernelLibrary &library;
  const StageFacts &facts;
  mlir::Value rows, past, total, context, logitRow0, scratch;

private:
  mlir::Value pointerOf(const RegionArgument &argument, mlir::Value column, mlir::Value row);
  mlir::Value cachePointer(mlir::Value tokenOffset, mlir::Value head);

  mlir::Value begin, end, kv, keyOffset, valueOffset;
  llvm::SmallVector<mlir::Value> inputBases, resultBases;
};

/// Each takes a stage of its kind. M classes with equal tile shapes share a kernel, but for tiles of one row: Decode's
/// is for steps that have no other row.
mlir::FailureOr<StageKernel> emitMatmulStage(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target,
                                             const TileShape &tile, MClass mClass);
mlir::FailureOr<StageKernel> emitAttendStage(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target,
                                             const TileShape &tile, MClass mClass);
mlir::FailureOr<StageKernel> emitRowStage(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target);
mlir::FailureOr<StageKernel> emitGridStage(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target);

/// Defines the kernel function around `body`, which emits it with an emitter. `tileKey`: what of the tile shape
/// the code depends on.
std::string defineStageKernel(KernelLibrary &library, const StageFacts &facts, llvm::StringRef tileKey,
                              llvm::StringRef name, llvm::function_ref<void(StageEmitter &)> body);

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_STAGEEMITTER_H
