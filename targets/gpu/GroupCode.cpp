//===- GroupCode.cpp - A group of columns, by a block ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/gpu/GroupCode.h"
#include "targets/layout/PackedLayout.h"
#include <numeric>

using namespace mlir;

namespace phic::gpu_code {

int64_t widthStep(const ColumnGroup &group) {
  const bool isQuantized = llvm::any_of(group.sinks, [](const Sink &sink) { return blockOf(sink.value) > 0; });
  return std::lcm(group.unit, isQuantized ? kWarp : PackedLayout::kColumns);
}

void GroupCode::emit(Value tile, Value sums) {
  firstColumn = b.mul(tile, shape.width);
  firstRow = b.mul(b.blockRow(), shape.rows);
  parts = sums;
  for (size_t core = 0; core < group.cores.size(); ++core)
    sumCore(core);
  b.barrier();
  b.loop(b.thread(), b.i32(int32_t(shape.rows * shape.width)), shape.threads, [&](Value i) { storeElement(i); });
}

Value GroupCode::heldRow(Value i) {
  if (shape.rows == 1)
    return firstRow;
  return b.minimum(b.add(firstRow, i), b.sub(s.stageRows(), b.i32(1)));
}

Value GroupCode::partAt(Value part, size_t core, Value row, Value column) {
  Value index = b.add(b.mul(part, int64_t(group.cores.size())), int64_t(core));
  index = b.add(b.mul(index, shape.rows), row);
  return b.offset(parts, b.mul(b.add(b.mul(index, shape.width), column), 4));
}

Value GroupCode::panelOf(size_t core, Value panel) {
  constexpr int64_t kShift = 3; // of PackedLayout::kColumns
  return b.add(b.shiftRight(b.add(firstColumn, group.cores[core].begin), kShift), panel);
}

void GroupCode::storeElement(Value i) {
  auto [row, column] = b.divideRest(i, shape.width);
  auto core = [&, row = row](unsigned index, Value column) {
    Value local = b.sub(column, firstColumn), sum;
    for (int64_t part = 0; part < shape.parts; ++part) {
      Value next = b.load(b.getF32Type(), partAt(b.i32(int32_t(part)), index, row, local));
      sum = sum ? b.fadd(sum, next) : next;
    }
    return sum;
  };
  Value isRow = shape.rows == 1 ? Value() : b.less(b.add(firstRow, row), s.stageRows());
  RowCode(s, group, shape.width, core).store(heldRow(row), b.add(firstColumn, column), isRow);
}

} // namespace phic::gpu_code
