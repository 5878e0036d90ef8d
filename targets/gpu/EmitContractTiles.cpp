//===- EmitContractTiles.cpp - Products of many rows and columns -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block has 64 columns of 32 or 64 rows, of which each thread sums 4 by 2 or 4:
//
//     for each 16 units of K:
//       the block's rows and columns -> shared memory [16][rows], [16][64]     gathered, unpacked
//       each thread:  sums[4][4] += units of its rows x units of its columns
//     sums -> shared memory, so that neighbouring threads have neighbouring columns of a row; the maps behind
//
// k ascends in every sum.
//===----------------------------------------------------------------------===//
#include "targets/gpu/ProductCode.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic::gpu_code {
namespace {

using Values = KernelBuilder::Values;

/// Of a block: threads along a side, units that it holds, columns of a thread and of the block.
constexpr int64_t kSide = 16, kUnits = 16, kColumnsOfThread = 4, kColumns = kSide * kColumnsOfThread;

class TileCode {
public:
  TileCode(GridCode &g, phiq::ContractOp op, int64_t rowsOfThread)
      : g(g), b(g.b), op(op), code(g, op), M(op.getRows()), N(op.getColumns()), units(code.units()),
        rowsOfThread(rowsOfThread), rows(kSide * rowsOfThread) {
    const int64_t bytes = 4 * std::max(kUnits * (rows + kColumns), rows * kColumns);
    rowUnits = b.shared(bytes, "tile");
    columnUnits = b.offset(rowUnits, 4 * kUnits * rows);
    std::tie(down, across) = b.divideRest(b.thread(), kSide);
  }

  void emit() {
    Value tile, rowTile, columnTile;
    std::tie(tile, columnTile) =
        b.divideRest(b.blockColumn(), int64_t(llvm::divideCeil(uint64_t(N), uint64_t(kColumns))));
    std::tie(product, rowTile) = b.divideRest(tile, int64_t(llvm::divideCeil(uint64_t(M), uint64_t(rows))));
    firstRow = b.mul(rowTile, rows);
    firstColumn = b.mul(columnTile, kColumns);
    beginLoads();
    Values sums = sumUnits();
    g.waitForAll();
    storeSums(sums);
    g.waitForAll();
    b.loop(b.thread(), b.i32(int32_t(rows * kColumns)), kGridThreads, [&](Value i) { finish(i); });
  }

private:
  Value held(Value i, int64_t count) { return b.minimum(i, b.i32(int32_t(count - 1))); }
  /// Place i of shared memory.
  Value at(Value base, Value i) { return b.offset(base, b.mul(i, 4)); }

  /// What this thread loads: one unit of some rows, some units of one column.
  void beginLoads() {
    for (int64_t i = 0; i < rowsOfThread; ++i)
      loadedRows.push_back(held(b.add(b.add(firstRow, down), i * kSide), M));
    std::tie(unitOfColumn, loadedColumn) = b.divideRest(b.thread(), kColumns);
    code.beginColumn(product, held(b.add(firstColumn, loadedColumn), N));
  }

  /// unit(k), or 0 behind the last one.
  Value loaded(Value k, function_ref<Value(Value)> unit) {
    if (units % kUnits == 0)
      return unit(k);
    Value value = unit(held(k, units));
    return b.select(b.less(k, units), value, op.isFloat() ? b.f32(0) : b.i32(0));
  }

  void loadUnits(Value first) {
    for (int64_t i = 0; i < rowsOfThread; ++i) {
      Value x = loaded(b.add(first, across), [&](Value k) { return code.rowUnit(loadedRows[size_t(i)], k); });
      b.store(x, at(rowUnits, b.add(b.add(b.mul(across, rows), down), i * kSide)));
    }
    constexpr int64_t kStep = kGridThreads / kColumns;
    for (int64_t i = 0; i < kUnits; i += kStep) {
      Value unit = b.add(unitOfColumn, i);
      Value w = loaded(b.add(first, unit), [&](Value k) { return code.columnUnit(k); });
      b.store(w, at(columnUnits, b.add(b.mul(unit, kColumns), loadedColumn)));
    }
  }

  /// Products by rows, then sums of rows, and of columns, where they are wanted.
  Values sumUnits() {
    const int64_t products = rowsOfThread * kColumnsOfThread;
    Values zeros(
        size_t(products + (code.wantsRowSums() ? rowsOfThread : 0) + (code.wantsColumnSums() ? kColumnsOfThread : 0)),
        op.isFloat() ? b.f32(0) : b.i32(0));
    return b.loop(b.i32(0), b.i32(int32_t(units)), kUnits, zeros, [&](Value first, ValueRange carried) {
      g.waitForAll();
      loadUnits(first);
      g.waitForAll();
      return b.loop(b.i32(0), b.i32(int32_t(kUnits)), 1, carried,
                    [&](Value unit, ValueRange carried) { return addUnit(unit, Values(carried)); });
    });
  }

  Values addUnit(Value unit, Values sums) {
    const Type type = op.isFloat() ? Type(b.getF32Type()) : b.getI32Type();
    Value x = b.load(b.vec(rowsOfThread, type), at(rowUnits, b.add(b.mul(unit, rows), b.mul(down, rowsOfThread))));
    Value w = b.load(b.vec(kColumnsOfThread, type),
                     at(columnUnits, b.add(b.mul(unit, kColumns), b.mul(across, kColumnsOfThread))));
    size_t next = 0;
    for (int64_t row = 0; row < rowsOfThread; ++row)
      for (int64_t column = 0; column < kColumnsOfThread; ++column, ++next)
        sums[next] = code.addUnits(b.extract(x, row), b.extract(w, column), sums[next]);
    for (int64_t row = 0; code.wantsRowSums() && row < rowsOfThread; ++row, ++next)
      sums[next] = code.addRowCodes(b.extract(x, row), sums[next]);
    for (int64_t column = 0; code.wantsColumnSums() && column < kColumnsOfThread; ++column, ++next)
      sums[next] = code.addColumnCodes(b.extract(w, column), sums[next]);
    return sums;
  }

  void storeSums(ArrayRef<Value> sums) {
    const int64_t products = rowsOfThread * kColumnsOfThread;
    for (int64_t column = 0; column < kColumnsOfThread; ++column) {
      Value local = b.add(b.mul(across, kColumnsOfThread), column);
      ProductCode own(g, op);
      own.beginColumn(product, held(b.add(firstColumn, local), N));
      for (int64_t row = 0; row < rowsOfThread; ++row) {
        Value ofRow = code.wantsRowSums() ? sums[size_t(products + row)] : Value();
        Value ofColumn = code.wantsColumnSums() ? sums[sums.size() - size_t(kColumnsOfThread - column)] : Value();
        Value sum = own.withoutZeros(sums[size_t(row * kColumnsOfThread + column)], ofRow, ofColumn);
        b.store(sum, at(rowUnits, b.add(b.mul(b.add(b.mul(down, rowsOfThread), row), kColumns), local)));
      }
    }
  }

  void finish(Value i) {
    auto [localRow, localColumn] = b.divideRest(i, kColumns);
    Value row = b.add(firstRow, localRow), column = b.add(firstColumn, localColumn);
    b.when(b.both(b.less(row, M), b.less(column, N)), [&] {
      Value sum = b.load(op.isFloat() ? Type(b.getF32Type()) : b.getI32Type(), at(rowUnits, i));
      g.finish(op.getResult(), sum, b.add(b.mul(b.add(b.mul(product, M), row), N), column));
    });
  }

  GridCode &g;
  GpuBuilder &b;
  phiq::ContractOp op;
  ProductCode code;
  const int64_t M, N, units, rowsOfThread, rows;
  Value rowUnits, columnUnits, down, across, product, firstRow, firstColumn, unitOfColumn, loadedColumn;
  SmallVector<Value> loadedRows;
};

} // namespace

std::optional<GpuGridKernel> contractTilesKernel(phiq::ContractOp op) {
  constexpr int64_t kFewest = 32, kManyBlocks = 128;
  const int64_t M = op.getRows(), N = op.getColumns();
  if (M < kFewest || N < kFewest || op.getK() < kUnits)
    return std::nullopt;
  auto blocksOf = [&](int64_t rowsOfThread) {
    return op.getBatch() * int64_t(llvm::divideCeil(uint64_t(M), uint64_t(kSide * rowsOfThread)) *
                                   llvm::divideCeil(uint64_t(N), uint64_t(kColumns)));
  };
  const int64_t rowsOfThread = blocksOf(4) >= kManyBlocks ? 4 : 2;
  return GpuGridKernel{blocksOf(rowsOfThread), kGridThreads,
                       [=](GridCode &g) { TileCode(g, op, rowsOfThread).emit(); }};
}

} // namespace phic::gpu_code
