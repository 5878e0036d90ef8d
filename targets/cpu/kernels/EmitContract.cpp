//===- EmitContract.cpp - Contractions and what follows them ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     for each tile (columns x rows):
//       sums = rows times columns                   ContractCode.h, in scratch memory
//       for each row:  the stage's maps of sums, of rows beside them, of vectors and of numbers -> results
//
// Scratch memory: sums, and what a contraction needs.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/ContractCode.h"
#include "targets/cpu/kernels/MapsOfRows.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic {
namespace {

/// The greatest tile, and the least that columns are divided into.
constexpr int64_t kMostColumns = 256, kLeastColumns = 64;

/// How a stage is divided.
struct Tiles {
  Tiles(int64_t batch, int64_t M, int64_t N, int64_t mostRows, int64_t MR, int64_t NR) {
    columns = std::min(N, std::max(kMostColumns, NR));
    rows = evenRows(M, std::min(mostRows, int64_t(llvm::alignTo(uint64_t(M), uint64_t(MR)))), MR);
    while (batch * count(M, N) < kEnoughTiles && columns > std::max(kLeastColumns, NR))
      columns = std::max(NR, int64_t(llvm::alignTo(uint64_t(columns) / 2, uint64_t(NR))));
    while (batch * count(M, N) < kEnoughTiles && rows > kLeastRowTiles * MR)
      rows = evenRows(M, rows / 2, MR);
  }
  /// Down, and in all. Of no rows there is one.
  int64_t down(int64_t M) const { return std::max(int64_t(llvm::divideCeil(uint64_t(M), uint64_t(rows))), int64_t(1)); }
  int64_t count(int64_t M, int64_t N) const {
    return down(M) * int64_t(llvm::divideCeil(uint64_t(N), uint64_t(columns)));
  }

  int64_t rows, columns;
};

/// A contraction's stage, apart from any emitter.
struct ContractStage {
  explicit ContractStage(const ContractCode &code)
      : code(code), op(code.op), tiles(op.getBatch(), std::max<int64_t>(code.M, 1), code.N, mostRows(),
                                       code.contraction.MR(), code.contraction.NR()),
        sumsBytes(
            int64_t(llvm::alignTo(uint64_t(tiles.rows * 4 * code.contraction.paddedColumns(tiles.columns)), 64))) {
    auto ops = op->getBlock()->getOps<phiq::MapOp>();
    maps.assign(ops.begin(), ops.end());
  }

  /// Of few columns, which hardly read the rows again, rows should not leave the first-level cache.
  int64_t mostRows() const {
    constexpr int64_t kCacheBytes = 24 << 10, kFewRows = 24, kFewColumns = 64;
    const int64_t words = std::min(kChunkWords, code.shape.K / elementsOf(code.contraction.words()) + 1);
    const bool isCheap = code.N < kFewestColumns || (code.N <= kFewColumns && code.contraction.readsPanels());
    return isCheap ? std::clamp(kCacheBytes / (4 * words), kFewRows, kMostRows) : kMostRows;
  }

  ContractCode code;
  phiq::ContractOp op;
  Tiles tiles;
  int64_t sumsBytes;
  SmallVector<phiq::MapOp> maps;
};

class ContractEmitter {
public:
  ContractEmitter(const ContractStage &stage, GridEmitter &g) : stage(stage), op(stage.op), g(g), b(g.b) {}

  void emit(Value tile) {
    const ContractCode &code = stage.code;
    const int64_t inBatch = stage.tiles.count(code.M, code.N);
    batch = op.getBatch() == 1 ? b.i64(0) : b.divide(tile, inBatch);
    tile = b.sub(tile, b.mul(batch, inBatch));
    const int64_t rowTiles = stage.tiles.down(code.M);
    // Neighbouring tiles share columns, so that a claim's weights stay in the cache.
    Value columnTile = b.divide(tile, rowTiles);
    row = b.mul(b.sub(tile, b.mul(columnTile, rowTiles)), stage.tiles.rows);
    count = b.minimum(b.i64(stage.tiles.rows), b.sub(b.i64(code.M), row));
    column = b.mul(columnTile, stage.tiles.columns);
    const int64_t width = stage.tiles.columns, whole = code.N / width, rest = code.N % width;
    if (rest == 0)
      return emitColumns(width);
    if (whole == 0)
      return emitColumns(rest);
    b.when(b.less(columnTile, b.i64(whole)), [&] { emitColumns(width); }, [&] { emitColumns(rest); });
  }

private:
  const ContractStage &stage;
  phiq::ContractOp op;
  GridEmitter &g;
  KernelBuilder &b;
  Value batch, row, count, column; ///< of the tile

  void emitColumns(int64_t width) {
    const ContractCode &code = stage.code;
    Value sums = g.e.scratch, scratch = b.offset(sums, stage.sumsBytes);
    code.emit(g, {batch, code.xOf(g, batch), row, count, column, width, sums, scratch});
    const TileRows rows{op.getResult(), b.add(b.mul(batch, code.M), row),         column, width,
                        sums,           4 * code.contraction.paddedColumns(width)};
    emitResultsOfRows(g, rows, stage.maps, count, stage.tiles.rows);
  }
};

} // namespace

FailureOr<GridKernel> contractKernel(const StageFacts &facts, const CpuTarget &target) {
  FailureOr<ContractCode> code = ContractCode::of(facts, facts.first<phiq::ContractOp>(), target);
  if (failed(code))
    return failure();
  const ContractStage stage(*code);
  GridKernel kernel;
  kernel.tiles = code->op.getBatch() * stage.tiles.count(code->M, code->N);
  kernel.scratchBytes = stage.sumsBytes + code->scratchBytes(stage.tiles.rows, stage.tiles.columns);
  kernel.key = code->key();
  kernel.tile = [stage](GridEmitter &g, Value tile) { ContractEmitter(stage, g).emit(tile); };
  return kernel;
}

} // namespace phic
