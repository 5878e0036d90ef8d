//===- MatmulKernels.cpp - AVX2 integer dot products -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// D is made of vpmaddubsw (unsigned q times signed x, pairs added in s16), as many of them added in s16 as cannot
// overflow, then vpmaddwd with ones. Signed q: |q| times sign(q) x, |x| <= 127.
//===----------------------------------------------------------------------===//
#include "targets/MatmulTiles.h"

using namespace mlir;

namespace phic {
namespace {

constexpr int64_t kLanes = PackedLayout::kColumns;
constexpr int64_t kVector = 32;
using Values = KernelBuilder::Values;

/// The integer sums of one activation block for each row and panel of the tile.
class BlockDot {
public:
  BlockDot(TileEmission &e) : e(e), sums(e.MR * e.panels), totals(e.MR * e.panels) {}

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

  const Values &result() const { return totals; }

private:
  TileEmission &e;
  Values sums, totals;
};

class MaddubsDot final : public IntegerDot {
  Values emit(TileEmission &e, Value codes, Value x) const override {
    KernelBuilder &b = e.b;
    const PackedLayout &layout = e.layout();
    const int64_t elements = e.operands.lhsBlock, perVector = layout.nibbles() ? 8 : 4, most = vectorsPerSum(layout, /*perLane=*/2);
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
      pending += perVector / 4;
      if (pending + perVector / 4 > most) {
        dot.flush();
        pending = 0;
      }
    }
    dot.flush();
    return dot.result();
  }
};

const MaddubsDot kMaddubs;

const MatmulVariant kVariants[] = {
#define PHIC_X86_MATMUL(ISA, LHS, RHS, MR, PANELS, KR, DOT) {#ISA, LhsKind::LHS, RhsKind::RHS, {MR, PANELS, KR}, DOT},
#include "targets/x86/Kernels.def"
};

} // namespace

std::span<const MatmulVariant> x86MatmulVariants() { return kVariants; }

} // namespace phic
