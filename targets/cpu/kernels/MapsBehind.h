//===- MapsBehind.h - Maps of what a kernel has made -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The maps of a stage that follow its main op, on lanes of its result before they are stored. Beside that result an operand
// lies as large as it, along its last axis, or is one number; between contractions (RowChain.h) any other that is broadcast.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_MAPSBEHIND_H
#define PHIC_TARGETS_CPU_KERNELS_MAPSBEHIND_H

#include "targets/cpu/kernels/GridEmitter.h"

namespace phic {

class MapsBehind {
public:
  /// Loads the operands that are numbers for vectors of those widths: where it is made has to come before all stores.
  MapsBehind(mlir::Operation *main, GridEmitter &g, llvm::ArrayRef<int64_t> widths);
  /// Some of the maps of `made`, the main op's result as they read it; they follow `source`: that, or what earlier ones hand on.
  MapsBehind(mlir::Value made, mlir::Value source, llvm::ArrayRef<phiq::MapOp> maps, GridEmitter &g,
             llvm::ArrayRef<int64_t> widths);

  /// Stores what the stage makes of lanes of the source: `at` their place in it, `column` along its last axis.
  void store(mlir::Value lanes, mlir::Value at, mlir::Value column);
  /// What the last of the maps makes of them.
  mlir::Value last(mlir::Value lanes, mlir::Value at, mlir::Value column);

  /// The row of the main op's result that lanes are of: before loops over it, wherever an operand may be broadcast.
  void atRow(mlir::Value row);

  /// Whether operands are numbers or as large as what is made, so that its rows side by side are one.
  static bool readOneRow(mlir::Value made, llvm::ArrayRef<phiq::MapOp> maps);
  /// Whether they are numbers alone.
  static bool readNumbers(mlir::Value made, llvm::ArrayRef<phiq::MapOp> maps);

private:
  LaneValues compute(mlir::Value lanes, mlir::Value at, mlir::Value column);
  mlir::Value load(mlir::Value operand, int64_t lanes, mlir::Value at, mlir::Value column);

  mlir::Value made, source;
  GridEmitter &g;
  llvm::SmallVector<phiq::MapOp> maps;
  llvm::SmallVector<mlir::Value> operands, results;
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, mlir::Value> numbers;
  llvm::DenseMap<mlir::Value, mlir::Value> rows; ///< where the row of an operand that is broadcast begins
};

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_MAPSBEHIND_H
