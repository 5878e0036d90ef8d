//===- EmitPool.cpp - Windows of a tensor ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/GridEmitter.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic {
namespace {

/// The window of one element of a max_pool, walked over x.
class PoolWindow {
public:
  PoolWindow(phiq::MaxPoolOp op, GridEmitter &g, Value element) : op(op), g(g), b(g.b), x(shapeOf(op.getX())) {
    ArrayRef<int64_t> y = op.getType().getShape();
    plane = b.divide(element, y[2] * y[3]);
    Value inPlane = b.sub(element, b.mul(plane, y[2] * y[3]));
    Value i = b.divide(inPlane, y[3]), j = b.sub(inPlane, b.mul(i, y[3]));
    top = b.add(b.mul(i, op.getStrides()[0]), -op.getPads()[0]);
    left = b.add(b.mul(j, op.getStrides()[1]), -op.getPads()[1]);
  }

  /// The greatest so far, and whether there is one, are carried from place to place.
  Value greatest() {
    Type element = elementTypeOf(op.getX());
    Value none = element.isF32() ? b.splat(1, 0.0f) : b.splat(1, element.isInteger(64) ? 64 : 32, 0);
    Value no = arith::ConstantOp::create(b, b.getBoolAttr(false));
    return b.loop(b.i64(0), b.i64(op.getKernel()[0]), 1, ValueRange{none, no}, [&](Value a, ValueRange rows) {
      Value h = b.add(top, b.mul(a, op.getDilations()[0]));
      return b.loop(b.i64(0), b.i64(op.getKernel()[1]), 1, rows, [&](Value column, ValueRange best) {
        return visit(h, b.add(left, b.mul(column, op.getDilations()[1])), best[0], best[1]);
      });
    })[0];
  }

private:
  Value isInside(Value at, int64_t size) {
    return arith::AndIOp::create(b, b.less(b.i64(-1), at), b.less(at, b.i64(size)));
  }
  Value isGreater(Value value, Value best) {
    Value condition = elementTypeOf(op.getX()).isF32()
                          ? Value(arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, value, best))
                          : Value(arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, value, best));
    return b.extract(condition, 0);
  }

  KernelBuilder::Values visit(Value h, Value w, Value best, Value hasBest) {
    Value inside = arith::AndIOp::create(b, isInside(h, x[2]), isInside(w, x[3]));
    // Outside, any element may be read: it does not count.
    Value at = b.add(b.mul(b.add(b.mul(plane, x[2]), h), x[3]), w);
    Value value = g.load(op.getX(), b.select(inside, at, b.i64(0)));
    Value isFirst = arith::XOrIOp::create(b, hasBest, arith::ConstantOp::create(b, b.getBoolAttr(true)));
    Value counts = arith::AndIOp::create(b, inside, arith::OrIOp::create(b, isFirst, isGreater(value, best)));
    return {b.select(counts, value, best), arith::OrIOp::create(b, hasBest, inside)};
  }

  phiq::MaxPoolOp op;
  GridEmitter &g;
  KernelBuilder &b;
  ArrayRef<int64_t> x;
  Value plane, top, left;
};

} // namespace

GridKernel maxPoolKernel(phiq::MaxPoolOp op) {
  const int64_t elements = op.getType().getNumElements(), run = kGridTileElements / 8;
  GridKernel kernel;
  kernel.tiles = int64_t(llvm::divideCeil(elements, run));
  kernel.tile = [=](GridEmitter &g, Value tile) mutable {
    KernelBuilder &b = g.b;
    Value first = b.mul(tile, run);
    Type element = elementTypeOf(op.getX());
    b.loop(first, b.minimum(b.add(first, run), b.i64(elements)), 1, [&](Value i) {
      storeLanes(b, element, PoolWindow(op, g, i).greatest(), g.place(g.resultBase(), element, i));
    });
  };
  return kernel;
}

} // namespace phic
