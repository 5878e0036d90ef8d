//===- EmitReduce.cpp - Elements along axes as one -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Neighbouring axes that are both kept, or both reduced, are joined:
//
//     mean over [2, 3] of tensor<1x8x7x7xf32>   ->   kept 8 by 49, reduced 49 by 1
//
// Where the last is kept, vectors lie along it and each lane is an element of the result. Where it is reduced, lanes are
// partial results, put together by halves and then with what is left over: one order on every processor of one width.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Reduce.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/GridEmitter.h"
#include <cmath>

using namespace mlir;

namespace phic {
namespace {

using phiq::ReduceKind;

/// Axes of x, joined, with the steps along them in elements.
struct Axis {
  int64_t size, step;
};

struct ReduceNest {
  explicit ReduceNest(phiq::ReduceOp op);

  SmallVector<Axis> kept, reduced;
  bool reducesLast = false;
  int64_t elements = 1; ///< of x, for one of the result
  int64_t inner() const { return reducesLast || kept.empty() ? 1 : kept.back().size; }
  ArrayRef<Axis> outer() const { return reducesLast || kept.empty() ? ArrayRef(kept) : ArrayRef(kept).drop_back(); }
  int64_t rows() const {
    int64_t rows = 1;
    for (Axis axis : outer())
      rows *= axis.size;
    return rows;
  }
};

ReduceNest::ReduceNest(phiq::ReduceOp op) {
  ArrayRef<int64_t> shape = shapeOf(op.getX());
  const SmallVector<int64_t> strides = denseStrides(shape);
  std::optional<bool> before;
  for (auto [axis, size] : llvm::enumerate(shape)) {
    const bool isReduced = llvm::is_contained(op.getAxes(), int64_t(axis));
    if (isReduced)
      elements *= size;
    if (size == 1)
      continue;
    SmallVector<Axis> &axes = isReduced ? reduced : kept;
    if (before == isReduced)
      axes.back() = {axes.back().size * size, strides[axis]};
    else
      axes.push_back({size, strides[axis]});
    before = isReduced;
  }
  reducesLast = before.value_or(false);
}

/// Lanes that hold results, or parts of them.
class Joiner {
public:
  Joiner(phiq::ReduceOp op, GridEmitter &g) : g(g), b(g.b), kind(op.getKind()), element(elementTypeOf(op.getX())) {}

  Value start(int64_t lanes) {
    if (element.isF32())
      return b.splat(lanes, float(phiq::startOf(kind)));
    return b.splat(lanes, element.isInteger(64) ? 64 : 32, phiq::wholeStartOf(kind, element));
  }

  Value join(Value a, Value x) { return joinReduced(b, kind, a, x); }

  /// All lanes as one.
  Value joinLanes(Value lanes) {
    for (int64_t half = cast<VectorType>(lanes.getType()).getNumElements() / 2; half > 0; half /= 2)
      lanes = join(b.lanes(lanes, 0, half), b.lanes(lanes, half, half));
    return lanes;
  }

  bool isFloatSum() const { return element.isF32() && (kind == ReduceKind::Sum || kind == ReduceKind::Mean); }

  void store(Value lanes, Value at, int64_t elements) {
    const int64_t count = cast<VectorType>(lanes.getType()).getNumElements();
    if (kind == ReduceKind::Mean)
      lanes = b.fdiv(lanes, b.splat(count, float(elements)));
    storeLanes(b, element, lanes, g.place(g.resultBase(), element, at));
  }

  GridEmitter &g;
  KernelBuilder &b;
  const ReduceKind kind;
  const Type element;
};

/// body(place in x, carried) at every place along the axes.
KernelBuilder::Values overAxes(KernelBuilder &b, ArrayRef<Axis> axes, Value at, ValueRange carried,
                               function_ref<KernelBuilder::Values(Value, ValueRange)> body) {
  if (axes.empty())
    return body(at, carried);
  return b.loop(b.i64(0), b.i64(axes[0].size), 1, carried, [&](Value i, ValueRange inside) {
    return overAxes(b, axes.drop_front(), b.add(at, b.mul(i, axes[0].step)), inside, body);
  });
}

/// Where a row of the result begins in x.
Value rowPlace(KernelBuilder &b, ArrayRef<Axis> outer, Value row) {
  Value at = b.i64(0), rest = row;
  for (size_t k = outer.size(); k-- > 0;) {
    Value next = k ? b.divide(rest, outer[k].size) : b.i64(0);
    Value index = k ? b.sub(rest, b.mul(next, outer[k].size)) : rest;
    at = b.add(at, b.mul(index, outer[k].step));
    rest = next;
  }
  return at;
}

/// As overAxes; sums of floats in parts, whose number and length are near the root of how many elements there are, and so is
/// how often one of them is rounded.
KernelBuilder::Values overParts(Joiner &joiner, ArrayRef<Axis> axes, Value at, Value start,
                                function_ref<KernelBuilder::Values(Value, ValueRange)> body) {
  KernelBuilder &b = joiner.b;
  if (axes.empty() || !joiner.isFloatSum())
    return overAxes(b, axes, at, start, body);
  const int64_t size = axes[0].size, length = int64_t(std::ceil(std::sqrt(double(size))));
  return b.loop(b.i64(0), b.i64(size), length, start, [&](Value first, ValueRange total) {
    Value end = b.minimum(b.add(first, length), b.i64(size));
    auto part = b.loop(first, end, 1, start, [&](Value i, ValueRange inside) {
      return overAxes(b, axes.drop_front(), b.add(at, b.mul(i, axes[0].step)), inside, body);
    });
    return KernelBuilder::Values{joiner.join(total[0], part[0])};
  });
}

/// Lanes are elements of the result.
void emitKept(const ReduceNest &nest, Joiner &joiner, Value x, Value row, Value begin, Value end) {
  KernelBuilder &b = joiner.b;
  Value place = rowPlace(b, nest.outer(), row);
  joiner.g.overWideLanes(begin, end, [&](Value i, int64_t lanes) {
    auto sum = overParts(joiner, nest.reduced, b.add(place, i), joiner.start(lanes), [&](Value at, ValueRange sum) {
      return KernelBuilder::Values{
          joiner.join(sum[0], loadLanes(b, joiner.element, lanes, joiner.g.place(x, joiner.element, at)))};
    });
    joiner.store(sum[0], b.add(b.mul(row, nest.inner()), i), nest.elements);
  });
}

/// Lanes are parts of one element.
void emitReduced(const ReduceNest &nest, Joiner &joiner, Value x, Value row) {
  KernelBuilder &b = joiner.b;
  const int64_t size = nest.reduced.back().size, few = joiner.g.lanes();
  const int64_t wide = size >= 4 * few ? 4 * few : size >= few ? few : 1, whole = size / wide * wide;
  Value start[] = {joiner.start(wide), joiner.start(1)};
  auto sums = overAxes(
      b, ArrayRef(nest.reduced).drop_back(), rowPlace(b, nest.outer(), row), start, [&](Value at, ValueRange sums) {
        auto along = [&](int64_t from, int64_t to, int64_t lanes, Value sum) {
          return b.loop(b.i64(from), b.i64(to), lanes, sum, [&](Value i, ValueRange sum) {
            Value place = joiner.g.place(x, joiner.element, b.add(at, i));
            return KernelBuilder::Values{joiner.join(sum[0], loadLanes(b, joiner.element, lanes, place))};
          })[0];
        };
        return KernelBuilder::Values{along(0, whole, wide, sums[0]), along(whole, size, 1, sums[1])};
      });
  joiner.store(joiner.join(joiner.joinLanes(sums[0]), sums[1]), row, nest.elements);
}

} // namespace

GridKernel reduceKernel(phiq::ReduceOp op) {
  const ReduceNest nest(op);
  const RowTiles tiles(nest.rows(), nest.inner(), nest.elements);
  return {.tiles = tiles.count(), .tile = [=](GridEmitter &g, Value tile) mutable {
            Joiner joiner(op, g);
            Value x = g.base(op.getX());
            tiles.overRows(g.b, tile, [&](Value row, Value begin, Value end) {
              if (nest.reducesLast)
                emitReduced(nest, joiner, x, row);
              else
                emitKept(nest, joiner, x, row, begin, end);
            });
          }};
}

} // namespace phic
