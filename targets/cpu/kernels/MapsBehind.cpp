//===- MapsBehind.cpp - Maps of what a kernel has made ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/kernels/MapsBehind.h"

using namespace mlir;

namespace phic {
namespace {

bool isNumber(Value value) { return cast<ShapedType>(value.getType()).getNumElements() == 1; }

/// Whether an operand is as large as what is made.
bool isWhole(Value made, Value operand) { return shapeOf(operand) == shapeOf(made); }

/// Whether it is neither that nor one number, nor a row for all.
bool isBroadcast(Value made, Value operand) {
  ArrayRef<int64_t> shape = shapeOf(operand);
  return !isNumber(operand) && !isWhole(made, operand) &&
         !(llvm::all_of(shape.drop_back(), [](int64_t size) { return size == 1; }) &&
           shape.back() == shapeOf(made).back());
}

} // namespace

MapsBehind::MapsBehind(Operation *main, GridEmitter &g, ArrayRef<int64_t> widths)
    : MapsBehind(main->getResult(0), main->getResult(0), llvm::to_vector(main->getBlock()->getOps<phiq::MapOp>()), g,
                 widths) {}

MapsBehind::MapsBehind(Value made, Value source, ArrayRef<phiq::MapOp> maps, GridEmitter &g, ArrayRef<int64_t> widths)
    : made(made), source(source), g(g), maps(maps), results(made.getParentBlock()->getTerminator()->getOperands()) {
  for (phiq::MapOp map : maps)
    for (Value x : map.getTensors())
      if (!x.getDefiningOp<phiq::MapOp>() && x != made && !llvm::is_contained(operands, x))
        operands.push_back(x);
  for (Value x : operands)
    if (isNumber(x))
      for (int64_t lanes : widths)
        numbers[{x, lanes}] = loadSplat(g.b, elementTypeOf(x), lanes, g.base(x));
}

bool MapsBehind::readOneRow(Value made, ArrayRef<phiq::MapOp> maps) {
  return llvm::all_of(maps, [&](phiq::MapOp map) {
    return llvm::all_of(map.getXs(), [&](Value x) { return isNumber(x) || isWhole(made, x); });
  });
}

bool MapsBehind::readNumbers(Value made, ArrayRef<phiq::MapOp> maps) {
  return llvm::all_of(maps, [&](phiq::MapOp map) {
    return llvm::all_of(map.getXs(),
                        [&](Value x) { return isNumber(x) || x == made || x.getDefiningOp<phiq::MapOp>(); });
  });
}

void MapsBehind::atRow(Value row) {
  KernelBuilder &b = g.b;
  ArrayRef<int64_t> shape = shapeOf(made);
  for (Value x : operands) {
    if (!isBroadcast(made, x))
      continue;
    const SmallVector<int64_t> strides = broadcastStrides(shapeOf(x), shape);
    Value at = b.i64(0), rest = row;
    for (size_t axis = shape.size() - 1; axis-- > 0;) {
      Value next = axis ? b.divide(rest, shape[axis]) : b.i64(0);
      at = b.add(at, b.mul(b.sub(rest, b.mul(next, shape[axis])), strides[axis]));
      rest = next;
    }
    rows[x] = g.place(g.base(x), elementTypeOf(x), at);
  }
}

Value MapsBehind::load(Value operand, int64_t lanes, Value at, Value column) {
  if (isNumber(operand))
    return numbers[{operand, lanes}];
  Type element = elementTypeOf(operand);
  if (!isBroadcast(made, operand))
    return loadLanes(g.b, element, lanes, g.place(g.base(operand), element, isWhole(made, operand) ? at : column));
  Value row = rows[operand];
  return shapeOf(operand).back() == 1 ? loadSplat(g.b, element, lanes, row)
                                      : loadLanes(g.b, element, lanes, g.place(row, element, column));
}

LaneValues MapsBehind::compute(Value lanes, Value at, Value column) {
  LaneValues values(g.b, [this](Value table) { return g.base(table); });
  values[source] = lanes;
  for (Value x : operands)
    values[x] = load(x, cast<VectorType>(lanes.getType()).getNumElements(), at, column);
  values.compute(maps);
  return values;
}

Value MapsBehind::last(Value lanes, Value at, Value column) {
  return compute(lanes, at, column)[maps.back().getResult()];
}

void MapsBehind::store(Value lanes, Value at, Value column) {
  LaneValues values = compute(lanes, at, column);
  for (auto [k, result] : llvm::enumerate(results)) {
    Type element = elementTypeOf(result);
    storeLanes(g.b, element, values[result], g.place(g.resultBase(unsigned(k)), element, at));
  }
}

} // namespace phic
