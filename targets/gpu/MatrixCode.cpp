//===- MatrixCode.cpp - Matmuls of many rows -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mma.m16n8k32 of bytes: a warp has one or two strips of 16 rows, and panels. Its operands are fragments whose elements of K
// may be in any order that both have: lane (c, q) of a panel takes elements 8 q .. 8 q + 7 of column c, which is a run
// of nibbles as it lies in memory, and the same of its rows. A block of K is exact in s32; then it is scaled.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/gpu/GroupCode.h"
#include "targets/gpu/WeightCode.h"

using namespace mlir;

namespace phic::gpu_code {
namespace {

using Values = KernelBuilder::Values;

constexpr int64_t kColumns = PackedLayout::kColumns;
/// Of one product: rows, and elements of K, which are a block of the activations.
constexpr int64_t kStrip = 16, kBlock = 32;
/// Lanes that share a column of a panel, elements that each has, and words of four.
constexpr int64_t kSharing = 4, kElements = kBlock / kSharing, kWords = kElements / PackedLayout::kGroup;
/// Warps of a block: two of them share its rows, four its panels.
constexpr int64_t kWarpsOfRows = 2, kWarpsOfPanels = 4, kBlockThreads = kWarpsOfRows * kWarpsOfPanels * kWarp;
constexpr int64_t kWidth = 64;
/// Results that a lane has of a product: of rows c and c + 8, columns 2 q and 2 q + 1.
constexpr int64_t kHalves = 2, kPair = 2;

class MatrixCode final : public GroupCode {
public:
  using GroupCode::GroupCode;

private:
  /// A panel's block, as a lane has it.
  struct PanelBlock {
    Value words[kWords];
    BlockNumbers numbers[kPair];
  };
  /// A strip's block: two words of each half, and what its codes stand for.
  struct StripBlock {
    Value words[kHalves][kWords], scale[kHalves], sum[kHalves];
  };

  void sumCore(size_t core) override;
  void begin(size_t core);
  Values addBlock(const WeightCode &weight, Value block, Values acc);
  StripBlock loadStrip(int64_t strip, Value block);
  PanelBlock loadPanel(const WeightCode &weight, Value panel, Value block);
  void addProduct(const StripBlock &x, const PanelBlock &w, MutableArrayRef<Value> acc);
  void storeSums(size_t core, const Values &acc);

  /// Strips and panels of a warp.
  int64_t strips() const { return shape.rows / (kStrip * kWarpsOfRows); }
  int64_t count() const { return (shape.width / kColumns + kWarpsOfPanels - 1) / kWarpsOfPanels; }
  Value localPanel(int64_t i) { return b.add(warpOfPanels, i * kWarpsOfPanels); }
  Value localRow(int64_t strip, int64_t half) {
    return b.add(b.add(b.mul(warpOfRows, strips() * kStrip), major), strip * kStrip + half * kColumns);
  }

  Value warpOfRows, warpOfPanels, major, minor; ///< of the warp; of the lane: c and q
  const StageBuffer *facts = nullptr; ///< of the core's weight
  QuantizedRow lhs;
  Values rows, panels; ///< where they begin
};

void MatrixCode::begin(size_t core) {
  auto matmul = cast<phiq::MatmulOp>(group.cores[core].core);
  const unsigned w = cast<BlockArgument>(matmul.getRhs()).getArgNumber(),
                 x = cast<BlockArgument>(matmul.getLhs()).getArgNumber();
  facts = &s.facts.inputs[w];
  s.markConstant(x);
  lhs = {facts->columns, kBlock};
  std::tie(warpOfPanels, warpOfRows) = b.divideRest(b.warp(), kWarpsOfRows);
  std::tie(major, minor) = b.divideRest(b.lane(), kSharing);
  rows.clear();
  for (int64_t strip = 0; strip < strips(); ++strip)
    for (int64_t half = 0; half < kHalves; ++half)
      rows.push_back(s.inputRow(x, heldRow(localRow(strip, half))));
  const int64_t N = cast<ShapedType>(matmul.getRhs().getType()).getDimSize(0);
  WeightCode weight(b, facts->layout, facts->columns);
  panels.clear();
  for (int64_t i = 0; i < count(); ++i) {
    Value last = b.i32(int32_t(facts->layout.panels(N) - 1));
    panels.push_back(weight.panelAt(s.input(w), b.minimum(panelOf(core, localPanel(i)), last)));
  }
}

void MatrixCode::sumCore(size_t core) {
  begin(core);
  const WeightCode weight(b, facts->layout, facts->columns);
  Values zeros(size_t(strips() * count() * kHalves * kPair), b.f32(0));
  storeSums(core, b.loop(b.i32(0), b.i32(int32_t(lhs.blocks())), 1, zeros,
                         [&](Value block, ValueRange carried) { return addBlock(weight, block, Values(carried)); }));
}

Values MatrixCode::addBlock(const WeightCode &weight, Value block, Values acc) {
  SmallVector<StripBlock> x;
  for (int64_t strip = 0; strip < strips(); ++strip)
    x.push_back(loadStrip(strip, block));
  constexpr size_t kResults = kHalves * kPair;
  for (int64_t i = 0; i < count(); ++i) {
    const PanelBlock panel = loadPanel(weight, panels[size_t(i)], block);
    for (int64_t strip = 0; strip < strips(); ++strip)
      addProduct(x[size_t(strip)], panel, MutableArrayRef(acc).slice(size_t(strip * count() + i) * kResults, kResults));
  }
  return acc;
}

MatrixCode::StripBlock MatrixCode::loadStrip(int64_t strip, Value block) {
  StripBlock x;
  for (int64_t half = 0; half < kHalves; ++half) {
    Value row = rows[size_t(strip * kHalves + half)];
    Value codes = b.offset(row, b.add(b.mul(block, kBlock), b.mul(minor, kElements)));
    Value both = b.load(b.vec(kWords, b.getI32Type()), codes);
    for (int64_t i = 0; i < kWords; ++i)
      x.words[half][i] = b.extract(both, i);
    Value at = b.offset(row, b.mul(block, 4));
    x.scale[half] = b.load(b.getF32Type(), at, lhs.scalesOffset());
    x.sum[half] = b.load(b.getF32Type(), at, lhs.sumsOffset());
  }
  return x;
}

MatrixCode::PanelBlock MatrixCode::loadPanel(const WeightCode &weight, Value panel, Value block) {
  PanelBlock w;
  const int64_t run = weight.runElements(), runs = kBlock / run;
  Value firstRun = b.mul(block, runs);
  if (run <= kElements) { // a lane has whole runs
    SmallVector<Value> words;
    for (int64_t i = 0; i < kElements / run; ++i)
      llvm::append_range(words, weight.codes(panel, major, b.add(firstRun, b.add(b.mul(minor, kElements / run), i))));
    for (int64_t i = 0; i < kWords; ++i)
      w.words[i] = words[size_t(i)];
  } else { // lanes share one
    const int64_t sharing = run / kElements;
    auto [which, part] = b.divideRest(minor, sharing);
    auto words = weight.codes(panel, major, b.add(firstRun, which));
    for (int64_t i = 0; i < kWords; ++i) {
      w.words[i] = words[size_t(i)];
      for (int64_t j = 1; j < sharing; ++j)
        w.words[i] = b.select(b.equal(part, j), words[size_t(j * kWords + i)], w.words[i]);
    }
  }
  for (int64_t i = 0; i < kPair; ++i)
    w.numbers[i] = weight.numbers(panel, b.add(b.mul(minor, kPair), i), firstRun);
  return w;
}

void MatrixCode::addProduct(const StripBlock &x, const PanelBlock &w, MutableArrayRef<Value> acc) {
  const PackedLayout &layout = facts->layout;
  const Values a = {x.words[0][0], x.words[1][0], x.words[0][1], x.words[1][1]};
  const Values product = b.multiplyMatrices(a, {w.words[0], w.words[1]}, layout.storedCodes().isSigned);
  for (int64_t half = 0; half < kHalves; ++half)
    for (int64_t i = 0; i < kPair; ++i) {
      const BlockNumbers &numbers = w.numbers[i];
      Value &sum = acc[size_t(half * kPair + i)];
      sum = b.fma(b.toFloat(product[size_t(half * kPair + i)]), b.fmul(numbers.scale, x.scale[half]), sum);
      if (Value shift = numbers.shift(b, layout))
        sum = b.fma(x.sum[half], shift, sum);
    }
}

void MatrixCode::storeSums(size_t core, const Values &acc) {
  const int64_t all = shape.width / kColumns;
  for (int64_t i = 0; i < count(); ++i) {
    auto store = [&] {
      for (int64_t strip = 0; strip < strips(); ++strip)
        for (int64_t half = 0; half < kHalves; ++half)
          for (int64_t j = 0; j < kPair; ++j) {
            Value column = b.add(b.add(b.mul(localPanel(i), kColumns), b.mul(minor, kPair)), j);
            const int64_t index = ((strip * count() + i) * kHalves + half) * kPair + j;
            b.store(acc[size_t(index)], partAt(b.i32(0), core, localRow(strip, half), column));
          }
    };
    if ((i + 1) * kWarpsOfPanels <= all)
      store();
    else
      b.when(b.less(localPanel(i), all), store);
  }
}

} // namespace

GroupShape matrixShape(const ColumnGroup &group, int64_t rows) {
  const int64_t step = widthStep(group);
  return {rows, std::max<int64_t>(1, kWidth / step) * step, /*parts=*/1, kBlockThreads};
}

bool hasMatrixCode(const StageFacts &facts) {
  for (auto matmul : plan::StageOp(facts.stage).getBody().front().getOps<phiq::MatmulOp>()) {
    const PackedLayout &layout = facts.inputs[cast<BlockArgument>(matmul.getRhs()).getArgNumber()].layout;
    if (blockOf(matmul.getLhs()) != kBlock || layout.kind != PackedLayout::Kind::BlockPanel)
      return false;
  }
  return true;
}

std::unique_ptr<GroupCode> makeMatrixCode(GpuStage &s, const ColumnGroup &group, const GroupShape &shape) {
  return std::make_unique<MatrixCode>(s, group, shape);
}

} // namespace phic::gpu_code
