//===- MapsBehind.cpp - Maps of what a kernel has made ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/kernels/MapsBehind.h"

using namespace mlir;

namespace phic {
namespace {

bool isNumber(Value value) { return cast<ShapedType>(value.getType()).getNumElements() == 1; }

} // namespace

MapsBehind::MapsBehind(Operation *main, GridEmitter &g, ArrayRef<int64_t> widths)
    : MapsBehind(main, main->getResult(0), llvm::to_vector(main->getBlock()->getOps<phiq::MapOp>()), g, widths) {}

MapsBehind::MapsBehind(Operation *main, Value source, ArrayRef<phiq::MapOp> maps, GridEmitter &g,
                       ArrayRef<int64_t> widths)
    : main(main), source(source), g(g), maps(maps), results(main->getBlock()->getTerminator()->getOperands()) {
  for (phiq::MapOp map : maps)
    for (Value x : map.getTensors())
      if (!x.getDefiningOp<phiq::MapOp>() && x.getDefiningOp() != main && !llvm::is_contained(operands, x))
        operands.push_back(x);
  for (Value x : operands)
    if (isNumber(x))
      for (int64_t lanes : widths)
        numbers[{x, lanes}] = loadSplat(g.b, elementTypeOf(x), lanes, g.base(x));
}

bool MapsBehind::isAlongLastAxis(Operation *main, Value operand) {
  return !isNumber(operand) && shapeOf(operand) != shapeOf(main->getResult(0));
}

Value MapsBehind::load(Value operand, int64_t lanes, Value at, Value column) {
  if (isNumber(operand))
    return numbers[{operand, lanes}];
  Type element = elementTypeOf(operand);
  return loadLanes(g.b, element, lanes,
                   g.place(g.base(operand), element, isAlongLastAxis(main, operand) ? column : at));
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
