//===- EmitGridAxes.cpp - Elements along axes ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thread goes along the axis, or the axes, of an element of the result. Where it would reduce many elements, or few
// threads would reduce some, a block does: each thread its share, then lanes and warps in a fixed order.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Reduce.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/gpu/GridCode.h"
#include <limits>

using namespace mlir;

namespace phic::gpu_code {
namespace {

using arith::CmpFPredicate;
using arith::CmpIPredicate;
using phiq::ReduceKind;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Elements, or what they have been joined to.
class Joiner {
public:
  Joiner(phiq::ReduceOp op, GpuBuilder &b) : b(b), kind(op.getKind()), element(elementTypeOf(op.getX())) {}

  Value start() {
    if (element.isF32())
      return b.f32(float(phiq::startOf(kind)));
    const int64_t number = phiq::wholeStartOf(kind, element);
    return element.isInteger(64) ? b.i64(number) : b.i32(int32_t(number));
  }

  Value join(Value a, Value x) { return joinReduced(b, kind, a, x); }

  Value result(Value joined, int64_t elements) {
    return kind == ReduceKind::Mean ? b.fdiv(joined, b.f32(float(elements))) : joined;
  }

private:
  GpuBuilder &b;
  const ReduceKind kind;
  const Type element;
};

/// Axes of x, with the steps along them.
struct Axes {
  SmallVector<int64_t> sizes, steps;
  int64_t elements() const { return ShapedType::getNumElements(sizes); }
};

struct ReduceAxes {
  explicit ReduceAxes(phiq::ReduceOp op) {
    const SmallVector<int64_t> strides = denseStrides(shapeOf(op.getX()));
    for (auto [axis, size] : llvm::enumerate(shapeOf(op.getX()))) {
      Axes &axes = llvm::is_contained(op.getAxes(), int64_t(axis)) ? reduced : kept;
      axes.sizes.push_back(size);
      axes.steps.push_back(strides[axis]);
    }
  }
  Axes kept, reduced;
};

/// Joins elements first, first + step, ... of those that one of the result stands for.
Value joinElements(GridCode &g, phiq::ReduceOp op, const ReduceAxes &axes, Value at, Value first, int64_t step) {
  GpuBuilder &b = g.b;
  Joiner joiner(op, b);
  Value place = placeAt(b, at, axes.kept.sizes, axes.kept.steps);
  return b.loop(first, b.i32(int32_t(axes.reduced.elements())), step, joiner.start(), [&](Value i, ValueRange joined) {
    Value from = b.add(place, placeAt(b, i, axes.reduced.sizes, axes.reduced.steps));
    return KernelBuilder::Values{joiner.join(joined[0], g.load(op.getX(), from))};
  })[0];
}

/// Whether a block is to have an element of the result: shuffles are of 32 bits.
bool isForBlocks(phiq::ReduceOp op, const ReduceAxes &axes) {
  constexpr int64_t kMany = 256, kFewThreads = 1 << 15;
  const int64_t elements = axes.reduced.elements();
  const bool isAlong = !axes.reduced.steps.empty() && axes.reduced.steps.back() == 1;
  return !elementTypeOf(op.getX()).isInteger(64) && elements >= kMany &&
         (isAlong || op.getType().getNumElements() < kFewThreads);
}

/// Of elements along an axis the one sought, and where it is.
class ArgCode {
public:
  ArgCode(phiq::ArgOp op, GridCode &g)
      : op(op), g(g), b(g.b), element(elementTypeOf(op.getX())), findsLeast(op.getKind() == ReduceKind::Minimum),
        size(shapeOf(op.getX())[op.getAxis()]), inner(denseStrides(shapeOf(op.getX()))[op.getAxis()]) {}

  Value find(Value at) {
    auto [outer, in] = b.divideRest(at, inner);
    Value first = b.add(b.mul(outer, size * inner), in);
    auto found =
        b.loop(b.i32(1), b.i32(int32_t(size)), 1, ValueRange{load(first), b.i32(0)}, [&](Value k, ValueRange best) {
          Value next = load(b.add(first, b.mul(k, inner))), wins = isBetter(next, best[0]);
          return KernelBuilder::Values{b.select(wins, next, best[0]), b.select(wins, k, best[1])};
        });
    return b.extend(found[1]);
  }

private:
  /// Floats so that the greatest is the one sought, a NaN as -inf.
  Value load(Value at) {
    Value value = g.load(op.getX(), at);
    if (!element.isF32())
      return value;
    if (findsLeast)
      value = arith::NegFOp::create(b, value);
    return b.fmax(value, b.f32(-kInfinity));
  }

  /// With `last`, one as good is better.
  Value isBetter(Value next, Value best) {
    if (element.isF32())
      return arith::CmpFOp::create(b, op.getLast() ? CmpFPredicate::OGE : CmpFPredicate::OGT, next, best);
    return arith::CmpIOp::create(b,
                                 findsLeast ? (op.getLast() ? CmpIPredicate::sle : CmpIPredicate::slt)
                                            : (op.getLast() ? CmpIPredicate::sge : CmpIPredicate::sgt),
                                 next, best);
  }

  phiq::ArgOp op;
  GridCode &g;
  GpuBuilder &b;
  const Type element;
  const bool findsLeast;
  const int64_t size, inner;
};

} // namespace

GpuGridKernel reduceKernel(phiq::ReduceOp op) {
  const ReduceAxes axes(op);
  const int64_t elements = axes.reduced.elements();
  if (!isForBlocks(op, axes))
    return elementKernel(op, [=](GridCode &g, Value at) mutable {
      return Joiner(op, g.b).result(joinElements(g, op, axes, at, g.b.i32(0), 1), elements);
    });
  GpuGridKernel kernel{op.getType().getNumElements(), rowThreads(elements), {}};
  const int64_t threads = kernel.threads;
  kernel.emit = [=](GridCode &g) mutable {
    GpuBuilder &b = g.b;
    Joiner joiner(op, b);
    Value parts = b.shared(GpuBuilder::partBytes(threads), "parts");
    Value at = b.blockColumn(), share = joinElements(g, op, axes, at, b.thread(), threads);
    Value joined = b.overBlock(share, threads, parts, [&](Value p, Value q) { return joiner.join(p, q); });
    b.when(b.equal(b.thread(), 0), [&] { g.finish(op.getResult(), joiner.result(joined, elements), at); });
  };
  return kernel;
}

GpuGridKernel argKernel(phiq::ArgOp op) {
  return elementKernel(op, [=](GridCode &g, Value at) { return ArgCode(op, g).find(at); });
}

/// x is [outer, size, inner], the result [outer, places, inner].
GpuGridKernel resampleKernel(phiq::ResampleOp op) {
  ArrayRef<int64_t> x = shapeOf(op.getX()), table = shapeOf(op.getIndices());
  const int64_t size = x[op.getAxis()], inner = denseStrides(x)[op.getAxis()], places = table[0], terms = table[1];
  return elementKernel(op, [=](GridCode &g, Value at) mutable {
    GpuBuilder &b = g.b;
    auto [row, in] = b.divideRest(at, inner);
    auto [outer, place] = b.divideRest(row, places);
    Value first = b.mul(place, terms), from = b.mul(outer, size), column = in;
    return b.loop(first, b.add(first, terms), 1, b.f32(0), [&](Value t, ValueRange sum) {
      Value index = b.minimum(b.maximum(g.load(op.getIndices(), t), b.i32(0)), b.i32(int32_t(size - 1)));
      Value element = g.load(op.getX(), b.add(b.mul(b.add(from, index), inner), column));
      return KernelBuilder::Values{b.fma(element, g.load(op.getWeights(), t), sum[0])};
    })[0];
  });
}

} // namespace phic::gpu_code
