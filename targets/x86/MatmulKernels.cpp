//===- MatmulKernels.cpp - AVX2 matmul register tiles ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The inner loops of phiq.matmul. Lane c of every vector is column c of a panel, so
// accumulators are stored as they are and nothing is summed across lanes.
//
// Integer dot products, per activation block with scale sx and codes x, per column:
//
//     sum_k s (q - z) sx x + m sx x  =  s (sx D - z sxS) + m sxS,   D = sum q x (s32),  sxS = sx sum x
//
// sxS comes with the activation row. D is made of vpmaddubsw (unsigned q times signed x, pairs added in
// s16), as many of them added in s16 as cannot overflow, then vpmaddwd with ones. Signed q: |q| times
// sign(q) x, |x| <= 127.
//
// Float: w = s (q - z) + m, rounded as Numerics does, then one fma per element, k ascending.
//===----------------------------------------------------------------------===//
#include "targets/Microkernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <algorithm>

using namespace mlir;

namespace phic {
namespace {

constexpr int64_t kLanes = PackedLayout::kColumns;
constexpr int64_t kVector = 32;

/// What an emitter is given: operands, its tile and the values of the call.
struct Emission {
  KernelBuilder &b;
  const MatmulOperands &operands;
  int64_t MR, panels;        ///< register tile
  Value lhs, rhs;            ///< first row; first panel of the tile
  const PackedLayout &layout() const { return operands.rhs; }
  int64_t row(int64_t r) const { return r * operands.lhsRowBytes; }
  int64_t panel(int64_t p) const { return p * operands.rhs.panelBytes(operands.K); }
};
using Values = KernelBuilder::Values;

/// A run of elements of K inside one tile: where its codes and scales are.
struct Span {
  Value tile;            ///< the tile of panel 0
  int64_t storedElements; ///< of the tile: places the scales
};

Type scalarType(KernelBuilder &b, Scalar type) {
  switch (type) {
  case Scalar::F16: return b.getF16Type();
  case Scalar::BF16: return b.getBF16Type();
  case Scalar::F32: return b.getF32Type();
  default: return b.getI8Type();
  }
}

/// Scale, zero point and minimum of the 8 columns of a tile; absent ones are null.
struct Parameters {
  Value scale, zero, min;
};

Parameters loadParameters(Emission &e, const Span &span, int64_t p) {
  KernelBuilder &b = e.b;
  const PackedLayout &layout = e.layout();
  Parameters result;
  const int64_t n = span.storedElements, at = e.panel(p);
  result.scale = b.loadFloats(kLanes, scalarType(b, layout.scale), span.tile, at + layout.scaleOffset(n));
  if (layout.zero == Scalar::I8) {
    Value codes = b.load(b.vec(kLanes, b.getI8Type()), span.tile, at + layout.zeroOffset(n));
    result.zero = b.toFloat(arith::ExtSIOp::create(b, b.vec(kLanes, b.getI32Type()), codes));
  } else if (layout.zero != Scalar::None) {
    result.zero = b.load(b.vec(kLanes, b.getF32Type()), span.tile, at + layout.zeroOffset(n));
  } else if (layout.storedZero() != 0) {
    result.zero = b.splat(kLanes, float(layout.storedZero()));
  }
  if (layout.min != Scalar::None)
    result.min = b.loadFloats(kLanes, scalarType(b, layout.min), span.tile, at + layout.minOffset(n));
  return result;
}

/// Low and high nibbles of each byte, as vectors of bytes.
std::pair<Value, Value> splitNibbles(KernelBuilder &b, Value bytes) {
  Value mask = b.splat(kVector, 8, 15);
  VectorType words = b.vec(kVector / 2, b.getI16Type());
  Value shifted = arith::ShRUIOp::create(b, b.bitcast(words, bytes), b.splat(kVector / 2, 16, 4));
  return {arith::AndIOp::create(b, bytes, mask), arith::AndIOp::create(b, b.bitcast(bytes.getType(), shifted), mask)};
}

//===----------------------------------------------------------------------===//
// s8 activations
//===----------------------------------------------------------------------===//

/// Vectors of products that may be added in s16: each adds at most 2 * greatest code * 127.
int64_t vectorsPerSum(const PackedLayout &layout) {
  CodeType codes = layout.storedCodes();
  int64_t greatest = codes.isSigned ? 128 : (int64_t(1) << codes.bits) - 1;
  return std::max<int64_t>(1, 32767 / (2 * greatest * 127));
}

/// The integer sums of one activation block for each row and panel of the tile.
class BlockDot {
public:
  BlockDot(Emission &e) : e(e), sums(e.MR * e.panels), totals(e.MR * e.panels) {}

  /// `codes`: 32 bytes for panel p, elements k..k+3 of each column; `x`: the rows at the block.
  void multiply(Value codes, int64_t p, Value x, int64_t k) {
    KernelBuilder &b = e.b;
    const bool isSigned = e.layout().storedCodes().isSigned;
    VectorType bytes = b.vec(kVector, b.getI8Type()), words = b.vec(kVector / 2, b.getI16Type());
    Value magnitude = isSigned ? Value(LLVM::AbsOp::create(b, bytes, codes, /*is_int_min_poison=*/false)) : codes;
    for (int64_t r = 0; r < e.MR; ++r) {
      Value activation = b.bitcast(bytes, b.loadBroadcast(kLanes, b.getI32Type(), x, e.row(r) + k));
      if (isSigned)
        activation = b.intrinsic("llvm.x86.avx2.psign.b", bytes, {activation, codes});
      Value product = b.intrinsic("llvm.x86.avx2.pmadd.ub.sw", words, {magnitude, activation});
      Value &sum = sums[r * e.panels + p];
      sum = sum ? b.add(sum, product) : product;
    }
  }

  /// Widens the s16 sums into the s32 totals.
  void flush() {
    KernelBuilder &b = e.b;
    for (auto [sum, total] : llvm::zip(sums, totals)) {
      if (!sum)
        continue;
      Value wide = b.intrinsic("llvm.x86.avx2.pmadd.wd", b.vec(kLanes, b.getI32Type()), {sum, b.splat(kVector / 2, 16, 1)});
      total = total ? b.add(total, wide) : wide;
      sum = nullptr;
    }
  }

  Value total(int64_t r, int64_t p) const { return totals[r * e.panels + p]; }

private:
  Emission &e;
  llvm::SmallVector<Value> sums, totals;
};

/// Adds one activation block to the accumulators. `codes` points to the block's codes of panel 0,
/// `x` to its activations, `scale` to its activation scale; the sums lie behind all scales.
void addBlock(Emission &e, ArrayRef<Parameters> parameters, Value codes, Value x, Value scale, Values &sums) {
  KernelBuilder &b = e.b;
  const PackedLayout &layout = e.layout();
  const int64_t elements = e.operands.lhsBlock, perVector = layout.nibbles() ? 8 : 4;
  const int64_t sumOffset = QuantizedRow{e.operands.K, elements}.blocks() * 4;
  BlockDot dot(e);
  int64_t pending = 0;
  for (int64_t j = 0; j < elements / perVector; ++j) {
    for (int64_t p = 0; p < e.panels; ++p) {
      Value bytes = b.load(b.vec(kVector, b.getI8Type()), codes, e.panel(p) + j * kVector);
      if (!layout.nibbles()) {
        dot.multiply(bytes, p, x, 4 * j);
        continue;
      }
      auto [low, high] = splitNibbles(b, bytes);
      dot.multiply(low, p, x, 8 * j);
      dot.multiply(high, p, x, 8 * j + 4);
    }
    pending += layout.nibbles() ? 2 : 1;
    if (pending + (layout.nibbles() ? 2 : 1) > vectorsPerSum(layout)) {
      dot.flush();
      pending = 0;
    }
  }
  dot.flush();
  for (int64_t r = 0; r < e.MR; ++r) {
    Value sx = b.loadBroadcast(kLanes, b.getF32Type(), scale, e.row(r));
    for (int64_t p = 0; p < e.panels; ++p) {
      const Parameters &columns = parameters[p];
      Value &sum = sums[r * e.panels + p];
      Value term = b.toFloat(dot.total(r, p)), sxS;
      if (columns.zero || columns.min)
        sxS = b.loadBroadcast(kLanes, b.getF32Type(), scale, e.row(r) + sumOffset);
      term = columns.zero ? b.fma(sx, term, arith::NegFOp::create(b, b.fmul(columns.zero, sxS))) : b.fmul(sx, term);
      sum = b.fma(columns.scale, term, sum);
      if (columns.min)
        sum = b.fma(columns.min, sxS, sum);
    }
  }
}

/// Adds the activation blocks of one weight tile that has `elements` elements; `k` is its first.
void addTile(Emission &e, Value tile, int64_t elements, Value k, Values &sums) {
  KernelBuilder &b = e.b;
  const int64_t step = e.operands.lhsBlock, steps = (elements + step - 1) / step;
  const int64_t codeStep = e.layout().codeBytes(step);
  Span span{tile, e.layout().storedElements(elements)};
  llvm::SmallVector<Parameters> parameters;
  for (int64_t p = 0; p < e.panels; ++p)
    parameters.push_back(loadParameters(e, span, p));
  Value x = b.offset(e.lhs, k);
  Value scales = b.offset(e.lhs, b.add(b.mul(b.divide(k, step), 4), QuantizedRow{e.operands.K, step}.scalesOffset()));
  // Up to four blocks are unrolled: longer tiles would only grow the code.
  if (steps <= 4) {
    for (int64_t i = 0; i < steps; ++i)
      addBlock(e, parameters, b.offset(tile, i * codeStep), b.offset(x, i * step), b.offset(scales, 4 * i), sums);
    return;
  }
  sums = b.loop(b.i64(0), b.i64(steps), 1, sums, [&](Value i, ValueRange carried) {
    Values inner(carried);
    addBlock(e, parameters, b.offset(tile, b.mul(i, codeStep)), b.offset(x, b.mul(i, step)), b.offset(scales, b.mul(i, 4)), inner);
    return inner;
  });
}

//===----------------------------------------------------------------------===//
// f32 activations
//===----------------------------------------------------------------------===//

/// sums += x[r][k] * weights[p], the innermost step of every float kernel.
void addElement(Emission &e, ArrayRef<Value> weights, Value x, int64_t k, Values &sums) {
  for (int64_t r = 0; r < e.MR; ++r) {
    Value activation = e.b.loadBroadcast(kLanes, e.b.getF32Type(), x, e.row(r) + 4 * k);
    for (int64_t p = 0; p < e.panels; ++p)
      sums[r * e.panels + p] = e.b.fma(activation, weights[p], sums[r * e.panels + p]);
  }
}

/// Code `i` of the 4 or 8 that each 32-bit lane of `lanes` holds, as f32.
Value codeAsFloat(Emission &e, Value lanes, int64_t i) {
  KernelBuilder &b = e.b;
  const PackedLayout &layout = e.layout();
  // Nibbles: byte i % 4, low half for i < 4. Bytes: byte i.
  const int64_t shift = layout.nibbles() ? i % 4 * 8 + i / 4 * 4 : i * 8;
  if (layout.storedCodes().isSigned) {
    Value top = shift == 24 ? lanes : Value(arith::ShLIOp::create(b, lanes, b.splat(kLanes, 32, 24 - shift)));
    return b.toFloat(arith::ShRSIOp::create(b, top, b.splat(kLanes, 32, 24)));
  }
  Value low = shift == 0 ? lanes : Value(arith::ShRUIOp::create(b, lanes, b.splat(kLanes, 32, shift)));
  return b.toFloat(arith::AndIOp::create(b, low, b.splat(kLanes, 32, layout.nibbles() ? 15 : 255)));
}

/// Adds `count` elements held by one vector of codes a panel.
void addCodes(Emission &e, ArrayRef<Parameters> parameters, Value codes, Value x, int64_t count, Values &sums) {
  KernelBuilder &b = e.b;
  llvm::SmallVector<Value> lanes, weights(e.panels);
  for (int64_t p = 0; p < e.panels; ++p)
    lanes.push_back(b.load(b.vec(kLanes, b.getI32Type()), codes, e.panel(p)));
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t p = 0; p < e.panels; ++p) {
      Value code = codeAsFloat(e, lanes[p], i);
      if (parameters[p].zero)
        code = b.fsub(code, parameters[p].zero);
      weights[p] = b.fmul(parameters[p].scale, code);
      if (parameters[p].min)
        weights[p] = b.fadd(weights[p], parameters[p].min);
    }
    addElement(e, weights, x, i, sums);
  }
}

void addFloatTile(Emission &e, Value tile, int64_t elements, Value k, Values &sums) {
  KernelBuilder &b = e.b;
  const int64_t perVector = e.layout().nibbles() ? 8 : 4, vectors = elements / perVector, rest = elements % perVector;
  Span span{tile, e.layout().storedElements(elements)};
  llvm::SmallVector<Parameters> parameters;
  for (int64_t p = 0; p < e.panels; ++p)
    parameters.push_back(loadParameters(e, span, p));
  Value x = b.offset(e.lhs, b.mul(k, 4));
  sums = b.loop(b.i64(0), b.i64(vectors), 1, sums, [&](Value j, ValueRange carried) {
    Values inner(carried);
    addCodes(e, parameters, b.offset(tile, b.mul(j, kVector)), b.offset(x, b.mul(j, 4 * perVector)), perVector, inner);
    return inner;
  });
  if (rest > 0)
    addCodes(e, parameters, b.offset(tile, vectors * kVector), b.offset(x, vectors * perVector * 4), rest, sums);
}

//===----------------------------------------------------------------------===//
// Loops over K
//===----------------------------------------------------------------------===//

using TileEmitter = void (*)(Emission &, Value tile, int64_t elements, Value k, Values &sums);

/// All tiles of K: the whole ones in a loop, then the short last one.
void overTiles(Emission &e, Values &sums, TileEmitter emit) {
  KernelBuilder &b = e.b;
  const PackedLayout &layout = e.layout();
  const int64_t whole = e.operands.K / layout.block, tail = e.operands.K % layout.block;
  if (whole > 0)
    sums = b.loop(b.i64(0), b.i64(whole), 1, sums, [&](Value i, ValueRange carried) {
      Values inner(carried);
      emit(e, b.offset(e.rhs, b.mul(i, layout.tileBytes())), layout.block, b.mul(i, layout.block), inner);
      return inner;
    });
  if (tail > 0)
    emit(e, b.offset(e.rhs, whole * layout.tileBytes()), tail, b.i64(whole * layout.block), sums);
}

void emitIntegerDot(Emission &e, Values &sums) { overTiles(e, sums, addTile); }
void emitDequantizedFma(Emission &e, Values &sums) { overTiles(e, sums, addFloatTile); }

void emitFloatFma(Emission &e, Values &sums) {
  KernelBuilder &b = e.b;
  const Type stored = scalarType(b, e.layout().element);
  const int64_t step = kLanes * scalarBytes(e.layout().element);
  auto element = [&](Value w, Value x, Values &inner) {
    llvm::SmallVector<Value> weights;
    for (int64_t p = 0; p < e.panels; ++p)
      weights.push_back(b.loadFloats(kLanes, stored, w, e.panel(p)));
    addElement(e, weights, x, 0, inner);
  };
  const int64_t K = e.operands.K, unrolled = K / 4 * 4;
  sums = b.loop(b.i64(0), b.i64(unrolled), 4, sums, [&](Value k, ValueRange carried) {
    Values inner(carried);
    for (int64_t i = 0; i < 4; ++i)
      element(b.offset(e.rhs, b.mul(b.add(k, i), step)), b.offset(e.lhs, b.mul(b.add(k, i), 4)), inner);
    return inner;
  });
  for (int64_t k = unrolled; k < K; ++k)
    element(b.offset(e.rhs, k * step), b.offset(e.lhs, k * 4), sums);
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

enum class Lhs { S8, F32 };
enum class Rhs { Codes, Floats };

struct Variant {
  Lhs lhs;
  Rhs rhs;
  RegisterTile tile;
  void (*emit)(Emission &, Values &sums);
};
constexpr Variant kVariants[] = {
#define PHIC_X86_MATMUL(ISA, LHS, RHS, MR, PANELS, KR, EMITTER) {Lhs::LHS, Rhs::RHS, {MR, PANELS, KR}, EMITTER},
#include "targets/x86/Kernels.def"
};

bool takes(const Variant &variant, const MatmulOperands &operands) {
  return (variant.lhs == Lhs::S8) == (operands.lhsBlock > 0) &&
         (variant.rhs == Rhs::Codes) == (operands.rhs.kind == PackedLayout::Kind::BlockPanel);
}

class X86Microkernels final : public Microkernels {
public:
  llvm::SmallVector<RegisterTile> matmulTiles(const MatmulOperands &operands) const override {
    llvm::SmallVector<RegisterTile> tiles;
    for (const Variant &variant : kVariants)
      if (takes(variant, operands))
        tiles.push_back({variant.tile.MR, variant.tile.panels, variant.tile.KR ? variant.tile.KR : operands.lhsBlock});
    return tiles;
  }

  void emitMatmul(KernelBuilder &b, const MatmulOperands &operands, const RegisterTile &tile, Value lhs, Value rhs,
                  Value out, Value outRowBytes, Value panels) const override {
    const Variant &variant = *llvm::find_if(kVariants, [&](const Variant &v) { return takes(v, operands) && v.tile.MR == tile.MR; });
    // Groups of `tile.panels` panels, then the rest one by one.
    Value grouped = tile.panels == 1 ? panels : b.mul(b.divide(panels, tile.panels), tile.panels);
    auto emitGroup = [&](Value p, int64_t width) {
      Emission e{b, operands, tile.MR, width, lhs, b.offset(rhs, b.mul(p, operands.rhs.panelBytes(operands.K)))};
      Values sums(tile.MR * width, b.splat(kLanes, 0.0f));
      variant.emit(e, sums);
      for (int64_t r = 0; r < tile.MR; ++r) {
        Value row = b.offset(b.offset(out, b.mul(p, kVector)), b.mul(outRowBytes, r));
        for (int64_t i = 0; i < width; ++i)
          b.store(sums[r * width + i], row, i * kVector);
      }
    };
    b.loop(b.i64(0), grouped, tile.panels, [&](Value p) { emitGroup(p, tile.panels); });
    if (tile.panels > 1)
      b.loop(grouped, panels, 1, [&](Value p) { emitGroup(p, 1); });
  }
};

} // namespace

std::string MatmulOperands::lhsName() const { return lhsBlock ? "s8b" + std::to_string(lhsBlock) : "f32"; }

std::string MatmulOperands::rhsName() const {
  // panel8x32_u4_f16_z8 -> u4f16z8b32
  std::string name = rhs.name(), text;
  if (rhs.kind != PackedLayout::Kind::BlockPanel)
    return std::string(scalarName(rhs.element));
  for (char c : name.substr(name.find('_') + 1))
    if (c != '_')
      text += c == '-' ? 'n' : c;
  return text + "b" + std::to_string(rhs.block);
}

const Microkernels &microkernelsOf(const Target &target) {
  static const X86Microkernels x86;
  assert(target.triple.starts_with("x86_64") && "no other family yet");
  return x86;
}

} // namespace phic
