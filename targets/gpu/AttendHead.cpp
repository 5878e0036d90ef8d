//===- AttendHead.cpp - Attention of one head ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/gpu/AttendHead.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/code/KernelMath.h"
#include "targets/layout/CacheOrder.h"
#include <limits>

using namespace mlir;

namespace phic::gpu_code {
namespace {

/// Lanes that share a key.
constexpr int64_t kSharing = kWarp / kKeyGroup;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

} // namespace

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

AttendHead::AttendHead(GpuStage &s, phiq::AttendOp attend, const AttendTiles &shape, Value share,
                       const Values &rowIndices)
    : s(s), b(s.b), attend(attend), shape(shape), share(share), rowIndices(rowIndices),
      heads(int64_t(attend.getHeads())), d(columnsOf(attend.getResult()) / int64_t(attend.getHeads())),
      vectors(int64_t(llvm::divideCeil(uint64_t(d), uint64_t(kWarp)))), numbers(kPartNumbers + vectors) {
  queries = b.shared(4 * shape.rows * d, "queries");
  maxima = b.shared(4 * shape.rows * kAttendWarps, "maxima");
  sums = b.shared(4 * shape.rows * kAttendWarps, "sums");
  outs = b.shared(4 * shape.rows * kAttendWarps * d, "outs");
}

int64_t AttendHead::sharedBytes(const AttendTiles &shape, int64_t d) {
  return 4 * shape.rows * (d + 2 * kAttendWarps + kAttendWarps * d + shape.width);
}

void AttendHead::emit(Value head, function_ref<void(int64_t row, Value column, const KeysPart &part)> keep) {
  loadQueries(head);
  b.barrier();
  Value kvHead = b.divide(head, heads / s.facts.cache->heads);
  keys = s.keys(kvHead);
  values = s.values(kvHead);
  setRanges();
  sumGroups();
  b.barrier();
  overColumns([&](int64_t row, Value column) {
    keep(row, column, combineParts(b, kAttendWarps, [&](int64_t warp) {
           auto number = [&](Value array) { return b.load(b.getF32Type(), array, 4 * (row * kAttendWarps + warp)); };
           Value at = b.offset(outs, b.mul(b.add(column, (row * kAttendWarps + warp) * d), 4));
           return KeysPart{number(maxima), number(sums), b.load(b.getF32Type(), at)};
         }));
  });
  b.barrier(); // all have read what the next head overwrites
}

void AttendHead::overColumns(function_ref<void(int64_t row, Value column)> body) {
  b.loop(b.thread(), b.i32(int32_t(d)), kAttendThreads, [&](Value column) {
    for (int64_t row = 0; row < shape.rows; ++row)
      body(row, column);
  });
}

AttendHead::RowState AttendHead::stateOf(Values &all, int64_t row) {
  return {MutableArrayRef(all).slice(size_t(row * numbers), size_t(numbers))};
}

void AttendHead::loadQueries(Value head) {
  const unsigned input = cast<BlockArgument>(attend.getQueries()).getArgNumber();
  Values rows;
  for (Value row : rowIndices)
    rows.push_back(b.offset(s.inputRow(input, row), b.mul(head, 4 * d)));
  overColumns([&](int64_t row, Value i) {
    Value query = b.load(b.getF32Type(), b.offset(rows[size_t(row)], b.mul(i, 4)));
    b.store(query, b.offset(queries, b.mul(b.add(i, row * d), 4)));
  });
}

void AttendHead::setRanges() {
  begins.clear();
  ends.clear();
  for (Value row : rowIndices) {
    Value end = b.add(b.add(s.past, row), 1), begin = b.i32(0);
    if (attend.getWindow())
      begin = b.maximum(b.sub(end, b.i32(int32_t(*attend.getWindow()))), b.i32(0));
    begins.push_back(begin);
    ends.push_back(end);
  }
}

void AttendHead::sumGroups() {
  Value first = b.shiftRight(begins.front(), 3), last = b.shiftRight(b.add(ends.back(), kKeyGroup - 1), 3);
  if (shape.shares > 1) {
    Value count = b.divide(b.add(b.sub(last, first), shape.shares - 1), shape.shares);
    count = b.maximum(count, b.i32(int32_t(kLeastGroups)));
    first = b.add(first, KernelBuilder::Value(arith::MulIOp::create(b, share, count)));
    last = b.minimum(b.add(first, count), last);
  }
  Values start;
  for (int64_t row = 0; row < shape.rows; ++row) {
    start.push_back(b.f32(-kInfinity));
    start.append(size_t(1 + vectors), b.f32(0));
  }
  Values found = b.loop(b.add(first, b.warp()), last, kAttendWarps, start,
                        [&](Value group, ValueRange carried) { return addGroup(group, Values(carried)); });
  for (int64_t row = 0; row < shape.rows; ++row)
    storeState(row, stateOf(found, row));
}

void AttendHead::storeState(int64_t row, RowState state) {
  Value warp = b.add(b.warp(), row * kAttendWarps), at = b.mul(warp, 4);
  b.when(b.equal(b.lane(), 0), [&] {
    b.store(state.m(), b.offset(maxima, at));
    b.store(state.sum(), b.offset(sums, at));
  });
  for (int64_t i = 0; i < vectors; ++i)
    overColumn(i,
               [&](Value column) { b.store(state.out(i), b.offset(outs, b.mul(b.add(b.mul(warp, d), column), 4))); });
}

void AttendHead::overColumn(int64_t i, function_ref<void(Value)> body) {
  Value column = b.add(b.lane(), i * kWarp);
  if ((i + 1) * kWarp <= d)
    body(column);
  else
    b.when(b.less(column, d), [&] { body(column); });
}

Values AttendHead::addGroup(Value group, Values states) {
  auto [sharing, key] = b.divideRest(b.lane(), kKeyGroup);
  Value position = b.add(b.mul(group, kKeyGroup), key);
  const Values scores = scoresOf(group, key, sharing);
  Values weights;
  for (int64_t row = 0; row < shape.rows; ++row)
    weights.push_back(addScore(scores[size_t(row)], position, row, stateOf(states, row)));
  for (int64_t j = 0; j < kKeyGroup; ++j)
    addValue(b.add(b.mul(group, kKeyGroup), j), j, weights, states);
  return states;
}

Value AttendHead::addScore(Value score, Value position, int64_t row, RowState state) {
  Value isSeen = b.both(b.less(position, ends[size_t(row)]), b.less(b.sub(begins[size_t(row)], b.i32(1)), position));
  score = b.select(isSeen, score, b.f32(-kInfinity));
  Value greatest = score;
  for (int64_t mask = kKeyGroup / 2; mask >= 1; mask /= 2)
    greatest = b.fmaxOrNan(greatest, b.shuffleXor(greatest, mask));
  Value m = b.fmaxOrNan(greatest, state.m());
  Value factor = kernel_math::exponential(b, b.fsub(state.m(), m));
  if (shape.rows > 1) { // of a row that sees none of the keys so far
    Value isNone = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, m, b.f32(-kInfinity));
    factor = b.select(isNone, b.f32(0), factor);
  }
  Value weight = b.select(isSeen, kernel_math::exponential(b, b.fsub(score, m)), b.f32(0));
  state.m() = m;
  state.sum() = b.fma(state.sum(), factor, b.sumOfLanes(weight, kKeyGroup));
  for (int64_t i = 0; i < vectors; ++i)
    state.out(i) = b.fmul(state.out(i), factor);
  return weight;
}

Values AttendHead::scoresOf(Value group, Value key, Value sharing) {
  Values zeros(size_t(shape.rows), b.f32(0));
  Values dots = b.loop(sharing, b.i32(int32_t(d)), kSharing, zeros, [&](Value i, ValueRange carried) {
    Value element = s.loadCached(keys, b.add(b.mul(b.add(b.mul(group, d), i), kKeyGroup), key));
    Values next;
    for (auto [row, sum] : llvm::enumerate(carried)) {
      Value query = b.load(b.getF32Type(), b.offset(queries, b.mul(i, 4)), 4 * int64_t(row) * d);
      next.push_back(b.fma(query, element, sum));
    }
    return next;
  });
  for (Value &dot : dots)
    dot = cappedScore(b.fmul(b.sumOfLanes(dot, kWarp, kKeyGroup), b.f32(attend.getScale().convertToFloat())));
  return dots;
}

Value AttendHead::cappedScore(Value score) {
  if (!attend.getSoftcap())
    return score;
  const float cap = attend.getSoftcap()->convertToFloat();
  return kernel_math::evaluate(b, cap * phiq::tanhOf(phiq::RowExpr::operand(0) / cap), {score});
}

void AttendHead::addValue(Value position, int64_t j, const Values &weights, Values &states) {
  Value held = b.maximum(b.minimum(position, b.sub(ends.back(), b.i32(1))), begins.front());
  Values ofKey;
  for (Value weight : weights)
    ofKey.push_back(b.shuffleFrom(weight, b.i32(int32_t(j))));
  for (int64_t i = 0; i < vectors; ++i) {
    Value column = b.add(b.lane(), i * kWarp);
    if ((i + 1) * kWarp > d)
      column = b.minimum(column, b.i32(int32_t(d - 1)));
    Value value = s.loadCached(values, b.add(b.mul(held, d), column));
    for (int64_t row = 0; row < shape.rows; ++row) {
      Value &out = stateOf(states, row).out(i);
      out = b.fma(ofKey[size_t(row)], value, out);
    }
  }
}

} // namespace phic::gpu_code
