//===- EmitRowChain.cpp - Rows made of rows made of rows -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     for each tile (some rows of a product):
//       rows = rows of x times all columns                   ContractCode.h
//       for some rows:  maps, softmax or normalize, maps     where they lie
//       sums = rows times all columns of the last contraction
//       for each row:  the maps behind it -> results
//
// Scratch memory: the rows, the sums, and what the contractions need, one after the other.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/ContractCode.h"
#include "targets/cpu/kernels/MapsOfRows.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;

namespace phic {
namespace {

/// Rows and sums of a tile should stay in half of a second-level cache of 512 KiB.
constexpr int64_t kCacheBytes = 256 << 10;
/// A tile is as much work as several of a contraction's, and each puts the factors in order.
constexpr int64_t kEnoughTilesOfChains = kEnoughTiles / 2;

int64_t aligned(int64_t bytes) { return int64_t(llvm::alignTo(uint64_t(bytes), 64)); }

/// Bytes of a row of all sums of a contraction.
int64_t rowBytesOf(const ContractCode &code) { return 4 * code.contraction.paddedColumns(code.N); }

struct ChainStage {
  ChainStage(const RowChain &chain, const ContractCode &first, const ContractCode &last)
      : chain(chain), first(first), last(last), M(first.M), batch(phiq::ContractOp(chain.first).getBatch()),
        rows(tileRows()), sumsAt(aligned(rows * rowBytesOf(first))),
        scratchAt(sumsAt + aligned(rows * rowBytesOf(last))) {
    for (Operation *op : llvm::drop_begin(chain.behind))
      behind.push_back(cast<phiq::MapOp>(op));
  }

  /// Of a product.
  int64_t tiles() const { return int64_t(llvm::divideCeil(uint64_t(M), uint64_t(rows))); }
  int64_t scratchBytes() const {
    return scratchAt + std::max(first.scratchBytes(rows, first.N), last.scratchBytes(rows, last.N));
  }

  RowChain chain;
  ContractCode first, last;
  int64_t M, batch, rows, sumsAt, scratchAt;
  SmallVector<phiq::MapOp> behind;

private:
  int64_t tileRows() const {
    const int64_t MR = std::lcm(first.contraction.MR(), last.contraction.MR());
    const int64_t most = std::min(kMostRows, kCacheBytes / (rowBytesOf(first) + rowBytesOf(last)));
    int64_t result = evenRows(M, std::max(most / MR * MR, MR), MR);
    while (batch * int64_t(llvm::divideCeil(uint64_t(M), uint64_t(result))) < kEnoughTilesOfChains &&
           result > kLeastRowTiles * MR)
      result = evenRows(M, result / 2, MR);
    return result;
  }
};

void emitTile(const ChainStage &stage, GridEmitter &g, Value tile) {
  KernelBuilder &b = g.b;
  Value batch = b.divide(tile, stage.tiles());
  Value row = b.mul(b.sub(tile, b.mul(batch, stage.tiles())), stage.rows);
  Value count = b.minimum(b.i64(stage.rows), b.sub(b.i64(stage.M), row));
  Value rows = g.e.scratch, sums = b.offset(rows, stage.sumsAt), scratch = b.offset(rows, stage.scratchAt);
  Value zero = b.i64(0), number = b.add(b.mul(batch, stage.M), row);
  stage.first.emit(g, {.batch = batch,
                       .x = stage.first.xOf(g, batch),
                       .row = row,
                       .count = count,
                       .column = zero,
                       .width = stage.first.N,
                       .sums = rows,
                       .scratch = scratch});
  const int64_t rowBytes = rowBytesOf(stage.first);
  constexpr int64_t kElements = 4096; // of rows that are worked on together: they stay in the first-level cache
  const int64_t together = std::max<int64_t>(1, kElements / stage.first.N);
  b.loop(zero, count, together, [&](Value begin) {
    Value end = b.minimum(b.add(begin, together), count);
    for (const RowChain::Step &step : stage.chain.steps) {
      emitMapsInPlace(g, {step.rows, number, zero, stage.first.N, rows, rowBytes}, step.maps, begin, end);
      if (step.reader != phiq::ContractOp(stage.chain.last))
        b.loop(begin, end, 1, [&](Value r) {
          Value at = b.offset(rows, b.mul(r, rowBytes));
          emitLastAxisRow(step.reader, g, at, at);
        });
    }
  });
  stage.last.emit(g, {.batch = batch,
                      .x = rows,
                      .row = zero,
                      .count = count,
                      .column = zero,
                      .width = stage.last.N,
                      .sums = sums,
                      .scratch = scratch});
  emitResultsOfRows(
      g, {phiq::ContractOp(stage.chain.last).getResult(), number, zero, stage.last.N, sums, rowBytesOf(stage.last)},
      stage.behind, count, stage.rows);
}

} // namespace

FailureOr<GridKernel> rowChainKernel(const StageFacts &facts, const RowChain &chain, const CpuTarget &target) {
  FailureOr<ContractCode> first = ContractCode::of(facts, chain.first, target);
  if (failed(first))
    return failure();
  FailureOr<ContractCode> last = ContractCode::of(facts, chain.last, target, rowBytesOf(*first));
  if (failed(last))
    return failure();
  const ChainStage stage(chain, *first, *last);
  return GridKernel{.tiles = stage.batch * stage.tiles(),
                    .scratchBytes = stage.scratchBytes(),
                    .tile = [stage](GridEmitter &g, Value tile) { emitTile(stage, g, tile); },
                    .key = std::string(first->key()) + "|" + last->key()};
}

} // namespace phic
