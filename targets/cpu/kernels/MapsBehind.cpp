//===- MapsBehind.cpp - Maps of what a kernel has made ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/kernels/MapsBehind.h"

using namespace mlir;

namespace phic {
namespace {

bool isNumber(Value value) { return cast<ShapedType>(value.getType()).getNumElements() == 1; }

} // namespace

MapsBehind::MapsBehind(Operation *main, GridEmitter &g, ArrayRef<int64_t> widths) : main(main), g(g) {
  Block &body = *main->getBlock();
  maps.assign(body.getOps<phiq::MapOp>().begin(), body.getOps<phiq::MapOp>().end());
  results.assign(body.getTerminator()->operand_begin(), body.getTerminator()->operand_end());
  for (phiq::MapOp map : maps)
    for (Value x : map.getTensors())
      if (!x.getDefiningOp<phiq::MapOp>() && x.getDefiningOp() != main && !llvm::is_contained(operands, x))
        operands.push_back(x);
  for (Value x : operands)
    if (isNumber(x))
      for (int64_t lanes : widths)
        numbers[{x, lanes}] = loadSplat(g.b, elementTypeOf(x), lanes, g.base(x));
}

Value MapsBehind::load(Value operand, int64_t lanes, Value at, Value column) {
  if (isNumber(operand))
    return numbers[{operand, lanes}];
  const bool isAsLarge = shapeOf(operand) == shapeOf(main->getResult(0));
  Type element = elementTypeOf(operand);
  return loadLanes(g.b, element, lanes, g.place(g.base(operand), element, isAsLarge ? at : column));
}

void MapsBehind::store(Value lanes, Value at, Value column) {
  const int64_t count = cast<VectorType>(lanes.getType()).getNumElements();
  auto baseOf = [&](Value table) { return g.base(table); };
  LaneValues values(g.b, baseOf);
  values[main->getResult(0)] = lanes;
  for (Value x : operands)
    values[x] = load(x, count, at, column);
  values.compute(maps);
  for (auto [k, result] : llvm::enumerate(results)) {
    Type element = elementTypeOf(result);
    storeLanes(g.b, element, values[result], g.place(g.resultBase(unsigned(k)), element, at));
  }
}

} // namespace phic
