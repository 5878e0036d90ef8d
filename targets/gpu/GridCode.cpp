//===- GridCode.cpp - Elements of grids, inside of a GPU's kernel -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/gpu/GridCode.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic::gpu_code {

Value GridCode::loadFrom(Type element, Value pointer, bool isConstant) {
  return heldLanes(b, element, b.load(storedType(b, element), pointer, 0, isConstant));
}

Value GridCode::load(Value operand, Value at) {
  Type element = elementTypeOf(operand);
  return loadFrom(element, place(base(operand), element, at));
}

Value GridCode::loadNumber(Value operand, Value at) {
  return load(operand, cast<ShapedType>(operand.getType()).getNumElements() == 1 ? b.i32(0) : at);
}

void GridCode::store(unsigned result, Value held, Value at) {
  plan::StageOp stage = s.facts.stage;
  Type element = elementTypeOf(stage.getResult(result));
  b.store(storedLanes(b, element, held), place(s.result(result), element, at));
}

LaneValues GridCode::compute(ArrayRef<phiq::MapOp> maps, Value made, Value held, Value at) {
  LaneValues values(b, [this](Value table) { return base(table); });
  if (made)
    values[made] = held;
  for (phiq::MapOp map : maps)
    for (Value x : map.getTensors()) {
      if (x == made || x.getDefiningOp<phiq::MapOp>() || values[x])
        continue;
      ArrayRef<int64_t> shape = shapeOf(map.getResult());
      values[x] = load(x, placeAt(b, at, shape, broadcastStrides(shapeOf(x), shape)));
    }
  values.compute(maps);
  return values;
}

void GridCode::finish(Value made, Value held, Value at) {
  Block &body = plan::StageOp(s.facts.stage).getBody().front();
  finish(made, llvm::to_vector(body.getOps<phiq::MapOp>()), held, at);
}

void GridCode::finish(Value made, ArrayRef<phiq::MapOp> maps, Value held, Value at) {
  Block &body = plan::StageOp(s.facts.stage).getBody().front();
  LaneValues values = compute(maps, made, held, at);
  for (auto [k, result] : llvm::enumerate(body.getTerminator()->getOperands())) {
    Value value = values[result];
    store(unsigned(k), value ? value : load(result, at), at); // what nobody makes is copied
  }
}

/// Axes that go on as the one before them are joined; the first that is left needs no rest.
Value placeAt(GpuBuilder &b, Value at, ArrayRef<int64_t> shape, ArrayRef<int64_t> steps, int64_t first) {
  SmallVector<std::pair<int64_t, int64_t>> axes; // sizes and steps
  for (auto [size, step] : llvm::zip_equal(shape, steps)) {
    if (size == 1)
      continue;
    if (!axes.empty() && axes.back().second == step * size)
      axes.back() = {axes.back().first * size, step};
    else
      axes.push_back({size, step});
  }
  Value sum = b.i32(int32_t(first)), rest = at;
  for (size_t axis = axes.size(); axis-- > 0;) {
    const auto [size, step] = axes[axis];
    Value index = rest;
    if (axis > 0)
      std::tie(rest, index) = b.divideRest(rest, size);
    if (step != 0)
      sum = b.add(sum, b.mul(index, step));
  }
  return sum;
}

int64_t rowThreads(int64_t size) {
  int64_t threads = kWarp;
  while (threads < kGridThreads && threads < size)
    threads *= 2;
  return threads;
}

GpuGridKernel threadKernel(int64_t count, std::function<void(GridCode &, Value)> body) {
  GpuGridKernel kernel;
  kernel.blocks = std::max<int64_t>(1, int64_t(llvm::divideCeil(uint64_t(count), uint64_t(kGridThreads))));
  kernel.emit = [=](GridCode &g) {
    GpuBuilder &b = g.b;
    Value number = b.add(b.mul(b.blockColumn(), kGridThreads), b.thread());
    if (count % kGridThreads == 0)
      body(g, number);
    else
      b.when(b.less(number, count), [&] { body(g, number); });
  };
  return kernel;
}

GpuGridKernel elementKernel(Operation *op, std::function<Value(GridCode &, Value)> make) {
  Value made = op->getResult(0);
  return threadKernel(cast<ShapedType>(made.getType()).getNumElements(),
                      [=](GridCode &g, Value at) { g.finish(made, make(g, at), at); });
}

} // namespace phic::gpu_code
