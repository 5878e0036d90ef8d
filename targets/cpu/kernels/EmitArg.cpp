//===- EmitArg.cpp - Where the greatest element is -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// x is [outer, size, inner]. With inner axes, vectors lie along them and each lane looks for itself; without, lanes look at
// every so many elements, and then the best of the lanes is chosen.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/GridEmitter.h"

using namespace mlir;

namespace phic {
namespace {

using arith::CmpFPredicate;
using arith::CmpIPredicate;

/// The best lanes so far and where they are (i32).
struct Best {
  Value value, index;
};

class ArgEmitter {
public:
  ArgEmitter(phiq::ArgOp op, GridEmitter &g)
      : g(g), b(g.b), element(elementTypeOf(op.getX())), x(g.base(op.getX())),
        findsLeast(op.getKind() == phiq::ReduceKind::Minimum), last(op.getLast()) {
    ArrayRef<int64_t> shape = shapeOf(op.getX());
    size = shape[op.getAxis()];
    for (int64_t axis : shape.drop_front(size_t(op.getAxis()) + 1))
      inner *= axis;
  }

  /// Of `lanes` neighbours at i of a row.
  void across(Value row, Value i, int64_t lanes) {
    Value at = b.add(b.mul(row, size * inner), i);
    Best best = first(load(at, lanes));
    best = scan(1, size, 1, best,
                [&](Value k) { return Best{load(b.add(at, b.mul(k, inner)), lanes), splatIndex(k, lanes)}; });
    store(best.index, b.add(b.mul(row, inner), i));
  }

  /// Of a row that lies densely.
  void along(Value row) {
    const int64_t lanes = size >= g.lanes() ? g.lanes() : 1, whole = size / lanes * lanes;
    Value at = b.mul(row, size);
    Best best = {load(at, lanes), b.iota(lanes)};
    best = scan(lanes, whole, lanes, best,
                [&](Value k) { return Best{load(b.add(at, k), lanes), b.add(splatIndex(k, lanes), b.iota(lanes))}; });
    Best one = {b.lanes(best.value, 0, 1), b.lanes(best.index, 0, 1)};
    for (int64_t lane = 1; lane < lanes; ++lane)
      one = better(one, {b.lanes(best.value, lane, 1), b.lanes(best.index, lane, 1)}, /*inOrder=*/false);
    one = scan(whole, size, 1, one, [&](Value k) { return Best{load(b.add(at, k), 1), splatIndex(k, 1)}; });
    store(one.index, row);
  }

  int64_t size = 0, inner = 1;

private:
  Best first(Value value) { return {value, b.splat(cast<VectorType>(value.getType()).getNumElements(), 32, 0)}; }
  Value splatIndex(Value k, int64_t lanes) { return b.broadcast(lanes, arith::TruncIOp::create(b, b.getI32Type(), k)); }

  /// Floats so that the greatest is the one sought, a NaN as -inf.
  Value load(Value at, int64_t lanes) {
    Value value = loadLanes(b, element, lanes, g.place(x, element, at));
    if (!element.isF32())
      return value;
    if (findsLeast)
      value = arith::NegFOp::create(b, value);
    return b.fmax(value, b.splat(lanes, -std::numeric_limits<float>::infinity()));
  }

  Best scan(int64_t from, int64_t to, int64_t step, Best best, function_ref<Best(Value)> next) {
    auto found =
        b.loop(b.i64(from), b.i64(to), step, ValueRange{best.value, best.index}, [&](Value k, ValueRange best) {
          Best chosen = better({best[0], best[1]}, next(k), /*inOrder=*/true);
          return KernelBuilder::Values{chosen.value, chosen.index};
        });
    return {found[0], found[1]};
  }

  Value compare(CmpFPredicate ofFloats, CmpIPredicate ofIntegers, Value p, Value q) {
    return element.isF32() ? Value(arith::CmpFOp::create(b, ofFloats, p, q))
                           : Value(arith::CmpIOp::create(b, ofIntegers, p, q));
  }

  /// inOrder: `next` comes behind `best`.
  Best better(Best best, Best next, bool inOrder) {
    const bool isLess = findsLeast && !element.isF32();
    Value wins = compare(CmpFPredicate::OGT, isLess ? CmpIPredicate::slt : CmpIPredicate::sgt, next.value, best.value);
    if (last || !inOrder) {
      Value ties = compare(CmpFPredicate::OEQ, CmpIPredicate::eq, next.value, best.value);
      if (!inOrder) {
        Value isChosen =
            arith::CmpIOp::create(b, last ? CmpIPredicate::sgt : CmpIPredicate::slt, next.index, best.index);
        ties = arith::AndIOp::create(b, ties, isChosen);
      }
      wins = arith::OrIOp::create(b, wins, ties);
    }
    return {b.select(wins, next.value, best.value), b.select(wins, next.index, best.index)};
  }

  void store(Value index, Value at) {
    const int64_t lanes = cast<VectorType>(index.getType()).getNumElements();
    Type whole = b.getI64Type();
    storeLanes(b, whole, arith::ExtSIOp::create(b, b.vec(lanes, whole), index), g.place(g.resultBase(), whole, at));
  }

  GridEmitter &g;
  KernelBuilder &b;
  const Type element;
  const Value x;
  const bool findsLeast, last;
};

} // namespace

GridKernel argKernel(phiq::ArgOp op) {
  int64_t rows = 1, inner = 1;
  for (auto [axis, size] : llvm::enumerate(shapeOf(op.getX())))
    (axis < op.getAxis() ? rows : inner) *= axis == op.getAxis() ? 1 : size;
  const RowTiles tiles(rows, inner, shapeOf(op.getX())[op.getAxis()]);
  return {.tiles = tiles.count(), .tile = [=](GridEmitter &g, Value tile) mutable {
            ArgEmitter emitter(op, g);
            tiles.overRows(g.b, tile, [&](Value row, Value begin, Value end) {
              if (emitter.inner == 1)
                emitter.along(row);
              else
                g.overLanes(begin, end, [&](Value i, int64_t lanes) { emitter.across(row, i, lanes); });
            });
          }};
}

} // namespace phic
