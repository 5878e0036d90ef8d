//===- MatmulKernels.cpp - NEON integer dot products -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stored codes are u4..u7 or s8: all of them are signed bytes, so that one signed
// dot product takes them. A vector is half a panel: four columns, four elements of
// K of each in a register.
//
//     neon      smull/smlal: 8 products a register in s16, as many added as cannot overflow; then added in pairs and widened
//     +dotprod  sdot with a lane of the activations: four products a lane, added in s32
//     +i8mm     smmla: [2 rows x 8] times [2 columns x 8]. Two registers of codes of the same columns, zipped, are one
//               operand, two rows' activations the other. Sums stay in pairs of rows until K ends.
//
// From four rows on activations are rearranged once for all panels (RowGroups), so that what one step takes of all rows
// comes with one load.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/MatmulTiles.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <array>

using namespace mlir;

namespace phic {
namespace {

constexpr int64_t kRegister = 16;
/// LLVM would compute several side by side, and keep registers on the stack for it.
constexpr int64_t kUnrolledBlocks = 1;
using Values = KernelBuilder::Values;

VectorType bytes(KernelBuilder &b) { return b.vec(kRegister, b.getI8Type()); }
VectorType words(KernelBuilder &b) { return b.vec(8, b.getI16Type()); }
VectorType sums(KernelBuilder &b) { return b.vec(4, b.getI32Type()); }
VectorType floats(KernelBuilder &b) { return b.vec(4, b.getF32Type()); }

Value shuffle(KernelBuilder &b, Value x, Value y, ArrayRef<int32_t> lanes) {
  return LLVM::ShuffleVectorOp::create(b, x, y, lanes);
}
Value splatLane(KernelBuilder &b, Value x, int64_t lane) {
  return shuffle(b, x, x, llvm::SmallVector<int32_t>(4, int32_t(lane)));
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

/// Rows of activations rearranged, `rows` together and piece by piece. Of an activation block, group after group: the codes of
/// all its rows, a piece of the first row, one of the next, ...; then a register of scales, each as often as there are
/// lanes for its row; then for each of as many accumulators a register of the rows' scales times sums, or of what the zero point
/// takes off, in which an fma may add at once.
struct RowGroups {
  int64_t rows;
  int64_t
      pieceWords; ///< of four elements of K: each one, or two neighbours, or with nibbles the first and third, second and fourth

  int64_t codeBytes(int64_t block) const { return rows * block; }
  int64_t bytes(int64_t block) const { return codeBytes(block) + (1 + rows) * kRegister; }
  int64_t blockBytes(int64_t block, int64_t MR) const { return MR / rows * bytes(block); }

  int64_t scratchBytes(const MatmulOperands &operands, int64_t MR) const {
    return QuantizedRow{operands.K, operands.lhsBlock}.blocks() * blockBytes(operands.lhsBlock, MR);
  }

  LhsBlocks arrange(TileEmission &e, Value scratch) const {
    KernelBuilder &b = e.b;
    const int64_t block = e.operands.lhsBlock, step = blockBytes(block, e.MR);
    const QuantizedRow row{e.operands.K, block};
    b.loop(b.i64(0), b.i64(row.blocks()), 1, [&](Value i) {
      Value codes = b.offset(e.lhs, b.mul(i, block)), scales = b.offset(e.lhs, b.add(b.mul(i, 4), row.scalesOffset()));
      Value to = b.offset(scratch, b.mul(i, step));
      for (int64_t first = 0; first < e.MR; first += rows) {
        Value group = b.offset(to, first / rows * bytes(block));
        for (int64_t k = 0; k < block; k += kRegister)
          b.store(interleaved(e, b.offset(codes, k), first), group, k * rows);
        Value sums = ofLanes(e, b.offset(scales, row.sumsOffset() - row.scalesOffset()), first);
        if (sumFactor(e) != 1)
          sums = b.fmul(sums, b.splat(4, sumFactor(e)));
        b.store(ofLanes(e, scales, first), group, codeBytes(block));
        for (int64_t r = 0; r < rows; ++r)
          b.store(rows == 4 ? splatLane(b, sums, r) : sums, group, codeBytes(block) + (1 + r) * kRegister);
      }
    });
    return {scratch, scratch, step, step, kRegister, sumFactor(e)};
  }

  /// The scales (`offset` 0), or scales times sums, of the rows in the lanes of accumulator r.
  Value factors(TileEmission &e, Value x, int64_t offset, int64_t r) const {
    const int64_t block = e.operands.lhsBlock, at = r / rows * bytes(block) + codeBytes(block);
    if (offset > 0)
      return e.b.load(floats(e.b), x, at + offset + r % rows * kRegister);
    Value scales = e.b.load(floats(e.b), x, at);
    return rows == 4 ? splatLane(e.b, scales, r % rows) : scales;
  }

private:
  /// What zero points take off; a minimum needs the sums as they are.
  static float sumFactor(const TileEmission &e) {
    if (e.layout().min != Scalar::None)
      return 1;
    return e.layout().zero != Scalar::None ? -1 : e.layout().storedZero() != 0 ? float(-e.layout().storedZero()) : 1;
  }
  /// 16 bytes of each row of the group.
  Value interleaved(TileEmission &e, Value from, int64_t first) const {
    KernelBuilder &b = e.b;
    llvm::SmallVector<Value> parts;
    for (int64_t r = 0; r < rows; ++r)
      parts.push_back(b.load(sums(b), from, e.row(first + r)));
    for (; parts.size() > 1; parts.resize(parts.size() / 2))
      for (size_t i = 0; i < parts.size() / 2; ++i)
        parts[i] = b.concat(parts[2 * i], parts[2 * i + 1]);
    llvm::SmallVector<int32_t> order;
    const int64_t pieces = 4 / pieceWords, pieceStep = e.layout().nibbles() ? 1 : pieceWords,
                  wordStep = e.layout().nibbles() ? pieces : 1;
    for (int64_t piece = 0; piece < pieces; ++piece)
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t word = 0; word < pieceWords; ++word)
          order.push_back(int32_t(4 * r + piece * pieceStep + word * wordStep));
    return shuffle(b, parts[0], parts[0], order);
  }
  /// A float of each row of the group.
  Value ofLanes(TileEmission &e, Value from, int64_t first) const {
    KernelBuilder &b = e.b;
    Value lanes = LLVM::PoisonOp::create(b, floats(b));
    for (int64_t lane = 0; lane < 4; ++lane)
      lanes = b.insert(lanes, b.load(b.getF32Type(), from, e.row(first + lane * rows / 4)), lane);
    return lanes;
  }
};

/// Four elements of K of one row as a lane: of the row itself, or of a group of four.
class RowWords {
public:
  RowWords(TileEmission &e, Value x, const RowGroups *groups)
      : e(e), x(x), groups(groups), loaded(e.MR * e.operands.lhsBlock / kRegister) {}

  /// Elements k..k+3 four times.
  Value four(int64_t r, int64_t k) {
    KernelBuilder &b = e.b;
    const int64_t together = groups ? groups->rows : 1, word = k / 4 * together + r % together;
    Value &value = loaded[r / together * (together * e.operands.lhsBlock / kRegister) + word / 4];
    if (!value)
      value = b.load(sums(b), x,
                     (groups ? r / together * groups->bytes(e.operands.lhsBlock) : e.row(r)) + word / 4 * kRegister);
    return b.bitcast(bytes(b), splatLane(b, value, word % 4));
  }

private:
  TileEmission &e;
  Value x;
  const RowGroups *groups;
  llvm::SmallVector<Value> loaded;
};

/// Dot products that take the words of four rows from one register, where there are so many.
class WordDot : public IntegerDot {
public:
  int64_t unrolledBlocks() const final { return kUnrolledBlocks; }
  int64_t scratchBytes(const MatmulOperands &operands, int64_t MR) const final {
    return MR < 4 ? 0 : kFours.scratchBytes(operands, MR);
  }
  LhsBlocks arrange(TileEmission &e, Value scratch) const final {
    return e.MR < 4 ? IntegerDot::arrange(e, scratch) : kFours.arrange(e, scratch);
  }
  Value ofRows(TileEmission &e, Value pointer, int64_t bytes, int64_t r) const final {
    return e.MR < 4 ? IntegerDot::ofRows(e, pointer, bytes, r) : kFours.factors(e, pointer, bytes, r);
  }

protected:
  static RowWords activations(TileEmission &e, Value x) { return RowWords(e, x, e.MR < 4 ? nullptr : &kFours); }

private:
  static constexpr RowGroups kFours{.rows = 4, .pieceWords = 1};
};

//===----------------------------------------------------------------------===//
// smull, smlal
//===----------------------------------------------------------------------===//

/// A row's sums: two registers of s16, two of s32 in which a column has two lanes.
class LongSums {
public:
  void multiply(KernelBuilder &b, Value codes, Value x) {
    for (int32_t half = 0; half < 2; ++half) {
      Value product = b.intrinsic("llvm.aarch64.neon.smull.v8i16", words(b),
                                  {b.lanes(codes, 8 * half, 8), b.lanes(x, 8 * half, 8)});
      narrow[half] = narrow[half] ? b.add(narrow[half], product) : product;
    }
    ++added;
  }
  void flush(KernelBuilder &b) {
    for (int half = 0; half < 2; ++half) {
      if (!narrow[half])
        continue;
      Value pairs = b.intrinsic("llvm.aarch64.neon.saddlp.v4i32.v8i16", sums(b), narrow[half]);
      wide[half] = wide[half] ? b.add(wide[half], pairs) : pairs;
      narrow[half] = nullptr;
    }
    added = 0;
  }
  /// `most`: products that may be added in s16.
  Value total(KernelBuilder &b, int64_t most) {
    if (!wide[0] && 2 * added <= most) {
      Value pairs = b.intrinsic("llvm.aarch64.neon.addp.v8i16", words(b), {narrow[0], narrow[1]});
      return b.intrinsic("llvm.aarch64.neon.saddlp.v4i32.v8i16", sums(b), pairs);
    }
    flush(b);
    return b.intrinsic("llvm.aarch64.neon.addp.v4i32", sums(b), {wide[0], wide[1]});
  }
  int64_t pending() const { return added; }

private:
  Value narrow[2], wide[2];
  int64_t added = 0;
};

class MultiplyLong final : public WordDot {
  Values emit(TileEmission &e, const BlockCodes &codes, Value x, int64_t v) const override {
    KernelBuilder &b = e.b;
    RowWords rows = activations(e, x);
    const int64_t most = vectorsPerSum(e.layout(), /*perLane=*/1);
    llvm::SmallVector<LongSums> ofRow(e.MR);
    overCodes(e, codes, v, [&](Value bits, int64_t k) {
      for (int64_t r = 0; r < e.MR; ++r) {
        if (ofRow[r].pending() == most)
          ofRow[r].flush(b);
        ofRow[r].multiply(b, bits, rows.four(r, k));
      }
    });
    Values totals;
    for (LongSums &row : ofRow)
      totals.push_back(row.total(b, most));
    return totals;
  }
};

//===----------------------------------------------------------------------===//
// sdot
//===----------------------------------------------------------------------===//

class DotProduct final : public WordDot {
  Values emit(TileEmission &e, const BlockCodes &codes, Value x, int64_t v) const override {
    KernelBuilder &b = e.b;
    RowWords rows = activations(e, x);
    Values totals(e.MR, b.splat(4, 32, 0));
    overCodes(e, codes, v, [&](Value bits, int64_t k) {
      for (int64_t r = 0; r < e.MR; ++r)
        totals[r] = b.intrinsic("llvm.aarch64.neon.sdot.v4i32.v16i8", sums(b), {totals[r], bits, rows.four(r, k)});
    });
    return totals;
  }
};

//===----------------------------------------------------------------------===//
// smmla
//===----------------------------------------------------------------------===//

/// Accumulators 2i and 2i + 1 of a vector hold rows 2i and 2i + 1, the first of its columns 0 and 1, the other of its columns
/// 2 and 3: [row 2i: c0 c1][row 2i + 1: c0 c1].
class MatrixProduct final : public IntegerDot {
  static constexpr RowGroups kPairs{.rows = 2, .pieceWords = 2};

  int64_t unrolledBlocks() const override { return kUnrolledBlocks; }
  int64_t scratchBytes(const MatmulOperands &operands, int64_t MR) const override {
    return kPairs.scratchBytes(operands, MR);
  }
  LhsBlocks arrange(TileEmission &e, Value scratch) const override { return kPairs.arrange(e, scratch); }

  Values emit(TileEmission &e, const BlockCodes &codes, Value x, int64_t v) const override {
    KernelBuilder &b = e.b;
    Values totals(e.MR, b.splat(4, 32, 0));
    auto multiply = [&](int64_t piece, std::array<Value, 2> columns) {
      for (int64_t pair = 0; pair < e.MR / 2; ++pair) {
        Value rows = b.load(bytes(b), x, pair * kPairs.bytes(e.operands.lhsBlock) + piece * kRegister);
        for (int64_t q = 0; q < 2; ++q) {
          Value &total = totals[2 * pair + q];
          total = b.intrinsic("llvm.aarch64.neon.smmla.v4i32.v16i8", sums(b), {total, rows, columns[q]});
        }
      }
    };
    // Two groups of elements are one operand. Nibbles are zipped while there are two in a byte.
    if (e.layout().nibbles()) {
      for (int64_t k = 0; k < e.operands.lhsBlock; k += 16) {
        auto [first, second] = zipped(b, loadNibbles(e, codes.run, v, k), loadNibbles(e, codes.run, v, k + 8));
        multiply(k / 8, {lowNibbles(b, first), lowNibbles(b, second)});
        multiply(k / 8 + 1, {highNibbles(b, first), highNibbles(b, second)});
      }
      return totals;
    }
    Value before;
    overCodes(e, codes, v, [&](Value bits, int64_t k) {
      if (k % 8 == 0)
        before = bits;
      else
        multiply(k / 8, zipped(b, before, bits));
    });
    return totals;
  }

  static Value loadNibbles(TileEmission &e, Value codes, int64_t v, int64_t k) {
    return e.loadColumns(4, e.b.getI8Type(), codes, v, e.layout().codeBytes(k));
  }
  static Value lowNibbles(KernelBuilder &b, Value bits) {
    return arith::AndIOp::create(b, bits, b.splat(kRegister, 8, 15));
  }
  static Value highNibbles(KernelBuilder &b, Value bits) {
    return arith::ShRUIOp::create(b, bits, b.splat(kRegister, 8, 4));
  }

  /// A word of each in turn: of columns 0 and 1, of columns 2 and 3.
  static std::array<Value, 2> zipped(KernelBuilder &b, Value first, Value second) {
    Value x = b.bitcast(sums(b), first), y = b.bitcast(sums(b), second);
    return {b.bitcast(bytes(b), shuffle(b, x, y, {0, 4, 1, 5})), b.bitcast(bytes(b), shuffle(b, x, y, {2, 6, 3, 7}))};
  }

  Value ofRows(TileEmission &e, Value pointer, int64_t bytes, int64_t r) const override {
    return kPairs.factors(e, pointer, bytes, r);
  }

  ColumnParameters ofColumns(TileEmission &e, const ColumnParameters &parameters, int64_t r) const override {
    const int32_t c = r % 2 * 2;
    auto arranged = [&](Value v) { return v ? shuffle(e.b, v, v, {c, c + 1, c, c + 1}) : v; };
    return {arranged(parameters.scale), arranged(parameters.zero), arranged(parameters.min)};
  }

  Values rowMajor(TileEmission &e, const Values &sums) const override {
    Values rows;
    for (int64_t r = 0; r < e.MR; ++r)
      for (int64_t v = 0; v < e.vectors(); ++v) {
        const int32_t at = r % 2 * 2;
        const int64_t first = r / 2 * 2 * e.vectors() + v;
        rows.push_back(shuffle(e.b, sums[first], sums[first + e.vectors()], {at, at + 1, at + 4, at + 5}));
      }
    return rows;
  }
};

const MultiplyLong kMultiplyLong;
const DotProduct kDotProduct;
const MatrixProduct kMatrixProduct;

const MatmulVariant kVariants[] = {
#define PHIC_ARM_MATMUL(ISA, LHS, RHS, MR, NR, KR, DOT) {#ISA, LhsKind::LHS, RhsKind::RHS, {MR, NR, KR}, DOT},
#include "targets/cpu/arm/Kernels.def"
};

} // namespace

std::span<const MatmulVariant> armMatmulVariants() { return kVariants; }

} // namespace phic
