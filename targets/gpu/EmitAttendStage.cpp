//===- EmitAttendStage.cpp - Attention over the cache ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block computes some heads of a row, one after the other. Its warps share the keys, in groups as they lie in the
// cache, each with an online softmax of its own; then their parts are put together in the order of the warps:
//
//     m = max_w m_w    f_w = e^(m_w - m)    result = sum_w f_w o_w / sum_w f_w l_w
//
// In steps of few rows blocks share the keys of a head in the same way, by runs of positions: each leaves its part in the
// workspace, and the last to arrive puts them together, in their order.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/KernelName.h"
#include "targets/gpu/GroupCode.h"
#include "targets/gpu/Kernels.h"
#include "targets/layout/CacheOrder.h"
#include <limits>
#include <numeric>

using namespace mlir;

namespace phic::gpu_code {
namespace {

using Values = KernelBuilder::Values;

constexpr int64_t kWarps = 8, kBlockThreads = kWarps * kWarp;
/// Lanes that share a key.
constexpr int64_t kSharing = kWarp / kKeyGroup;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
/// Blocks that share the keys of a head, of at most so many rows; each has a number of groups worth its while.
constexpr int64_t kShares = 8, kFewRows = 8, kLeastGroups = 8;

/// Of some keys: the greatest score m, the sum of e^(s - m), and an element of the sum with the values.
struct KeysPart {
  Value m, sum, out;
};
constexpr int64_t kPartNumbers = 2; ///< m and sum: behind them the d elements

/// Parts 0, 1, ... as one, in their order. One of no keys has m = -inf, and counts for nothing.
KeysPart combineParts(GpuBuilder &b, int64_t count, function_ref<KeysPart(int64_t)> load) {
  SmallVector<KeysPart> parts;
  for (int64_t i = 0; i < count; ++i)
    parts.push_back(load(i));
  KeysPart all{parts[0].m, b.f32(0), b.f32(0)};
  for (const KeysPart &part : ArrayRef(parts).drop_front())
    all.m = b.fmaxOrNan(part.m, all.m);
  for (const KeysPart &part : parts) {
    Value isNone = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, part.m, b.f32(-kInfinity));
    Value factor = b.select(isNone, b.f32(0), kernel_math::exponential(b, b.fsub(part.m, all.m)));
    all.sum = b.fma(part.sum, factor, all.sum);
    all.out = b.fma(part.out, factor, all.out);
  }
  return all;
}

/// One head of a row: its result goes into shared memory.
class HeadCode {
public:
  /// Blocks that share the keys are `shares`, this one is number `share`.
  HeadCode(GpuStage &s, phiq::AttendOp attend, int64_t shares, Value share)
      : s(s), b(s.b), attend(attend), shares(shares), share(share), heads(int64_t(attend.getHeads())),
        d(columnsOf(attend.getResult()) / int64_t(attend.getHeads())),
        vectors(int64_t(llvm::divideCeil(uint64_t(d), uint64_t(kWarp)))) {
    queries = b.shared(4 * d, "queries");
    maxima = b.shared(4 * kWarps, "maxima");
    sums = b.shared(4 * kWarps, "sums");
    outs = b.shared(4 * kWarps * d, "outs");
  }

  /// What this block's keys make is given to `keep`, by a thread each column. All threads of the block are here.
  void emit(Value row, Value head, function_ref<void(Value column, const KeysPart &part)> keep) {
    const unsigned input = cast<BlockArgument>(attend.getQueries()).getArgNumber();
    Value query = b.offset(s.inputRow(input, row), b.mul(head, 4 * d));
    overColumns([&](Value i) {
      Value at = b.mul(i, 4);
      b.store(b.load(b.getF32Type(), b.offset(query, at)), b.offset(queries, at));
    });
    b.barrier();
    Value kvHead = b.divide(head, heads / s.facts.cache->heads);
    keys = s.keys(kvHead);
    values = s.values(kvHead);
    setRange(b.add(s.past, row));
    sumGroups();
    b.barrier();
    overColumns([&](Value column) {
      keep(column, combineParts(b, kWarps, [&](int64_t warp) {
             auto number = [&](Value array) { return b.load(b.getF32Type(), array, 4 * warp); };
             Value at = b.offset(outs, b.mul(b.add(column, warp * d), 4));
             return KeysPart{number(maxima), number(sums), b.load(b.getF32Type(), at)};
           }));
    });
    b.barrier(); // all have read what the next head overwrites
  }

  /// A thread each column of a head.
  void overColumns(function_ref<void(Value column)> body) {
    b.loop(b.thread(), b.i32(int32_t(d)), kBlockThreads, body);
  }

private:
  /// Positions [begin, end) are seen from `position`.
  void setRange(Value position) {
    end = b.add(position, 1);
    begin = b.i32(0);
    if (attend.getWindow())
      begin = b.maximum(b.sub(end, b.i32(int32_t(*attend.getWindow()))), b.i32(0));
  }

  /// This warp's groups: e^(s - m) summed, and with the values.
  void sumGroups() {
    Value first = b.shiftRight(begin, 3), last = b.shiftRight(b.add(end, kKeyGroup - 1), 3);
    if (shares > 1) {
      Value count = b.divide(b.add(b.sub(last, first), shares - 1), shares);
      count = b.maximum(count, b.i32(int32_t(kLeastGroups)));
      first = b.add(first, KernelBuilder::Value(arith::MulIOp::create(b, share, count)));
      last = b.minimum(b.add(first, count), last);
    }
    Values start = {b.f32(-kInfinity), b.f32(0)};
    start.append(size_t(vectors), b.f32(0));
    Values found = b.loop(b.add(first, b.warp()), last, kWarps, start,
                          [&](Value group, ValueRange carried) { return addGroup(group, Values(carried)); });
    Value at = b.mul(b.warp(), 4);
    b.when(b.equal(b.lane(), 0), [&] {
      b.store(found[0], b.offset(maxima, at));
      b.store(found[1], b.offset(sums, at));
    });
    for (int64_t i = 0; i < vectors; ++i)
      overColumn(i, [&](Value column) {
        Value place = b.mul(b.add(b.mul(b.warp(), d), column), 4);
        b.store(found[size_t(2 + i)], b.offset(outs, place));
      });
  }

  /// The lane's column of vector i, where the head has one.
  void overColumn(int64_t i, function_ref<void(Value)> body) {
    Value column = b.add(b.lane(), i * kWarp);
    if ((i + 1) * kWarp <= d)
      body(column);
    else
      b.when(b.less(column, d), [&] { body(column); });
  }

  Values addGroup(Value group, Values carried) {
    auto [sharing, key] = b.divideRest(b.lane(), kKeyGroup);
    Value position = b.add(b.mul(group, kKeyGroup), key);
    Value isSeen = b.both(b.less(position, end), b.KernelBuilder::less(b.sub(begin, b.i32(1)), position));
    Value score = b.select(isSeen, scoreOf(group, key, sharing), b.f32(-kInfinity));
    Value greatest = score;
    for (int64_t mask = kKeyGroup / 2; mask >= 1; mask /= 2)
      greatest = b.fmaxOrNan(greatest, b.shuffleXor(greatest, mask));
    Value m = b.fmaxOrNan(greatest, carried[0]);
    Value factor = kernel_math::exponential(b, b.fsub(carried[0], m));
    Value weight = b.select(isSeen, kernel_math::exponential(b, b.fsub(score, m)), b.f32(0));
    Values next = {m, b.fma(carried[1], factor, b.sumOfLanes(weight, kKeyGroup))};
    for (int64_t i = 0; i < vectors; ++i)
      next.push_back(b.fmul(carried[size_t(2 + i)], factor));
    for (int64_t j = 0; j < kKeyGroup; ++j)
      addValue(b.add(b.mul(group, kKeyGroup), j), b.shuffleFrom(weight, b.i32(int32_t(j))), next);
    return next;
  }

  /// Of the lane's key: lanes of a key share its elements.
  Value scoreOf(Value group, Value key, Value sharing) {
    Value dot = b.loop(sharing, b.i32(int32_t(d)), kSharing, ValueRange{b.f32(0)}, [&](Value i, ValueRange carried) {
      Value at = b.add(b.mul(b.add(b.mul(group, d), i), kKeyGroup), key);
      Value query = b.load(b.getF32Type(), b.offset(queries, b.mul(i, 4)));
      return Values{b.fma(query, s.loadCached(keys, at), carried[0])};
    })[0];
    Value score = b.fmul(b.sumOfLanes(dot, kWarp, kKeyGroup), b.f32(attend.getScale().convertToFloat()));
    if (!attend.getSoftcap())
      return score;
    const float cap = attend.getSoftcap()->convertToFloat();
    return kernel_math::evaluate(b, cap * phiq::tanhOf(phiq::RowExpr::operand(0) / cap), {score});
  }

  /// A position that is not seen has weight 0: any that is may be read in its place.
  void addValue(Value position, Value weight, Values &next) {
    Value held = b.maximum(b.minimum(position, b.sub(end, b.i32(1))), begin);
    for (int64_t i = 0; i < vectors; ++i) {
      Value column = b.add(b.lane(), i * kWarp);
      if ((i + 1) * kWarp > d)
        column = b.minimum(column, b.i32(int32_t(d - 1)));
      Value value = s.loadCached(values, b.add(b.mul(held, d), column));
      next[size_t(2 + i)] = b.fma(weight, value, next[size_t(2 + i)]);
    }
  }

  GpuStage &s;
  GpuBuilder &b;
  phiq::AttendOp attend;
  const int64_t shares;
  Value share;
  const int64_t heads, d, vectors;
  Value queries, maxima, sums, outs, keys, values, begin, end;
};

/// Heads of a row that a block computes, and what is done to their results.
class AttendBlock {
public:
  AttendBlock(GpuStage &s, phiq::AttendOp attend, int64_t width, int64_t shares)
      : s(s), b(s.b), group(s.facts.groups.front()), attend(attend), columns(columnsOf(attend.getResult())),
        d(columns / int64_t(attend.getHeads())), width(width), shares(shares) {}

  void emit() {
    std::tie(block, share) = b.divideRest(b.blockColumn(), shares);
    row = b.blockRow();
    first = b.mul(block, width);
    results = b.shared(4 * width, "results");
    HeadCode head(s, attend, shares, share);
    overHeads([&](Value number, int64_t begin) {
      head.emit(row, number, [&](Value column, const KeysPart &part) {
        if (shares > 1)
          leave(number, column, part);
        else
          finish(begin, column, part);
      });
    });
    if (shares == 1)
      return store();
    b.when(isLast(), [&] {
      overHeads([&](Value number, int64_t begin) {
        head.overColumns([&](Value column) {
          finish(begin, column, combineParts(b, shares, [&](int64_t i) { return load(number, column, i); }));
        });
      });
      b.barrier();
      store();
    });
  }

private:
  int64_t blocksOfHeads() const { return int64_t(llvm::divideCeil(uint64_t(columns), uint64_t(width))); }

  /// The heads that there are: their numbers, and their first columns in `results`.
  void overHeads(function_ref<void(Value number, int64_t begin)> body) {
    for (int64_t i = 0; i < width; i += d) {
      Value begin = b.add(first, i);
      auto code = [&] { body(b.divide(begin, d), i); };
      if (columns % width == 0)
        code();
      else
        b.when(b.less(begin, columns), code); // the last block has fewer
    }
  }

  void finish(int64_t begin, Value column, const KeysPart &part) {
    b.store(b.fdiv(part.out, part.sum), b.offset(results, b.mul(b.add(column, begin), 4)));
  }

  //===--- The workspace: counters of blocks that have arrived, then their parts ---===//

  Value counter() {
    Value at = b.mul(b.add(KernelBuilder::Value(b.mul(row, blocksOfHeads())), block), 4);
    return b.offset(workspace(), at);
  }
  int64_t counterBytes() const { return 4 * kFewRows * blocksOfHeads(); }
  Value workspace() {
    const int64_t parts = kFewRows * int64_t(attend.getHeads()) * kShares;
    return s.workspace(counterBytes() + 4 * parts * (kPartNumbers + d));
  }
  /// Where a block's part of a head begins.
  Value partAt(Value head, Value which) {
    Value index = b.add(b.mul(row, int64_t(attend.getHeads())), head);
    index = b.add(b.mul(index, shares), which);
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
      b.when(b.equal(before, shares - 1), [&] { b.store(b.i32(0), counter()); }); // for the next launch
    });
    b.barrier();
    return b.equal(b.load(b.getI32Type(), arrived), shares - 1);
  }

  void store() {
    // Where rows are quantized, a block has whole warps, or all columns: what is behind them is RowCode's business.
    const auto stored = int64_t(llvm::alignTo(uint64_t(width), uint64_t(kWarp)));
    const bool isCut = stored != width && width != columns;
    RowCode code(s, group, stored, [&](unsigned, Value column) {
      return b.load(b.getF32Type(), b.offset(results, b.mul(b.sub(column, first), 4)));
    });
    b.loop(b.thread(), b.i32(int32_t(stored)), kBlockThreads, [&](Value i) {
      Value held = isCut ? b.minimum(i, b.i32(int32_t(width - 1))) : i;
      code.store(row, b.add(first, held), isCut ? b.less(i, width) : Value());
    });
  }

  GpuStage &s;
  GpuBuilder &b;
  const ColumnGroup &group;
  phiq::AttendOp attend;
  const int64_t columns, d, width, shares;
  Value block, share, row, first, results;
};

} // namespace

FailureOr<GpuKernel> emitAttendStage(KernelTable &table, const StageFacts &facts, const GpuLevel &level,
                                     MClass mClass) {
  if (facts.groups.size() != 1 || facts.groups.front().cores.size() != 1 || facts.groups.front().cores[0].begin != 0)
    return facts.stage->emitOpError("is attention with columns of different kinds");
  auto attend = facts.first<phiq::AttendOp>();
  const int64_t columns = columnsOf(attend.getResult()), d = columns / int64_t(attend.getHeads());
  const int64_t width = std::min(std::lcm(d, widthStep(facts.groups.front())), columns);
  const int64_t shares = mClass == MClass::Prefill ? 1 : kShares;
  KernelName name{.op = "attend",
                  .rhs = facts.cache->isHalf ? "f16" : "f32",
                  .shape = "n" + std::to_string(columns) + "d" + std::to_string(d) + "s" + std::to_string(shares),
                  .isa = level.isa};
  const int64_t blocks = int64_t(llvm::divideCeil(uint64_t(columns), uint64_t(width))) * shares;
  return GpuKernel{{blocks, 1},
                   defineGpuKernel(table, facts, "s" + std::to_string(shares), name.str(), kBlockThreads,
                                   [&](GpuStage &s) { AttendBlock(s, attend, width, shares).emit(); })};
}

} // namespace phic::gpu_code
