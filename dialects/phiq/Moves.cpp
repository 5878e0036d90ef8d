//===- Moves.cpp - Where moved elements come from --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Moves.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace phic {
namespace {

using Pieces = SmallVector<MovePiece>;

SmallVector<int64_t> stridesOf(Value value) { return denseStrides(shapeOf(value)); }

/// All of the result, from one operand.
MovePiece whole(Operation *op, SmallVector<int64_t> from, int64_t fromFirst = 0) {
  Value result = op->getResult(0);
  return {0, SmallVector<int64_t>(shapeOf(result)), std::move(from), stridesOf(result), fromFirst, 0};
}

Pieces piecesOf(phiq::PermuteOp op) {
  const SmallVector<int64_t> strides = stridesOf(op.getX());
  return {whole(op, llvm::map_to_vector(op.getOrder(), [&](int64_t axis) { return strides[size_t(axis)]; }))};
}

Pieces piecesOf(phiq::SliceOp op) {
  SmallVector<int64_t> strides = stridesOf(op.getX());
  int64_t first = 0;
  for (auto [stride, start, step] : llvm::zip(strides, op.getStarts(), op.getSteps())) {
    first += start * stride;
    stride *= step;
  }
  return {whole(op, strides, first)};
}

Pieces piecesOf(phiq::BroadcastOp op) {
  return {whole(op, broadcastStrides(shapeOf(op.getX()), shapeOf(op.getResult())))};
}

Pieces piecesOf(phiq::ConcatOp op) {
  const SmallVector<int64_t> strides = stridesOf(op.getResult());
  const auto axis = size_t(op.getAxis());
  Pieces pieces;
  int64_t at = 0;
  for (auto [i, x] : llvm::enumerate(op.getXs())) {
    pieces.push_back({unsigned(i), SmallVector<int64_t>(shapeOf(x)), stridesOf(x), strides, 0, at * strides[axis]});
    at += shapeOf(x)[axis];
  }
  return pieces;
}

/// Elements along an axis of a padded tensor that are elements of x in even steps.
struct PadRun {
  int64_t to, from, step, count;
};

/// The element of x, of `size`, at place `at` of its mirror images or repetitions; x itself begins at 0.
int64_t paddedFrom(int64_t at, int64_t size, phiq::PadMode mode) {
  if (mode == phiq::PadMode::Edge)
    return std::clamp<int64_t>(at, 0, size - 1);
  const int64_t period = mode == phiq::PadMode::Wrap ? size : std::max<int64_t>(2 * (size - 1), 1);
  const int64_t place = (at % period + period) % period;
  return place < size ? place : period - place;
}

SmallVector<PadRun> runsOf(int64_t size, int64_t before, int64_t total, phiq::PadMode mode) {
  SmallVector<PadRun> runs;
  for (int64_t at = 0; at < total; ++at) {
    const int64_t from = paddedFrom(at - before, size, mode);
    PadRun *run = runs.empty() ? nullptr : &runs.back();
    const int64_t step = run ? from - (run->from + (run->count - 1) * run->step) : 0;
    if (run && run->count == 1 && std::abs(step) <= 1)
      run->step = step;
    if (run && (run->count == 1 ? std::abs(step) <= 1 : step == run->step))
      ++run->count;
    else
      runs.push_back({at, from, 0, 1});
  }
  return runs;
}

/// Each piece in parts, by the runs of an axis.
Pieces dividedAlong(ArrayRef<MovePiece> pieces, size_t axis, ArrayRef<PadRun> runs) {
  Pieces parts;
  for (const MovePiece &piece : pieces)
    for (const PadRun &run : runs) {
      MovePiece &part = parts.emplace_back(piece);
      part.shape[axis] = run.count;
      part.fromFirst += run.from * part.from[axis];
      part.toFirst += run.to * part.to[axis];
      part.from[axis] *= run.step;
    }
  return parts;
}

/// The value above and below x along the first axis, then what is left along the next: two boxes an axis.
Pieces aroundConstant(phiq::PadOp op) {
  ArrayRef<int64_t> x = shapeOf(op.getX()), before = op.getBefore();
  const SmallVector<int64_t> none(x.size(), 0);
  MovePiece rest = whole(op, none);
  Pieces pieces;
  for (size_t axis = 0; axis < x.size(); ++axis) {
    const int64_t sizes[] = {before[axis], rest.shape[axis] - before[axis] - x[axis]};
    const int64_t places[] = {0, before[axis] + x[axis]};
    for (unsigned side : {0, 1}) {
      MovePiece &piece = pieces.emplace_back(rest);
      piece.operand = 1;
      piece.shape[axis] = sizes[side];
      piece.toFirst += places[side] * rest.to[axis];
    }
    rest.shape[axis] = x[axis];
    rest.toFirst += before[axis] * rest.to[axis];
  }
  rest.from = stridesOf(op.getX());
  pieces.push_back(rest);
  return pieces;
}

Pieces piecesOf(phiq::PadOp op) {
  if (op.getMode() == phiq::PadMode::Constant)
    return aroundConstant(op);
  ArrayRef<int64_t> x = shapeOf(op.getX()), y = shapeOf(op.getResult());
  Pieces pieces = {whole(op, stridesOf(op.getX()))};
  for (size_t axis = 0; axis < x.size(); ++axis)
    if (x[axis] != y[axis])
      pieces = dividedAlong(pieces, axis, runsOf(x[axis], op.getBefore()[axis], y[axis], op.getMode()));
  return pieces;
}

GatherRuns runsOf(phiq::GatherOp op) {
  ArrayRef<int64_t> x = shapeOf(op.getX());
  const auto axis = size_t(op.getAxis());
  const int64_t outer = ShapedType::getNumElements(x.take_front(axis)),
                inner = ShapedType::getNumElements(x.drop_front(axis + 1));
  const int64_t picked = ShapedType::getNumElements(shapeOf(op.getIndices()));
  return {inner, outer * picked, {outer, picked}, {x[axis] * inner, 0}, {0, 1}, {{x[axis], inner}}};
}

GatherRuns runsOf(phiq::GatherElementsOp op) {
  ArrayRef<int64_t> shape = shapeOf(op.getIndices());
  const auto axis = size_t(op.getAxis());
  GatherRuns runs{1,
                  ShapedType::getNumElements(shape),
                  SmallVector<int64_t>(shape),
                  stridesOf(op.getX()),
                  stridesOf(op.getIndices()),
                  {}};
  runs.indices.push_back({shapeOf(op.getX())[axis], runs.from[axis]});
  runs.from[axis] = 0;
  return runs;
}

/// Of tuples of indices behind `batched` axes that x and they have.
GatherRuns runsOfTuples(Value from, Value tuples, size_t batched) {
  ArrayRef<int64_t> x = shapeOf(from), indices = shapeOf(tuples);
  const auto tuple = size_t(indices.back());
  const int64_t batch = ShapedType::getNumElements(x.take_front(batched));
  const int64_t each = ShapedType::getNumElements(indices.drop_front(batched).drop_back());
  GatherRuns runs{ShapedType::getNumElements(x.drop_front(batched + tuple)),
                  batch * each,
                  {batch, each},
                  {ShapedType::getNumElements(x.drop_front(batched)), 0},
                  {each * int64_t(tuple), int64_t(tuple)},
                  {}};
  const SmallVector<int64_t> strides = stridesOf(from);
  for (size_t axis = batched; axis < batched + tuple; ++axis)
    runs.indices.push_back({x[axis], strides[axis]});
  return runs;
}

GatherRuns runsOf(phiq::GatherNDOp op) { return runsOfTuples(op.getX(), op.getIndices(), size_t(op.getBatchDims())); }
GatherRuns runsOf(phiq::ScatterNDOp op) { return runsOfTuples(op.getX(), op.getIndices(), 0); }

} // namespace

Pieces movePieces(Operation *move) {
  return llvm::TypeSwitch<Operation *, Pieces>(move)
      .Case<phiq::PermuteOp, phiq::SliceOp, phiq::ConcatOp, phiq::BroadcastOp, phiq::PadOp>(
          [](auto op) { return piecesOf(op); });
}

GatherRuns gatherRuns(Operation *gather) {
  return llvm::TypeSwitch<Operation *, GatherRuns>(gather)
      .Case<phiq::GatherOp, phiq::GatherElementsOp, phiq::GatherNDOp, phiq::ScatterNDOp>(
          [](auto op) { return runsOf(op); });
}

} // namespace phic
