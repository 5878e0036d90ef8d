//===- EmitAttendStage.cpp - Attention over a grid of heads ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tile is a few query heads (as many as fill whole blocks of a quantized result)
// times a run of rows: the core for each head into scratch, then the region. Where the
// run is one row, the heads that share a cache are the rows of one call, which reads it once.
//===----------------------------------------------------------------------===//
#include "targets/KernelName.h"
#include "targets/cpu/kernels/AttendCore.h"
#include "targets/cpu/kernels/StageEmitter.h"
#include <numeric>

using namespace mlir;

namespace phic {
namespace {

class AttendStage {
public:
  AttendStage(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target, const TileShape &tile,
              MClass mClass)
      : library(library), facts(facts), target(target), op(facts.first<phiq::AttendOp>()), group(facts.groups.front()),
        isOneRow(tile.attendRows == 1 && mClass == MClass::Decode) {
    headDim = columnsOf(op.getResult()) / op.getHeads();
    const int64_t wholeBlocks = std::lcm(headDim, group.isPlain() ? headDim : group.unit) / headDim;
    const int64_t sharing = int64_t(op.getHeads()) / facts.cache->heads;
    // Where neither divides the other, both together would leave too few tiles for the threads.
    if (tile.attendRows == 1 && (sharing % wholeBlocks == 0 || wholeBlocks % sharing == 0))
      headsTogether = sharing;
    headsPerTile = std::min(std::max(wholeBlocks, headsTogether), int64_t(op.getHeads()));
    shape.headDim = headDim;
    shape.halfCache = facts.cache->isHalf;
    shape.scale = op.getScale().convertToFloat();
    if (op.getWindow())
      shape.window = *op.getWindow();
    if (op.getSoftcap())
      shape.softcap = op.getSoftcap()->convertToFloat();
    tileRows = tile.attendRows;
    outRowBytes = group.isPlain() ? facts.results[group.sinks[0].index].rowBytes : headsPerTile * headDim * 4;
    shape.onePosition = tileRows == 1;
    shape.rows = shape.onePosition ? headsTogether : tileRows;
    shape.queryRowBytes = shape.onePosition ? headDim * 4 : facts.inputs[queries()].rowBytes;
    shape.outRowBytes = shape.onePosition ? headDim * 4 : outRowBytes;
    shape.keys = tile.attendKeys;
    if (target.vectorBytes == 64 && headDim % 16 == 0)
      shape.lanes = 16;
  }

  FailureOr<StageKernel> run() {
    if (facts.groups.size() != 1)
      return op.emitError("is in a stage with work on other columns than attention's");
    assert(headDim % 8 == 0 && "found lacking in fuse");
    const int64_t heads = op.getHeads();
    StageKernel kernel{
        {(heads + headsPerTile - 1) / headsPerTile, tileRows, isOneRow}, resultBytes() + shape.scratchBytes(), {}};
    std::string tileKey = (isOneRow ? "one" : std::to_string(tileRows)) + "x" + std::to_string(shape.keys);
    kernel.symbol = defineStageKernel(library, facts, tileKey, name("h" + std::to_string(heads), epilogueName(group)),
                                      [&](StageEmitter &e) { emit(e, kernel.tiles); });
    return kernel;
  }

private:
  KernelLibrary &library;
  const StageFacts &facts;
  const CpuTarget &target;
  phiq::AttendOp op;
  const ColumnGroup &group;
  const bool isOneRow;
  AttendShape shape;
  int64_t headDim, headsPerTile, headsTogether = 1;
  int64_t tileRows;                 ///< of the step
  int64_t outRowBytes;              ///< distance of two of them in what the cores write

  unsigned queries() { return cast<BlockArgument>(op.getQueries()).getArgNumber(); }
  int64_t resultBytes() const { return group.isPlain() ? 0 : tileRows * outRowBytes; }

  std::string name(std::string suffix, std::string epilogue) {
    int64_t block = blockOf(group.sinks[0].value);
    return KernelName{.op = "attend",
                      .lhs = "f32",
                      .rhs = shape.halfCache ? "f16" : "f32",
                      .out = block ? "s8b" + std::to_string(block) : "f32",
                      .epilogue = epilogue,
                      .shape = "m" + std::to_string(tileRows) + "d" + std::to_string(headDim) + suffix,
                      .isa = target.isa}
        .str();
  }

  void emit(StageEmitter &e, const StageTiles &tiles) {
    const int64_t heads = op.getHeads(), whole = heads / headsPerTile, rest = heads % headsPerTile;
    e.overTiles(tiles, [&](Value column, Value row, Value count) {
      if (rest == 0)
        return emitTile(e, column, headsPerTile, row, count);
      e.b.when(
          e.b.less(column, e.b.i64(whole)), [&] { emitTile(e, column, headsPerTile, row, count); },
          [&] { emitTile(e, column, rest, row, count); });
    });
  }

  void emitTile(StageEmitter &e, Value tileColumn, int64_t heads, Value row, Value count) {
    KernelBuilder &b = e.b;
    std::string core = defineCore();
    Value firstHead = b.mul(tileColumn, headsPerTile), column = b.mul(firstHead, headDim);
    Value out = group.isPlain() ? b.offset(e.resultRow(group.sinks[0].index, row), b.mul(column, 4)) : e.scratch;
    Value scratch = b.offset(e.scratch, resultBytes()), position = b.add(e.past, row);
    const int64_t queriesPerHead = op.getHeads() / facts.cache->heads;
    b.loop(b.i64(0), b.i64(heads), headsTogether, [&](Value i) {
      Value head = b.add(firstHead, i), cacheHead = b.divide(head, queriesPerHead);
      Value query = b.offset(e.inputRow(queries(), row), b.mul(head, headDim * 4));
      b.call(core, {query, e.cacheKeys(cacheHead), e.cacheValues(cacheHead), b.offset(out, b.mul(i, headDim * 4)),
                    count, position, scratch});
    });
    if (!group.isPlain())
      e.applyRegion(group, heads * headDim, b.i64(1), column, row, count, {e.scratch}, outRowBytes);
  }

  std::string defineCore() {
    MLIRContext *context = facts.stage->getContext();
    Type pointer = LLVM::LLVMPointerType::get(context), i64 = IntegerType::get(context, 64);
    std::string symbol = name(headsTogether > 1 ? "g" + std::to_string(headsTogether) : "", "none"), key = symbol;
    for (double number : {double(shape.scale), double(shape.window.value_or(0)), double(shape.softcap.value_or(0)),
                          double(shape.queryRowBytes), double(shape.outRowBytes)})
      key += "," + std::to_string(number);
    return library.define(key, symbol, op.getLoc(), LLVM::Linkage::Internal,
                          {pointer, pointer, pointer, pointer, i64, i64, pointer},
                          [&](KernelBuilder &b, Block::BlockArgListType a) {
                            emitAttend(b, shape, {a[0], a[1], a[2], a[3], a[4], a[5], a[6]});
                          });
  }
};

} // namespace

FailureOr<StageKernel> emitAttendStage(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target,
                                       const TileShape &tile, MClass mClass) {
  return AttendStage(library, facts, target, tile, mClass).run();
}

} // namespace phic
