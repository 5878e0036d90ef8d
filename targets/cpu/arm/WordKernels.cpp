//===- WordKernels.cpp - ARM products of words -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     f32        fmla
//     two s16    the halves of both words, each times its like, in s32 lanes: exact, and of any machine
//
// A vector of eight lanes is two registers. dotprod and i8mm have no words of their own yet.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/Contraction.h"

using namespace mlir;

namespace phic {
namespace {

class ShortWords final : public WordProduct {
  WordKind kind() const override { return WordKind::S16; }
  Value add(KernelBuilder &b, Value sum, Value x, Value w) const override {
    Value half = b.splat(cast<VectorType>(x.getType()).getNumElements(), 32, 16);
    auto upper = [&](Value words) -> Value { return arith::ShRSIOp::create(b, words, half); };
    auto lower = [&](Value words) -> Value { return upper(arith::ShLIOp::create(b, words, half)); };
    sum = b.add(sum, b.mul(lower(x), lower(w)));
    return b.add(sum, b.mul(upper(x), upper(w)));
  }
};

const ShortWords kShorts;

} // namespace

std::span<const WordVariant> armWordVariants() {
  static const WordVariant variants[] = {
#define PHIC_ARM_WORDS(ISA, DOT, MR, VECTORS) {#ISA, DOT, MR, VECTORS},
#define PHIC_ARM_MATMUL(...)
#include "targets/cpu/arm/Kernels.def"
  };
  return variants;
}

} // namespace phic
