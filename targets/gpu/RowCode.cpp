//===- RowCode.cpp - Row operations, element by element --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks from a sink towards the cores, as ColumnGroups.cpp does. A value that two sinks need is computed once.
//===----------------------------------------------------------------------===//
#include "targets/gpu/RowCode.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "targets/layout/CacheOrder.h"
#include <cmath>

using namespace mlir;

namespace phic::gpu_code {
namespace {

unsigned argumentIndex(Value value) { return cast<BlockArgument>(value).getArgNumber(); }

Value compare(GpuBuilder &b, arith::CmpFPredicate predicate, Value x, Value y) {
  return arith::CmpFOp::create(b, predicate, x, y);
}

} // namespace

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

Value RowCode::element(Value value, Place place) {
  auto key =
      std::make_tuple(value.getAsOpaquePointer(), place.column.getAsOpaquePointer(), place.begin, place.selected);
  if (auto found = known.find(key); found != known.end())
    return found->second;
  Operation *op = value.getDefiningOp();
  Value x;
  if (op) {
    x = elementOf(op, value, place);
  } else {
    Value row = place.selected ? b.add(place.row, s.logitRow0) : place.row;
    Value from = b.offset(s.inputRow(argumentIndex(value), row), b.mul(b.add(place.column, place.begin), 4));
    x = b.load(b.getF32Type(), from);
  }
  known[key] = x;
  return x;
}

Value RowCode::elementOf(Operation *op, Value value, Place place) {
  if (isCore(op)) {
    const CoreUse *use = llvm::find(group.cores, CoreUse{op, place.begin});
    return core(unsigned(use - group.cores.begin()), place.column);
  }
  if (auto columns = dyn_cast<phiq::ColumnsOp>(op)) {
    place.begin += int64_t(columns.getBegin());
    return element(columns.getX(), place);
  }
  if (auto select = dyn_cast<phiq::LogitRowsOp>(op)) {
    place.selected = true;
    return element(select.getX(), place);
  }
  if (auto rope = dyn_cast<phiq::RopeOp>(op))
    return turned(rope, place);
  auto row = cast<phiq::RowOpInterface>(op);
  return evaluate(row, expressionOf(row), place);
}

const phiq::RowExpr &RowCode::expressionOf(phiq::RowOpInterface op) {
  phiq::RowExpr &expression = expressions[op];
  if (!expression) {
    SmallVector<phiq::RowExpr> operands;
    for (unsigned i = 0; i < op->getNumOperands(); ++i)
      operands.push_back(phiq::RowExpr::operand(i));
    expression = op.getExpression(operands);
  }
  return expression;
}

Value RowCode::operand(OpOperand &operand, Place place) {
  if (isActivations(operand))
    return element(operand.get(), place);
  Value vector = s.input(argumentIndex(operand.get()));
  if (columnsOf(operand.get()) > 1)
    vector = b.offset(vector, b.mul(b.add(place.column, place.begin), 4));
  return b.load(b.getF32Type(), vector, 0, /*constant=*/true);
}

Value RowCode::evaluate(phiq::RowOpInterface op, const phiq::RowExpr &expression, Place place) {
  SmallVector<Value> operands;
  for (OpOperand &each : op->getOpOperands())
    operands.push_back(operand(each, place));
  return kernel_math::evaluate(b, expression, operands, [&](const phiq::RowExpr &term) { return sums.lookup(&*term); });
}

/// As phiq.rope: the other element of the pair is a column of the same head.
Value RowCode::turned(phiq::RopeOp rope, Place place) {
  const int64_t d = int64_t(rope.getHeadDim()), half = columnsOf(rope.getCos());
  auto [head, i] = b.divideRest(place.column, d);
  Value isFirst, pair, partner;
  if (rope.getInterleaved()) {
    isFirst = b.equal(b.bitAnd(i, 1), 0);
    pair = b.shiftRight(i, 1);
    partner = b.add(place.column, b.select(isFirst, b.i32(1), b.i32(-1)));
  } else {
    isFirst = b.less(i, half);
    pair = b.select(isFirst, i, b.sub(i, b.i32(int32_t(half))));
    partner = b.add(place.column, b.select(isFirst, b.i32(int32_t(half)), b.i32(int32_t(-half))));
  }
  Value isTurned = b.less(i, 2 * half);
  Place other = place;
  other.column = b.select(isTurned, partner, place.column);
  pair = b.select(isTurned, pair, b.i32(0));
  Value x = element(rope.getX(), place), y = element(rope.getX(), other);
  Value cos = tableEntry(rope, rope.getCos(), rope.getLongCos(), place, pair);
  Value sin = tableEntry(rope, rope.getSin(), rope.getLongSin(), place, pair);
  Value signedSin = b.select(isFirst, Value(arith::NegFOp::create(b, sin)), sin);
  return b.select(isTurned, b.fma(y, signedSin, b.fmul(x, cos)), x);
}

Value RowCode::tableEntry(phiq::RopeOp rope, Value table, Value longTable, Place place, Value pair) {
  Value from = s.input(argumentIndex(table));
  if (longTable) {
    Value isLong = b.KernelBuilder::less(b.i32(int32_t(*rope.getThreshold())), s.total);
    from = b.select(isLong, s.input(argumentIndex(longTable)), from);
  }
  Value at = b.add(b.mul(b.add(s.past, place.row), columnsOf(table)), pair);
  return b.load(b.getF32Type(), b.offset(from, b.mul(at, 4)), 0, /*constant=*/true);
}

//===----------------------------------------------------------------------===//
// Sums over rows
//===----------------------------------------------------------------------===//

void RowCode::sumRows(Value row, int64_t threads) {
  for (const Sink &sink : group.sinks)
    sumOperands(sink.value, {row, Value()}, threads);
}

/// What an element of `value` needs, what comes first first.
void RowCode::sumOperands(Value value, Place place, int64_t threads) {
  Operation *op = value.getDefiningOp();
  if (!op || isCore(op))
    return;
  place.selected |= isa<phiq::LogitRowsOp>(op);
  if (auto columns = dyn_cast<phiq::ColumnsOp>(op))
    place.begin += int64_t(columns.getBegin());
  for (OpOperand &operand : op->getOpOperands())
    if (isActivations(operand))
      sumOperands(operand.get(), place, threads);
  if (isNorm(op)) {
    auto row = cast<phiq::RowOpInterface>(op);
    sumTerms(row, expressionOf(row), place, threads);
  }
}

void RowCode::sumTerms(phiq::RowOpInterface op, const phiq::RowExpr &expression, Place place, int64_t threads) {
  for (const phiq::RowExpr &operand : expression->operands)
    sumTerms(op, operand, place, threads);
  if (expression->kind != phiq::RowExpr::Kind::RowSum || sums.contains(&*expression->operands[0]))
    return;
  known.clear();
  const int64_t columns = columnsOf(op->getResult(0));
  Value sum =
      b.loop(b.thread(), b.i32(int32_t(columns)), threads, ValueRange{b.f32(0)}, [&](Value column, ValueRange carried) {
        Place at = place;
        at.column = column;
        return KernelBuilder::Values{b.fadd(carried[0], evaluate(op, expression->operands[0], at))};
      })[0];
  known.clear();
  const std::string name = "sums" + std::to_string(sums.size());
  Value parts = threads > kWarp ? b.shared(GpuBuilder::partBytes(threads), name) : Value();
  sums[&*expression->operands[0]] = b.overBlock(sum, threads, parts, [&](Value p, Value q) { return b.fadd(p, q); });
}

//===----------------------------------------------------------------------===//
// Sinks
//===----------------------------------------------------------------------===//

void RowCode::store(Value row, Value column, Value isRow) {
  known.clear();
  Value inside = isWhole ? Value() : b.less(column, group.columns);
  Value held = isWhole ? column : b.minimum(column, b.i32(int32_t(group.columns - 1)));
  // Results may lie one on another's operands: all values first.
  SmallVector<Value> values;
  for (const Sink &sink : group.sinks) {
    auto quantize = sink.value.getDefiningOp<phiq::QuantizeOp>();
    values.push_back(element(quantize ? quantize.getX() : sink.value, {row, held}));
  }
  Value isThere = inside && isRow ? b.both(inside, isRow) : inside ? inside : isRow;
  for (auto [sink, x] : llvm::zip(group.sinks, values)) {
    const Place place{row, column};
    if (blockOf(sink.value)) {
      storeCode(sink, inside ? b.select(inside, x, b.f32(0)) : x, place, isRow);
      continue;
    }
    auto put = [&] { sink.append ? storeCached(sink, x, place) : storeFloat(sink, x, place); };
    if (isThere)
      b.when(isThere, put);
    else
      put();
  }
  known.clear();
}

void RowCode::storeFloat(const Sink &sink, Value x, Place place) {
  b.store(x, b.offset(s.resultRow(sink.index, place.row), b.mul(place.column, 4)));
}

void RowCode::storeCached(const Sink &sink, Value x, Place place) {
  const int64_t d = s.facts.cache->headDim;
  auto [head, i] = b.divideRest(place.column, d);
  Value position = b.add(s.past, place.row);
  const bool isKeys = sink.kind == Sink::Kind::Keys;
  Value at;
  if (isKeys) {
    auto [keyGroup, key] = b.divideRest(position, kKeyGroup);
    at = b.add(b.mul(b.add(b.mul(keyGroup, d), i), kKeyGroup), key);
  } else {
    at = b.add(b.mul(position, d), i);
  }
  Value to = b.offset(isKeys ? s.keys(head) : s.values(head), b.mul(at, s.facts.cache->elementBytes()));
  b.store(s.facts.cache->isHalf ? Value(arith::TruncFOp::create(b, b.getF16Type(), x)) : x, to);
}

/// As quantizeRow of Numerics: a block's columns are neighbouring lanes.
void RowCode::storeCode(const Sink &sink, Value x, Place place, Value isRow) {
  using Predicate = arith::CmpFPredicate;
  const QuantizedRow layout{group.columns, blockOf(sink.value)};
  assert(kWarp % layout.block == 0 && "blocks are parts of a warp");
  const float infinity = std::numeric_limits<float>::infinity();
  Value isNan = compare(b, Predicate::UNO, x, x);
  Value absolute = b.select(isNan, b.f32(infinity), Value(math::AbsFOp::create(b, x)));
  Value greatest = b.greatestOfLanes(absolute, layout.block);
  constexpr float kLeast = 0x1p-100f; // Numerics' kLeastBlockMagnitude
  Value isZero = compare(b, Predicate::OLT, greatest, b.f32(kLeast));
  Value isInfinite = compare(b, Predicate::OEQ, greatest, b.f32(infinity));
  Value zero = b.f32(0), scale = b.select(isZero, zero, b.fdiv(greatest, b.f32(127)));
  scale = b.select(isInfinite, b.f32(std::nanf("")), scale);
  Value isNone = arith::OrIOp::create(b, isZero, isInfinite);
  Value inverse = b.select(isNone, zero, b.fdiv(b.f32(127), greatest));
  Value scaled = b.fmul(x, inverse);
  scaled = b.select(compare(b, Predicate::UNO, scaled, scaled), zero, scaled);
  Value rounded = LLVM::RoundEvenOp::create(b, b.getF32Type(), scaled);
  Value code = arith::FPToSIOp::create(b, b.getI32Type(), rounded);
  code = b.minimum(b.maximum(code, b.i32(-128)), b.i32(127));
  Value sum = b.sumOfLanes(code, layout.block);
  Value isThere = b.less(place.column, layout.paddedColumns());
  if (isRow)
    isThere = b.both(isThere, isRow);
  b.when(isThere, [&] {
    Value to = s.resultRow(sink.index, place.row);
    b.store(arith::TruncIOp::create(b, b.getI8Type(), code), b.offset(to, place.column));
    auto [block, rest] = b.divideRest(place.column, layout.block);
    Value at = b.offset(to, b.mul(block, 4));
    b.when(b.equal(rest, 0), [&] {
      b.store(scale, at, layout.scalesOffset());
      b.store(b.fmul(scale, b.toFloat(sum)), at, layout.sumsOffset());
    });
  });
}

} // namespace phic::gpu_code
