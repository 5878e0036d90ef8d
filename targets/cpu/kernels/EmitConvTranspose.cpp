//===- EmitConvTranspose.cpp - Convolutions turned around ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each place of the result gathers what windows add to it: for each place of a window there is at most one element of x,
// and where there is none, no channel is summed. Vectors lie along the result's channels, or where a group has one of these,
// along x's.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Windows.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/GridEmitter.h"

using namespace mlir;

namespace phic {
namespace {

using Values = KernelBuilder::Values;

class ConvTransposeEmitter {
public:
  ConvTransposeEmitter(phiq::ConvTransposeOp op, GridEmitter &g)
      : windows(windowsOf(op)), groups(int64_t(op.getGroups())), C(shapeOf(op.getX()).back()),
        M(shapeOf(op.getW()).back()), g(g), b(g.b), x(g.base(op.getX())), w(g.base(op.getW())) {}

  /// Channels [begin, end) of each group, at one place of the result.
  void emit(Value place, Value begin, Value end) {
    Value rest = place;
    for (size_t axis = 3; axis-- > 0;) {
      const int64_t size = windows.axes[axis].size;
      Value next = b.divide(rest, size);
      at[axis] = b.sub(rest, b.mul(next, size));
      rest = next;
    }
    b.loop(b.i64(0), b.i64(groups), 1, [&](Value group) {
      const Match all = {rest, b.i64(0), arith::ConstantOp::create(b, b.getBoolAttr(true))};
      Value first = b.mul(b.add(b.mul(place, groups), group), M);
      auto store = [&](Value sum, Value m) {
        storeLanes(b, b.getF32Type(), sum, g.place(g.resultBase(), b.getF32Type(), b.add(first, m)));
      };
      if (M == 1)
        return store(alongChannels(all, group), b.i64(0));
      g.overWideLanes(begin, end, [&](Value m, int64_t lanes) {
        store(overAxis(0, all, b.splat(lanes, 0.0f),
                       [&](Match match, Value sum) { return overChannels(match, sum, group, m); }),
              m);
      });
    });
  }

private:
  /// An element of x and a place of a window, along the axes so far.
  struct Match {
    Value element, tap, exists;
  };

  using Channels = function_ref<Value(Match match, Value sum)>;

  Value overAxis(size_t axis, Match match, Value sum, Channels channels) {
    if (axis == 3)
      return channels(match, sum);
    const WindowAxis &along = windows.axes[axis];
    return b.loop(b.i64(0), b.i64(along.kernel), 1, sum, [&](Value t, ValueRange sum) {
      Value distance = b.sub(b.add(at[axis], along.before), b.mul(t, along.dilation));
      Value isBehind = b.less(b.i64(-1), distance);
      Value i = b.divide(b.select(isBehind, distance, b.i64(0)), along.stride);
      Value isThere = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.mul(i, along.stride), distance);
      Value exists =
          arith::AndIOp::create(b, match.exists, arith::AndIOp::create(b, isThere, b.less(i, b.i64(along.windows))));
      Match here = {b.add(b.mul(match.element, along.windows), i), b.add(b.mul(match.tap, along.kernel), t), exists};
      return Values{overAxis(axis + 1, here, sum[0], channels)};
    })[0];
  }

  Value overChannels(Match match, Value sum, Value group, Value m) {
    const int64_t ofGroup = C / groups, lanes = cast<VectorType>(sum.getType()).getNumElements();
    Type f32 = b.getF32Type();
    Value first = b.mul(group, ofGroup), count = b.select(match.exists, b.i64(ofGroup), b.i64(0));
    Value from = g.place(x, f32, b.add(b.mul(match.element, C), first));
    Value weights = g.place(w, f32, b.add(b.mul(b.add(b.mul(match.tap, C), first), M), m));
    return b.loop(b.i64(0), count, 1, sum, [&](Value c, ValueRange sum) {
      Value p = loadSplat(b, f32, lanes, g.place(from, f32, c));
      Value q = loadLanes(b, f32, lanes, g.place(weights, f32, b.mul(c, M)));
      return Values{b.fma(p, q, sum[0])};
    })[0];
  }

  /// The only channel of a group's result: in the lanes of a vector each channel of x that far from the next, then what is left.
  Value alongChannels(Match all, Value group) {
    const int64_t ofGroup = C / groups, whole = ofGroup / g.lanes() * g.lanes();
    auto part = [&](int64_t begin, int64_t end, int64_t lanes) {
      return overAxis(0, all, b.splat(lanes, 0.0f), [&](Match match, Value sum) {
        Type f32 = b.getF32Type();
        Value first = b.mul(group, ofGroup);
        Value from = g.place(x, f32, b.add(b.mul(match.element, C), first));
        Value weights = g.place(w, f32, b.add(b.mul(match.tap, C), first));
        return b.loop(b.i64(begin), b.select(match.exists, b.i64(end), b.i64(begin)), lanes, sum,
                      [&](Value c, ValueRange sum) {
                        Value p = loadLanes(b, f32, lanes, g.place(from, f32, c));
                        Value q = loadLanes(b, f32, lanes, g.place(weights, f32, c));
                        return Values{b.fma(p, q, sum[0])};
                      })[0];
      });
    };
    Value rest = part(whole, ofGroup, 1);
    return whole ? b.fadd(b.broadcast(1, b.sumLanes(part(0, whole, g.lanes()))), rest) : rest;
  }

  const Windows windows;
  const int64_t groups, C, M;
  GridEmitter &g;
  KernelBuilder &b;
  const Value x, w;
  std::array<Value, 3> at;
};

} // namespace

GridKernel convTransposeKernel(phiq::ConvTransposeOp op) {
  ArrayRef<int64_t> y = shapeOf(op.getResult());
  const int64_t M = shapeOf(op.getW()).back();
  const RowTiles tiles(ShapedType::getNumElements(y.drop_back()), M, shapeOf(op.getX()).back());
  return {.tiles = tiles.count(), .tile = [=](GridEmitter &g, Value tile) {
            ConvTransposeEmitter emitter(op, g);
            tiles.overRows(g.b, tile, [&](Value row, Value begin, Value end) { emitter.emit(row, begin, end); });
          }};
}

} // namespace phic
