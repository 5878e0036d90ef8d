//===- EmitGridMoves.cpp - Elements from one place to another --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thread moves an element. Of a move whose pieces are known in advance, threads count the elements of one piece after
// the other.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Moves.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/gpu/GridCode.h"

using namespace mlir;

namespace phic::gpu_code {
namespace {

/// Copies an element as the bytes that it is.
void copyElement(GridCode &g, Type element, Value toBase, Value to, Value fromBase, Value from) {
  GpuBuilder &b = g.b;
  b.store(b.load(storedType(b, element), g.place(fromBase, element, from), 0, /*constant=*/true),
          g.place(toBase, element, to));
}

/// Places that indices name.
class GatherCode {
public:
  GatherCode(const GatherRuns &runs, GridCode &g, Operation *op)
      : runs(runs), g(g), b(g.b), indices(op->getOperand(1)) {}

  /// Where in x a run begins.
  Value place(Value run) {
    Value from = placeAt(b, run, runs.digits, runs.from), at = placeAt(b, run, runs.digits, runs.indexAt);
    for (auto [i, axis] : llvm::enumerate(runs.indices))
      from = b.add(from, b.mul(indexAt(b.add(at, int64_t(i)), axis.size), axis.step));
    return from;
  }

private:
  /// Brought into the range that x has, in 64 bits if it has as many.
  Value indexAt(Value at, int64_t size) {
    Value given = g.load(indices, at);
    Value counted = b.select(b.less(given, 0), b.add(given, size), given);
    Value held = b.minimum(b.maximum(counted, b.like(given, int64_t(0))), b.like(given, size - 1));
    return held.getType().isInteger(64) ? b.truncate(held) : held;
  }

  const GatherRuns &runs;
  GridCode &g;
  GpuBuilder &b;
  Value indices;
};

} // namespace

GpuGridKernel moveKernel(Operation *op) {
  SmallVector<MovePiece> pieces;
  int64_t count = 0;
  for (const MovePiece &piece : movePieces(op))
    if (!piece.isEmpty()) {
      pieces.push_back(piece);
      count += ShapedType::getNumElements(piece.shape);
    }
  return threadKernel(count, [=](GridCode &g, Value number) {
    GpuBuilder &b = g.b;
    Type element = elementTypeOf(op->getResult(0));
    int64_t first = 0;
    for (const MovePiece &piece : pieces) {
      const int64_t elements = ShapedType::getNumElements(piece.shape);
      Value at = b.add(number, -first);
      auto move = [&] {
        copyElement(g, element, g.s.result(0), placeAt(b, at, piece.shape, piece.to, piece.toFirst),
                    g.base(op->getOperand(piece.operand)), placeAt(b, at, piece.shape, piece.from, piece.fromFirst));
      };
      // As unsigned numbers, those of elements before the piece's first are large.
      if (pieces.size() == 1)
        move();
      else
        b.when(arith::CmpIOp::create(b, arith::CmpIPredicate::ult, at, b.i32(int32_t(elements))), move);
      first += elements;
    }
  });
}

GpuGridKernel gatherKernel(Operation *op) {
  const GatherRuns runs = gatherRuns(op);
  return threadKernel(runs.run * runs.count, [=](GridCode &g, Value at) {
    auto [run, inRun] = g.b.divideRest(at, runs.run);
    Value from = g.b.add(GatherCode(runs, g, op).place(run), inRun);
    copyElement(g, elementTypeOf(op->getResult(0)), g.s.result(0), at, g.base(op->getOperand(0)), from);
  });
}

/// One block, which copies x and then one run after the other: of two for one place the later one stays.
GpuGridKernel scatterKernel(phiq::ScatterNDOp op) {
  const GatherRuns runs = gatherRuns(op);
  GpuGridKernel kernel;
  kernel.emit = [=](GridCode &g) mutable {
    GpuBuilder &b = g.b;
    Type element = elementTypeOf(op.getX());
    auto copy = [&](int64_t elements, Value to, Value from, Value fromFirst) {
      b.loop(b.thread(), b.i32(int32_t(elements)), kGridThreads,
             [&](Value i) { copyElement(g, element, g.s.result(0), b.add(to, i), g.base(from), b.add(fromFirst, i)); });
    };
    copy(op.getType().getNumElements(), b.i32(0), op.getX(), b.i32(0));
    if (runs.run == 0 || runs.count == 0)
      return;
    b.loop(b.i32(0), b.i32(int32_t(runs.count)), 1, [&](Value run) {
      g.waitForAll();
      copy(runs.run, GatherCode(runs, g, op).place(run), op.getUpdates(), b.mul(run, runs.run));
    });
  };
  return kernel;
}

} // namespace phic::gpu_code
