//===- MatmulKernels.cpp - NEON integer dot products -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stored codes are u4..u7 or s8: all of them are signed bytes, so that one signed
// dot product takes them. A panel's vector of 32 bytes is two registers: columns 0..3
// and 4..7, four elements of K each.
//
//     neon      smull/smlal: 8 products a register in s16, as many added as cannot overflow; then sadalp, and addp
//     +dotprod  sdot with a lane of the activations: four products a lane, added in s32
//     +i8mm     smmla: [2 rows x 8] times [2 columns x 8]. Two vectors of codes of the same columns, zipped, are that
//               operand; two rows' activations, zipped, the other one. Sums stay in pairs of rows until K ends.
//===----------------------------------------------------------------------===//
#include "targets/MatmulTiles.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/STLFunctionalExtras.h"

using namespace mlir;

namespace phic {
namespace {

constexpr int64_t kVector = 32, kRegister = 16, kRegisters = 2;
using Values = KernelBuilder::Values;

VectorType bytes(KernelBuilder &b) { return b.vec(kRegister, b.getI8Type()); }
VectorType words(KernelBuilder &b) { return b.vec(8, b.getI16Type()); }
VectorType sums(KernelBuilder &b) { return b.vec(4, b.getI32Type()); }

Value shuffle(KernelBuilder &b, Value x, Value y, ArrayRef<int32_t> lanes) { return LLVM::ShuffleVectorOp::create(b, x, y, lanes); }
Value joined(KernelBuilder &b, Value low, Value high) { return shuffle(b, low, high, {0, 1, 2, 3, 4, 5, 6, 7}); }

/// Codes of the four elements of K from `k` on, of each half panel.
struct Step {
  int64_t k;
  Value codes[kRegisters];
};

/// Hands the activation block's steps of panel p to `use`, in pairs (k, k + 4), each as it comes from memory.
void overSteps(TileEmission &e, Value codes, int64_t p, llvm::function_ref<void(const Step &, const Step &)> use) {
  KernelBuilder &b = e.b;
  const bool nibbles = e.layout().nibbles();
  for (int64_t k = 0; k < e.operands.lhsBlock; k += 8) {
    Step low{k, {}}, high{k + 4, {}};
    Value vectors = b.offset(codes, e.panel(p) + e.layout().codeBytes(k));
    for (int64_t half = 0; half < kRegisters; ++half) {
      Value bits = b.load(bytes(b), vectors, half * kRegister);
      low.codes[half] = nibbles ? Value(arith::AndIOp::create(b, bits, b.splat(kRegister, 8, 15))) : bits;
      high.codes[half] = nibbles ? Value(arith::ShRUIOp::create(b, bits, b.splat(kRegister, 8, 4)))
                                 : b.load(bytes(b), vectors, kVector + half * kRegister);
    }
    use(low, high);
  }
}

/// 16 activations of a row, from element k / 16 * 16 of the block on; loaded once.
class RowCodes {
public:
  RowCodes(TileEmission &e, Value x) : e(e), x(x), loaded(e.MR * (e.operands.lhsBlock / kRegister)) {}
  Value at(int64_t r, int64_t k) {
    Value &value = loaded[r * (e.operands.lhsBlock / kRegister) + k / kRegister];
    if (!value)
      value = e.b.load(bytes(e.b), x, e.row(r) + k / kRegister * kRegister);
    return value;
  }
  /// Elements k..k+3 four times.
  Value four(int64_t r, int64_t k) {
    KernelBuilder &b = e.b;
    Value words = b.bitcast(sums(b), at(r, k));
    return b.bitcast(bytes(b), shuffle(b, words, words, llvm::SmallVector<int32_t>(4, int32_t(k % kRegister / 4))));
  }

private:
  TileEmission &e;
  Value x;
  llvm::SmallVector<Value> loaded;
};

//===----------------------------------------------------------------------===//
// smull, smlal
//===----------------------------------------------------------------------===//

/// Sums of one row and half panel: two registers of s16, two of s32 in which a column has two lanes.
class LongSums {
public:
  void multiply(KernelBuilder &b, Value codes, Value x) {
    for (int32_t half = 0; half < 2; ++half) {
      llvm::SmallVector<int32_t> lanes;
      for (int32_t i = 0; i < 8; ++i)
        lanes.push_back(8 * half + i);
      Value product = b.intrinsic("llvm.aarch64.neon.smull.v8i16", words(b), {shuffle(b, codes, codes, lanes), shuffle(b, x, x, lanes)});
      narrow[half] = narrow[half] ? b.add(narrow[half], product) : product;
    }
  }
  void flush(KernelBuilder &b) {
    for (int half = 0; half < 2; ++half) {
      if (!narrow[half])
        continue;
      Value pairs = b.intrinsic("llvm.aarch64.neon.saddlp.v4i32.v8i16", sums(b), narrow[half]);
      wide[half] = wide[half] ? b.add(wide[half], pairs) : pairs;
      narrow[half] = nullptr;
    }
  }
  Value total(KernelBuilder &b) { return b.intrinsic("llvm.aarch64.neon.addp.v4i32", sums(b), {wide[0], wide[1]}); }

private:
  Value narrow[2], wide[2];
};

class MultiplyLong final : public IntegerDot {
  Values emit(TileEmission &e, Value codes, Value x) const override {
    KernelBuilder &b = e.b;
    RowCodes activations(e, x);
    const int64_t most = vectorsPerSum(e.layout(), /*perLane=*/1);
    Values totals(e.MR * e.panels);
    for (int64_t p = 0; p < e.panels; ++p) {
      llvm::SmallVector<LongSums> rows(e.MR * kRegisters);
      int64_t pending = 0;
      auto multiply = [&](const Step &step) {
        for (int64_t r = 0; r < e.MR; ++r)
          for (int64_t half = 0; half < kRegisters; ++half)
            rows[r * kRegisters + half].multiply(b, step.codes[half], activations.four(r, step.k));
        if (++pending < most)
          return;
        for (LongSums &row : rows)
          row.flush(b);
        pending = 0;
      };
      overSteps(e, codes, p, [&](const Step &low, const Step &high) {
        multiply(low);
        multiply(high);
      });
      for (LongSums &row : rows)
        row.flush(b);
      for (int64_t r = 0; r < e.MR; ++r)
        totals[r * e.panels + p] = joined(b, rows[r * kRegisters].total(b), rows[r * kRegisters + 1].total(b));
    }
    return totals;
  }
};

//===----------------------------------------------------------------------===//
// sdot
//===----------------------------------------------------------------------===//

class DotProduct final : public IntegerDot {
  Values emit(TileEmission &e, Value codes, Value x) const override {
    KernelBuilder &b = e.b;
    RowCodes activations(e, x);
    Values totals(e.MR * e.panels);
    for (int64_t p = 0; p < e.panels; ++p) {
      Values halves(e.MR * kRegisters, b.splat(4, 32, 0));
      auto multiply = [&](const Step &step) {
        for (int64_t r = 0; r < e.MR; ++r)
          for (int64_t half = 0; half < kRegisters; ++half) {
            Value &sum = halves[r * kRegisters + half];
            sum = b.intrinsic("llvm.aarch64.neon.sdot.v4i32.v16i8", sums(b), {sum, step.codes[half], activations.four(r, step.k)});
          }
      };
      overSteps(e, codes, p, [&](const Step &low, const Step &high) {
        multiply(low);
        multiply(high);
      });
      for (int64_t r = 0; r < e.MR; ++r)
        totals[r * e.panels + p] = joined(b, halves[r * kRegisters], halves[r * kRegisters + 1]);
    }
    return totals;
  }
};

//===----------------------------------------------------------------------===//
// smmla
//===----------------------------------------------------------------------===//

/// Halves of two registers of 64-bit (`lanes` 2) or 32-bit (4) lanes, zipped: the low ones, or the high ones.
Value zip(KernelBuilder &b, Value x, Value y, int64_t lanes, bool high) {
  VectorType type = b.vec(lanes, b.getIntegerType(unsigned(128 / lanes)));
  llvm::SmallVector<int32_t> order;
  for (int32_t i = 0; i < lanes / 2; ++i) {
    int32_t lane = i + (high ? int32_t(lanes) / 2 : 0);
    order.append({lane, lane + int32_t(lanes)});
  }
  return b.bitcast(x.getType(), shuffle(b, b.bitcast(type, x), b.bitcast(type, y), order));
}

/// Rows in pairs (2i, 2i + 1). Accumulator 2i of a panel holds columns 0..3, accumulator 2i + 1 columns 4..7, as
/// [row 2i: c0 c1][row 2i + 1: c0 c1] [row 2i: c2 c3][row 2i + 1: c2 c3].
class MatrixProduct final : public IntegerDot {
  Values emit(TileEmission &e, Value codes, Value x) const override {
    KernelBuilder &b = e.b;
    assert(e.panels == 1 && e.MR % 2 == 0 && "see arm/Kernels.def");
    RowCodes activations(e, x);
    Values quarters(e.MR * kRegisters, b.splat(4, 32, 0)); // of each pair: columns 01, 23, 45, 67
    overSteps(e, codes, 0, [&](const Step &low, const Step &high) {
      Values columns;
      for (int64_t half = 0; half < kRegisters; ++half)
        for (bool upper : {false, true})
          columns.push_back(zip(b, low.codes[half], high.codes[half], /*lanes=*/4, upper));
      for (int64_t pair = 0; pair < e.MR / 2; ++pair) {
        Value rows = zip(b, activations.at(2 * pair, low.k), activations.at(2 * pair + 1, low.k), /*lanes=*/2, low.k % kRegister != 0);
        for (int64_t q = 0; q < 4; ++q)
          quarters[pair * 4 + q] = b.intrinsic("llvm.aarch64.neon.smmla.v4i32.v16i8", sums(b), {quarters[pair * 4 + q], rows, columns[q]});
      }
    });
    Values totals;
    for (int64_t a = 0; a < e.MR; ++a)
      totals.push_back(joined(b, quarters[2 * a], quarters[2 * a + 1]));
    return totals;
  }

  Value ofRows(TileEmission &e, Value pointer, int64_t bytes, int64_t accumulator) const override {
    const int64_t row = accumulator / 2 * 2;
    Value first = IntegerDot::ofRows(e, pointer, bytes, row), second = IntegerDot::ofRows(e, pointer, bytes, row + 1);
    return shuffle(e.b, first, second, {0, 1, 8, 9, 2, 3, 10, 11});
  }

  ColumnParameters ofColumns(TileEmission &e, const ColumnParameters &parameters, int64_t accumulator) const override {
    const int32_t c = accumulator % 2 * 4;
    auto arranged = [&](Value v) { return v ? shuffle(e.b, v, v, {c, c + 1, c, c + 1, c + 2, c + 3, c + 2, c + 3}) : v; };
    return {arranged(parameters.scale), arranged(parameters.zero), arranged(parameters.min)};
  }

  Values rowMajor(TileEmission &e, const Values &sums) const override {
    Values rows;
    for (int64_t r = 0; r < e.MR; ++r) {
      const int32_t at = r % 2 * 2;
      rows.push_back(shuffle(e.b, sums[r / 2 * 2], sums[r / 2 * 2 + 1],
                             {at, at + 1, at + 4, at + 5, at + 8, at + 9, at + 12, at + 13}));
    }
    return rows;
  }
};

const MultiplyLong kMultiplyLong;
const DotProduct kDotProduct;
const MatrixProduct kMatrixProduct;

const MatmulVariant kVariants[] = {
#define PHIC_ARM_MATMUL(ISA, LHS, RHS, MR, PANELS, KR, DOT) {#ISA, LhsKind::LHS, RhsKind::RHS, {MR, PANELS, KR}, DOT},
#include "targets/arm/Kernels.def"
};

} // namespace

std::span<const MatmulVariant> armMatmulVariants() { return kVariants; }

} // namespace phic
