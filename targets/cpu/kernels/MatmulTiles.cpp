//===- MatmulTiles.cpp - What all register tiles of matmul share -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See MatmulTiles.h for the algebra.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/MatmulTiles.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/code/CodePlanes.h"
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

Type scalarType(KernelBuilder &b, Scalar type) {
  switch (type) {
  case Scalar::F16:
    return b.getF16Type();
  case Scalar::BF16:
    return b.getBF16Type();
  case Scalar::F32:
    return b.getF32Type();
  default:
    return b.getI8Type();
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

void overCodes(TileEmission &e, const BlockCodes &codes, int64_t v,
               llvm::function_ref<void(Value bytes, int64_t k)> use) {
  const int64_t block = e.operands.lhsBlock, elements = std::min(block, e.layout().runElements());
  for (int64_t k = 0; k < block; k += elements) {
    auto load = [&](int64_t at) {
      return e.loadColumns(PackedLayout::kGroup, e.b.getI8Type(), codes.run, v, e.layout().codeBytes(k) + at);
    };
    auto groups =
        unpackGroups(e.b, e.layout(), codes.first / PackedLayout::kGroup, elements / PackedLayout::kGroup, load);
    for (auto [g, bytes] : llvm::enumerate(groups))
      use(bytes, k + int64_t(g) * PackedLayout::kGroup);
  }
}

Value constantZero(TileEmission &e) {
  if (e.layout().zero != Scalar::None || e.layout().storedZero() == 0)
    return nullptr;
  return e.b.splat(e.lanes, float(e.layout().storedZero()));
}

SuperParameters loadSuperParameters(TileEmission &e, Value tile, int64_t elements, int64_t v) {
  const PackedLayout &layout = e.layout();
  if (!layout.isTwoLevel())
    return {};
  auto load = [&](int64_t at) { return e.b.widen(e.loadColumns(1, e.b.getF16Type(), tile, v, at)); };
  return {.scale = load(layout.superScaleOffset(elements)),
          .min = layout.min == Scalar::None ? Value() : load(layout.superMinOffset(elements))};
}

ColumnParameters loadParameters(TileEmission &e, const SuperParameters &outer, Value tile, int64_t elements,
                                Value block, int64_t v) {
  KernelBuilder &b = e.b;
  const PackedLayout &layout = e.layout();
  auto load = [&](Scalar type, int64_t offset) {
    Value first = b.offset(tile, b.mul(block, PackedLayout::kColumns * scalarBytes(type)));
    Value numbers = e.loadColumns(1, scalarType(b, type), first, v, offset);
    VectorType integers = b.vec(e.lanes, b.getI32Type());
    if (type == Scalar::I8)
      return b.toFloat(arith::ExtSIOp::create(b, integers, numbers));
    return type == Scalar::U8 ? b.toFloat(arith::ExtUIOp::create(b, integers, numbers)) : b.widen(numbers);
  };
  ColumnParameters result{
      .scale = load(layout.blockScale(), layout.scaleOffset(elements)), .zero = constantZero(e), .min = {}};
  if (layout.zero != Scalar::None)
    result.zero = load(layout.zero, layout.zeroOffset(elements));
  if (layout.min != Scalar::None)
    result.min = load(layout.blockMin(), layout.minOffset(elements));
  if (outer.scale)
    result.scale = b.fmul(outer.scale, result.scale);
  if (outer.min)
    result.min = b.fmul(outer.min, result.min);
  return result;
}

LhsBlocks IntegerDot::arrange(TileEmission &e, Value) const {
  const QuantizedRow row{e.operands.K, e.operands.lhsBlock};
  return {e.lhs, e.b.offset(e.lhs, row.scalesOffset()), row.block, 4, row.sumsOffset() - row.scalesOffset()};
}
int64_t IntegerDot::scratchBytes(const MatmulOperands &, int64_t) const { return 0; }
bool IntegerDot::takesUnpacked(const PackedLayout &) const { return false; }
Values IntegerDot::emitUnpacked(TileEmission &, Value, Value) const {
  llvm_unreachable("Kernels.def has no tile for many rows with this dot product");
}
Value IntegerDot::ofRows(TileEmission &e, Value pointer, int64_t bytes, int64_t r) const {
  return e.b.loadBroadcast(e.lanes, e.b.getF32Type(), pointer, e.row(r) + bytes);
}
ColumnParameters IntegerDot::ofColumns(TileEmission &, const ColumnParameters &parameters, int64_t) const {
  return parameters;
}
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

RowScales loadRowScales(TileEmission &e, const IntegerDot &dot, Value scale, const ColumnParameters &columns,
                        int64_t r) {
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

/// Adds one activation block to the accumulators, whose `parameters` are given. `x` points to its activations, `scale` to its
/// activation scale.
void addBlock(TileEmission &e, const IntegerDot &dot, ArrayRef<ColumnParameters> parameters, const BlockCodes &codes,
              Value x, Value scale, Values &sums) {
  for (int64_t v = 0; v < e.vectors(); ++v)
    for (auto [r, total] : llvm::enumerate(dot.emit(e, codes, x, v))) {
      const int64_t a = int64_t(r) * e.vectors() + v;
      sums[a] = addBlockTerm(e, parameters[a], loadRowScales(e, dot, scale, parameters[a], r), total, sums[a]);
    }
}

/// The parameters of each accumulator in block `block` of a tile.
class AccumulatorParameters {
public:
  AccumulatorParameters(TileEmission &e, const IntegerDot &dot, Value tile, int64_t elements, size_t accumulators)
      : e(e), dot(dot), tile(tile), elements(elements), accumulators(accumulators) {
    for (int64_t v = 0; v < e.vectors(); ++v)
      outer.push_back(loadSuperParameters(e, tile, elements, v));
  }

  llvm::SmallVector<ColumnParameters> ofBlock(Value block) const {
    llvm::SmallVector<ColumnParameters> ofVector, all;
    for (int64_t v = 0; v < e.vectors(); ++v)
      ofVector.push_back(loadParameters(e, outer[v], tile, elements, block, v));
    for (size_t a = 0; a < accumulators; ++a)
      all.push_back(dot.ofColumns(e, ofVector[a % e.vectors()], int64_t(a) / e.vectors()));
    return all;
  }

private:
  TileEmission &e;
  const IntegerDot &dot;
  Value tile;
  int64_t elements;
  size_t accumulators;
  llvm::SmallVector<SuperParameters> outer;
};

/// The activation blocks of one weight tile that has `elements` elements. Some are taken together: those that share a run of
/// codes, and with two levels a weight block.
class TileBlocks {
public:
  TileBlocks(TileEmission &e, const MatmulVariant &variant, Value tile, int64_t elements, Value k, size_t accumulators)
      : e(e), b(e.b), dot(*variant.dot), tile(tile), prefetch(variant.prefetch), bytes(e.layout().tileBytes(elements)),
        step(e.operands.lhsBlock), steps((elements + step - 1) / step),
        together(std::max({e.layout().runElements(), e.layout().isTwoLevel() ? e.layout().block : step, step}) / step),
        parameters(e, dot, tile, elements, accumulators) {
    Value first = b.divide(k, step);
    x = b.offset(e.blocks.codes, b.mul(first, e.blocks.codeStep));
    scales = b.offset(e.blocks.scales, b.mul(first, e.blocks.scaleStep));
    if (!e.layout().isTwoLevel())
      ofTile = parameters.ofBlock(b.i64(0));
  }

  void emit(Values &sums) {
    // Longer tiles would only grow the code.
    if (!e.layout().isTwoLevel() && steps <= dot.unrolledBlocks()) {
      ask(b.i64(0), steps);
      for (int64_t i = 0; i < steps; i += together)
        add(b.i64(i), std::min(together, steps - i), sums);
      return;
    }
    const int64_t whole = steps / together * together;
    sums = b.loop(b.i64(0), b.i64(whole), together, sums, [&](Value i, ValueRange carried) {
      Values inner(carried);
      ask(i, together);
      add(i, together, inner);
      return inner;
    });
    if (whole < steps)
      add(b.i64(whole), steps - whole, sums);
  }

private:
  TileEmission &e;
  KernelBuilder &b;
  const IntegerDot &dot;
  Value tile, x, scales;
  int64_t prefetch, bytes, step, steps, together;
  AccumulatorParameters parameters;
  llvm::SmallVector<ColumnParameters> ofTile; ///< with one level

  /// Asks for the share of `count` blocks of what lies `prefetch` bytes behind the tile in each panel.
  void ask(Value i, int64_t count) {
    constexpr int64_t kLine = 64;
    const int64_t share = (bytes + steps - 1) / steps;
    Value from = b.offset(tile, b.mul(i, share));
    for (int64_t p = 0; p < e.NR / PackedLayout::kColumns && prefetch > 0; ++p)
      for (int64_t at = 0; at < share * count; at += kLine)
        b.prefetch(from, e.panel(p) + prefetch + at);
  }

  /// Blocks i..i+count-1.
  void add(Value i, int64_t count, Values &sums) {
    const LhsBlocks &blocks = e.blocks;
    auto ofBlock = e.layout().isTwoLevel() ? parameters.ofBlock(b.divide(i, together)) : ofTile;
    Value codes = b.offset(tile, b.mul(i, e.layout().codeBytes(step))), rows = b.offset(x, b.mul(i, blocks.codeStep));
    Value rowScales = b.offset(scales, b.mul(i, blocks.scaleStep));
    for (int64_t j = 0; j < count; ++j) {
      // A run that ends with the block is another one's begin.
      const int64_t inRun = j * step % e.layout().runElements();
      addBlock(e, dot, ofBlock, {b.offset(codes, e.layout().codeBytes(j * step - inRun)), inRun},
               b.offset(rows, j * blocks.codeStep), b.offset(rowScales, j * blocks.scaleStep), sums);
    }
  }
};

//===----------------------------------------------------------------------===//
// f32 activations
//===----------------------------------------------------------------------===//

/// A run of activations of every row, each as a vector of equal lanes.
class ActivationRun {
public:
  /// `count` elements from `x` of row 0 on.
  ActivationRun(TileEmission &e, Value x, int64_t count) : e(e), x(x), count(count), fours(e.MR * ((count + 3) / 4)) {}

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
void addElement(TileEmission &e, ArrayRef<Value> weights, ActivationRun &x, int64_t k, Values &sums) {
  for (int64_t r = 0; r < e.MR; ++r) {
    Value activation = x.at(r, k);
    for (int64_t v = 0; v < e.vectors(); ++v)
      sums[r * e.vectors() + v] = e.b.fma(activation, weights[v], sums[r * e.vectors() + v]);
  }
}

/// Element i of a group, of each column, as f32.
Value codeAsFloat(TileEmission &e, Value bytes, int64_t i) {
  KernelBuilder &b = e.b;
  Value lanes = b.bitcast(b.vec(e.lanes, b.getI32Type()), bytes);
  if (e.layout().storedCodes().isSigned) {
    Value top = i == 3 ? lanes : Value(arith::ShLIOp::create(b, lanes, b.splat(e.lanes, 32, 24 - 8 * i)));
    return b.toFloat(arith::ShRSIOp::create(b, top, b.splat(e.lanes, 32, 24)));
  }
  Value low = i == 0 ? lanes : Value(arith::ShRUIOp::create(b, lanes, b.splat(e.lanes, 32, 8 * i)));
  return b.toFloat(i == 3 ? low : arith::AndIOp::create(b, low, b.splat(e.lanes, 32, 255)));
}

/// Adds the first `count` elements of a run. Elements come in their order, those of all vectors side by side.
void addRun(TileEmission &e, ArrayRef<ColumnParameters> parameters, Value codes, Value x, int64_t count, Values &sums) {
  KernelBuilder &b = e.b;
  llvm::SmallVector<llvm::SmallVector<Value, 8>> groups(e.vectors());
  llvm::SmallVector<Value> weights(e.vectors());
  ActivationRun activations(e, x, count);
  for (int64_t v = 0; v < e.vectors(); ++v)
    groups[v] =
        unpackGroups(b, e.layout(), 0, (count + PackedLayout::kGroup - 1) / PackedLayout::kGroup,
                     [&](int64_t at) { return e.loadColumns(PackedLayout::kGroup, b.getI8Type(), codes, v, at); });
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t v = 0; v < e.vectors(); ++v) {
      Value code = codeAsFloat(e, groups[v][i / PackedLayout::kGroup], i % PackedLayout::kGroup);
      if (parameters[v].zero)
        code = b.fsub(code, parameters[v].zero);
      weights[v] = b.fmul(parameters[v].scale, code);
      if (parameters[v].min)
        weights[v] = b.fadd(weights[v], parameters[v].min);
    }
    addElement(e, weights, activations, i, sums);
  }
}

/// Adds `elements` elements of a block.
void addFloatBlock(TileEmission &e, ArrayRef<ColumnParameters> parameters, Value codes, Value x, int64_t elements,
                   Values &sums) {
  KernelBuilder &b = e.b;
  const int64_t run = e.layout().runElements(), runs = elements / run, rest = elements % run;
  const int64_t runBytes = e.layout().codeBytes(run);
  sums = b.loop(b.i64(0), b.i64(runs), 1, sums, [&](Value j, ValueRange carried) {
    Values inner(carried);
    addRun(e, parameters, b.offset(codes, b.mul(j, runBytes)), b.offset(x, b.mul(j, 4 * run)), run, inner);
    return inner;
  });
  if (rest > 0)
    addRun(e, parameters, b.offset(codes, runs * runBytes), b.offset(x, runs * run * 4), rest, sums);
}

void addFloatTile(TileEmission &e, Value tile, int64_t elements, Value k, Values &sums) {
  KernelBuilder &b = e.b;
  const int64_t block = std::min(e.layout().block, elements), blocks = elements / block, rest = elements % block;
  llvm::SmallVector<SuperParameters> outer;
  for (int64_t v = 0; v < e.vectors(); ++v)
    outer.push_back(loadSuperParameters(e, tile, elements, v));
  Value x = b.offset(e.lhs, b.mul(k, 4));
  auto add = [&](Value i, int64_t count, Values &inner) {
    llvm::SmallVector<ColumnParameters> parameters;
    for (int64_t v = 0; v < e.vectors(); ++v)
      parameters.push_back(loadParameters(e, outer[v], tile, elements, i, v));
    addFloatBlock(e, parameters, b.offset(tile, b.mul(i, e.layout().codeBytes(block))),
                  b.offset(x, b.mul(i, 4 * block)), count, inner);
  };
  if (blocks == 1)
    add(b.i64(0), block, sums);
  else
    sums = b.loop(b.i64(0), b.i64(blocks), 1, sums, [&](Value i, ValueRange carried) {
      Values inner(carried);
      add(i, block, inner);
      return inner;
    });
  if (rest > 0)
    add(b.i64(blocks), rest, sums);
}

//===----------------------------------------------------------------------===//
// Loops over K
//===----------------------------------------------------------------------===//

using TileEmitter = llvm::function_ref<void(Value tile, int64_t elements, Value k, Values &sums)>;

/// All tiles of K: the whole ones in a loop, then the short last one.
void overTiles(TileEmission &e, Values &sums, TileEmitter emit) {
  KernelBuilder &b = e.b;
  const PackedLayout &layout = e.layout();
  const int64_t length = layout.tileElements(), whole = e.operands.K / length, tail = e.operands.K % length;
  if (whole > 0)
    sums = b.loop(b.i64(0), b.i64(whole), 1, sums, [&](Value i, ValueRange carried) {
      Values inner(carried);
      Value tile = b.offset(e.rhs, b.mul(i, layout.tileBytes()));
      emit(tile, length, b.mul(i, length), inner);
      return inner;
    });
  if (tail > 0)
    emit(b.offset(e.rhs, whole * layout.tileBytes()), tail, b.i64(whole * length), sums);
}

void emitFloats(TileEmission &e, Values &sums) {
  KernelBuilder &b = e.b;
  const Type stored = scalarType(b, e.layout().element);
  const int64_t step = PackedLayout::kColumns * scalarBytes(e.layout().element);
  auto elements = [&](Value w, Value x, int64_t count, Values &inner) {
    ActivationRun activations(e, x, count);
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
    return overTiles(e, sums, [&](Value tile, int64_t elements, Value k, Values &inner) {
      addFloatTile(e, tile, elements, k, inner);
    });
  overTiles(e, sums, [&](Value tile, int64_t elements, Value k, Values &inner) {
    TileBlocks(e, variant, tile, elements, k, inner.size()).emit(inner);
  });
  sums = variant.dot->rowMajor(e, sums);
}

} // namespace phic
