//===- DenseRows.cpp - Rows of a tensor as weights -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/kernels/DenseRows.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/GridEmitter.h"

using namespace mlir;

namespace phic {
namespace {

constexpr int64_t kColumns = PackedLayout::kColumns;
/// What turning the top bit of a code adds to its zero point.
constexpr int32_t kTurned = 128;

} // namespace

Value DenseRows::storedLhsZero(Value zero) {
  zero = zero ? zero : b.i32(0);
  return shape.lhs.element == RowSource::Element::S8 ? b.add(zero, b.i32(kTurned)) : zero;
}

void DenseRows::turn(const DenseRowsCall &call) {
  RowSource source{.element = shape.rhsElement, .rowBytes = 0, .window = {}};
  source.rowBytes = shape.K * source.elementBytes();
  Value steps = wordsOf(b, dot.kind(), call.length);
  if (dot.kind() == WordKind::F32) // words already
    return turnRows(call, b.offset(call.rows, b.mul(call.k, 4)), source.rowBytes, steps);
  if (dot.kind() == WordKind::Bytes) { // as signed bytes, not as unsigned ones
    source.element = shape.rhsElement == RowSource::Element::S8 ? RowSource::Element::U8 : RowSource::Element::S8;
    emitClearEnds(b, dot.kind(), 1, call.scratch, call.there, call.length);
  }
  emitGather(b, source, shape.K, dot.kind(),
             {.base = call.rows,
              .row = b.i64(0),
              .count = call.there,
              .k = call.k,
              .length = call.length,
              .zero = {},
              .fill = {},
              .to = call.scratch});
  turnRows(call, call.scratch, kWordRowBytes, steps);
}

/// Words [there][steps] of rows `rowBytes` apart become [steps][width].
void DenseRows::turnRows(const DenseRowsCall &call, Value from, int64_t rowBytes, Value steps) {
  const bool takesZeros = call.zeros && dot.kind() == WordKind::S16;
  b.loop(b.i64(0), b.i64(call.width), kColumns, [&](Value n) {
    SmallVector<Value> rows, zeros;
    for (int64_t i = 0; i < kColumns; ++i) {
      Value column = b.minimum(b.add(n, i), b.sub(call.there, b.i64(1)));
      rows.push_back(b.offset(from, b.mul(column, rowBytes)));
      if (takesZeros)
        zeros.push_back(b.load(b.getI16Type(), b.offset(call.zeros, b.mul(column, 4))));
    }
    turnSquares(call, rows, zeros, n, steps);
  });
}

/// Of a panel's columns, from n on; `zeros`, if any, are taken off both halves of each word.
void DenseRows::turnSquares(const DenseRowsCall &call, ArrayRef<Value> rows, ArrayRef<Value> zeros, Value n,
                            Value steps) {
  Type word = dot.kind() == WordKind::F32 ? Type(b.getF32Type()) : b.getI32Type();
  auto turn = [&](Value s, int64_t count) {
    SmallVector<Value> square;
    for (int64_t i = 0; i < kColumns; ++i) {
      Value loaded = b.load(b.vec(count, word), b.offset(rows[size_t(i)], b.mul(s, 4)));
      if (!zeros.empty()) {
        VectorType halves = b.vec(2 * count, b.getI16Type());
        loaded =
            b.bitcast(loaded.getType(), b.sub(b.bitcast(halves, loaded), b.broadcast(2 * count, zeros[size_t(i)])));
      }
      square.push_back(loaded);
    }
    if (count > 1)
      turnSquare(b, square);
    Value to = b.offset(call.to, b.add(b.mul(s, 4 * call.width), b.mul(n, 4)));
    for (int64_t i = 0; i < kColumns; ++i)
      b.store(square[size_t(i)], to, count > 1 ? 4 * call.width * i : 4 * i);
  };
  Value whole = b.mul(b.divide(steps, kColumns), kColumns);
  b.loop(b.i64(0), whole, kColumns, [&](Value s) { turn(s, kColumns); });
  b.loop(whole, steps, 1, [&](Value s) { turn(s, 1); });
}

void DenseRows::sumRows(Value rows, Value count, Value words, Value to) {
  Value ones = b.splat(lanes, 32, 0x01010101);
  b.loop(b.i64(0), count, 1, [&](Value r) {
    Value row = b.offset(rows, b.mul(r, kWordRowBytes));
    auto sums = b.loop(b.i64(0), words, lanes, {b.splat(lanes, 32, 0)}, [&](Value s, ValueRange carried) {
      Value x = b.load(b.vec(lanes, b.getI32Type()), b.offset(row, b.mul(s, 4)));
      return KernelBuilder::Values{dot.add(b, carried[0], x, ones)};
    });
    b.store(b.sumLanes(sums[0]), b.offset(to, b.mul(r, 4)));
  });
}

void DenseRows::startColumns(const DenseRowsCall &call, Value lhsZero, Value starts, Value factors) {
  VectorType vector = b.vec(lanes, b.getI32Type());
  Value ones = b.splat(lanes, 32, 0x01010101), none = b.splat(lanes, 32, 0);
  Value length = arith::TruncIOp::create(b, b.getI32Type(), call.length);
  for (int64_t n = 0; n < call.width; n += lanes) {
    auto sums = b.loop(b.i64(0), wordsOf(b, dot.kind(), call.length), 1, {none}, [&](Value s, ValueRange carried) {
      Value w = b.load(vector, b.offset(call.to, b.mul(s, 4 * call.width)), 4 * n);
      return KernelBuilder::Values{dot.add(b, carried[0], ones, w)};
    });
    Value zero = call.zeros ? b.load(vector, call.zeros, 4 * n) : none;
    if (shape.rhsElement == RowSource::Element::U8)
      zero = b.sub(zero, b.splat(lanes, 32, kTurned));
    Value start = b.sub(b.mul(zero, b.broadcast(lanes, length)), sums[0]);
    b.store(b.mul(start, b.broadcast(lanes, lhsZero)), starts, 4 * n);
    b.store(b.sub(none, zero), factors, 4 * n);
  }
}

} // namespace phic
