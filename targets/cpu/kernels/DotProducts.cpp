//===- DotProducts.cpp - Rows times few columns ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scratch memory: words of the columns, then of the rows. Both end in zeros up to a whole step of two vectors, so that there
// is no tail.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/DotProducts.h"
#include "targets/cpu/kernels/GridEmitter.h"

using namespace mlir;

namespace phic {
namespace {

using Values = KernelBuilder::Values;

/// Rows whose sums are added up together, and vectors of each that are summed apart, so that sums need not wait.
constexpr int64_t kRows = 4, kApart = 2;

class DotEmitter {
public:
  DotEmitter(KernelBuilder &b, const ContractionShape &shape, const WordProduct &dot, int64_t lanes, int64_t columns,
             const ContractionCall &call)
      : b(b), shape(shape), dot(dot), step(kApart * lanes), columns(columns), call(call),
        element(dot.kind() == WordKind::F32 ? Type(b.getF32Type()) : b.getI32Type()), vector(b.vec(lanes, element)),
        weights(call.scratch), rows(b.offset(weights, columns * kWordRowBytes)) {}

  void emit() {
    const int64_t chunk = kChunkWords * elementsOf(dot.kind());
    b.loop(b.i64(0), b.mul(call.count, columns), 1,
           [&](Value i) { b.store(b.i32(0), b.offset(call.sums, b.mul(i, 4))); });
    b.loop(b.i64(0), b.i64(shape.K), chunk, [&](Value k) {
      Value length = b.minimum(b.i64(chunk), b.sub(b.i64(shape.K), k));
      Value words = wordsOf(b, dot.kind(), length);
      gatherColumns(k, length);
      emitClearEnds(b, dot.kind(), step, rows, call.count, length);
      emitGatherLhs(b, shape, dot.kind(), call, k, length, rows);
      for (int64_t n = 0; n < columns; ++n)
        multiply(n, words);
    });
  }

private:
  KernelBuilder &b;
  const ContractionShape &shape;
  const WordProduct &dot;
  const int64_t step, columns;
  const ContractionCall &call;
  const Type element;
  const VectorType vector;
  Value weights, rows;

  void gatherColumns(Value k, Value length) {
    RowSource source{.element = shape.rhsElement, .rowBytes = 0, .window = {}};
    source.rowBytes = shape.K * source.elementBytes();
    emitClearEnds(b, dot.kind(), step, weights, b.i64(columns), length);
    for (int64_t n = 0; n < columns; ++n)
      emitGather(b, source, shape.K, dot.kind(),
                 {.base = call.rhs,
                  .row = b.i64(n),
                  .count = b.i64(1),
                  .k = k,
                  .length = length,
                  .zero = shape.hasRhsZeros ? b.load(b.getI32Type(), call.rhsZeros, 4 * n) : Value(),
                  .fill = {},
                  .to = b.offset(weights, n * kWordRowBytes)});
  }

  void multiply(int64_t n, Value words) {
    Value whole = b.mul(b.divide(call.count, kRows), kRows);
    b.loop(b.i64(0), whole, kRows, [&](Value row) { addTo(row, n, sumsOf(row, kRows, n, words)); });
    b.loop(whole, call.count, 1, [&](Value row) { addTo(row, n, sumsOf(row, 1, n, words)); });
  }

  /// Of `count` rows, a lane each.
  Value sumsOf(Value row, int64_t count, int64_t n, Value words) {
    Values zeros(size_t(count * kApart), b.bitcast(vector, b.splat(vector.getNumElements(), 32, 0)));
    Value x = b.offset(rows, b.mul(row, kWordRowBytes)), w = b.offset(weights, n * kWordRowBytes);
    Values sums = b.loop(b.i64(0), words, step, zeros, [&](Value s, ValueRange carried) {
      Values next(carried);
      Value at = b.mul(s, 4);
      for (int64_t part = 0; part < kApart; ++part) {
        const int64_t bytes = part * 4 * vector.getNumElements();
        Value weight = b.load(vector, b.offset(w, at), bytes);
        for (int64_t r = 0; r < count; ++r) {
          Value &sum = next[size_t(part * count + r)];
          sum = dot.add(b, sum, b.load(vector, b.offset(x, at), r * kWordRowBytes + bytes), weight);
        }
      }
      return next;
    });
    SmallVector<Value> ofRows;
    for (int64_t r = 0; r < count; ++r)
      ofRows.push_back(narrowed(plus(sums[size_t(r)], sums[size_t(count + r)]), count));
    if (count > 1)
      turnSquare(b, ofRows);
    for (size_t half = ofRows.size() / 2; half > 0; half /= 2)
      for (size_t r = 0; r < half; ++r)
        ofRows[r] = plus(ofRows[r], ofRows[r + half]);
    return ofRows[0];
  }

  void addTo(Value row, int64_t n, Value sums) {
    const int64_t count = cast<VectorType>(sums.getType()).getNumElements();
    auto add = [&](Value value, Value at) { b.store(plus(b.load(value.getType(), at), value), at); };
    Value at = b.offset(b.offset(call.sums, b.mul(row, 4 * columns)), 4 * n);
    if (columns == 1)
      return add(sums, at);
    for (int64_t r = 0; r < count; ++r)
      add(b.lanes(sums, r, 1), b.offset(at, r * 4 * columns));
  }

  /// Sums of so many lanes, of the halves of a vector as often as it takes.
  Value narrowed(Value sums, int64_t lanes) {
    for (int64_t half = vector.getNumElements() / 2; half >= lanes; half /= 2)
      sums = plus(b.lanes(sums, 0, half), b.lanes(sums, half, half));
    return sums;
  }
  Value plus(Value x, Value y) { return element.isF32() ? b.fadd(x, y) : b.add(x, y); }
};

} // namespace

int64_t dotScratchBytes(int64_t rows, int64_t columns) { return (rows + columns) * kWordRowBytes; }

void emitDotProducts(KernelBuilder &b, const ContractionShape &shape, const WordProduct &dot, int64_t lanes,
                     int64_t columns, const ContractionCall &call) {
  DotEmitter(b, shape, dot, lanes, columns, call).emit();
}

} // namespace phic
