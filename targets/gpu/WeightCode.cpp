//===- WeightCode.cpp - Weights in panels, as a GPU's lanes read them -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/gpu/WeightCode.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/code/CodePlanes.h"

using namespace mlir;

namespace phic::gpu_code {

constexpr int64_t kColumns = PackedLayout::kColumns;

Value BlockNumbers::shift(GpuBuilder &b, const PackedLayout &layout) const {
  if (!min && layout.zero == Scalar::None && layout.storedZero() == 0)
    return {};
  Value shift = arith::NegFOp::create(b, b.fmul(scale, zero));
  return min ? b.fadd(min, shift) : shift;
}

int64_t WeightCode::runs() const {
  if (isFloats())
    return K;
  const int64_t length = layout.tileElements(), whole = K / length * layout.storedElements(length);
  const int64_t tail = K % length;
  return (whole + (tail ? layout.storedElements(tail) : 0)) / runElements();
}

Value WeightCode::panelAt(Value base, Value panel) const {
  return b.offset(base, b.mul(b.extend(panel), layout.panelBytes(K)));
}

WeightCode::RunPlace WeightCode::placeOf(Value panel, Value run) const {
  auto [tile, rest] = b.divideRest(run, layout.storedElements(layout.tileElements()) / runElements());
  return {b.offset(panel, b.mul(tile, layout.tileBytes())), rest};
}

/// Null where all runs are alike.
Value WeightCode::isTail(Value run) const {
  const int64_t length = layout.tileElements(), whole = K / length;
  if (whole == 0 || K % length == 0)
    return {};
  return b.less(b.i32(int32_t(whole * layout.storedElements(length) / runElements() - 1)), run);
}

SmallVector<Value, 8> WeightCode::codes(Value panel, Value column, Value run) const {
  auto [tile, rest] = placeOf(panel, run);
  Value words =
      b.offset(tile, b.add(b.mul(rest, layout.codeBytes(runElements())), b.mul(column, PackedLayout::kGroup)));
  return unpackGroups(b, layout, 0, runElements() / PackedLayout::kGroup,
                      [&](int64_t at) { return b.load(b.getI32Type(), words, at, /*constant=*/true); });
}

Value WeightCode::number(Value panel, Value column, Value run) const {
  const int64_t bytes = scalarBytes(layout.element);
  Value at = b.mul(b.add(b.mul(run, kColumns), column), bytes);
  return b.loadNumber(layout.element, b.offset(panel, at), 0, /*constant=*/true);
}

Value WeightCode::codeOf(Value word, int64_t i) const {
  const bool isSigned = layout.storedCodes().isSigned;
  Value top = i == 3 ? word : Value(arith::ShLIOp::create(b, word, b.i32(int32_t(24 - 8 * i))));
  if (isSigned)
    return arith::ShRSIOp::create(b, top, b.i32(24));
  return b.shiftRight(top, 24);
}

/// Where a parameter begins in the tile of a run.
Value WeightCode::chosen(int64_t whole, int64_t tail, Value isTail) const {
  if (isTail)
    return b.select(isTail, b.i32(int32_t(tail)), b.i32(int32_t(whole)));
  return b.i32(int32_t(K < layout.tileElements() ? tail : whole));
}

Value WeightCode::parameter(Scalar type, Value tile, int64_t whole, int64_t tail, Value index, Value isTail) const {
  Value at = b.add(chosen(whole, tail, isTail), b.mul(index, scalarBytes(type)));
  return b.loadNumber(type, b.offset(tile, at), 0, /*constant=*/true);
}

BlockNumbers WeightCode::numbers(Value panel, Value column, Value run) const {
  auto [tile, rest] = placeOf(panel, run);
  const int64_t whole = layout.tileElements(), tail = K % whole;
  Value tailRun = isTail(run);
  Value block = layout.isTwoLevel() ? b.divide(rest, layout.block / runElements()) : b.i32(0);
  Value index = b.add(b.mul(block, kColumns), column);
  auto load = [&](Scalar type, int64_t (PackedLayout::*offset)(int64_t) const, Value index) {
    return parameter(type, tile, (layout.*offset)(whole), (layout.*offset)(tail), index, tailRun);
  };
  BlockNumbers numbers;
  numbers.scale = load(layout.blockScale(), &PackedLayout::scaleOffset, index);
  numbers.zero = layout.zero == Scalar::None ? b.f32(float(layout.storedZero()))
                                             : load(layout.zero, &PackedLayout::zeroOffset, index);
  if (layout.min != Scalar::None)
    numbers.min = load(layout.blockMin(), &PackedLayout::minOffset, index);
  if (layout.isTwoLevel()) {
    numbers.scale = b.fmul(load(layout.scale, &PackedLayout::superScaleOffset, column), numbers.scale);
    if (numbers.min)
      numbers.min = b.fmul(load(layout.min, &PackedLayout::superMinOffset, column), numbers.min);
  }
  return numbers;
}

Value WeightCode::valueOf(const BlockNumbers &numbers, Value code) const {
  Value value = b.fmul(numbers.scale, b.fsub(b.toFloat(code), numbers.zero));
  return numbers.min ? b.fadd(value, numbers.min) : value;
}

Value WeightCode::element(Value base, Value n, Value k) const {
  if (layout.kind == PackedLayout::Kind::Dense) {
    Value at = b.mul(b.add(b.mul(b.extend(n), K), b.extend(k)), scalarBytes(layout.element));
    return b.loadNumber(layout.element, b.offset(base, at), 0, /*constant=*/true);
  }
  auto [panelIndex, column] = b.divideRest(n, kColumns);
  Value panel = panelAt(base, panelIndex);
  if (isFloats())
    return number(panel, column, k);
  auto [run, inRun] = b.divideRest(k, runElements());
  auto words = codes(panel, column, run);
  Value group = b.shiftRight(inRun, 2), word = words[0];
  for (size_t i = 1; i < words.size(); ++i)
    word = b.select(b.equal(group, int64_t(i)), words[i], word);
  // Its byte becomes the highest.
  Value shift = b.mul(b.sub(b.i32(3), b.bitAnd(inRun, 3)), 8);
  Value code = codeOf(arith::ShLIOp::create(b, word, shift), 3);
  return valueOf(numbers(panel, column, run), code);
}

} // namespace phic::gpu_code
