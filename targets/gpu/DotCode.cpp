//===- DotCode.cpp - Matmuls of a few rows ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A warp takes a panel of 8 columns and a part of K; lane (v, c) sums blocks v, v + 4, ... of column c. The lanes of a
// column are added by halves, so a sum has one order, whatever the number of rows.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/gpu/GroupCode.h"
#include "targets/gpu/WeightCode.h"

using namespace mlir;

namespace phic::gpu_code {
namespace {

using Values = KernelBuilder::Values;

constexpr int64_t kColumns = PackedLayout::kColumns;
/// Lanes that share a column of a panel.
constexpr int64_t kSharing = kWarp / kColumns;
/// A block has as many warps as panels, but some even for few and not too many.
constexpr int64_t kFewWarps = 8, kMostWarps = 16;

/// One matmul of a group, for `rows` rows.
class MatmulCode {
public:
  MatmulCode(GpuStage &s, phiq::MatmulOp matmul, int64_t rows)
      : s(s), b(s.b), matmul(matmul), facts(s.facts.inputs[indexOf(matmul.getRhs())]),
        weight(b, facts.layout, facts.columns), rows(rows), lhs{facts.columns, phic::blockOf(matmul.getLhs())} {}

  /// Sums over units first, first + step, ... of column `column` of the panel, one for each row. A unit is a block of
  /// the activations, whose codes are summed exactly, or a run.
  Values sums(Value panelIndex, Value column, ArrayRef<Value> rowIndices, Value first, int64_t step) {
    const int64_t N = cast<ShapedType>(matmul.getRhs().getType()).getDimSize(0);
    Value last = b.i32(int32_t(facts.layout.panels(N) - 1));
    panel = weight.panelAt(s.input(indexOf(matmul.getRhs())), b.minimum(panelIndex, last));
    this->column = column;
    s.markConstant(indexOf(matmul.getLhs()));
    const unsigned input = indexOf(matmul.getLhs());
    for (auto [i, row] : llvm::enumerate(rowIndices))
      x.push_back(i > 0 && isFilled(input) ? b.offset(x[0], int64_t(i) * s.facts.inputs[input].rowBytes)
                                           : s.inputRow(input, row));
    Values zeros(size_t(rows), b.f32(0));
    const int64_t units = weight.runs() / runsOfUnit();
    return b.loop(first, b.i32(int32_t(units)), step, zeros, [&](Value unit, ValueRange carried) {
      Values acc(carried);
      if (weight.isFloats())
        addNumber(unit, acc);
      else if (lhs.block)
        addCodes(unit, acc);
      else
        addDequantized(unit, acc);
      return acc;
    });
  }

private:
  /// Whether rows behind the step's last are there to be read, so that one pointer does for all: a buffer of the arena has a
  /// chunk's, which is a multiple of a block's.
  bool isFilled(unsigned input) const {
    return !s.facts.rows && s.facts.inputs[input].space == StageBuffer::Space::Arena;
  }
  static unsigned indexOf(Value value) { return cast<BlockArgument>(value).getArgNumber(); }

  void addNumber(Value run, Values &acc) {
    Value w = weight.number(panel, column, run);
    for (auto [row, sum] : llvm::zip(x, acc))
      sum = b.fma(b.load(b.getF32Type(), b.offset(row, b.mul(run, 4))), w, sum);
  }

  int64_t runsOfUnit() const {
    assert((!lhs.block || lhs.block % weight.runElements() == 0) && "a block of the activations has whole runs");
    return lhs.block && !weight.isFloats() ? lhs.block / weight.runElements() : 1;
  }

  /// 8-bit codes of both sides: a block of the activations is exact in s32, and scaled once.
  void addCodes(Value block, Values &acc) {
    const PackedLayout &layout = facts.layout;
    Value first = b.mul(block, runsOfUnit());
    SmallVector<Value> words;
    for (int64_t i = 0; i < runsOfUnit(); ++i)
      llvm::append_range(words, weight.codes(panel, column, b.add(first, i)));
    const BlockNumbers numbers = weight.numbers(panel, column, first);
    Value shift = numbers.shift(b, layout);
    auto add = [&](Value row, Value sum) -> Value {
      Value dot = b.i32(0), at = b.offset(row, b.mul(block, 4));
      for (auto [word, codes] : llvm::zip(words, blockOf(row, block)))
        dot = b.dot4(word, layout.storedCodes().isSigned, codes, true, dot);
      Value scale = b.load(b.getF32Type(), at, lhs.scalesOffset(), /*constant=*/true);
      sum = b.fma(b.toFloat(dot), b.fmul(numbers.scale, scale), sum);
      if (!shift)
        return sum;
      // What is not a product of two codes goes by the block's sum.
      return b.fma(b.load(b.getF32Type(), at, lhs.sumsOffset(), /*constant=*/true), shift, sum);
    };
    overRows(acc, add);
  }

  /// `sum` of each row. Some rows at a time, so that not all of their codes are loaded before the first is used: registers
  /// would not suffice.
  void overRows(Values &acc, function_ref<Value(Value row, Value sum)> add) {
    constexpr int64_t kTogether = 4;
    const unsigned input = indexOf(matmul.getLhs());
    if (rows <= kTogether || !isFilled(input)) {
      for (auto [row, sum] : llvm::zip(x, acc))
        sum = add(row, sum);
      return;
    }
    const int64_t rowBytes = s.facts.inputs[input].rowBytes;
    acc = b.loop(b.i32(0), b.i32(int32_t(rows)), kTogether, acc, [&](Value first, ValueRange carried) {
      Value begin = b.offset(x[0], b.mul(first, rowBytes));
      // Those that are done go to the end, and are where they were when all are.
      Values next(carried.drop_front(kTogether));
      for (int64_t i = 0; i < kTogether; ++i)
        next.push_back(add(b.offset(begin, i * rowBytes), carried[size_t(i)]));
      return next;
    });
  }

  /// Words of a block of activations, 16 bytes a load.
  SmallVector<Value> blockOf(Value row, Value block) {
    constexpr int64_t kLoad = 4;
    SmallVector<Value> words;
    Value codes = b.offset(row, b.mul(block, lhs.block));
    for (int64_t at = 0; at < lhs.block; at += 4 * kLoad) {
      Value four = b.load(b.vec(kLoad, b.getI32Type()), codes, at, /*constant=*/true);
      for (int64_t i = 0; i < kLoad; ++i)
        words.push_back(b.extract(four, i));
    }
    return words;
  }

  void addDequantized(Value run, Values &acc) {
    const int64_t elements = weight.runElements();
    auto words = weight.codes(panel, column, run);
    const BlockNumbers numbers = weight.numbers(panel, column, run);
    for (int64_t i = 0; i < elements; ++i) {
      Value code = weight.codeOf(words[size_t(i / PackedLayout::kGroup)], i % PackedLayout::kGroup);
      Value w = weight.valueOf(numbers, code);
      Value k = b.add(b.mul(run, elements), i);
      for (auto [row, sum] : llvm::zip(x, acc))
        sum = b.fma(activation(row, k), w, sum);
    }
  }

  /// x[k]; 0 where a block is padded.
  Value activation(Value row, Value k) {
    const int64_t K = facts.columns;
    if (!weight.isPadded())
      return b.load(b.getF32Type(), b.offset(row, b.mul(k, 4)));
    Value held = b.minimum(k, b.i32(int32_t(K - 1)));
    return b.select(b.less(k, K), b.load(b.getF32Type(), b.offset(row, b.mul(held, 4))), b.f32(0));
  }

  GpuStage &s;
  GpuBuilder &b;
  phiq::MatmulOp matmul;
  const StageBuffer &facts; ///< of the weight
  WeightCode weight;
  const int64_t rows;
  const QuantizedRow lhs; ///< block 0: floats
  Value panel, column;
  Values x; ///< rows of activations
};

class DotCode final : public GroupCode {
public:
  using GroupCode::GroupCode;

private:
  int64_t panels() const { return shape.width / kColumns; }

  void sumCore(size_t core) override {
    const int64_t warps = std::min(panels() * shape.parts, kMostWarps);
    auto [part, first] = b.divideRest(b.warp(), std::min(panels(), warps));
    auto sum = [&, part = part](Value panel) { sumPanel(core, panel, part); };
    if (panels() <= warps)
      b.when(b.less(b.warp(), warps), [&, first = first] { sum(first); });
    else
      b.loop(b.warp(), b.i32(int32_t(panels())), shape.threads / kWarp, sum);
  }

  void sumPanel(size_t core, Value panel, Value part) {
    auto [sharing, column] = b.divideRest(b.lane(), kColumns);
    Values rowIndices;
    for (int64_t i = 0; i < shape.rows; ++i)
      rowIndices.push_back(heldRow(b.i32(int32_t(i))));
    Value first = b.add(b.mul(part, kSharing), sharing), at = b.add(b.mul(panel, kColumns), column);
    MatmulCode code(s, cast<phiq::MatmulOp>(group.cores[core].core), shape.rows);
    Values sums = code.sums(panelOf(core, panel), column, rowIndices, first, kSharing * shape.parts);
    for (Value &sum : sums)
      sum = b.sumOfLanes(sum, kWarp, kColumns);
    b.when(b.equal(sharing, 0), [&] {
      for (auto [i, sum] : llvm::enumerate(sums))
        b.store(sum, partAt(part, core, b.i32(int32_t(i)), at));
    });
  }
};

} // namespace

GroupShape dotShape(const ColumnGroup &group, int64_t rows) {
  const int64_t width = widthStep(group), panels = width / kColumns, parts = std::max<int64_t>(1, kFewWarps / panels);
  return {rows, width, parts, std::min(panels * parts, kMostWarps) * kWarp};
}

std::unique_ptr<GroupCode> makeDotCode(GpuStage &s, const ColumnGroup &group, const GroupShape &shape) {
  return std::make_unique<DotCode>(s, group, shape);
}

} // namespace phic::gpu_code
