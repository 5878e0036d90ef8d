//===- EmitResample.cpp - Sums with weights along an axis ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// x is [outer, size, inner]. A row of the result is all inner elements at one place along the axis: its few indices and
// weights are loaded once, and vectors lie along the inner axes.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/GridEmitter.h"

using namespace mlir;

namespace phic {
namespace {

/// Of more terms, indices and weights are loaded where they are needed.
constexpr int64_t kFewTerms = 8;

class ResampleEmitter {
public:
  ResampleEmitter(phiq::ResampleOp op, GridEmitter &g)
      : g(g), b(g.b), size(shapeOf(op.getX())[op.getAxis()]), places(shapeOf(op.getIndices())[0]),
        terms(shapeOf(op.getIndices())[1]), inner(denseStrides(shapeOf(op.getX()))[op.getAxis()]), x(g.base(op.getX())),
        indices(g.base(op.getIndices())), weights(g.base(op.getWeights())) {}

  void emit(Value row, Value begin, Value end) {
    Value outer = b.divide(row, places), place = b.sub(row, b.mul(outer, places));
    Value first = b.mul(place, terms), from = b.mul(outer, size);
    SmallVector<Term> few;
    if (terms <= kFewTerms)
      for (int64_t t = 0; t < terms; ++t)
        few.push_back(load(from, b.add(first, t)));
    g.overWideLanes(begin, end, [&](Value i, int64_t lanes) {
      Value sum = b.splat(lanes, 0.0f);
      for (Term term : few)
        sum = add(sum, term, i);
      if (few.empty())
        sum = b.loop(first, b.add(first, terms), 1, sum,
                     [&](Value t, ValueRange sum) { return KernelBuilder::Values{add(sum[0], load(from, t), i)}; })[0];
      storeLanes(b, f32(), sum, g.place(g.resultBase(), f32(), b.add(b.mul(row, inner), i)));
    });
  }

private:
  struct Term {
    Value at, weight; ///< the first inner element; a float
  };

  Term load(Value from, Value t) {
    Value index = b.load(b.getI32Type(), g.place(indices, b.getI32Type(), t));
    index = b.maximum(arith::ExtSIOp::create(b, b.getI64Type(), index), b.i64(0));
    Value at = b.mul(b.add(from, b.minimum(index, b.i64(size - 1))), inner);
    return {at, b.load(f32(), g.place(weights, f32(), t))};
  }
  Value add(Value sum, Term term, Value i) {
    const int64_t lanes = cast<VectorType>(sum.getType()).getNumElements();
    Value element = loadLanes(b, f32(), lanes, g.place(x, f32(), b.add(term.at, i)));
    return b.fma(element, b.broadcast(lanes, term.weight), sum);
  }
  Type f32() { return b.getF32Type(); }

  GridEmitter &g;
  KernelBuilder &b;
  const int64_t size, places, terms, inner;
  const Value x, indices, weights;
};

} // namespace

GridKernel resampleKernel(phiq::ResampleOp op) {
  const int64_t inner = denseStrides(shapeOf(op.getX()))[op.getAxis()];
  const int64_t outer = ShapedType::getNumElements(shapeOf(op.getX()).take_front(op.getAxis()));
  const RowTiles tiles(outer * shapeOf(op.getIndices())[0], inner, 2 * shapeOf(op.getIndices())[1]);
  return {.tiles = tiles.count(), .tile = [=](GridEmitter &g, Value tile) mutable {
            ResampleEmitter emitter(op, g);
            tiles.overRows(g.b, tile, [&](Value row, Value begin, Value end) { emitter.emit(row, begin, end); });
          }};
}

} // namespace phic
