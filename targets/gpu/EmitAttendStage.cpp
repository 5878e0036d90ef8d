//===- EmitAttendStage.cpp - Attention over the cache ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block computes some heads of a row, or of a few rows that then read keys and values together, one head after the
// other (AttendHead.h).
//
// In steps of few rows blocks share the keys of a head in the same way, by runs of positions: each leaves its part in the
// workspace, and the last to arrive puts them together, in their order.
//===----------------------------------------------------------------------===//
#include "targets/KernelName.h"
#include "targets/gpu/AttendHead.h"
#include "targets/gpu/GroupCode.h"
#include "targets/gpu/Kernels.h"
#include <numeric>

using namespace mlir;

namespace phic::gpu_code {
namespace {

/// Blocks that share the keys of a head, of at most so many rows.
constexpr int64_t kShares = 8, kFewRows = 8;
/// Rows of a block in steps of many, where its memory suffices.
constexpr int64_t kManyRows = 8;

/// Heads that a block computes, and what is done to their results.
class AttendBlock {
public:
  AttendBlock(GpuStage &s, phiq::AttendOp attend, const AttendTiles &shape)
      : s(s), b(s.b), group(s.facts.groups.front()), attend(attend), shape(shape),
        columns(columnsOf(attend.getResult())), d(columns / int64_t(attend.getHeads())) {}

  void emit() {
    std::tie(block, share) = b.divideRest(b.blockColumn(), shape.shares);
    firstRow = b.mul(b.blockRow(), shape.rows);
    for (int64_t i = 0; i < shape.rows; ++i)
      rowIndices.push_back(shape.rows == 1 ? firstRow : b.minimum(b.add(firstRow, i), b.sub(s.rows, b.i32(1))));
    first = b.mul(block, shape.width);
    results = b.shared(4 * shape.rows * shape.width, "results");
    AttendHead head(s, attend, shape, share, rowIndices);
    overHeads([&](Value number, int64_t begin) {
      head.emit(number, [&](int64_t row, Value column, const KeysPart &part) {
        if (shape.shares > 1)
          leave(number, column, part);
        else
          finish(row, begin, column, part);
      });
    });
    if (shape.shares == 1)
      return store();
    b.when(isLast(), [&] {
      overHeads([&](Value number, int64_t begin) {
        head.overColumns([&](int64_t row, Value column) {
          finish(row, begin, column, combineParts(b, shape.shares, [&](int64_t i) { return load(number, column, i); }));
        });
      });
      b.barrier();
      store();
    });
  }

private:
  int64_t blocksOfHeads() const { return int64_t(llvm::divideCeil(uint64_t(columns), uint64_t(shape.width))); }

  /// The heads that there are: their numbers, and their first columns in `results`.
  void overHeads(function_ref<void(Value number, int64_t begin)> body) {
    for (int64_t i = 0; i < shape.width; i += d) {
      Value begin = b.add(first, i);
      auto code = [&] { body(b.divide(begin, d), i); };
      if (columns % shape.width == 0)
        code();
      else
        b.when(b.less(begin, columns), code); // the last block has fewer
    }
  }

  void finish(int64_t row, int64_t begin, Value column, const KeysPart &part) {
    Value at = b.mul(b.add(column, row * shape.width + begin), 4);
    b.store(b.fdiv(part.out, part.sum), b.offset(results, at));
  }

  //===--- The workspace, of blocks of one row: counters of those that have arrived, then their parts ---===//

  Value counter() {
    Value at = b.mul(b.add(KernelBuilder::Value(b.mul(firstRow, blocksOfHeads())), block), 4);
    return b.offset(workspace(), at);
  }
  int64_t counterBytes() const { return 4 * kFewRows * blocksOfHeads(); }
  Value workspace() {
    const int64_t parts = kFewRows * int64_t(attend.getHeads()) * kShares;
    return s.workspace(counterBytes() + 4 * parts * (kPartNumbers + d));
  }
  /// Where a block's part of a head begins.
  Value partAt(Value head, Value which) {
    Value index = b.add(b.mul(firstRow, int64_t(attend.getHeads())), head);
    index = b.add(b.mul(index, shape.shares), which);
    return b.offset(workspace(), b.add(b.mul(index, 4 * (kPartNumbers + d)), counterBytes()));
  }
  void leave(Value head, Value column, const KeysPart &part) {
    Value at = partAt(head, share);
    b.store(part.out, b.offset(at, b.mul(column, 4)), 4 * kPartNumbers);
    b.when(b.equal(column, 0), [&] {
      b.store(part.m, at);
      b.store(part.sum, at, 4);
    });
  }
  KeysPart load(Value head, Value column, int64_t which) {
    Value at = partAt(head, b.i32(int32_t(which)));
    return {b.load(b.getF32Type(), at), b.load(b.getF32Type(), at, 4),
            b.load(b.getF32Type(), b.offset(at, b.mul(column, 4)), 4 * kPartNumbers)};
  }

  /// Whether all other blocks of these heads have left their parts. In all threads.
  Value isLast() {
    Value arrived = b.shared(4, "arrived");
    b.barrier();
    b.when(b.equal(b.thread(), 0), [&] {
      Value before = b.countArrival(counter());
      b.store(before, arrived);
      b.when(b.equal(before, shape.shares - 1), [&] { b.store(b.i32(0), counter()); }); // for the next launch
    });
    b.barrier();
    return b.equal(b.load(b.getI32Type(), arrived), shape.shares - 1);
  }

  void store() {
    // Where rows are quantized, a block has whole warps, or all columns: what is behind them is RowCode's business.
    const auto stored = int64_t(llvm::alignTo(uint64_t(shape.width), uint64_t(kWarp)));
    b.loop(b.thread(), b.i32(int32_t(shape.rows * stored)), kAttendThreads, [&](Value i) {
      auto [row, column] = b.divideRest(i, stored);
      storeElement(row, column, stored);
    });
  }

  void storeElement(Value row, Value column, int64_t stored) {
    RowCode code(s, group, stored, [&](unsigned, Value of) {
      Value at = b.add(b.mul(row, shape.width), b.sub(of, first));
      return b.load(b.getF32Type(), b.offset(results, b.mul(at, 4)));
    });
    Value isThere;
    if (stored != shape.width && shape.width != columns) {
      isThere = b.less(column, shape.width);
      column = b.minimum(column, b.i32(int32_t(shape.width - 1)));
    }
    Value index = b.add(firstRow, row);
    if (shape.rows > 1) {
      Value isRow = b.less(index, s.rows);
      isThere = isThere ? b.both(isThere, isRow) : isRow;
      index = b.minimum(index, b.sub(s.rows, b.i32(1)));
    }
    code.store(index, b.add(first, column), isThere);
  }

  GpuStage &s;
  GpuBuilder &b;
  const ColumnGroup &group;
  phiq::AttendOp attend;
  const AttendTiles &shape;
  const int64_t columns, d;
  Value block, share, firstRow, first, results;
  Values rowIndices;
};

AttendTiles shapeOf(const StageFacts &facts, int64_t columns, int64_t d, MClass mClass) {
  AttendTiles shape{1, kShares, std::min(std::lcm(d, widthStep(facts.groups.front())), columns)};
  if (mClass != MClass::Prefill)
    return shape;
  shape.shares = 1;
  shape.rows = kManyRows;
  while (shape.rows > 1 && AttendHead::sharedBytes(shape, d) > kMostShared)
    shape.rows /= 2;
  return shape;
}

} // namespace

FailureOr<GpuKernel> emitAttendStage(KernelTable &table, const StageFacts &facts, const GpuLevel &level,
                                     MClass mClass) {
  if (facts.groups.size() != 1 || facts.groups.front().cores.size() != 1 || facts.groups.front().cores[0].begin != 0)
    return facts.stage->emitOpError("is attention with columns of different kinds");
  auto attend = facts.first<phiq::AttendOp>();
  const int64_t columns = columnsOf(attend.getResult()), d = columns / int64_t(attend.getHeads());
  const AttendTiles shape = shapeOf(facts, columns, d, mClass);
  const std::string tile = "m" + std::to_string(shape.rows) + "s" + std::to_string(shape.shares);
  KernelName name{.op = "attend",
                  .rhs = facts.cache->isHalf ? "f16" : "f32",
                  .shape = tile + "n" + std::to_string(columns) + "d" + std::to_string(d),
                  .isa = level.isa};
  const int64_t blocks = int64_t(llvm::divideCeil(uint64_t(columns), uint64_t(shape.width))) * shape.shares;
  return GpuKernel{{blocks, shape.rows},
                   defineGpuKernel(table, facts, tile, name.str(), kAttendThreads,
                                   [&](GpuStage &s) { AttendBlock(s, attend, shape).emit(); })};
}

} // namespace phic::gpu_code
