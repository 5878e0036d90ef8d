//===- EmitAttendStage.cpp - Attention over the cache ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block computes some heads of a row, one after the other. Its warps share the keys, in groups as they lie in the
// cache, each with an online softmax of its own; then their parts are put together in the order of the warps:
//
//     m = max_w m_w    f_w = e^(m_w - m)    result = sum_w f_w o_w / sum_w f_w l_w
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/KernelName.h"
#include "targets/gpu/Kernels.h"
#include "targets/gpu/RowCode.h"
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

/// One head of a row: its result goes into shared memory.
class HeadCode {
public:
  HeadCode(GpuStage &s, phiq::AttendOp attend)
      : s(s), b(s.b), attend(attend), heads(int64_t(attend.getHeads())),
        d(columnsOf(attend.getResult()) / int64_t(attend.getHeads())),
        vectors(int64_t(llvm::divideCeil(uint64_t(d), uint64_t(kWarp)))) {
    queries = b.shared(4 * d, "queries");
    maxima = b.shared(4 * kWarps, "maxima");
    sums = b.shared(4 * kWarps, "sums");
    outs = b.shared(4 * kWarps * d, "outs");
  }

  /// To d floats at `to`. All threads of the block are here.
  void emit(Value row, Value head, Value to) {
    const unsigned input = cast<BlockArgument>(attend.getQueries()).getArgNumber();
    Value query = b.offset(s.inputRow(input, row), b.mul(head, 4 * d));
    b.loop(b.thread(), b.i32(int32_t(d)), kBlockThreads, [&](Value i) {
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
    combine(to);
    b.barrier(); // all have read what the next head overwrites
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
    Value first = b.add(b.shiftRight(begin, 3), b.warp()), groups = b.shiftRight(b.add(end, kKeyGroup - 1), 3);
    Values start = {b.f32(-kInfinity), b.f32(0)};
    start.append(size_t(vectors), b.f32(0));
    Values found = b.loop(first, groups, kWarps, start,
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

  void combine(Value to) {
    auto part = [&](Value array, int64_t warp) { return b.load(b.getF32Type(), array, 4 * warp); };
    b.loop(b.thread(), b.i32(int32_t(d)), kBlockThreads, [&](Value column) {
      Value m = part(maxima, 0);
      for (int64_t warp = 1; warp < kWarps; ++warp)
        m = b.fmaxOrNan(part(maxima, warp), m);
      Value sum = b.f32(0), out = b.f32(0);
      for (int64_t warp = 0; warp < kWarps; ++warp) {
        Value factor = kernel_math::exponential(b, b.fsub(part(maxima, warp), m));
        Value place = b.mul(b.add(column, warp * d), 4);
        sum = b.fma(part(sums, warp), factor, sum);
        out = b.fma(b.load(b.getF32Type(), b.offset(outs, place)), factor, out);
      }
      b.store(b.fdiv(out, sum), b.offset(to, b.mul(column, 4)));
    });
  }

  GpuStage &s;
  GpuBuilder &b;
  phiq::AttendOp attend;
  const int64_t heads, d, vectors;
  Value queries, maxima, sums, outs, keys, values, begin, end;
};

} // namespace

FailureOr<GpuKernel> emitAttendStage(KernelTable &table, const StageFacts &facts, const GpuLevel &level) {
  if (facts.groups.size() != 1 || facts.groups.front().cores.size() != 1 || facts.groups.front().cores[0].begin != 0)
    return facts.stage->emitOpError("is attention with columns of different kinds");
  const ColumnGroup &group = facts.groups.front();
  auto attend = facts.first<phiq::AttendOp>();
  const int64_t columns = columnsOf(attend.getResult()), d = columns / int64_t(attend.getHeads());
  const bool isQuantized = llvm::any_of(group.sinks, [](const Sink &sink) { return blockOf(sink.value) > 0; });
  const int64_t width = std::min(std::lcm(d, std::lcm(group.unit, isQuantized ? kWarp : 1)), columns);
  KernelName name{.op = "attend",
                  .rhs = facts.cache->isHalf ? "f16" : "f32",
                  .shape = "n" + std::to_string(columns) + "d" + std::to_string(d),
                  .isa = level.isa};
  auto emit = [&](GpuStage &s) {
    GpuBuilder &b = s.b;
    Value row = b.blockRow(), first = b.mul(b.blockColumn(), width);
    Value results = b.shared(4 * width, "results");
    HeadCode head(s, attend);
    for (int64_t i = 0; i < width; i += d) {
      Value begin = b.add(first, i);
      auto code = [&] { head.emit(row, b.divide(begin, d), b.offset(results, 4 * i)); };
      if (columns % width == 0)
        code();
      else
        b.when(b.less(begin, columns), code); // the last block has fewer heads
    }
    auto core = [&](unsigned, Value column) {
      return b.load(b.getF32Type(), b.offset(results, b.mul(b.sub(column, first), 4)));
    };
    const auto stored = int64_t(llvm::alignTo(uint64_t(width), uint64_t(kWarp)));
    RowCode code(s, group, stored, core);
    b.loop(b.thread(), b.i32(int32_t(stored)), kBlockThreads, [&](Value i) {
      // Where rows are quantized, a block has whole warps, or all columns: what is behind them is RowCode's business.
      const bool isCut = stored != width && !isQuantized;
      Value held = isCut ? b.minimum(i, b.i32(int32_t(width - 1))) : i;
      code.store(row, b.add(first, held), isCut ? b.less(i, width) : Value());
    });
  };
  return GpuKernel{{int64_t(llvm::divideCeil(uint64_t(columns), uint64_t(width))), 1},
                   defineGpuKernel(table, facts, "", name.str(), kBlockThreads, emit)};
}

} // namespace phic::gpu_code
