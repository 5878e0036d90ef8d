//===- EmbedCore.cpp - One row of a packed table ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A column's codes lie four bytes in every vector of a panel's; a run of them is one step.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/EmbedCore.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/code/CodePlanes.h"

using namespace mlir;

namespace phic {
namespace {

constexpr int64_t kLanes = PackedLayout::kColumns;

Type floatType(KernelBuilder &b, Scalar type) {
  return type == Scalar::F16    ? Type(b.getF16Type())
         : type == Scalar::BF16 ? Type(b.getBF16Type())
                                : Type(b.getF32Type());
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
    Value tile = b.offset(panel, offset), to = b.offset(out, b.mul(k, 4));
    outerScale = outerMin = nullptr;
    if (layout.isTwoLevel()) {
      outerScale = parameter(layout.scale, tile, layout.superScaleOffset(elements), b.i64(0));
      outerMin =
          layout.min == Scalar::None ? Value() : parameter(layout.min, tile, layout.superMinOffset(elements), b.i64(0));
    }
    const int64_t block = std::min(layout.block, elements);
    b.loop(b.i64(0), b.i64(elements / block), 1, [&](Value i) { emitBlock(tile, elements, i, block, to); });
    if (elements % block > 0)
      emitBlock(tile, elements, b.i64(elements / block), elements % block, to);
  }

private:
  KernelBuilder &b;
  const PackedLayout &layout;
  Value panel, column, out, outerScale, outerMin;

  /// The column's number of block i in the array `at` bytes behind the tile, in four lanes.
  Value parameter(Scalar type, Value tile, int64_t at, Value i) {
    Value place = b.offset(tile, b.mul(b.add(b.mul(i, kLanes), column), scalarBytes(type)));
    if (isFloat(type))
      return b.broadcast(4, loadFloat(b, type, place, at));
    Value byte = b.load(b.getI8Type(), place, at);
    Type wide = b.getI32Type();
    return b.broadcast(4, b.toFloat(type == Scalar::I8 ? Value(arith::ExtSIOp::create(b, wide, byte))
                                                       : Value(arith::ExtUIOp::create(b, wide, byte))));
  }

  /// Block i of a tile of `elements` elements: its first `count` ones.
  void emitBlock(Value tile, int64_t elements, Value i, int64_t count, Value to) {
    Value scale = parameter(layout.blockScale(), tile, layout.scaleOffset(elements), i), min;
    Value zero = layout.zero == Scalar::None ? b.splat(4, float(layout.storedZero()))
                                             : parameter(layout.zero, tile, layout.zeroOffset(elements), i);
    if (layout.min != Scalar::None)
      min = parameter(layout.blockMin(), tile, layout.minOffset(elements), i);
    if (outerScale)
      scale = b.fmul(outerScale, scale);
    if (outerMin)
      min = b.fmul(outerMin, min);
    const Parameters parameters{scale, zero, min};
    const int64_t run = layout.runElements(), whole = count / run, rest = count % run;
    Value codes = b.offset(tile, b.add(b.mul(i, layout.codeBytes(layout.block)), b.mul(column, PackedLayout::kGroup)));
    Value block = b.offset(to, b.mul(i, layout.block * 4));
    b.loop(b.i64(0), b.i64(whole), 1, [&](Value j) {
      storeRun(b.offset(codes, b.mul(j, layout.codeBytes(run))), b.offset(block, b.mul(j, run * 4)), run, parameters);
    });
    if (rest > 0)
      storeRun(b.offset(codes, layout.codeBytes(whole * run)), b.offset(block, whole * run * 4), rest, parameters);
  }

  struct Parameters {
    Value scale, zero, min;
  };

  /// The groups of a run that hold its first `count` elements; the column has four bytes in every vector of codes.
  void storeRun(Value codes, Value to, int64_t count, const Parameters &parameters) {
    const int64_t held = (count + PackedLayout::kGroup - 1) / PackedLayout::kGroup;
    auto groups =
        unpackGroups(b, layout, 0, held, [&](int64_t at) { return b.load(b.vec(4, b.getI8Type()), codes, at); });
    for (auto [g, group] : llvm::enumerate(groups))
      storeFour(group, to, int64_t(g) * 16, parameters);
  }

  void storeFour(Value bytes, Value at, int64_t offset, const Parameters &parameters) {
    VectorType wide = b.vec(4, b.getI32Type());
    Value codes = layout.storedCodes().isSigned ? Value(arith::ExtSIOp::create(b, wide, bytes))
                                                : Value(arith::ExtUIOp::create(b, wide, bytes));
    Value value = b.fmul(parameters.scale, b.fsub(b.toFloat(codes), parameters.zero));
    b.store(parameters.min ? b.fadd(value, parameters.min) : value, at, offset);
  }
};

} // namespace

std::string embedFallback(const PackedLayout &layout) {
  return layout.kind == PackedLayout::Kind::FloatPanel ? "scalar code, since a row's floats lie in eight-column panels"
                                                       : "";
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
  const int64_t length = layout.tileElements(), whole = K / length, tail = K % length;
  b.loop(b.i64(0), b.i64(whole), 1,
         [&](Value i) { row.emitTile(b.mul(i, layout.tileBytes()), length, b.mul(i, length)); });
  if (tail > 0)
    row.emitTile(b.i64(whole * layout.tileBytes()), tail, b.i64(whole * length));
}

} // namespace phic
