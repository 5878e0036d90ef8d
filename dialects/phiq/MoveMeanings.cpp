//===- MoveMeanings.cpp - Meaning of moves ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All moves are one function: which element of which operand each element of the result is.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Meanings.h"
#include "dialects/phiq/Moves.h"

using namespace mlir;

namespace phic::phiq {
namespace {

/// What is done for each element: its place, the operand, the place there, and the error of an index that led there.
using Visit = llvm::function_ref<void(size_t to, const Rows &operand, int64_t from, double indexError)>;

/// Counts through a box: function(place behind the first by each of two sets of steps).
void overBox(ArrayRef<int64_t> shape, ArrayRef<int64_t> first, ArrayRef<int64_t> second,
             llvm::function_ref<void(int64_t, int64_t)> function) {
  if (shape.empty())
    return function(0, 0);
  for (int64_t i = 0; i < shape.front(); ++i)
    overBox(shape.drop_front(), first.drop_front(), second.drop_front(),
            [&](int64_t a, int64_t b) { function(i * first.front() + a, i * second.front() + b); });
}

void overPieces(Operation *move, Scope &scope, Visit visit) {
  for (const MovePiece &piece : movePieces(move)) {
    const Rows &operand = scope.rows(move->getOperand(piece.operand));
    overBox(piece.shape, piece.to, piece.from,
            [&](int64_t to, int64_t from) { visit(size_t(piece.toFirst + to), operand, piece.fromFirst + from, 0); });
  }
}

/// visit(run, where in x it is, error of the indices that say so)
void overRuns(const GatherRuns &runs, const Rows &indices, llvm::function_ref<void(int64_t, int64_t, double)> visit) {
  int64_t run = 0;
  overBox(runs.digits, runs.from, runs.indexAt, [&](int64_t from, int64_t at) {
    double error = 0;
    for (const GatherRuns::Index &index : runs.indices) {
      const int64_t given = indices.integers[size_t(at)];
      from += index.step * std::clamp<int64_t>(given < 0 ? given + index.size : given, 0, index.size - 1);
      error = std::max(error, indices.errorAt(at++));
    }
    visit(run++, from, error);
  });
}

void overGathered(Operation *gather, Scope &scope, Visit visit) {
  const GatherRuns runs = gatherRuns(gather);
  const Rows &x = scope.rows(gather->getOperand(0));
  overRuns(runs, scope.rows(gather->getOperand(1)), [&](int64_t run, int64_t from, double error) {
    for (int64_t i = 0; i < runs.run; ++i)
      visit(size_t(run * runs.run + i), x, from + i, error);
  });
}

void overElements(Operation *move, Scope &scope, Visit visit) {
  if (isa<GatherOp, GatherElementsOp, GatherNDOp>(move))
    overGathered(move, scope, visit);
  else
    overPieces(move, scope, visit);
}

Rows moved(Operation *move, Scope &scope) {
  Rows result = roomFor(move->getResult(0).getType());
  overElements(move, scope,
               [&](size_t to, const Rows &operand, int64_t from, double) { result.take(int64_t(to), operand, from); });
  return result;
}

/// An element is as far off as the one it is; where an index may be another, it may be any.
void boundMoved(Operation *move, Scope &scope, Rows &result) {
  if (llvm::all_of(move->getOperands(), [&](Value operand) { return scope.rows(operand).error.empty(); }))
    return;
  result.error.resize(size_t(result.size()));
  overElements(move, scope, [&](size_t to, const Rows &operand, int64_t from, double indexError) {
    result.error[to] = indexError > 0 ? std::numeric_limits<double>::infinity() : operand.errorAt(from);
  });
}

/// Updates go where their indices say, one after the other: function(element of the result, of the updates, index error)
void overUpdates(ScatterNDOp op, Scope &scope, llvm::function_ref<void(int64_t, int64_t, double)> function) {
  const GatherRuns runs = gatherRuns(op);
  overRuns(runs, scope.rows(op.getIndices()), [&](int64_t run, int64_t to, double error) {
    for (int64_t i = 0; i < runs.run; ++i)
      function(to + i, run * runs.run + i, error);
  });
}

} // namespace

Rows ScatterNDOp::meaning(Scope &scope) {
  const Rows &x = scope.rows(getX()), &updates = scope.rows(getUpdates());
  Rows result = roomFor(getType());
  result.values = x.values;
  result.integers = x.integers;
  overUpdates(*this, scope, [&](int64_t to, int64_t from, double) { result.take(to, updates, from); });
  return result;
}

/// An index that may be another leaves every element open.
void ScatterNDOp::bound(Scope &scope, Rows &result) {
  const Rows &x = scope.rows(getX()), &updates = scope.rows(getUpdates());
  bool isOpen = false;
  result.error.resize(size_t(result.size()));
  for (int64_t i = 0; i < result.size(); ++i)
    result.error[size_t(i)] = x.errorAt(i);
  overUpdates(*this, scope, [&](int64_t to, int64_t from, double error) {
    result.error[size_t(to)] = updates.errorAt(from);
    isOpen |= error > 0;
  });
  if (isOpen)
    llvm::fill(result.error, std::numeric_limits<double>::infinity());
}

Rows PermuteOp::meaning(Scope &scope) { return moved(*this, scope); }
Rows SliceOp::meaning(Scope &scope) { return moved(*this, scope); }
Rows ConcatOp::meaning(Scope &scope) { return moved(*this, scope); }
Rows BroadcastOp::meaning(Scope &scope) { return moved(*this, scope); }
Rows PadOp::meaning(Scope &scope) { return moved(*this, scope); }
Rows GatherOp::meaning(Scope &scope) { return moved(*this, scope); }
Rows GatherElementsOp::meaning(Scope &scope) { return moved(*this, scope); }
Rows GatherNDOp::meaning(Scope &scope) { return moved(*this, scope); }

void PermuteOp::bound(Scope &scope, Rows &result) { boundMoved(*this, scope, result); }
void SliceOp::bound(Scope &scope, Rows &result) { boundMoved(*this, scope, result); }
void ConcatOp::bound(Scope &scope, Rows &result) { boundMoved(*this, scope, result); }
void BroadcastOp::bound(Scope &scope, Rows &result) { boundMoved(*this, scope, result); }
void PadOp::bound(Scope &scope, Rows &result) { boundMoved(*this, scope, result); }
void GatherOp::bound(Scope &scope, Rows &result) { boundMoved(*this, scope, result); }
void GatherElementsOp::bound(Scope &scope, Rows &result) { boundMoved(*this, scope, result); }
void GatherNDOp::bound(Scope &scope, Rows &result) { boundMoved(*this, scope, result); }

} // namespace phic::phiq
