//===- MatmulTiles.cpp - What all register tiles of matmul share -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See MatmulTiles.h for the algebra.
//===----------------------------------------------------------------------===//
#include "targets/MatmulTiles.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <algorithm>

using namespace mlir;

namespace phic {

using Values = KernelBuilder::Values;

Value TileEmission::loadColumns(int64_t count, Type element, Value pointer, int64_t v, int64_t at) {
  const int64_t columns = std::min(lanes, PackedLayout::kColumns), first = column + v * lanes;
  const int64_t bytes = count * (element.getIntOrFloatBitWidth() / 8);
  auto part = [&](int64_t c) {
    const int64_t inPanel = c % PackedLayout::kColumns * bytes;
    return b.load(b.vec(count * columns, element), pointer, panel(c / PackedLayout::kColumns) + inPanel + at);
  };
  return columns == lanes ? part(first) : b.concat(part(first), part(first + columns));
}

namespace {

/// Bytes of the codes of a panel that lie in one run: 4 or 8 elements of K of each column.
constexpr int64_t kPanelBytes = 4 * PackedLayout::kColumns;

Type scalarType(KernelBuilder &b, Scalar type) {
  switch (type) {
  case Scalar::F16: return b.getF16Type();
  case Scalar::BF16: return b.getBF16Type();
  case Scalar::F32: return b.getF32Type();
  default: return b.getI8Type();
  }
}

} // namespace

//===----------------------------------------------------------------------===//
// s8 activations
//===----------------------------------------------------------------------===//

int64_t vectorsPerSum(const PackedLayout &layout, int64_t perLane) {
  CodeType codes = layout.storedCodes();
  int64_t greatest = codes.isSigned ? 128 : (int64_t(1) << codes.bits) - 1;
  return std::max<int64_t>(1, 32767 / (perLane * greatest * 127));
}

std::pair<Value, Value> splitNibbles(KernelBuilder &b, Value nibbles) {
  const int64_t bytes = cast<VectorType>(nibbles.getType()).getNumElements();
  Value mask = b.splat(bytes, 8, 15);
  VectorType words = b.vec(bytes / 2, b.getI16Type());
  Value shifted = arith::ShRUIOp::create(b, b.bitcast(words, nibbles), b.splat(bytes / 2, 16, 4));
  return {arith::AndIOp::create(b, nibbles, mask), arith::AndIOp::create(b, b.bitcast(nibbles.getType(), shifted), mask)};
}

Value constantZero(TileEmission &e) {
  if (e.layout().zero != Scalar::None || e.layout().storedZero() == 0)
    return nullptr;
  return e.b.splat(e.lanes, float(e.layout().storedZero()));
}

ColumnParameters loadParameters(TileEmission &e, Value tile, int64_t storedElements, int64_t v) {
  KernelBuilder &b = e.b;
  const PackedLayout &layout = e.layout();
  auto load = [&](Scalar type, int64_t offset) { return e.loadColumns(1, scalarType(b, type), tile, v, offset); };
  ColumnParameters result{.scale = b.widen(load(layout.scale, layout.scaleOffset(storedElements))), .zero = constantZero(e), .min = {}};
  if (layout.zero == Scalar::I8)
    result.zero = b.toFloat(arith::ExtSIOp::create(b, b.vec(e.lanes, b.getI32Type()), load(Scalar::I8, layout.zeroOffset(storedElements))));
  else if (layout.zero != Scalar::None)
    result.zero = load(Scalar::F32, layout.zeroOffset(storedElements));
  if (layout.min != Scalar::None)
    result.min = b.widen(load(layout.min, layout.minOffset(storedElements)));
  return result;
}

LhsBlocks IntegerDot::arrange(TileEmission &e, Value) const {
  const QuantizedRow row{e.operands.K, e.operands.lhsBlock};
  return {e.lhs, e.b.offset(e.lhs, row.scalesOffset()), row.block, 4, row.sumsOffset() - row.scalesOffset()};
}
int64_t IntegerDot::scratchBytes(const MatmulOperands &, int64_t) const { return 0; }
Values IntegerDot::emitUnpacked(TileEmission &, Value, Value) const { llvm_unreachable("Kernels.def has no tile for many rows with this dot product"); }
Value IntegerDot::ofRows(TileEmission &e, Value pointer, int64_t bytes, int64_t r) const {
  return e.b.loadBroadcast(e.lanes, e.b.getF32Type(), pointer, e.row(r) + bytes);
}
ColumnParameters IntegerDot::ofColumns(TileEmission &, const ColumnParameters &parameters, int64_t) const { return parameters; }
Values IntegerDot::rowMajor(TileEmission &, const Values &sums) const { return sums; }

namespace {

/// -z sxS, rounded once, from sumFactor sxS.
Value zeroTerm(TileEmission &e, Value zero, Value sum) {
  KernelBuilder &b = e.b;
  if (e.blocks.sumFactor == 1)
    return arith::NegFOp::create(b, b.fmul(zero, sum));
  return e.layout().zero == Scalar::None ? sum : b.fmul(zero, sum);
}

} // namespace

RowScales loadRowScales(TileEmission &e, const IntegerDot &dot, Value scale, const ColumnParameters &columns, int64_t r) {
  RowScales row{.sx = dot.ofRows(e, scale, 0, r), .sum = {}};
  if (columns.zero || columns.min)
    row.sum = dot.ofRows(e, scale, e.blocks.sumOffset, r);
  return row;
}

Value addBlockTerm(TileEmission &e, const ColumnParameters &columns, const RowScales &row, Value D, Value sum) {
  KernelBuilder &b = e.b;
  Value term = b.toFloat(D);
  term = columns.zero ? b.fma(row.sx, term, zeroTerm(e, columns.zero, row.sum)) : b.fmul(row.sx, term);
  sum = b.fma(columns.scale, term, sum);
  return columns.min ? b.fma(columns.min, row.sum, sum) : sum;
}

namespace {

/// Adds one activation block to the accumulators, whose `parameters` are given. `codes` points to the block's codes of panel 0,
/// `x` to its activations, `scale` to its activation scale.
void addBlock(TileEmission &e, const IntegerDot &dot, ArrayRef<ColumnParameters> parameters, Value codes, Value x, Value scale, Values &sums) {
  for (int64_t v = 0; v < e.vectors(); ++v)
    for (auto [r, total] : llvm::enumerate(dot.emit(e, codes, x, v))) {
      const int64_t a = int64_t(r) * e.vectors() + v;
      sums[a] = addBlockTerm(e, parameters[a], loadRowScales(e, dot, scale, parameters[a], r), total, sums[a]);
    }
}

/// Adds the activation blocks of one weight tile that has `elements` elements; `k` is its first.
void addTile(TileEmission &e, const IntegerDot &dot, Value tile, int64_t elements, Value k, Values &sums) {
  KernelBuilder &b = e.b;
  const int64_t step = e.operands.lhsBlock, steps = (elements + step - 1) / step;
  const int64_t codeStep = e.layout().codeBytes(step);
  const int64_t stored = e.layout().storedElements(elements);
  llvm::SmallVector<ColumnParameters> ofVector, parameters;
  for (int64_t v = 0; v < e.vectors(); ++v)
    ofVector.push_back(loadParameters(e, tile, stored, v));
  for (int64_t a = 0; a < int64_t(sums.size()); ++a)
    parameters.push_back(dot.ofColumns(e, ofVector[a % e.vectors()], a / e.vectors()));
  const LhsBlocks &blocks = e.blocks;
  Value first = b.divide(k, step);
  Value x = b.offset(blocks.codes, b.mul(first, blocks.codeStep)), scales = b.offset(blocks.scales, b.mul(first, blocks.scaleStep));
  // Longer tiles would only grow the code.
  if (steps <= dot.unrolledBlocks()) {
    for (int64_t i = 0; i < steps; ++i)
      addBlock(e, dot, parameters, b.offset(tile, i * codeStep), b.offset(x, i * blocks.codeStep), b.offset(scales, i * blocks.scaleStep), sums);
    return;
  }
  sums = b.loop(b.i64(0), b.i64(steps), 1, sums, [&](Value i, ValueRange carried) {
    Values inner(carried);
    addBlock(e, dot, parameters, b.offset(tile, b.mul(i, codeStep)), b.offset(x, b.mul(i, blocks.codeStep)),
             b.offset(scales, b.mul(i, blocks.scaleStep)), inner);
    return inner;
  });
}

//===----------------------------------------------------------------------===//
// f32 activations
//===----------------------------------------------------------------------===//

/// A run of activations of every row, each as a vector of equal lanes.
class Activations {
public:
  /// `count` elements from `x` of row 0 on.
  Activations(TileEmission &e, Value x, int64_t count) : e(e), x(x), count(count), fours(e.MR * ((count + 3) / 4)) {}

  Value at(int64_t r, int64_t k) {
    KernelBuilder &b = e.b;
    if (!e.broadcastsLanes || k / 4 * 4 + 4 > count)
      return b.loadBroadcast(e.lanes, b.getF32Type(), x, e.row(r) + 4 * k);
    Value &four = fours[r * ((count + 3) / 4) + k / 4];
    if (!four)
      four = b.load(b.vec(4, b.getF32Type()), x, e.row(r) + k / 4 * 16);
    return LLVM::ShuffleVectorOp::create(b, four, four, llvm::SmallVector<int32_t>(e.lanes, int32_t(k % 4)));
  }

private:
  TileEmission &e;
  Value x;
  int64_t count;
  llvm::SmallVector<Value> fours;
};

/// sums += x[r][k] * weights[v], the innermost step of every float kernel.
void addElement(TileEmission &e, ArrayRef<Value> weights, Activations &x, int64_t k, Values &sums) {
  for (int64_t r = 0; r < e.MR; ++r) {
    Value activation = x.at(r, k);
    for (int64_t v = 0; v < e.vectors(); ++v)
      sums[r * e.vectors() + v] = e.b.fma(activation, weights[v], sums[r * e.vectors() + v]);
  }
}

/// Code `i` of the 4 or 8 that each 32-bit lane of `lanes` holds, as f32.
Value codeAsFloat(TileEmission &e, Value lanes, int64_t i) {
  KernelBuilder &b = e.b;
  const PackedLayout &layout = e.layout();
  // Nibbles: byte i % 4, low half for i < 4. Bytes: byte i.
  const int64_t shift = layout.nibbles() ? i % 4 * 8 + i / 4 * 4 : i * 8;
  if (layout.storedCodes().isSigned) {
    Value top = shift == 24 ? lanes : Value(arith::ShLIOp::create(b, lanes, b.splat(e.lanes, 32, 24 - shift)));
    return b.toFloat(arith::ShRSIOp::create(b, top, b.splat(e.lanes, 32, 24)));
  }
  Value low = shift == 0 ? lanes : Value(arith::ShRUIOp::create(b, lanes, b.splat(e.lanes, 32, shift)));
  return b.toFloat(arith::AndIOp::create(b, low, b.splat(e.lanes, 32, layout.nibbles() ? 15 : 255)));
}

/// Adds `count` elements held by one vector of codes a panel.
void addCodes(TileEmission &e, ArrayRef<ColumnParameters> parameters, Value codes, Value x, int64_t count, Values &sums) {
  KernelBuilder &b = e.b;
  llvm::SmallVector<Value> lanes, weights(e.vectors());
  Activations activations(e, x, count);
  for (int64_t v = 0; v < e.vectors(); ++v)
    lanes.push_back(e.loadColumns(1, b.getI32Type(), codes, v));
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t v = 0; v < e.vectors(); ++v) {
      Value code = codeAsFloat(e, lanes[v], i);
      if (parameters[v].zero)
        code = b.fsub(code, parameters[v].zero);
      weights[v] = b.fmul(parameters[v].scale, code);
      if (parameters[v].min)
        weights[v] = b.fadd(weights[v], parameters[v].min);
    }
    addElement(e, weights, activations, i, sums);
  }
}

void addFloatTile(TileEmission &e, Value tile, int64_t elements, Value k, Values &sums) {
  KernelBuilder &b = e.b;
  const int64_t perVector = e.layout().nibbles() ? 8 : 4, vectors = elements / perVector, rest = elements % perVector;
  const int64_t stored = e.layout().storedElements(elements);
  llvm::SmallVector<ColumnParameters> parameters;
  for (int64_t v = 0; v < e.vectors(); ++v)
    parameters.push_back(loadParameters(e, tile, stored, v));
  Value x = b.offset(e.lhs, b.mul(k, 4));
  sums = b.loop(b.i64(0), b.i64(vectors), 1, sums, [&](Value j, ValueRange carried) {
    Values inner(carried);
    addCodes(e, parameters, b.offset(tile, b.mul(j, kPanelBytes)), b.offset(x, b.mul(j, 4 * perVector)), perVector, inner);
    return inner;
  });
  if (rest > 0)
    addCodes(e, parameters, b.offset(tile, vectors * kPanelBytes), b.offset(x, vectors * perVector * 4), rest, sums);
}

//===----------------------------------------------------------------------===//
// Loops over K
//===----------------------------------------------------------------------===//

using TileEmitter = llvm::function_ref<void(Value tile, int64_t elements, Value k, Values &sums)>;

/// Asks for what lies `ahead` bytes behind the tile in each panel.
void prefetchTile(TileEmission &e, Value tile, int64_t ahead) {
  constexpr int64_t kLine = 64, kMostLines = 16;
  const int64_t lines = (e.layout().tileBytes() + kLine - 1) / kLine;
  for (int64_t p = 0; p < e.NR / PackedLayout::kColumns; ++p)
    for (int64_t line = 0; line < lines && lines <= kMostLines; ++line)
      e.b.prefetch(tile, e.panel(p) + ahead + line * kLine);
}

/// All tiles of K: the whole ones in a loop, then the short last one.
void overTiles(TileEmission &e, int64_t prefetch, Values &sums, TileEmitter emit) {
  KernelBuilder &b = e.b;
  const PackedLayout &layout = e.layout();
  const int64_t whole = e.operands.K / layout.block, tail = e.operands.K % layout.block;
  if (whole > 0)
    sums = b.loop(b.i64(0), b.i64(whole), 1, sums, [&](Value i, ValueRange carried) {
      Values inner(carried);
      Value tile = b.offset(e.rhs, b.mul(i, layout.tileBytes()));
      if (prefetch > 0)
        prefetchTile(e, tile, prefetch);
      emit(tile, layout.block, b.mul(i, layout.block), inner);
      return inner;
    });
  if (tail > 0)
    emit(b.offset(e.rhs, whole * layout.tileBytes()), tail, b.i64(whole * layout.block), sums);
}

void emitFloats(TileEmission &e, Values &sums) {
  KernelBuilder &b = e.b;
  const Type stored = scalarType(b, e.layout().element);
  const int64_t step = PackedLayout::kColumns * scalarBytes(e.layout().element);
  auto elements = [&](Value w, Value x, int64_t count, Values &inner) {
    Activations activations(e, x, count);
    for (int64_t k = 0; k < count; ++k) {
      llvm::SmallVector<Value> weights;
      for (int64_t v = 0; v < e.vectors(); ++v)
        weights.push_back(b.widen(e.loadColumns(1, stored, w, v, k * step)));
      addElement(e, weights, activations, k, inner);
    }
  };
  const int64_t K = e.operands.K, unrolled = K / 4 * 4;
  sums = b.loop(b.i64(0), b.i64(unrolled), 4, sums, [&](Value k, ValueRange carried) {
    Values inner(carried);
    elements(b.offset(e.rhs, b.mul(k, step)), b.offset(e.lhs, b.mul(k, 4)), 4, inner);
    return inner;
  });
  if (unrolled < K)
    elements(b.offset(e.rhs, unrolled * step), b.offset(e.lhs, unrolled * 4), K - unrolled, sums);
}

} // namespace

void emitMatmulTile(TileEmission &e, const MatmulVariant &variant, Values &sums) {
  if (variant.rhs == RhsKind::Floats)
    return emitFloats(e, sums);
  if (variant.lhs == LhsKind::F32)
    return overTiles(e, variant.prefetch, sums, [&](Value tile, int64_t elements, Value k, Values &inner) { addFloatTile(e, tile, elements, k, inner); });
  overTiles(e, variant.prefetch, sums, [&](Value tile, int64_t elements, Value k, Values &inner) { addTile(e, *variant.dot, tile, elements, k, inner); });
  sums = variant.dot->rowMajor(e, sums);
}

} // namespace phic
