//===- EmitMoves.cpp - Elements from one place to another ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each piece of a move is a nest of loops; axes that go on as the one before them, on both sides, are joined. By what is
// innermost a piece is
//
//     runs        elements side by side on both sides: vectors of bytes
//     fills       one element again and again: a vector of it
//     transposes  side by side along one axis in x, along another in the result: squares of N x N, turned in registers
//     elements    none of these: one by one
//
// A tile is a part of one piece.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Moves.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/GridEmitter.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;

namespace phic {
namespace {

enum class Way : uint8_t { Runs, Fills, Transposes, Elements };

/// Rows and columns of the squares that are turned in registers: a vector each.
int64_t squareOf(int64_t elementBytes) { return elementBytes == 1 ? 16 : 32 / elementBytes; }

/// The loops of a piece. The last axis is the inner loop; of a transpose it is the result's, the one before it x's.
struct MoveNest {
  MoveNest(const MovePiece &piece, int64_t elementBytes);

  /// Axes that one number counts: all but those that a tile's loops are along.
  size_t outerAxes() const { return shape.size() - (way == Way::Transposes ? 2 : 1); }
  int64_t outer() const {
    return std::accumulate(shape.begin(), shape.begin() + outerAxes(), int64_t(1), std::multiplies<>());
  }
  /// The axis that tiles divide.
  int64_t split() const { return shape[outerAxes()]; }
  /// Elements that one step along it has.
  int64_t each() const { return way == Way::Transposes ? shape.back() : 1; }

  MovePiece piece;
  SmallVector<int64_t> shape, from, to;
  Way way = Way::Elements;
  int64_t square = 0;

private:
  void joinAxes();
  void chooseWay();
};

MoveNest::MoveNest(const MovePiece &piece, int64_t elementBytes) : piece(piece), square(squareOf(elementBytes)) {
  joinAxes();
  if (shape.empty()) {
    shape = {1};
    from = to = {1};
  }
  chooseWay();
}

void MoveNest::joinAxes() {
  for (size_t axis = 0; axis < piece.shape.size(); ++axis) {
    const int64_t size = piece.shape[axis];
    if (size == 1)
      continue;
    if (!shape.empty() && from.back() == size * piece.from[axis] && to.back() == size * piece.to[axis]) {
      shape.back() *= size;
      from.back() = piece.from[axis];
      to.back() = piece.to[axis];
      continue;
    }
    shape.push_back(size);
    from.push_back(piece.from[axis]);
    to.push_back(piece.to[axis]);
  }
}

void MoveNest::chooseWay() {
  if (to.back() != 1)
    return;
  if (from.back() == 1 || from.back() == 0) {
    way = from.back() ? Way::Runs : Way::Fills;
    return;
  }
  const auto last = shape.size() - 1;
  for (size_t axis = 0; axis < last; ++axis)
    if (from[axis] == 1 && shape[axis] >= square && shape[last] >= square) {
      for (auto *list : {&shape, &from, &to})
        std::rotate(list->begin() + axis, list->begin() + axis + 1, list->end() - 1);
      way = Way::Transposes;
      return;
    }
}

/// Emits a piece's loops.
class PieceEmitter {
public:
  PieceEmitter(const MoveNest &nest, GridEmitter &g, Operation *op)
      : nest(nest), g(g), b(g.b), bytes(elementBytes(elementTypeOf(op->getResult(0)))),
        element(b.getIntegerType(unsigned(8 * bytes))), fromBase(g.base(op->getOperand(nest.piece.operand))),
        toBase(g.resultBase()) {}

  /// Steps [begin, end) of the axis that tiles divide, of the outer axes' combination of that number.
  void emit(Value outer, Value begin, Value end) {
    from = b.i64(nest.piece.fromFirst);
    to = b.i64(nest.piece.toFirst);
    Value rest = outer;
    for (size_t axis = nest.outerAxes(); axis-- > 0;) {
      Value next = axis ? b.divide(rest, nest.shape[axis]) : b.i64(0);
      Value index = axis ? b.sub(rest, b.mul(next, nest.shape[axis])) : rest;
      from = b.add(from, b.mul(index, nest.from[axis]));
      to = b.add(to, b.mul(index, nest.to[axis]));
      rest = next;
    }
    switch (nest.way) {
    case Way::Runs:
      return copyRun(g, element, place(toBase, b.add(to, begin)), place(fromBase, b.add(from, begin)),
                     b.sub(end, begin));
    case Way::Fills:
      return fill(begin, end);
    case Way::Transposes:
      return transpose(begin, end);
    case Way::Elements:
      return b.loop(begin, end, 1, [&](Value i) { moveOne(i, nest.shape.size() - 1, b.i64(0)); });
    }
  }

private:
  Value place(Value base, Value index) { return b.offset(base, b.mul(index, bytes)); }

  /// Element i along `axis`; `across`, of a transpose, along the other.
  void moveOne(Value i, size_t axis, Value across) {
    Value source = b.add(from, b.mul(i, nest.from[axis])), target = b.add(to, b.mul(i, nest.to[axis]));
    if (nest.way == Way::Transposes) {
      source = b.add(source, b.mul(across, nest.from.back()));
      target = b.add(target, across);
    }
    b.store(b.load(element, place(fromBase, source)), place(toBase, target));
  }

  void fill(Value begin, Value end) {
    const int64_t lanes = g.target.vectorBytes / bytes;
    Value one = b.load(element, place(fromBase, from)), many = b.broadcast(lanes, one);
    Value whole = b.add(begin, b.mul(b.divide(b.sub(end, begin), lanes), lanes));
    b.loop(begin, whole, lanes, [&](Value i) { b.store(many, place(toBase, b.add(to, i))); });
    b.loop(whole, end, 1, [&](Value i) { b.store(one, place(toBase, b.add(to, i))); });
  }

  /// Rows [begin, end) of the axis that is x's inner one: squares, and single elements at the edges.
  void transpose(Value begin, Value end) {
    const int64_t n = nest.square, columns = nest.shape.back(), whole = columns / n * n;
    const size_t axis = nest.outerAxes();
    Value wholeRows = b.add(begin, b.mul(b.divide(b.sub(end, begin), n), n));
    auto ones = [&](Value first, Value last, int64_t column) {
      b.loop(first, last, 1, [&](Value i) {
        b.loop(b.i64(column), b.i64(columns), 1, [&](Value across) { moveOne(i, axis, across); });
      });
    };
    b.loop(begin, wholeRows, n,
           [&](Value i) { b.loop(b.i64(0), b.i64(whole), n, [&](Value across) { moveSquare(i, across); }); });
    if (whole < columns)
      ones(begin, wholeRows, whole);
    ones(wholeRows, end, 0);
  }

  void moveSquare(Value i, Value across) {
    const int64_t n = nest.square, step = nest.to[nest.outerAxes()];
    Value source = b.add(b.add(from, i), b.mul(across, nest.from.back()));
    Value target = b.add(b.add(to, b.mul(i, step)), across);
    SmallVector<Value> rows;
    for (int64_t row = 0; row < n; ++row)
      rows.push_back(b.load(b.vec(n, element), place(fromBase, b.add(source, row * nest.from.back()))));
    turnSquare(b, rows);
    for (int64_t row = 0; row < n; ++row)
      b.store(rows[size_t(row)], place(toBase, b.add(target, row * step)));
  }

  const MoveNest &nest;
  GridEmitter &g;
  KernelBuilder &b;
  const int64_t bytes;
  const Type element;
  Value fromBase, toBase, from, to;
};

/// How a piece is cut: `rows` combinations of the outer axes, or a run of the axis that is split.
struct PieceTiles {
  explicit PieceTiles(const MoveNest &nest) {
    const int64_t whole = nest.split() * nest.each();
    const int64_t unit = nest.way == Way::Transposes ? nest.square : 1;
    run = whole <= kGridTileElements
              ? nest.split()
              : std::min<int64_t>(nest.split(), llvm::alignTo(llvm::divideCeil(kGridTileElements, nest.each()), unit));
    rows = std::max<int64_t>(1, kGridTileElements / whole);
    runs = int64_t(llvm::divideCeil(nest.split(), run));
    count = int64_t(llvm::divideCeil(nest.outer(), rows)) * runs;
  }
  int64_t run, rows, runs, count;
};

void emitTile(const MoveNest &nest, GridEmitter &g, Operation *op, Value tile) {
  KernelBuilder &b = g.b;
  const PieceTiles tiles(nest);
  PieceEmitter piece(nest, g, op);
  Value group = b.divide(tile, tiles.runs), first = b.mul(group, tiles.rows);
  Value begin = b.mul(b.sub(tile, b.mul(group, tiles.runs)), tiles.run);
  Value end = tiles.runs == 1 ? b.i64(tiles.run) : b.minimum(b.add(begin, tiles.run), b.i64(nest.split()));
  b.loop(first, b.minimum(b.add(first, tiles.rows), b.i64(nest.outer())), 1,
         [&](Value outer) { piece.emit(outer, begin, end); });
}

} // namespace

/// For each bit of a row's and a lane's number: rows that differ in it exchange what differs in it.
///
///     a0 a1 a2 a3     a0 b0 a2 b2     a0 b0 c0 d0
///     b0 b1 b2 b3  ->  a1 b1 a3 b3  ->  a1 b1 c1 d1
///     c0 c1 c2 c3     c0 d0 c2 d2     a2 b2 c2 d2
///     d0 d1 d2 d3     c1 d1 c3 d3     a3 b3 c3 d3
void turnSquare(KernelBuilder &b, SmallVectorImpl<Value> &rows) {
  const auto n = int32_t(rows.size());
  for (int32_t bit = 1; bit < n; bit *= 2)
    for (int32_t row = 0; row < n; ++row) {
      if (row & bit)
        continue;
      Value &low = rows[size_t(row)], &high = rows[size_t(row | bit)];
      SmallVector<int32_t> lows, highs;
      for (int32_t lane = 0; lane < n; ++lane) {
        lows.push_back(lane & bit ? n + (lane ^ bit) : lane);
        highs.push_back(lane & bit ? n + lane : lane ^ bit);
      }
      Value first = LLVM::ShuffleVectorOp::create(b, low, high, lows);
      high = LLVM::ShuffleVectorOp::create(b, low, high, highs);
      low = first;
    }
}

void copyRun(GridEmitter &g, Type element, Value to, Value from, Value elements) {
  KernelBuilder &b = g.b;
  const int64_t size = elementBytes(element);
  Value bytes = b.mul(elements, size), done = b.i64(0);
  for (int64_t step : {g.target.vectorBytes, std::max<int64_t>(size, 8), size}) {
    Value whole = b.add(done, b.mul(b.divide(b.sub(bytes, done), step), step));
    Type part = step > 8 ? Type(b.vec(step, b.getI8Type())) : b.getIntegerType(unsigned(8 * step));
    b.loop(done, whole, step, [&](Value at) { b.store(b.load(part, b.offset(from, at)), b.offset(to, at)); });
    done = whole;
  }
}

GridKernel moveKernel(Operation *op) {
  std::vector<MoveNest> nests;
  for (const MovePiece &piece : movePieces(op))
    if (!piece.isEmpty())
      nests.emplace_back(piece, elementBytes(elementTypeOf(op->getResult(0))));
  GridKernel kernel{0, 0, {}};
  for (const MoveNest &nest : nests)
    kernel.tiles += PieceTiles(nest).count;
  kernel.tiles = std::max<int64_t>(kernel.tiles, 1);
  kernel.tile = [=](GridEmitter &g, Value tile) {
    KernelBuilder &b = g.b;
    int64_t first = 0;
    for (const MoveNest &nest : nests) {
      const int64_t count = PieceTiles(nest).count;
      Value number = b.add(tile, -first);
      // As unsigned numbers, those of tiles before the piece's first are large.
      Value isMine = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, number, b.i64(count));
      b.when(isMine, [&] { emitTile(nest, g, op, number); });
      first += count;
    }
  };
  return kernel;
}

} // namespace phic
