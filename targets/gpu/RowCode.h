//===- RowCode.h - Row operations, element by element ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a stage does to rows, inside of its kernel: a thread computes an element of a
// sink's value from elements of inputs and of cores, as far back as the ops of the stage
// go, and stores it where the sink says. Sums over a row are the block's work, done
// before (`sumRows`).
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_GPU_ROWCODE_H
#define PHIC_TARGETS_GPU_ROWCODE_H

#include "targets/code/KernelMath.h"
#include "targets/gpu/GpuStage.h"
#include "llvm/ADT/DenseMap.h"
#include <map>

namespace phic::gpu_code {

/// Element `column` of what the group needs of its core number `index`, of the row in question.
using CoreElement = std::function<Value(unsigned index, Value column)>;

class RowCode {
public:
  /// store() is called for `together` columns from each multiple of it on.
  RowCode(GpuStage &s, const ColumnGroup &group, int64_t together, CoreElement core)
      : s(s), b(s.b), group(group), isWhole(group.columns % together == 0), core(core) {}

  /// Computes the sums over row `row` that the sinks need, with all threads of the block. To be called by all of them.
  void sumRows(Value row, int64_t threads);

  /// Computes and stores column `column` of every sink's row. Lanes of a warp have neighbouring columns of one row, a
  /// warp's first a multiple of 32, and are all here; columns behind the group's are none, and store zero codes in a
  /// quantized row's last block. `isRow`: whether there is such a row (null: there is); those of a warp agree.
  void store(Value row, Value column, Value isRow);

private:
  /// Where an element is: its row, whether that is one of the wanted rows, the column of the group, and how far columns
  /// of the value are shifted against it.
  struct Place {
    Value row, column;
    int64_t begin = 0;
    bool selected = false;
  };

  Value element(Value value, Place place);
  Value elementOf(mlir::Operation *op, Value value, Place place);
  Value evaluate(phiq::RowOpInterface op, const phiq::RowExpr &expression, Place place);
  Value turned(phiq::RopeOp rope, Place place);
  Value tableEntry(phiq::RopeOp rope, Value table, Value longTable, Place place, Value pair);
  Value operand(mlir::OpOperand &operand, Place place);
  void sumTerms(phiq::RowOpInterface op, const phiq::RowExpr &expression, Place place, int64_t threads);
  void sumOperands(Value value, Place place, int64_t threads);
  const phiq::RowExpr &expressionOf(phiq::RowOpInterface op);

  void storeFloat(const Sink &sink, Value x, Place place);
  void storeCached(const Sink &sink, Value x, Place place);
  void storeCode(const Sink &sink, Value x, Place place, Value isRow);

  GpuStage &s;
  GpuBuilder &b;
  const ColumnGroup &group;
  const bool isWhole; ///< no column is behind the group's
  CoreElement core;
  llvm::DenseMap<mlir::Operation *, phiq::RowExpr> expressions;
  llvm::DenseMap<const phiq::RowExpr::Node *, Value> sums; ///< by their terms
  std::map<std::tuple<const void *, const void *, int64_t, bool>, Value> known; ///< elements that code at hand has
};

} // namespace phic::gpu_code

#endif // PHIC_TARGETS_GPU_ROWCODE_H
