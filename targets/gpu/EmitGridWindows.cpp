//===- EmitGridWindows.cpp - Windows over grids ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thread goes through the places of the window of its element of the result.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Reduce.h"
#include "dialects/phiq/Windows.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/gpu/GridCode.h"

using namespace mlir;

namespace phic::gpu_code {
namespace {

using Values = KernelBuilder::Values;

/// The window of an element of the result.
class WindowCode {
public:
  /// Splits `at` into image, window and channel.
  WindowCode(const Windows &windows, GpuBuilder &b, Value at) : windows(windows), b(b) {
    std::tie(image, channel) = b.divideRest(at, windows.channels);
    for (size_t axis = 3; axis-- > 0;)
      std::tie(image, index[axis]) = b.divideRest(image, windows.axes[axis].windows);
  }

  using Visit = function_ref<Value(Value place, Value tap, Value sum)>;
  /// Its places in x, counted without channels, with their number in the window.
  Value over(Value start, Visit visit) { return overAxis(0, image, b.i32(0), start, visit); }

  /// How many of its places lie in x, or in x or its pads.
  Value count(bool pads) {
    Value all = b.i32(1);
    for (size_t k = 0; k < 3; ++k) {
      const WindowAxis &axis = windows.axes[k];
      Value ofAxis = pads ? b.minimum(endOf(axis, axis.size + axis.after, index[k]), b.i32(int32_t(axis.kernel)))
                          : b.sub(end(k), first(k));
      all = b.mul(all, ofAxis);
    }
    return all;
  }

  Value channel;

private:
  /// As WindowAxis has them.
  Value first(size_t k) {
    const WindowAxis &axis = windows.axes[k];
    Value missing = b.sub(b.i32(int32_t(axis.before)), b.mul(index[k], axis.stride));
    return b.divide(b.add(b.maximum(missing, b.i32(0)), axis.dilation - 1), axis.dilation);
  }
  Value endOf(const WindowAxis &axis, int64_t limit, Value i) {
    Value there = b.sub(b.i32(int32_t(limit + axis.before)), b.mul(i, axis.stride));
    return b.divide(b.add(b.maximum(there, b.i32(0)), axis.dilation - 1), axis.dilation);
  }
  Value end(size_t k) {
    const WindowAxis &axis = windows.axes[k];
    return b.minimum(endOf(axis, axis.size, index[k]), b.i32(int32_t(axis.kernel)));
  }

  Value overAxis(size_t k, Value place, Value tap, Value sum, Visit visit) {
    if (k == 3)
      return visit(place, tap, sum);
    const WindowAxis &axis = windows.axes[k];
    Value start = b.sub(b.mul(index[k], axis.stride), b.i32(int32_t(axis.before)));
    auto at = [&](Value t, Value sum) {
      Value inX = b.add(start, b.mul(t, axis.dilation));
      return overAxis(k + 1, b.add(b.mul(place, axis.size), inX), b.add(b.mul(tap, axis.kernel), t), sum, visit);
    };
    if (axis.kernel == 1 && axis.before == 0 && (axis.windows - 1) * axis.stride < axis.size)
      return at(b.i32(0), sum);
    return b.loop(first(k), end(k), 1, sum, [&](Value t, ValueRange sum) { return Values{at(t, sum[0])}; })[0];
  }

  const Windows &windows;
  GpuBuilder &b;
  Value image;
  std::array<Value, 3> index;
};

Value joinPooled(GpuBuilder &b, phiq::PoolOp op, Value best, Value next) {
  if (isa<IntegerType>(elementTypeOf(op.getX())))
    return b.maximum(best, next);
  return op.getKind() == phiq::ReduceKind::Mean ? b.fadd(best, next) : b.fmax(next, best); // a NaN does not count
}

Value startOfPool(GpuBuilder &b, phiq::PoolOp op) {
  Type element = elementTypeOf(op.getX());
  if (element.isF32())
    return b.f32(float(phiq::startOf(op.getKind())));
  const int64_t least = phiq::wholeStartOf(op.getKind(), element);
  return element.isInteger(64) ? b.i64(least) : b.i32(int32_t(least));
}

Value poolElement(GridCode &g, phiq::PoolOp op, const Windows &windows, Value at) {
  GpuBuilder &b = g.b;
  WindowCode window(windows, b, at);
  Value pooled = window.over(startOfPool(b, op), [&](Value place, Value, Value best) {
    return joinPooled(b, op, best, g.load(op.getX(), b.add(b.mul(place, windows.channels), window.channel)));
  });
  if (op.getKind() != phiq::ReduceKind::Mean)
    return pooled;
  return b.fdiv(pooled, b.toFloat(window.count(op.getCountPads())));
}

Value depthwiseElement(GridCode &g, phiq::DepthwiseOp op, const Windows &windows, Value at) {
  GpuBuilder &b = g.b;
  const bool isFloat = elementTypeOf(op.getX()).isF32();
  WindowCode window(windows, b, at);
  Value xZero = op.getXZero() ? g.loadNumber(op.getXZero(), b.i32(0)) : Value();
  Value wZero = op.getWZero() ? g.loadNumber(op.getWZero(), window.channel) : Value();
  auto less = [&](Value x, Value zero) { return zero ? b.sub(x, zero) : x; };
  return window.over(isFloat ? b.f32(0) : b.i32(0), [&](Value place, Value tap, Value sum) {
    auto element = [&](Value of, Value number) {
      return g.load(of, b.add(b.mul(number, windows.channels), window.channel));
    };
    Value x = less(element(op.getX(), place), xZero), w = less(element(op.getW(), tap), wZero);
    return isFloat ? b.fma(x, w, sum) : b.add(b.mul(x, w), sum);
  });
}

/// A place of the result gathers what windows add to it: for each place of a window at most one element of x.
class TransposedCode {
public:
  TransposedCode(phiq::ConvTransposeOp op, const Windows &windows, GridCode &g, Value number)
      : op(op), windows(windows), g(g), b(g.b), C(shapeOf(op.getX()).back()), M(shapeOf(op.getW()).back()) {
    Value rest, channel;
    std::tie(rest, channel) = b.divideRest(number, M * int64_t(op.getGroups()));
    std::tie(group, column) = b.divideRest(channel, M);
    for (size_t axis = 3; axis-- > 0;)
      std::tie(rest, at[axis]) = b.divideRest(rest, windows.axes[axis].size);
    image = rest;
  }

  Value sum() { return overAxis(0, {image, b.i32(0), Value()}, b.f32(0)); }

private:
  /// An element of x and a place of a window, along the axes so far; `exists` null: there is one.
  struct Match {
    Value element, tap, exists;
  };

  Value overAxis(size_t axis, Match match, Value sum) {
    if (axis == 3)
      return overChannels(match, sum);
    const WindowAxis &along = windows.axes[axis];
    return b.loop(b.i32(0), b.i32(int32_t(along.kernel)), 1, sum, [&](Value t, ValueRange sum) {
      Value distance = b.sub(b.add(at[axis], along.before), b.mul(t, along.dilation));
      Value i = b.divide(b.maximum(distance, b.i32(0)), along.stride);
      Value isThere = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.mul(i, along.stride), distance);
      isThere = b.both(isThere, b.less(i, along.windows));
      if (match.exists)
        isThere = b.both(match.exists, isThere);
      Match here = {b.add(b.mul(match.element, along.windows), i), b.add(b.mul(match.tap, along.kernel), t), isThere};
      return Values{overAxis(axis + 1, here, sum[0])};
    })[0];
  }

  Value overChannels(Match match, Value sum) {
    const int64_t ofGroup = C / int64_t(op.getGroups());
    Value first = b.mul(group, ofGroup), count = b.select(match.exists, b.i32(int32_t(ofGroup)), b.i32(0));
    Value from = b.add(b.mul(match.element, C), first), weights = b.add(b.mul(match.tap, C), first);
    return b.loop(b.i32(0), count, 1, sum, [&](Value c, ValueRange sum) {
      Value w = g.load(op.getW(), b.add(b.mul(b.add(weights, c), M), column));
      return Values{b.fma(g.load(op.getX(), b.add(from, c)), w, sum[0])};
    })[0];
  }

  phiq::ConvTransposeOp op;
  const Windows &windows;
  GridCode &g;
  GpuBuilder &b;
  const int64_t C, M;
  Value image, group, column;
  std::array<Value, 3> at;
};

} // namespace

GpuGridKernel poolKernel(phiq::PoolOp op) {
  const Windows windows = windowsOf(op);
  return elementKernel(op, [=](GridCode &g, Value at) { return poolElement(g, op, windows, at); });
}

GpuGridKernel depthwiseKernel(phiq::DepthwiseOp op) {
  const Windows windows = windowsOf(op);
  return elementKernel(op, [=](GridCode &g, Value at) { return depthwiseElement(g, op, windows, at); });
}

GpuGridKernel convTransposeKernel(phiq::ConvTransposeOp op) {
  const Windows windows = windowsOf(op);
  return elementKernel(op, [=](GridCode &g, Value at) { return TransposedCode(op, windows, g, at).sum(); });
}

} // namespace phic::gpu_code
