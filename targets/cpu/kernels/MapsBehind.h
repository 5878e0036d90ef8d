//===- MapsBehind.h - Maps of what a kernel has made -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The maps of a stage that follow its main op, on lanes of its result before they are stored. Beside that result an operand
// lies as large as it, along its last axis, or is one number.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_MAPSBEHIND_H
#define PHIC_TARGETS_CPU_KERNELS_MAPSBEHIND_H

#include "targets/cpu/kernels/GridEmitter.h"

namespace phic {

class MapsBehind {
public:
  /// Loads the operands that are numbers for vectors of those widths: where it is made has to come before all stores.
  MapsBehind(mlir::Operation *main, GridEmitter &g, llvm::ArrayRef<int64_t> widths);
  /// Some of the maps, which follow `source`: the main op's result, or what earlier ones hand on.
  MapsBehind(mlir::Operation *main, mlir::Value source, llvm::ArrayRef<phiq::MapOp> maps, GridEmitter &g,
             llvm::ArrayRef<int64_t> widths);

  /// Stores what the stage makes of lanes of the source: `at` their place in it, `column` along its last axis.
  void store(mlir::Value lanes, mlir::Value at, mlir::Value column);
  /// What the last of the maps makes of them.
  mlir::Value last(mlir::Value lanes, mlir::Value at, mlir::Value column);

  /// Whether an operand is neither a number nor as large as the main op's result.
  static bool isAlongLastAxis(mlir::Operation *main, mlir::Value operand);

private:
  LaneValues compute(mlir::Value lanes, mlir::Value at, mlir::Value column);
  mlir::Value load(mlir::Value operand, int64_t lanes, mlir::Value at, mlir::Value column);

  mlir::Operation *main;
  mlir::Value source;
  GridEmitter &g;
  llvm::SmallVector<phiq::MapOp> maps;
  llvm::SmallVector<mlir::Value> operands, results;
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, mlir::Value> numbers;
};

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_MAPSBEHIND_H
