//===- EmitGathers.cpp - Runs that indices name ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A run of the result is copied from where its indices say, wherever x lies: rows of a table that is a weight are read
// there. An index that is out of range is brought into it, so that nothing else is ever read.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Moves.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/GridEmitter.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic {
namespace {

class GatherEmitter {
public:
  GatherEmitter(const GatherRuns &runs, GridEmitter &g, Operation *op)
      : runs(runs), g(g), b(g.b), element(elementTypeOf(op->getResult(0))), index(elementTypeOf(op->getOperand(1))),
        x(g.base(op->getOperand(0))), indices(g.base(op->getOperand(1))), result(g.resultBase()) {}

  /// Elements [begin, end) of a run.
  void emit(Value run, Value begin, Value end) {
    Value from = b.add(place(run), begin), to = b.add(b.mul(run, runs.run), begin);
    copyRun(g, element, g.place(result, element, to), g.place(x, element, from), b.sub(end, begin));
  }

  /// A scatter's run.
  void replace(Value run, Value updates) {
    copyRun(g, element, g.place(result, element, place(run)), g.place(updates, element, b.mul(run, runs.run)),
            b.i64(runs.run));
  }

private:
  /// Where in x a run begins.
  Value place(Value run) {
    Value from = b.i64(0), at = b.i64(0), rest = run;
    for (size_t digit = runs.digits.size(); digit-- > 0;) {
      Value next = digit ? b.divide(rest, runs.digits[digit]) : b.i64(0);
      Value number = digit ? b.sub(rest, b.mul(next, runs.digits[digit])) : rest;
      from = b.add(from, b.mul(number, runs.from[digit]));
      at = b.add(at, b.mul(number, runs.indexAt[digit]));
      rest = next;
    }
    for (auto [i, axis] : llvm::enumerate(runs.indices))
      from = b.add(from, b.mul(indexAt(b.add(at, int64_t(i)), axis.size), axis.step));
    return from;
  }

  Value indexAt(Value at, int64_t size) {
    Value given = b.load(index, g.place(indices, index, at));
    if (!index.isInteger(64))
      given = arith::ExtSIOp::create(b, b.getI64Type(), given);
    Value counted = b.select(b.less(given, b.i64(0)), b.add(given, size), given);
    return b.minimum(b.maximum(counted, b.i64(0)), b.i64(size - 1));
  }

  const GatherRuns &runs;
  GridEmitter &g;
  KernelBuilder &b;
  const Type element, index;
  Value x, indices, result;
};

} // namespace

GridKernel gatherKernel(Operation *op) {
  const GatherRuns gather = gatherRuns(op);
  GridKernel kernel{1, 0, {}};
  if (gather.run == 0 || gather.count == 0) {
    kernel.tile = [](GridEmitter &, Value) {};
    return kernel;
  }
  const int64_t part = std::min(gather.run, kGridTileElements),
                rows = std::max<int64_t>(1, kGridTileElements / gather.run);
  const auto parts = int64_t(llvm::divideCeil(gather.run, part));
  kernel.tiles = int64_t(llvm::divideCeil(gather.count, rows)) * parts;
  kernel.tile = [=](GridEmitter &g, Value tile) {
    KernelBuilder &b = g.b;
    GatherEmitter emitter(gather, g, op);
    Value group = b.divide(tile, parts), first = b.mul(group, rows);
    Value begin = b.mul(b.sub(tile, b.mul(group, parts)), part);
    Value end = parts == 1 ? b.i64(part) : b.minimum(b.add(begin, part), b.i64(gather.run));
    b.loop(first, b.minimum(b.add(first, rows), b.i64(gather.count)), 1,
           [&](Value run) { emitter.emit(run, begin, end); });
  };
  return kernel;
}

/// One tile: of two runs for one place the later one stays.
GridKernel scatterKernel(phiq::ScatterNDOp op) {
  const GatherRuns scatter = gatherRuns(op);
  GridKernel kernel{1, 0, {}};
  kernel.tile = [=](GridEmitter &g, Value) mutable {
    KernelBuilder &b = g.b;
    const int64_t elements = op.getType().getNumElements();
    copyRun(g, elementTypeOf(op.getX()), g.resultBase(), g.base(op.getX()), b.i64(elements));
    if (scatter.run == 0 || scatter.count == 0)
      return;
    GatherEmitter emitter(scatter, g, op);
    b.loop(b.i64(0), b.i64(scatter.count), 1, [&](Value run) { emitter.replace(run, g.base(op.getUpdates())); });
  };
  return kernel;
}

} // namespace phic
