//===- EmitMatmulStage.cpp - Matmuls and their epilogues -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     for each tile (columns of a group x rows):
//       for each matmul of the group:  register tiles -> scratch [rows][columns]
//       for each row:                  region(scratch rows, residual, ... -> results)
//
// A group whose result is the matmul itself is written in place.
//===----------------------------------------------------------------------===//
#include "targets/KernelName.h"
#include "targets/cpu/kernels/Microkernels.h"
#include "targets/cpu/kernels/StageEmitter.h"

using namespace mlir;

namespace phic {
namespace {

/// Rows from which on a matmul unpacks its weights first, where there is a kernel that does.
int64_t leastTallRows(const RegisterTile &tall) { return 2 * tall.MR; }

/// A run of equal tiles of one group.
struct TileRun {
  const ColumnGroup *group;
  int64_t firstColumn; ///< of the group
  int64_t width;       ///< columns of a tile
  int64_t count;
};

/// The width of a group's tiles: at most `most` columns where the unit allows, without a rest if there is such a width
/// of at least half of that.
int64_t tileWidth(const ColumnGroup &group, int64_t most) {
  const int64_t widest = std::max<int64_t>(1, most / group.unit) * group.unit;
  for (int64_t width = widest; width * 2 >= widest; width -= group.unit)
    if (group.columns % width == 0)
      return width;
  return std::min(widest, group.columns);
}

llvm::SmallVector<TileRun> tileRuns(const StageFacts &facts, int64_t most) {
  llvm::SmallVector<TileRun> runs;
  for (const ColumnGroup &group : facts.groups) {
    const int64_t width = tileWidth(group, most), whole = group.columns / width, rest = group.columns % width;
    runs.push_back({&group, 0, width, whole});
    if (rest > 0)
      runs.push_back({&group, whole * width, rest, 1});
  }
  return runs;
}

class MatmulStage {
public:
  MatmulStage(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target, const TileShape &tile,
              MClass mClass)
      : library(library), facts(facts), target(target), microkernels(microkernelsOf(target)), tile(tile),
        isOneRow(tile.rows == 1 && mClass == MClass::Decode), runs(tileRuns(facts, tile.columns)) {}

  FailureOr<StageKernel> run() {
    StageKernel kernel{{0, tile.rows, isOneRow}, 0, {}};
    for (const TileRun &run : runs) {
      kernel.tiles.columns += run.count;
      kernel.scratchBytes = std::max<int64_t>(kernel.scratchBytes, arrangedAt(run) + arrangedBytes(run));
      for (const CoreUse &use : run.group->cores)
        if (microkernels.matmulTiles(operandsOf(cast<phiq::MatmulOp>(use.core))).empty())
          return use.core->emitError("has no kernel for ") << target.name;
    }
    std::string tileKey = std::to_string(tile.columns) + "x" + (isOneRow ? "one" : std::to_string(tile.rows));
    kernel.symbol = defineStageKernel(library, facts, tileKey, name(), [&](StageEmitter &e) {
      e.overTiles(kernel.tiles, [&](Value column, Value row, Value count) { emitTile(e, column, row, count); });
    });
    return kernel;
  }

private:
  KernelLibrary &library;
  const StageFacts &facts;
  const CpuTarget &target;
  const Microkernels &microkernels;
  const TileShape tile;
  const bool isOneRow;
  const llvm::SmallVector<TileRun> runs;

  static unsigned argumentIndex(Value value) { return cast<BlockArgument>(value).getArgNumber(); }
  /// Columns of a tile as the core writes them: whole panels.
  static int64_t paddedWidth(const TileRun &run) { return (run.width + 7) / 8 * 8; }
  int64_t coreBytes(const TileRun &run) const { return tile.rows * paddedWidth(run) * 4; }

  /// Where register tiles rearrange activations, or weights are unpacked: behind what the cores write.
  int64_t arrangedAt(const TileRun &run) const {
    return (int64_t(run.group->cores.size()) * coreBytes(run) + 63) / 64 * 64;
  }
  int64_t arrangedBytes(const TileRun &run) const {
    int64_t most = 0;
    for (const CoreUse &use : run.group->cores) {
      MatmulOperands operands = operandsOf(cast<phiq::MatmulOp>(use.core));
      for (const RegisterTile &registers : registerTiles(operands))
        most = std::max(most, microkernels.scratchBytes(operands, registers));
      if (tallTile(operands, run))
        most = std::max(most, microkernels.tallScratchBytes(operands));
    }
    return most;
  }

  /// The tile for many rows, where the stage's tiles can have that many and panels fill it.
  std::optional<RegisterTile> tallTile(const MatmulOperands &operands, const TileRun &run) const {
    std::optional<RegisterTile> tall = microkernels.tallTile(operands);
    return tall && tile.rows >= leastTallRows(*tall) && paddedWidth(run) % tall->NR == 0 ? tall : std::nullopt;
  }

  MatmulOperands operandsOf(phiq::MatmulOp op) const {
    MatmulOperands operands;
    operands.K = columnsOf(op.getLhs());
    operands.lhsBlock = blockOf(op.getLhs());
    operands.lhsRowBytes = facts.inputs[argumentIndex(op.getLhs())].rowBytes;
    operands.rhs = facts.inputs[argumentIndex(op.getRhs())].layout;
    return operands;
  }

  std::string name() const {
    auto op = facts.first<phiq::MatmulOp>();
    MatmulOperands operands = operandsOf(op);
    RegisterTile largest = tallTile(operands, runs.front()).value_or(registerTiles(operands).front());
    int64_t columns = 0;
    std::string out = "f32", epilogue;
    for (const ColumnGroup &group : facts.groups) {
      columns += group.columns;
      if (int64_t block = group.sinks[0].append ? 0 : blockOf(group.sinks[0].value))
        out = "s8b" + std::to_string(block);
      std::string part = epilogueName(group);
      if (part.size() > epilogue.size())
        epilogue = part;
    }
    return KernelName{.op = "matmul",
                      .lhs = operands.lhsName(),
                      .rhs = operands.rhsName(),
                      .out = out,
                      .epilogue = epilogue,
                      .MR = largest.MR,
                      .NR = largest.NR,
                      .KR = largest.KR,
                      .shape = "m" + std::to_string(tile.rows) + "n" + std::to_string(columns) + "k" +
                               std::to_string(operands.K),
                      .isa = target.isa}
        .str();
  }

  /// The variants that the tile's rows can fill.
  llvm::SmallVector<RegisterTile> registerTiles(const MatmulOperands &operands) const {
    llvm::SmallVector<RegisterTile> tiles = microkernels.matmulTiles(operands);
    llvm::erase_if(tiles, [&](const RegisterTile &t) { return t.MR > tile.rows; });
    return tiles;
  }

  /// Runs of whole groups first to last; the tile's column number picks one.
  void emitTile(StageEmitter &e, Value column, Value row, Value count) { emitRunsFrom(e, 0, column, row, count); }

  void emitRunsFrom(StageEmitter &e, unsigned index, Value column, Value row, Value count) {
    const TileRun &run = runs[index];
    if (index + 1 == runs.size())
      return emitRunTile(e, run, column, row, count);
    e.b.when(
        e.b.less(column, e.b.i64(run.count)), [&] { emitRunTile(e, run, column, row, count); },
        [&] { emitRunsFrom(e, index + 1, e.b.sub(column, e.b.i64(run.count)), row, count); });
  }

  void emitRunTile(StageEmitter &e, const TileRun &run, Value tileColumn, Value row, Value count) {
    KernelBuilder &b = e.b;
    const ColumnGroup &group = *run.group;
    Value column = b.add(b.mul(tileColumn, run.width), run.firstColumn);
    if (group.isPlain())
      return emitPlain(e, run, column, row, count);
    llvm::SmallVector<Value> results;
    for (auto [i, use] : llvm::enumerate(group.cores)) {
      results.push_back(b.offset(e.scratch, int64_t(i) * coreBytes(run)));
      emitCore(e, use, run, column, row, count, results.back(), paddedWidth(run) * 4);
    }
    const int64_t width = group.headDim ? group.headDim : run.width;
    e.applyRegion(group, width, b.i64(run.width / width), column, row, count, results, paddedWidth(run) * 4);
  }

  /// In place, unless the last panel's padding would be written outside of the row.
  void emitPlain(StageEmitter &e, const TileRun &run, Value column, Value row, Value count) {
    KernelBuilder &b = e.b;
    const unsigned index = run.group->sinks[0].index;
    const StageBuffer &buffer = facts.results[index];
    const CoreUse &use = run.group->cores[0];
    auto place = [&](Value at) { return b.offset(e.resultRow(index, at), b.mul(column, 4)); };
    if (run.width % 8 == 0)
      return emitCore(e, use, run, column, row, count, place(row), buffer.rowBytes);
    emitCore(e, use, run, column, row, count, e.scratch, paddedWidth(run) * 4);
    b.loop(b.i64(0), count, 1, [&](Value i) {
      b.copyBytes(place(b.add(row, i)), b.offset(e.scratch, b.mul(i, paddedWidth(run) * 4)), b.i64(run.width * 4));
    });
  }

  /// out[0, count) = lhs rows times the panels from the group's `column`, by register tiles of falling height.
  void emitCore(StageEmitter &e, const CoreUse &use, const TileRun &run, Value column, Value row, Value count,
                Value out, int64_t outRowBytes) {
    KernelBuilder &b = e.b;
    auto op = cast<phiq::MatmulOp>(use.core);
    MatmulOperands operands = operandsOf(op);
    Value panel = b.divide(b.add(column, use.begin), PackedLayout::kColumns);
    Value rhs = b.offset(e.weight(argumentIndex(op.getRhs())), b.mul(panel, operands.rhs.panelBytes(operands.K)));
    Value panels = b.i64(paddedWidth(run) / 8), stride = b.i64(outRowBytes), done = b.i64(0);
    Value arranged = b.offset(e.scratch, arrangedAt(run));
    if (std::optional<RegisterTile> tall = tallTile(operands, run)) {
      std::string symbol = defineTallCore(operands, *tall, op.getLoc());
      done = b.select(b.less(count, b.i64(leastTallRows(*tall))), done, b.mul(b.divide(count, tall->MR), tall->MR));
      b.when(b.less(b.i64(0), done), [&] {
        b.call(symbol, {e.inputRow(argumentIndex(op.getLhs()), row), rhs, out, stride, panels, arranged, done});
      });
    }
    for (const RegisterTile &registers : registerTiles(operands)) {
      std::string symbol = defineCore(operands, registers, op.getLoc());
      Value end = b.add(done, b.mul(b.divide(b.sub(count, done), registers.MR), registers.MR));
      b.loop(done, end, registers.MR, [&](Value r) {
        Value lhs = e.inputRow(argumentIndex(op.getLhs()), b.add(row, r));
        b.call(symbol, {lhs, rhs, b.offset(out, b.mul(r, outRowBytes)), stride, panels, arranged});
      });
      done = end;
    }
  }

  std::string coreSymbol(const MatmulOperands &operands, const RegisterTile &registers) const {
    return KernelName{.op = "matmul",
                      .lhs = operands.lhsName(),
                      .rhs = operands.rhsName(),
                      .out = "f32",
                      .epilogue = "none",
                      .MR = registers.MR,
                      .NR = registers.NR,
                      .KR = registers.KR,
                      .shape = "k" + std::to_string(operands.K),
                      .isa = target.isa}
        .str();
  }

  std::string defineCore(const MatmulOperands &operands, const RegisterTile &registers, Location loc) {
    std::string name = coreSymbol(operands, registers);
    Type pointer = LLVM::LLVMPointerType::get(facts.stage->getContext()),
         i64 = IntegerType::get(facts.stage->getContext(), 64);
    return library.define(name + std::to_string(operands.lhsRowBytes), name, loc, LLVM::Linkage::Internal,
                          {pointer, pointer, pointer, i64, i64, pointer},
                          [&](KernelBuilder &b, Block::BlockArgListType arguments) {
                            microkernels.emitMatmul(b, operands, registers, arguments[0], arguments[1], arguments[2],
                                                    arguments[3], arguments[4], arguments[5]);
                          });
  }

  std::string defineTallCore(const MatmulOperands &operands, const RegisterTile &registers, Location loc) {
    std::string name = coreSymbol(operands, registers);
    Type pointer = LLVM::LLVMPointerType::get(facts.stage->getContext()),
         i64 = IntegerType::get(facts.stage->getContext(), 64);
    return library.define("tall" + name + std::to_string(operands.lhsRowBytes), name, loc, LLVM::Linkage::Internal,
                          {pointer, pointer, pointer, i64, i64, pointer, i64},
                          [&](KernelBuilder &b, Block::BlockArgListType arguments) {
                            microkernels.emitTallMatmul(b, operands,
                                                        {.lhs = arguments[0],
                                                         .rhs = arguments[1],
                                                         .out = arguments[2],
                                                         .outRowBytes = arguments[3],
                                                         .panels = arguments[4],
                                                         .rows = arguments[6],
                                                         .scratch = arguments[5]});
                          });
  }
};

} // namespace

FailureOr<StageKernel> emitMatmulStage(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target,
                                       const TileShape &tile, MClass mClass) {
  return MatmulStage(library, facts, target, tile, mClass).run();
}

} // namespace phic
