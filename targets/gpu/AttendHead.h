//===- AttendHead.h - Attention of one head --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a block does for a head: its warps share the keys, in groups as they lie in the cache, each with an online softmax
// of its own; then their parts are put together in the order of the warps:
//
//     m = max_w m_w    f_w = e^(m_w - m)    result = sum_w f_w o_w / sum_w f_w l_w
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_GPU_ATTENDHEAD_H
#define PHIC_TARGETS_GPU_ATTENDHEAD_H

#include "targets/gpu/GpuStage.h"

namespace phic::gpu_code {

using Values = KernelBuilder::Values;

/// Threads of a block.
inline constexpr int64_t kAttendWarps = 8, kAttendThreads = kAttendWarps * kWarp;
/// Groups of keys that are worth a block's while, where blocks share them.
inline constexpr int64_t kLeastGroups = 8;

/// Of some keys: the greatest score m, the sum of e^(s - m), and an element of the sum with the values.
struct KeysPart {
  Value m, sum, out;
};
inline constexpr int64_t kPartNumbers = 2; ///< m and sum: behind them the d elements

/// Parts 0, 1, ... as one, in their order. One of no keys has m = -inf, and counts for nothing.
KeysPart combineParts(GpuBuilder &b, int64_t count, llvm::function_ref<KeysPart(int64_t)> load);

/// How a block divides attention.
struct AttendTiles {
  int64_t rows; ///< of a block, which read the keys together
  int64_t shares; ///< blocks that share the keys of a head
  int64_t width; ///< columns of a block: whole heads
};

/// One head of a block's rows.
class AttendHead {
public:
  /// This block is number `share` of those that share the keys; row i of it is rowIndices[i] of the step.
  AttendHead(GpuStage &s, phiq::AttendOp attend, const AttendTiles &shape, Value share, const Values &rowIndices);

  /// Shared memory of a block.
  static int64_t sharedBytes(const AttendTiles &shape, int64_t d);

  /// What this block's keys make is given to `keep`, by a thread each column. All threads of the block are here.
  void emit(Value head, llvm::function_ref<void(int64_t row, Value column, const KeysPart &part)> keep);

  /// A thread each column of a row's head.
  void overColumns(llvm::function_ref<void(int64_t row, Value column)> body);

private:
  /// Of a row, by warps of the block: m, the sum, the lane's columns.
  struct RowState {
    llvm::MutableArrayRef<Value> numbers;
    Value &m() { return numbers[0]; }
    Value &sum() { return numbers[1]; }
    Value &out(int64_t vector) { return numbers[size_t(kPartNumbers + vector)]; }
  };
  RowState stateOf(Values &all, int64_t row);

  void loadQueries(Value head);

  /// Positions [begins[i], ends[i]) are seen from row i: those of later rows begin and end later.
  void setRanges();

  /// This warp's groups: e^(s - m) summed, and with the values.
  void sumGroups();

  void storeState(int64_t row, RowState state);

  /// The lane's column of vector i, where the head has one.
  void overColumn(int64_t i, llvm::function_ref<void(Value)> body);

  Values addGroup(Value group, Values states);

  /// Returns e^(s - m) of the lane's key.
  Value addScore(Value score, Value position, int64_t row, RowState state);

  /// Of the lane's key, for each row: lanes of a key share its elements.
  Values scoresOf(Value group, Value key, Value sharing);

  Value cappedScore(Value score);

  /// Key j of the group. A position that no row sees has weight 0: any that one does may be read in its place.
  void addValue(Value position, int64_t j, const Values &weights, Values &states);

  GpuStage &s;
  GpuBuilder &b;
  phiq::AttendOp attend;
  const AttendTiles &shape;
  Value share;
  const Values &rowIndices;
  const int64_t heads, d, vectors, numbers; ///< numbers of a row's state
  Value queries, maxima, sums, outs, keys, values;
  Values begins, ends;
};

} // namespace phic::gpu_code

#endif // PHIC_TARGETS_GPU_ATTENDHEAD_H
