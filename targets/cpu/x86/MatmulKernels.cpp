//===- MatmulKernels.cpp - x86 integer dot products ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Both instructions multiply an unsigned byte by a signed one. Codes that are signed:
//
//     vpmaddubsw  |q| times sign(q) x, |x| <= 127: 255 x could not be added in pairs in s16. As many vectors of products as
//                 cannot overflow are added in s16, then vpmaddwd with ones
//     vpdpbusd    (x + 128) q, less 128 sum q, which all rows share: x + 128 is x with its top bit turned
//
// A vector holds the columns of one panel (256 bits) or of two side by side (512 bits).
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/MatmulTiles.h"

using namespace mlir;

namespace phic {
namespace {

using Values = KernelBuilder::Values;

bool isWide(const TileEmission &e) { return e.lanes == 16; }

/// Row r's elements k..k+3 in every lane, as bytes.
Value loadActivations(TileEmission &e, Value x, int64_t r, int64_t k) {
  KernelBuilder &b = e.b;
  return b.bitcast(b.vec(e.bytes(), b.getI8Type()), b.loadBroadcast(e.lanes, b.getI32Type(), x, e.row(r) + k));
}

//===----------------------------------------------------------------------===//
// vpmaddubsw
//===----------------------------------------------------------------------===//

/// Pairs of products of unsigned and signed bytes, in s16.
Value multiplyBytes(TileEmission &e, Value unsignedBytes, Value signedBytes) {
  KernelBuilder &b = e.b;
  return b.intrinsic(isWide(e) ? "llvm.x86.avx512.pmaddubs.w.512" : "llvm.x86.avx2.pmadd.ub.sw",
                     b.vec(e.bytes() / 2, b.getI16Type()), {unsignedBytes, signedBytes});
}

/// Pairs of s16 added, in s32.
Value widenSum(TileEmission &e, Value sum) {
  KernelBuilder &b = e.b;
  return b.intrinsic(isWide(e) ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd",
                     b.vec(e.lanes, b.getI32Type()), {sum, b.splat(e.bytes() / 2, 16, 1)});
}

/// The same values, all in registers at this place: an empty instruction takes and gives them. LLVM would else compute row after
/// row, add products in pairs first, or load what comes later, and run out of registers each way.
Values heldTogether(KernelBuilder &b, const Values &values) {
  Type type = LLVM::LLVMStructType::getLiteral(b.getContext(),
                                               llvm::SmallVector<Type>(values.size(), values.front().getType()));
  std::string results, operands;
  for (size_t i = 0; i < values.size(); ++i) {
    results += i == 0 ? "=v" : ",=v";
    operands += "," + std::to_string(i);
  }
  auto held = LLVM::InlineAsmOp::create(
      b, TypeRange{type}, ValueRange(values), "", results + operands + ",~{memory}", /*has_side_effects=*/true,
      /*is_align_stack=*/false, LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr());
  Values result;
  for (size_t i = 0; i < values.size(); ++i)
    result.push_back(LLVM::ExtractValueOp::create(b, held.getRes(), int64_t(i)));
  return result;
}

/// A vector's sums of one activation block: `narrow` in s16, of `added` products, then in `totals`.
class MaddubsSums {
public:
  explicit MaddubsSums(TileEmission &e)
      : e(e), most(vectorsPerSum(e.layout(), /*perLane=*/2)), narrow(e.MR), totals(e.MR) {}

  void multiply(Value codes, Value x, int64_t k) {
    KernelBuilder &b = e.b;
    const bool isSigned = e.layout().storedCodes().isSigned;
    if (added == most)
      widen();
    ++added;
    VectorType bytes = b.vec(e.bytes(), b.getI8Type());
    Value magnitude = isSigned ? Value(LLVM::AbsOp::create(b, bytes, codes, /*is_int_min_poison=*/false)) : codes;
    for (int64_t r = 0; r < e.MR; ++r) {
      Value activations = loadActivations(e, x, r, k);
      if (isSigned)
        activations = withSignOf(codes, activations);
      Value product = multiplyBytes(e, magnitude, activations);
      Value &sum = narrow[r];
      sum = sum ? b.add(sum, product) : product;
    }
  }

  Values result() {
    widen();
    return totals;
  }

private:
  /// vpsignb has no 512-bit form. What it does where a code is 0 does not matter.
  Value withSignOf(Value codes, Value activations) {
    KernelBuilder &b = e.b;
    if (!isWide(e))
      return b.intrinsic("llvm.x86.avx2.psign.b", codes.getType(), {activations, codes});
    Value zero = b.splat(e.bytes(), 8, 0);
    return b.select(b.less(codes, zero), b.sub(zero, activations), activations);
  }

  void widen() {
    KernelBuilder &b = e.b;
    for (int64_t r = 0; r < e.MR; ++r) {
      Value &sum = narrow[r], &total = totals[r];
      Value wide = widenSum(e, sum);
      total = total ? b.add(total, wide) : wide;
      sum = nullptr;
    }
    added = 0;
  }

  TileEmission &e;
  const int64_t most; ///< products that fit a 16-bit sum
  Values narrow, totals;
  int64_t added = 0;
};

class MaddubsDot final : public IntegerDot {
public:
  /// Its tiles of many rows take codes of up to so many bits.
  explicit constexpr MaddubsDot(int64_t unpackedBits) : unpackedBits(unpackedBits) {}

private:
  const int64_t unpackedBits;

  Values emit(TileEmission &e, const BlockCodes &codes, Value x, int64_t v) const override {
    MaddubsSums sums(e);
    overCodes(e, codes, v, [&](Value bytes, int64_t k) { sums.multiply(bytes, x, k); });
    return sums.result();
  }

  bool takesUnpacked(const PackedLayout &layout) const override { return layout.storedBits() <= unpackedBits; }

  /// Sums go to 32 bits where 16 hold no more: with nibbles once a block.
  Values emitUnpacked(TileEmission &e, Value codes, Value x) const override {
    KernelBuilder &b = e.b;
    const int64_t block = e.operands.lhsBlock, most = vectorsPerSum(e.layout(), /*perLane=*/2);
    Values sums(e.MR * e.vectors()), totals(sums.size());
    for (int64_t k = 0; k < block; k += 4) {
      for (int64_t v = 0; v < e.vectors(); ++v) {
        Value bytes = b.load(b.vec(e.bytes(), b.getI8Type()), codes, (v * block + k) * e.lanes);
        for (int64_t r = 0; r < e.MR; ++r) {
          Value product = multiplyBytes(e, bytes, loadActivations(e, x, r, k)), &sum = sums[r * e.vectors() + v];
          sum = sum ? b.add(sum, product) : product;
        }
      }
      sums = heldTogether(b, sums);
      if ((k / 4 + 1) % most != 0 && k + 4 != block)
        continue;
      for (auto [total, sum] : llvm::zip(totals, sums)) {
        Value wide = widenSum(e, sum);
        total = total ? b.add(total, wide) : wide;
        sum = nullptr;
      }
    }
    return totals;
  }
};

//===----------------------------------------------------------------------===//
// vpdpbusd
//===----------------------------------------------------------------------===//

class VnniDot final : public IntegerDot {
  Values emit(TileEmission &e, const BlockCodes &codes, Value x, int64_t v) const override {
    const bool isSigned = e.layout().storedCodes().isSigned;
    Value topBits = isSigned ? makeTopBits(e) : Value();
    Values totals(e.MR);
    Value correction;
    overCodes(e, codes, v, [&](Value bytes, int64_t k) {
      for (int64_t r = 0; r < e.MR; ++r) {
        Value activations = loadActivations(e, x, r, k);
        Value &total = totals[r];
        total = isSigned ? dot(e, total, arith::XOrIOp::create(e.b, activations, topBits), bytes)
                         : dot(e, total, bytes, activations);
      }
      if (isSigned)
        correction = dot(e, correction, topBits, bytes);
    });
    if (isSigned)
      for (Value &total : totals)
        total = e.b.sub(total, correction);
    return totals;
  }

  /// Signed ones would need the sum of their products with 128.
  bool takesUnpacked(const PackedLayout &layout) const override { return !layout.storedCodes().isSigned; }

  Values emitUnpacked(TileEmission &e, Value codes, Value x) const override {
    KernelBuilder &b = e.b;
    const int64_t block = e.operands.lhsBlock;
    Values totals(e.MR * e.vectors());
    for (int64_t k = 0; k < block; k += 4) {
      Values bytes;
      for (int64_t v = 0; v < e.vectors(); ++v)
        bytes.push_back(b.load(b.vec(e.bytes(), b.getI8Type()), codes, (v * block + k) * e.lanes));
      for (int64_t r = 0; r < e.MR; ++r) {
        Value activations = loadActivations(e, x, r, k);
        for (int64_t v = 0; v < e.vectors(); ++v) {
          Value &total = totals[r * e.vectors() + v];
          total = dot(e, total, bytes[v], activations);
        }
      }
      totals = heldTogether(b, totals);
    }
    return totals;
  }

  static Value dot(TileEmission &e, Value sum, Value unsignedBytes, Value signedBytes) {
    KernelBuilder &b = e.b;
    if (!sum)
      sum = b.splat(e.lanes, 32, 0);
    return b.intrinsic(isWide(e) ? "llvm.x86.avx512.vpdpbusd.512" : "llvm.x86.avx512.vpdpbusd.256", sum.getType(),
                       {sum, unsignedBytes, signedBytes});
  }

  /// 128 in every byte. LLVM is not to know that it is a constant: it would turn the bits of one activation before it is
  /// broadcast, between registers (vmovd, vpxor, vpbroadcastd), not after it comes broadcast from memory.
  static Value makeTopBits(TileEmission &e) {
    KernelBuilder &b = e.b;
    return b.opaque(b.splat(e.bytes(), 8, -128));
  }
};

/// Of AVX-512's tile of 8 x 32 nothing is known but for nibbles.
const MaddubsDot kMaddubs(/*unpackedBits=*/7), kMaddubsOfNibbles(/*unpackedBits=*/4);
const VnniDot kVnni;

const MatmulVariant kVariants[] = {
#define PHIC_X86_MATMUL(ISA, LHS, RHS, MR, PANELS, KR, DOT)                                                            \
  {#ISA, LhsKind::LHS, RhsKind::RHS, {MR, 8 * PANELS, KR}, DOT},
#define PHIC_X86_STREAM(ISA, LHS, PANELS, KR, DOT, AHEAD)                                                              \
  {#ISA, LhsKind::LHS, RhsKind::Codes, {1, 8 * PANELS, KR}, DOT, /*tall=*/false, AHEAD},
#define PHIC_X86_TALL_MATMUL(ISA, MR, PANELS, DOT)                                                                     \
  {#ISA, LhsKind::S8, RhsKind::Codes, {MR, 8 * PANELS, 0}, DOT, /*tall=*/true},
#include "targets/cpu/x86/Kernels.def"
};

} // namespace

std::span<const MatmulVariant> x86MatmulVariants() { return kVariants; }

} // namespace phic
