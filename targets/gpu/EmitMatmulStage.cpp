//===- EmitMatmulStage.cpp - Matmuls and what follows them -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block computes some columns of a group, for a few rows:
//
//     for each matmul of the group:
//       each warp, for a panel of 8 columns and its part of K:  lane (v, c) sums blocks v, v + 4, ... of column c
//       lanes of a column are added, and put into shared memory by part
//     each thread, for its elements: the parts are added, then the row operations
//
// So a sum has one order, whatever the number of rows.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/KernelName.h"
#include "targets/gpu/Kernels.h"
#include "targets/gpu/RowCode.h"
#include "targets/gpu/WeightCode.h"
#include <numeric>

using namespace mlir;

namespace phic::gpu_code {
namespace {

using Values = KernelBuilder::Values;

constexpr int64_t kColumns = PackedLayout::kColumns;
/// Lanes that share a column of a panel.
constexpr int64_t kSharing = kWarp / kColumns;

/// How a block's warps share the panels of a matmul and its K.
struct WarpShares {
  int64_t panels, warps, parts; ///< parts of K

  explicit WarpShares(int64_t width) : panels(width / kColumns) {
    constexpr int64_t kFew = 8, kMost = 16;
    parts = std::max<int64_t>(1, kFew / panels);
    warps = std::min(panels * parts, kMost);
  }
};

/// A group, and the blocks that compute it.
struct GroupBlocks {
  const ColumnGroup *group;
  int64_t width; ///< columns of a block
  int64_t first, count; ///< along the grid
  WarpShares shares;
};

int64_t widthOf(const ColumnGroup &group) {
  const bool isQuantized = llvm::any_of(group.sinks, [](const Sink &sink) { return blockOf(sink.value) > 0; });
  return std::lcm(group.unit, isQuantized ? kWarp : kColumns);
}

SmallVector<GroupBlocks> blocksOf(const StageFacts &facts) {
  SmallVector<GroupBlocks> all;
  int64_t first = 0;
  for (const ColumnGroup &group : facts.groups) {
    const int64_t width = widthOf(group), count = int64_t(llvm::divideCeil(uint64_t(group.columns), uint64_t(width)));
    all.push_back({&group, width, first, count, WarpShares(width)});
    first += count;
  }
  return all;
}

/// One matmul of a group, for `rows` rows.
class MatmulCode {
public:
  MatmulCode(GpuStage &s, phiq::MatmulOp matmul, int64_t rows)
      : s(s), b(s.b), matmul(matmul), facts(s.facts.inputs[indexOf(matmul.getRhs())]),
        weight(b, facts.layout, facts.columns), rows(rows), lhs{facts.columns, blockOf(matmul.getLhs())} {}

  /// Sums over units first, first + step, ... of column `column` of the panel, one for each row. A unit is a block of
  /// the activations, whose codes are summed exactly, or a run.
  Values sums(Value panelIndex, Value column, ArrayRef<Value> rowIndices, Value first, int64_t step) {
    const int64_t N = cast<ShapedType>(matmul.getRhs().getType()).getDimSize(0);
    Value last = b.i32(int32_t(facts.layout.panels(N) - 1));
    panel = weight.panelAt(s.input(indexOf(matmul.getRhs())), b.minimum(panelIndex, last));
    this->column = column;
    for (Value row : rowIndices)
      x.push_back(s.inputRow(indexOf(matmul.getLhs()), row));
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
    // What is not a product of two codes goes by the block's sum.
    const bool isShifted = numbers.min || layout.zero != Scalar::None || layout.storedZero() != 0;
    Value shift = arith::NegFOp::create(b, b.fmul(numbers.scale, numbers.zero));
    if (numbers.min)
      shift = b.fadd(numbers.min, shift);
    for (auto [row, sum] : llvm::zip(x, acc)) {
      Value dot = b.i32(0), codes = b.offset(row, b.mul(block, lhs.block)), at = b.offset(row, b.mul(block, 4));
      for (auto [g, word] : llvm::enumerate(words))
        dot = b.dot4(word, layout.storedCodes().isSigned, b.load(b.getI32Type(), codes, int64_t(g) * 4), true, dot);
      Value scale = b.load(b.getF32Type(), at, lhs.scalesOffset());
      sum = b.fma(b.toFloat(dot), b.fmul(numbers.scale, scale), sum);
      if (isShifted)
        sum = b.fma(b.load(b.getF32Type(), at, lhs.sumsOffset()), shift, sum);
    }
  }

  void addDequantized(Value run, Values &acc) {
    const int64_t elements = weight.runElements();
    auto words = weight.codes(panel, column, run);
    const BlockNumbers numbers = weight.numbers(panel, column, run);
    for (int64_t i = 0; i < elements; ++i) {
      Value code = weight.codeOf(words[size_t(i / PackedLayout::kGroup)], i % PackedLayout::kGroup);
      Value w = b.fmul(numbers.scale, b.fsub(b.toFloat(code), numbers.zero));
      if (numbers.min)
        w = b.fadd(w, numbers.min);
      Value k = b.add(b.mul(run, elements), i);
      for (auto [row, sum] : llvm::zip(x, acc))
        sum = b.fma(activation(row, k), w, sum);
    }
  }

  /// x[k]; 0 where a block is padded.
  Value activation(Value row, Value k) {
    const int64_t K = facts.columns;
    if (K % weight.runElements() == 0)
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

/// A block's work.
class GroupCode {
public:
  GroupCode(GpuStage &s, const GroupBlocks &blocks, int64_t rows, int64_t threads)
      : s(s), b(s.b), blocks(blocks), group(*blocks.group), rows(rows), threads(threads) {}

  void emit(Value tile) {
    firstColumn = b.mul(tile, blocks.width);
    firstRow = b.mul(b.blockRow(), rows);
    parts = b.shared(4 * blocks.shares.parts * int64_t(group.cores.size()) * rows * blocks.width,
                     "parts" + std::to_string(blocks.first));
    for (size_t core = 0; core < group.cores.size(); ++core)
      sumCore(core);
    b.barrier();
    b.loop(b.thread(), b.i32(int32_t(rows * blocks.width)), threads, [&](Value i) { storeElement(i); });
  }

private:
  /// Row i of the block, the last that there is at most.
  Value heldRow(Value i) {
    if (rows == 1)
      return firstRow;
    return b.minimum(b.add(firstRow, i), b.sub(s.stageRows(), b.i32(1)));
  }

  /// Byte offset of an element in the parts.
  Value partAt(Value part, size_t core, Value row, Value column) {
    Value index = b.add(b.mul(part, int64_t(group.cores.size())), int64_t(core));
    index = b.add(b.mul(index, rows), row);
    return b.mul(b.add(b.mul(index, blocks.width), column), 4);
  }

  void sumCore(size_t core) {
    const WarpShares &shares = blocks.shares;
    auto [part, first] = b.divideRest(b.warp(), std::min(shares.panels, shares.warps));
    Value warp = b.warp();
    auto panels = [&](Value panel) { sumPanel(core, panel, part); };
    if (shares.panels <= shares.warps)
      b.when(b.less(warp, shares.warps), [&] { panels(first); });
    else
      b.loop(warp, b.i32(int32_t(shares.panels)), threads / kWarp, panels);
  }

  void sumPanel(size_t core, Value panel, Value part) {
    const CoreUse &use = group.cores[core];
    auto [sharing, column] = b.divideRest(b.lane(), kColumns);
    Values rowIndices;
    for (int64_t i = 0; i < rows; ++i)
      rowIndices.push_back(heldRow(b.i32(int32_t(i))));
    Value panelIndex = b.add(b.shiftRight(b.add(firstColumn, use.begin), 3), panel);
    Value first = b.add(b.mul(part, kSharing), sharing);
    MatmulCode code(s, cast<phiq::MatmulOp>(use.core), rows);
    Values sums = code.sums(panelIndex, column, rowIndices, first, kSharing * blocks.shares.parts);
    for (Value &sum : sums)
      sum = b.sumOfLanes(sum, kWarp, kColumns);
    Value at = b.add(b.mul(panel, kColumns), column);
    b.when(b.equal(sharing, 0), [&] {
      for (auto [i, sum] : llvm::enumerate(sums))
        b.store(sum, b.offset(parts, partAt(part, core, b.i32(int32_t(i)), at)));
    });
  }

  void storeElement(Value i) {
    auto [row, column] = b.divideRest(i, blocks.width);
    auto core = [&, row = row](unsigned index, Value column) {
      Value local = b.sub(column, firstColumn), sum;
      for (int64_t part = 0; part < blocks.shares.parts; ++part) {
        Value at = partAt(b.i32(int32_t(part)), index, row, local);
        Value next = b.load(b.getF32Type(), b.offset(parts, at));
        sum = sum ? b.fadd(sum, next) : next;
      }
      return sum;
    };
    Value isRow = rows == 1 ? Value() : b.KernelBuilder::less(b.add(firstRow, row), s.stageRows());
    RowCode(s, group, core).store(heldRow(row), b.add(firstColumn, column), isRow);
  }

  GpuStage &s;
  GpuBuilder &b;
  const GroupBlocks &blocks;
  const ColumnGroup &group;
  const int64_t rows, threads;
  Value firstColumn, firstRow, parts;
};

std::string nameOf(const StageFacts &facts, int64_t rows, std::string_view isa) {
  auto matmul = facts.first<phiq::MatmulOp>();
  const StageBuffer &weight = facts.inputs[cast<BlockArgument>(matmul.getRhs()).getArgNumber()];
  const int64_t block = blockOf(matmul.getLhs());
  int64_t columns = 0;
  for (const ColumnGroup &group : facts.groups)
    columns += group.columns;
  return KernelName{.op = "matmul",
                    .lhs = block ? "s8b" + std::to_string(block) : "f32",
                    .rhs = weight.layout.name(),
                    .shape = "m" + std::to_string(rows) + "n" + std::to_string(columns) + "k" +
                             std::to_string(weight.columns),
                    .isa = isa}
      .str();
}

} // namespace

FailureOr<GpuKernel> emitMatmulStage(KernelTable &table, const StageFacts &facts, MClass mClass, std::string_view isa) {
  constexpr int64_t kRows = 8;
  const int64_t rows = mClass == MClass::Decode ? 1 : kRows;
  const SmallVector<GroupBlocks> groups = blocksOf(facts);
  int64_t warps = 1;
  for (const GroupBlocks &blocks : groups)
    warps = std::max(warps, blocks.shares.warps);
  const int64_t threads = warps * kWarp;
  auto emit = [&](GpuStage &s) {
    GpuBuilder &b = s.b;
    Value column = b.blockColumn();
    for (const GroupBlocks &blocks : groups) {
      auto code = [&] { GroupCode(s, blocks, rows, threads).emit(b.sub(column, b.i32(int32_t(blocks.first)))); };
      if (groups.size() == 1)
        code();
      else
        b.when(b.both(b.less(b.i32(int32_t(blocks.first - 1)), column), b.less(column, blocks.first + blocks.count)),
               code);
    }
  };
  const GpuTiles tiles{groups.back().first + groups.back().count, rows};
  return GpuKernel{tiles,
                   defineGpuKernel(table, facts, "m" + std::to_string(rows), nameOf(facts, rows, isa), threads, emit)};
}

} // namespace phic::gpu_code
