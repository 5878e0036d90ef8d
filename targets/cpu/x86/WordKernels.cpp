//===- WordKernels.cpp - x86 products of words -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     f32        vfmadd
//     two s16    vpmaddwd, then vpaddd: exact for any codes and zero points (both products have at most 17 bits)
//     4 bytes    vpmaddubsw of two words, vpaddw, then vpmaddwd by ones and vpaddd: 64 products in five instructions where two s16
//                take eight. Four are added in 16 bits: exact of words that are paired for it (PairedBytes.h)
//                vpdpbusd: unsigned bytes of the row times signed ones of the weight, added in s32 without saturating
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/Contraction.h"

using namespace mlir;

namespace phic {
namespace {

VectorType bytesOf(KernelBuilder &b, Value words, unsigned bits) {
  const int64_t lanes = cast<VectorType>(words.getType()).getNumElements();
  return b.vec(lanes * 32 / bits, b.getIntegerType(bits));
}

class MaddWords final : public WordProduct {
  WordKind kind() const override { return WordKind::S16; }
  Value add(KernelBuilder &b, Value sum, Value x, Value w) const override {
    const int64_t lanes = cast<VectorType>(sum.getType()).getNumElements();
    if (lanes < 8) {
      auto wide = [&](Value few) -> Value {
        SmallVector<int32_t> mask;
        for (int32_t i = 0; i < 8; ++i)
          mask.push_back(i % int32_t(lanes));
        return LLVM::ShuffleVectorOp::create(b, few, few, mask);
      };
      return b.lanes(add(b, wide(sum), wide(x), wide(w)), 0, lanes);
    }
    const bool isWide = lanes == 16;
    VectorType shorts = bytesOf(b, x, 16);
    return b.add(sum, b.intrinsic(isWide ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd", sum.getType(),
                                  {b.bitcast(shorts, x), b.bitcast(shorts, w)}));
  }
};

class MaddubsWords final : public WordProduct {
  WordKind kind() const override { return WordKind::Bytes; }
  bool isOfPairs() const override { return true; }
  Value add(KernelBuilder &, Value, Value, Value) const override { llvm_unreachable("words are added in pairs"); }
  Value addPair(KernelBuilder &b, Value sum, ArrayRef<Value> x, ArrayRef<Value> w) const override {
    VectorType bytes = bytesOf(b, sum, 8), shorts = bytesOf(b, sum, 16);
    auto product = [&](size_t i) {
      return b.intrinsic("llvm.x86.avx2.pmadd.ub.sw", shorts, {b.bitcast(bytes, x[i]), b.bitcast(bytes, w[i])});
    };
    Value ones = b.splat(shorts.getNumElements(), 16, 1), two = b.add(product(0), product(1));
    return b.add(sum, b.intrinsic("llvm.x86.avx2.pmadd.wd", sum.getType(), {two, ones}));
  }
  Value shuffle(KernelBuilder &b, Value bytes, Value places) const override {
    return b.intrinsic("llvm.x86.avx2.pshuf.b", bytes.getType(), {bytes, places});
  }
};

class VnniWords final : public WordProduct {
  WordKind kind() const override { return WordKind::Bytes; }
  Value add(KernelBuilder &b, Value sum, Value x, Value w) const override {
    VectorType bytes = bytesOf(b, x, 8);
    return b.intrinsic("llvm.x86.avx512.vpdpbusd.512", sum.getType(), {sum, b.bitcast(bytes, x), b.bitcast(bytes, w)});
  }
};

const MaddWords kMadd;
const MaddubsWords kMaddubs;
const VnniWords kVnni;

} // namespace

std::span<const WordVariant> x86WordVariants() {
  static const WordVariant variants[] = {
#define PHIC_X86_WORDS(ISA, DOT, MR, VECTORS) {#ISA, DOT, MR, VECTORS},
#define PHIC_X86_MATMUL(...)
#define PHIC_X86_STREAM(...)
#define PHIC_X86_TALL_MATMUL(...)
#include "targets/cpu/x86/Kernels.def"
  };
  return variants;
}

} // namespace phic
