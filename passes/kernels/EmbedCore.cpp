//===- EmbedCore.cpp - One row of a packed table ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A column's codes lie four bytes in every 32; each four bytes are one step.
//===----------------------------------------------------------------------===//
#include "passes/kernels/EmbedCore.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace phic {
namespace {

constexpr int64_t kLanes = PackedLayout::kColumns;

Type floatType(KernelBuilder &b, Scalar type) {
  return type == Scalar::F16 ? Type(b.getF16Type()) : type == Scalar::BF16 ? Type(b.getBF16Type()) : Type(b.getF32Type());
}

/// A float of a stored type at `pointer`.
Value loadFloat(KernelBuilder &b, Scalar type, Value pointer, int64_t bytes = 0) {
  return b.extract(b.loadFloats(1, floatType(b, type), pointer, bytes), 0);
}

class BlockRowEmitter {
public:
  BlockRowEmitter(KernelBuilder &b, const PackedLayout &layout, Value panel, Value column, Value out)
      : b(b), layout(layout), panel(panel), column(column), out(out) {}

  /// The tile at byte `offset` of the panel: `elements` elements from k on.
  void emitTile(Value offset, int64_t elements, Value k) {
    Value tile = b.offset(panel, offset);
    const int64_t stored = layout.storedElements(elements);
    auto parameter = [&](Scalar type, int64_t at) {
      return b.broadcast(4, loadFloat(b, type, b.offset(tile, b.mul(column, scalarBytes(type))), at));
    };
    scale = parameter(layout.scale, layout.scaleOffset(stored));
    zero = b.splat(4, float(layout.storedZero()));
    if (layout.zero == Scalar::F32)
      zero = parameter(Scalar::F32, layout.zeroOffset(stored));
    else if (layout.zero == Scalar::I8)
      zero = b.broadcast(4, b.toFloat(arith::ExtSIOp::create(
                                b, b.getI32Type(), b.load(b.getI8Type(), b.offset(tile, column), layout.zeroOffset(stored)))));
    min = layout.min == Scalar::None ? Value() : parameter(layout.min, layout.minOffset(stored));
    Value codes = b.offset(tile, b.mul(column, 4)), to = b.offset(out, b.mul(k, 4));
    const int64_t step = layout.nibbles() ? 8 : 4;
    b.loop(b.i64(0), b.i64((elements + step - 1) / step), 1, [&](Value j) {
      Value bytes = b.load(b.vec(4, b.getI8Type()), b.offset(codes, b.mul(j, 32))), at = b.offset(to, b.mul(j, step * 4));
      if (!layout.nibbles())
        return storeFour(bytes, at, 0);
      storeFour(arith::AndIOp::create(b, bytes, b.splat(4, 8, 15)), at, 0);
      storeFour(arith::ShRUIOp::create(b, bytes, b.splat(4, 8, 4)), at, 16);
    });
  }

private:
  KernelBuilder &b;
  const PackedLayout &layout;
  Value panel, column, out, scale, zero, min;

  void storeFour(Value bytes, Value at, int64_t offset) {
    VectorType wide = b.vec(4, b.getI32Type());
    Value codes = layout.storedCodes().isSigned ? Value(arith::ExtSIOp::create(b, wide, bytes))
                                                : Value(arith::ExtUIOp::create(b, wide, bytes));
    Value value = b.fmul(scale, b.fsub(b.toFloat(codes), zero));
    b.store(min ? b.fadd(value, min) : value, at, offset);
  }
};

} // namespace

std::string embedFallback(const PackedLayout &layout) {
  return layout.kind == PackedLayout::Kind::FloatPanel ? "scalar code, since a row's floats lie in eight-column panels" : "";
}

void emitEmbedRow(KernelBuilder &b, const PackedLayout &layout, int64_t K, Value table, Value n, Value out) {
  if (layout.kind == PackedLayout::Kind::Dense)
    return b.copyBytes(out, b.offset(table, b.mul(n, 4 * K)), b.i64(4 * K));
  Value panelIndex = b.divide(n, kLanes), column = b.sub(n, b.mul(panelIndex, kLanes));
  Value panel = b.offset(table, b.mul(panelIndex, layout.panelBytes(K)));
  if (layout.kind == PackedLayout::Kind::FloatPanel) {
    const int64_t size = scalarBytes(layout.element);
    Value first = b.offset(panel, b.mul(column, size));
    b.loop(b.i64(0), b.i64(K), 1, [&](Value k) {
      b.store(loadFloat(b, layout.element, b.offset(first, b.mul(k, kLanes * size))), b.offset(out, b.mul(k, 4)));
    });
    return;
  }
  BlockRowEmitter row(b, layout, panel, column, out);
  const int64_t whole = K / layout.block, tail = K % layout.block;
  b.loop(b.i64(0), b.i64(whole), 1, [&](Value i) {
    row.emitTile(b.mul(i, layout.tileBytes()), layout.block, b.mul(i, layout.block));
  });
  if (tail > 0)
    row.emitTile(b.i64(whole * layout.tileBytes()), tail, b.i64(whole * layout.block));
}

} // namespace phic
