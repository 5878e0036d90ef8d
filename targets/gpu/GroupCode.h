//===- GroupCode.h - A group of columns, by a block ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block computes some columns of a group, for a few rows. The sums of each matmul that
// the group has go into shared memory, in as many parts as warps share K; then a thread
// adds the parts of an element and does the row operations.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_GPU_GROUPCODE_H
#define PHIC_TARGETS_GPU_GROUPCODE_H

#include "targets/gpu/RowCode.h"

namespace phic::gpu_code {

/// What of a group a block computes, and with how many threads.
struct GroupShape {
  int64_t rows, width; ///< of a block's results; a width is a multiple of 8
  int64_t parts;       ///< of K
  int64_t threads;     ///< of a block
  /// Bytes of the sums.
  int64_t sharedBytes(const ColumnGroup &group) const { return 4 * parts * int64_t(group.cores.size()) * rows * width; }
};

/// What a group's block width is a multiple of.
int64_t widthStep(const ColumnGroup &group);

class GroupCode {
public:
  GroupCode(GpuStage &s, const ColumnGroup &group, const GroupShape &shape)
      : s(s), b(s.b), group(group), shape(shape) {}
  virtual ~GroupCode() = default;

  /// Of the group's columns from `tile` * width on; `sums` is shared memory of shape.sharedBytes.
  void emit(Value tile, Value sums);

protected:
  /// Puts the sums of a core into shared memory.
  virtual void sumCore(size_t core) = 0;
  /// Row i of the block, the last that there is at most.
  Value heldRow(Value i);
  /// Where a sum goes. All are i32.
  Value partAt(Value part, size_t core, Value row, Value column);
  /// The panel of a core's weight with number `panel` of the block's.
  Value panelOf(size_t core, Value panel);

  GpuStage &s;
  GpuBuilder &b;
  const ColumnGroup &group;
  const GroupShape &shape;

private:
  void storeElement(Value i);
  Value firstColumn, firstRow, parts;
};

/// Sums by dot products of four bytes, the same for any number of rows.
std::unique_ptr<GroupCode> makeDotCode(GpuStage &s, const ColumnGroup &group, const GroupShape &shape);
GroupShape dotShape(const ColumnGroup &group, int64_t rows);

/// Sums by products of matrices of bytes, of many rows; whether a stage's matmuls have them.
std::unique_ptr<GroupCode> makeMatrixCode(GpuStage &s, const ColumnGroup &group, const GroupShape &shape);
/// `rows` is 64 or 32.
GroupShape matrixShape(const ColumnGroup &group, int64_t rows);
bool hasMatrixCode(const StageFacts &facts);

} // namespace phic::gpu_code

#endif // PHIC_TARGETS_GPU_GROUPCODE_H
