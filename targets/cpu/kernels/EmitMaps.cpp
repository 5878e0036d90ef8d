//===- EmitMaps.cpp - Maps of one shape, computed together -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Axes along which every operand goes on as the one before them are joined, so that most stages are a loop or two:
//
//     tensor<8x64x56x56xf32> + tensor<64x1x1xf32>   ->   axes 8 64 3136, strides (200704 3136 1), (0 1 0)
//
// The last axis is the inner loop, in vectors; an operand that stands still along it is loaded before it. A tile is a run
// of the last axis, or some rows of it where it is short.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/GridEmitter.h"
#include "targets/cpu/kernels/MapParts.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;

namespace phic {
namespace {

/// An operand that the stage does not compute.
struct Leaf {
  Value value;
  SmallVector<int64_t> strides; ///< in elements, along the nest's axes
};

/// The loops of a stage.
struct MapNest {
  explicit MapNest(plan::StageOp stage);

  int64_t inner() const { return axes.empty() ? 1 : axes.back(); }
  int64_t outer() const {
    return std::accumulate(axes.begin(), axes.empty() ? axes.end() : axes.end() - 1, int64_t(1), std::multiplies<>());
  }

  SmallVector<int64_t> axes;
  SmallVector<Leaf> leaves;
  SmallVector<phiq::MapOp> maps;
  SmallVector<Value> results; ///< what the stage yields

private:
  void addLeaf(Value value, ArrayRef<int64_t> shape);
  void joinAxes();
};

MapNest::MapNest(plan::StageOp stage) {
  Block &body = stage.getBody().front();
  results.assign(body.getTerminator()->operand_begin(), body.getTerminator()->operand_end());
  axes.assign(shapeOf(results.front()).begin(), shapeOf(results.front()).end());
  const SmallVector<int64_t> shape = axes;
  for (auto map : body.getOps<phiq::MapOp>()) {
    maps.push_back(map);
    for (Value x : map.getTensors())
      if (!x.getDefiningOp<phiq::MapOp>())
        addLeaf(x, shape);
  }
  for (Value result : results) // a copy
    if (!result.getDefiningOp<phiq::MapOp>())
      leaves.push_back({result, denseStrides(shape)});
  joinAxes();
}

void MapNest::addLeaf(Value value, ArrayRef<int64_t> shape) {
  if (llvm::none_of(leaves, [&](const Leaf &leaf) { return leaf.value == value; }))
    leaves.push_back({value, broadcastStrides(shapeOf(value), shape)});
}

/// An axis joins the one before it where each operand's stride there is this one's times its size; the result's is.
void MapNest::joinAxes() {
  SmallVector<int64_t> joined;
  SmallVector<SmallVector<int64_t>> strides(leaves.size());
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    if (axes[axis] == 1)
      continue;
    const bool joins = !joined.empty() && llvm::all_of(llvm::seq(leaves.size()), [&](size_t k) {
      return strides[k].back() == leaves[k].strides[axis] * axes[axis];
    });
    if (joins)
      joined.back() *= axes[axis];
    else
      joined.push_back(axes[axis]);
    for (auto [k, leaf] : llvm::enumerate(leaves)) {
      if (joins)
        strides[k].back() = leaf.strides[axis];
      else
        strides[k].push_back(leaf.strides[axis]);
    }
  }
  axes = joined;
  for (auto [leaf, joinedStrides] : llvm::zip(leaves, strides))
    leaf.strides = joinedStrides;
}

/// Emits a run of one row of the last axis.
class RowEmitter {
public:
  RowEmitter(const MapNest &nest, GridEmitter &g, Value row) : nest(nest), g(g), b(g.b), row(row) {
    // Indices along the axes but the last, from the row's number.
    SmallVector<Value> index(nest.axes.empty() ? 0 : nest.axes.size() - 1);
    Value rest = row;
    for (size_t axis = index.size(); axis-- > 0;) {
      Value next = axis ? b.divide(rest, nest.axes[axis]) : b.i64(0);
      index[axis] = axis ? b.sub(rest, b.mul(next, nest.axes[axis])) : rest;
      rest = next;
    }
    for (const Leaf &leaf : nest.leaves) {
      Value at = b.i64(0);
      for (auto [axis, i] : llvm::enumerate(index))
        if (leaf.strides[axis])
          at = b.add(at, b.mul(i, leaf.strides[axis]));
      bases.push_back(g.place(g.base(leaf.value), elementTypeOf(leaf.value), at));
    }
  }

  /// What one part of the maps hands on to the next lies in scratch memory.
  void emit(Value begin, Value end) {
    const SmallVector<ArrayRef<phiq::MapOp>> parts = divideMaps(/*main=*/nullptr, nest.maps);
    Value handedOn;
    for (ArrayRef<phiq::MapOp> part : parts) {
      emitPart(begin, end, part, handedOn, part.data() == parts.back().data());
      if (!part.empty())
        handedOn = phiq::MapOp(part.back()).getResult();
    }
  }

private:
  void emitPart(Value begin, Value end, ArrayRef<phiq::MapOp> part, Value handedOn, bool isLast) {
    SmallVector<unsigned> read; ///< leaves, by number
    for (unsigned k = 0; k < nest.leaves.size(); ++k)
      if (part.empty() || llvm::any_of(part, [&](phiq::MapOp map) {
            return llvm::is_contained(map.getTensors(), nest.leaves[k].value);
          }))
        read.push_back(k);
    llvm::DenseMap<std::pair<unsigned, int64_t>, Value> still;
    for (unsigned k : read)
      if (const Leaf &leaf = nest.leaves[k]; !moves(leaf))
        for (int64_t lanes : {int64_t(1), g.lanes()})
          still[{k, lanes}] = loadSplat(b, elementTypeOf(leaf.value), lanes, bases[k]);
    g.overLanes(begin, end, [&](Value i, int64_t lanes) {
      LaneValues values(b, [&](Value table) { return g.base(table); });
      Value between = b.offset(g.e.scratch, b.mul(b.sub(i, begin), 4));
      if (handedOn)
        values[handedOn] = loadLanes(b, b.getF32Type(), lanes, between);
      for (unsigned k : read) {
        const Leaf &leaf = nest.leaves[k];
        Type element = elementTypeOf(leaf.value);
        values[leaf.value] =
            moves(leaf) ? loadLanes(b, element, lanes, g.place(bases[k], element, i)) : still[{k, lanes}];
      }
      values.compute(part);
      if (!isLast)
        return storeLanes(b, b.getF32Type(), values[phiq::MapOp(part.back()).getResult()], between);
      Value at = b.add(b.mul(row, nest.inner()), i);
      for (auto [k, result] : llvm::enumerate(nest.results)) {
        Type element = elementTypeOf(result);
        storeLanes(b, element, values[result], g.place(g.resultBase(unsigned(k)), element, at));
      }
    });
  }

  bool moves(const Leaf &leaf) const { return !nest.axes.empty() && leaf.strides.back() != 0; }

  const MapNest &nest;
  GridEmitter &g;
  KernelBuilder &b;
  Value row;
  SmallVector<Value> bases;
};

} // namespace

GridKernel mapKernel(plan::StageOp stage) {
  const MapNest nest(stage);
  const int64_t inner = nest.inner(), outer = nest.outer();
  const int64_t run = std::min(inner, kGridTileElements), rows = std::max<int64_t>(1, kGridTileElements / inner);
  const auto runs = int64_t(llvm::divideCeil(inner, run));
  GridKernel kernel;
  kernel.tiles = int64_t(llvm::divideCeil(outer, rows)) * runs;
  kernel.scratchBytes = divideMaps(/*main=*/nullptr, nest.maps).size() > 1 ? 4 * run : 0;
  kernel.tile = [=](GridEmitter &g, Value tile) {
    KernelBuilder &b = g.b;
    Value group = b.divide(tile, runs), first = b.mul(group, rows);
    Value begin = b.mul(b.sub(tile, b.mul(group, runs)), run), end = b.minimum(b.add(begin, run), b.i64(inner));
    b.loop(first, b.minimum(b.add(first, rows), b.i64(outer)), 1,
           [&](Value row) { RowEmitter(nest, g, row).emit(begin, end); });
  };
  return kernel;
}

} // namespace phic
