//===- EmitLastAxis.cpp - Softmax and normalization ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row is read two or three times: what is summed first, then what is made of it, where it lies or elsewhere.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Math/IR/Math.h"
#include "targets/code/KernelMath.h"
#include "targets/cpu/kernels/GridEmitter.h"

using namespace mlir;

namespace phic {
namespace {

/// One row of x, and of the result.
class LastAxis {
public:
  LastAxis(GridEmitter &g, int64_t size, Value from, Value to) : g(g), b(g.b), size(size), from(from), to(to) {
    for (int64_t width : {4 * g.lanes(), g.lanes(), int64_t(1)})
      if (width <= std::max<int64_t>(size, 1))
        widths.push_back(width);
  }

  Value load(Value base, Value i, int64_t lanes) { return loadLanes(b, f32(), lanes, g.place(base, f32(), i)); }

  /// combine(so far, i, lanes) over the row; what the lanes have is put together by `join`. One lane.
  Value over(float start, function_ref<Value(Value, Value, int64_t)> combine, function_ref<Value(Value, Value)> join) {
    Value lanes;
    int64_t begin = 0;
    for (int64_t width : widths) {
      const int64_t end = begin + (size - begin) / width * width;
      Value first = lanes ? narrowed(lanes, width, join) : b.splat(width, start);
      lanes = b.loop(b.i64(begin), b.i64(end), width, first, [&](Value i, ValueRange carried) {
        return KernelBuilder::Values{combine(carried[0], i, width)};
      })[0];
      begin = end;
    }
    return lanes;
  }
  Value sum(function_ref<Value(Value, int64_t)> term) {
    return over(
        0, [&](Value sum, Value i, int64_t lanes) { return b.fadd(sum, term(i, lanes)); },
        [&](Value p, Value q) { return b.fadd(p, q); });
  }
  Value spread(Value one, int64_t lanes) { return b.broadcast(lanes, b.extract(one, 0)); }

  /// result[i] = value(i, lanes)
  void make(function_ref<Value(Value, int64_t)> value) {
    g.overWideLanes(b.i64(0), b.i64(size), [&](Value i, int64_t lanes) { store(value(i, lanes), i); });
  }
  void store(Value value, Value i) { storeLanes(b, f32(), value, g.place(to, f32(), i)); }
  Type f32() { return b.getF32Type(); }

  GridEmitter &g;
  KernelBuilder &b;
  const int64_t size;
  SmallVector<int64_t> widths; ///< of vectors along the row: four registers, one, one lane
  Value from, to;

private:
  /// Lanes put together until there are so many.
  Value narrowed(Value lanes, int64_t width, function_ref<Value(Value, Value)> join) {
    for (int64_t half = cast<VectorType>(lanes.getType()).getNumElements() / 2; half >= width; half /= 2)
      lanes = join(b.lanes(lanes, 0, half), b.lanes(lanes, half, half));
    return lanes;
  }
};

void emitSoftmax(phiq::SoftmaxOp op, GridEmitter &g, Value from, Value to) {
  LastAxis row(g, shapeOf(op.getX()).back(), from, to);
  KernelBuilder &b = g.b;
  Value most = row.over(
      -std::numeric_limits<float>::infinity(),
      [&](Value most, Value i, int64_t lanes) { return b.fmaxOrNan(row.load(row.from, i, lanes), most); },
      [&](Value p, Value q) { return b.fmaxOrNan(p, q); });
  auto less = [&](Value i, int64_t lanes) { return b.fsub(row.load(row.from, i, lanes), row.spread(most, lanes)); };
  Value sum = row.sum([&](Value i, int64_t lanes) {
    Value power = b.expNegative(less(i, lanes));
    if (!op.getLog())
      row.store(power, i);
    return power;
  });
  // Where the greatest is NaN or infinite, so is all of the row; expNegative has no NaN.
  sum = b.fadd(sum, b.fsub(most, most));
  if (op.getLog()) {
    Value log = kernel_math::logarithm(b, sum);
    row.make([&](Value i, int64_t lanes) { return b.fsub(less(i, lanes), row.spread(log, lanes)); });
  } else {
    Value factor = b.fdiv(b.splat(1, 1.0f), sum);
    row.make([&](Value i, int64_t lanes) { return b.fmul(row.load(row.to, i, lanes), row.spread(factor, lanes)); });
  }
}

void emitNormalize(phiq::NormalizeOp op, GridEmitter &g, Value from, Value to) {
  LastAxis row(g, shapeOf(op.getX()).back(), from, to);
  KernelBuilder &b = g.b;
  Value count = b.splat(1, float(row.size)), one = b.splat(1, 1.0f);
  Value mean = b.fdiv(row.sum([&](Value i, int64_t lanes) { return row.load(row.from, i, lanes); }), count);
  auto centered = [&](Value i, int64_t lanes) { return b.fsub(row.load(row.from, i, lanes), row.spread(mean, lanes)); };
  Value squares = row.sum([&](Value i, int64_t lanes) {
    Value distance = centered(i, lanes);
    return b.fmul(distance, distance);
  });
  Value variance = b.fadd(b.fdiv(squares, count), b.splat(1, op.getEpsilon().convertToFloat()));
  Value factor = b.fdiv(one, math::SqrtOp::create(b, variance));
  Value scale = g.base(op.getScale()), bias = g.base(op.getBias());
  row.make([&](Value i, int64_t lanes) {
    Value normal = b.fmul(centered(i, lanes), row.spread(factor, lanes));
    return b.fma(normal, row.load(scale, i, lanes), row.load(bias, i, lanes));
  });
}

} // namespace

void emitLastAxisRow(Operation *op, GridEmitter &g, Value from, Value to) {
  if (auto softmax = dyn_cast<phiq::SoftmaxOp>(op))
    return emitSoftmax(softmax, g, from, to);
  emitNormalize(cast<phiq::NormalizeOp>(op), g, from, to);
}

GridKernel lastAxisKernel(Operation *op) {
  Value x = op->getOperand(0);
  const int64_t size = shapeOf(x).back(), elements = cast<ShapedType>(x.getType()).getNumElements();
  const RowTiles tiles(size ? elements / size : 0, 1, 4 * size);
  return {.tiles = tiles.count(), .tile = [=](GridEmitter &g, Value tile) {
            tiles.overRows(g.b, tile, [&](Value row, Value, Value) {
              Value bytes = g.b.mul(row, 4 * size);
              emitLastAxisRow(op, g, g.b.offset(g.base(x), bytes), g.b.offset(g.resultBase(), bytes));
            });
          }};
}

} // namespace phic
