//===- EmitContract.cpp - Contractions and what follows them ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     for each tile (columns x rows):
//       sums = rows times columns                   Contraction.h, in scratch memory
//       for each row:  the stage's maps of sums, of rows beside them, of vectors and of numbers -> results
//
// Scratch memory: sums, zero points of the tile's columns where the weight has some, and what a contraction needs.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "targets/cpu/kernels/Contraction.h"
#include "targets/cpu/kernels/MapsBehind.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic {
namespace {

/// The greatest tile. Its rows and sums stay in the second-level cache; gathering a row costs what a few columns do.
constexpr int64_t kMostRows = 96, kMostColumns = 256;
/// Tiles that a stage is divided into for a few threads, as far as they are not smaller than this.
constexpr int64_t kEnoughTiles = 16, kLeastColumns = 64, kLeastRowTiles = 2;

RowSource::Element elementOf(Type type) {
  return type.isF32()              ? RowSource::Element::F32
         : isUnsignedInteger(type) ? RowSource::Element::U8
                                   : RowSource::Element::S8;
}

/// The weight of a stage's argument; null where an earlier stage, or the caller, makes it.
Operation *weightOf(const StageFacts &facts, Value argument) {
  auto block = dyn_cast<BlockArgument>(throughReshapes(argument));
  Operation *source = plan::StageOp(facts.stage).getInputs()[block.getArgNumber()].getDefiningOp();
  return isWeight(source) ? source : nullptr;
}

/// The number that all elements of a constant are.
std::optional<int64_t> constantOf(const StageFacts &facts, Value argument) {
  auto constant = dyn_cast_or_null<phiq::ConstantOp>(weightOf(facts, argument));
  if (!constant)
    return std::nullopt;
  const std::vector<int64_t> numbers = numbersOf(constant.getValue()).integers;
  return llvm::all_equal(numbers) ? std::optional(numbers.front()) : std::nullopt;
}

ContractionShape shapeOfContraction(const StageFacts &facts, phiq::ContractOp op) {
  ContractionShape shape;
  ArrayRef<int64_t> x = shapeOf(op.getX());
  shape.K = op.getK();
  shape.lhs.element = elementOf(elementTypeOf(op.getX()));
  shape.lhs.rowBytes = shape.K * shape.lhs.elementBytes();
  if (op.getKernel()) {
    auto pair = [](ArrayRef<int64_t> numbers) { return std::array<int64_t, 2>{numbers[0], numbers[1]}; };
    ArrayRef<int64_t> y = shapeOf(op.getResult());
    shape.lhs.window = WindowShape{.height = x[1],
                                   .width = x[2],
                                   .channels = x[3],
                                   .result = {y[1], y[2]},
                                   .kernel = pair(*op.getKernel()),
                                   .strides = pair(*op.getStrides()),
                                   .pads = pair(*op.getPads()),
                                   .dilations = pair(*op.getDilations())};
  }
  shape.rhs = facts.inputs[cast<BlockArgument>(throughReshapes(op.getW())).getArgNumber()].layout;
  shape.rhsElement = elementOf(elementTypeOf(op.getW()));
  shape.rhsRows = op.getColumns();
  const int64_t shift = shape.rhs.kind == PackedLayout::Kind::CodePanel ? shape.rhs.codeShift() : 0;
  const std::optional<int64_t> zero = op.getWZero() ? constantOf(facts, op.getWZero()) : 0;
  shape.hasRhsZeros = isa<IntegerType>(elementTypeOf(op.getW())) && zero != shift;
  return shape;
}

/// How a stage is divided.
struct Tiles {
  Tiles(int64_t batch, int64_t M, int64_t N, int64_t mostRows, int64_t MR, int64_t NR) {
    columns = std::min(N, std::max(kMostColumns, NR));
    rows = evenly(M, std::min(mostRows, int64_t(llvm::alignTo(uint64_t(M), uint64_t(MR)))), MR);
    while (batch * count(M, N) < kEnoughTiles && columns > std::max(kLeastColumns, NR))
      columns = std::max(NR, int64_t(llvm::alignTo(uint64_t(columns) / 2, uint64_t(NR))));
    while (batch * count(M, N) < kEnoughTiles && rows > kLeastRowTiles * MR)
      rows = evenly(M, rows / 2, MR);
  }
  /// Down, and in all. Of no rows there is one.
  int64_t down(int64_t M) const { return std::max(int64_t(llvm::divideCeil(uint64_t(M), uint64_t(rows))), int64_t(1)); }
  int64_t count(int64_t M, int64_t N) const {
    return down(M) * int64_t(llvm::divideCeil(uint64_t(N), uint64_t(columns)));
  }

  int64_t rows, columns;

private:
  /// Rows of tiles of at most about `most` that are alike.
  static int64_t evenly(int64_t M, int64_t most, int64_t MR) {
    const uint64_t tiles = llvm::divideCeil(uint64_t(M), uint64_t(most));
    return int64_t(llvm::alignTo(llvm::divideCeil(uint64_t(M), tiles), uint64_t(MR)));
  }
};

/// A contraction's stage, apart from any emitter.
struct ContractStage {
  ContractStage(const StageFacts &facts, phiq::ContractOp op, const Contraction &contraction)
      : op(op), shape(shapeOfContraction(facts, op)), contraction(contraction), M(op.getRows()), N(op.getColumns()),
        tiles(op.getBatch(), std::max<int64_t>(M, 1), N, mostRows(), contraction.MR(), contraction.NR()),
        padded(contraction.paddedColumns(tiles.columns)),
        zerosAt(int64_t(llvm::alignTo(uint64_t(tiles.rows * padded * 4), 64))),
        scratchAt(zerosAt + (shape.hasRhsZeros ? int64_t(llvm::alignTo(uint64_t(padded * 4), 64)) : 0)) {
    Block &body = plan::StageOp(facts.stage).getBody().front();
    maps.assign(body.getOps<phiq::MapOp>().begin(), body.getOps<phiq::MapOp>().end());
  }

  /// Of few columns, which hardly read the rows again, rows should not leave the first-level cache.
  int64_t mostRows() const {
    constexpr int64_t kCacheBytes = 24 << 10, kFewRows = 24, kFewColumns = 64;
    const int64_t words = std::min(kChunkWords, shape.K / elementsOf(contraction.words()) + 1);
    const bool isCheap = N < kFewestColumns || (N <= kFewColumns && contraction.readsPanels());
    return isCheap ? std::clamp(kCacheBytes / (4 * words), kFewRows, kMostRows) : kMostRows;
  }

  phiq::ContractOp op;
  ContractionShape shape;
  Contraction contraction;
  int64_t M, N;
  Tiles tiles;
  int64_t padded, zerosAt, scratchAt;
  SmallVector<phiq::MapOp> maps;
};

class ContractEmitter {
public:
  ContractEmitter(const ContractStage &stage, GridEmitter &g) : stage(stage), op(stage.op), g(g), b(g.b) {}

  void emit(Value tile) {
    const int64_t inBatch = stage.tiles.count(stage.M, stage.N);
    batch = op.getBatch() == 1 ? b.i64(0) : b.divide(tile, inBatch);
    tile = b.sub(tile, b.mul(batch, inBatch));
    const int64_t rowTiles = stage.tiles.down(stage.M);
    // Neighbouring tiles share columns, so that a claim's weights stay in the cache.
    Value columnTile = b.divide(tile, rowTiles);
    row = b.mul(b.sub(tile, b.mul(columnTile, rowTiles)), stage.tiles.rows);
    count = b.minimum(b.i64(stage.tiles.rows), b.sub(b.i64(stage.M), row));
    column = b.mul(columnTile, stage.tiles.columns);
    const int64_t width = stage.tiles.columns, whole = stage.N / width, rest = stage.N % width;
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
    const ContractionShape &shape = stage.shape;
    Value sums = g.e.scratch;
    ContractionCall call;
    call.lhs = ofBatch(g.base(op.getX()), stage.M * shape.K * elementBytes(elementTypeOf(op.getX())));
    call.row = row;
    call.count = count;
    if (op.getXZero()) {
      Value zero = g.base(op.getXZero());
      call.lhsZero = b.extract(loadLanes(b, elementTypeOf(op.getX()), 1, zero), 0);
      call.fill = b.load(b.getI8Type(), zero);
    }
    call.rhs = weightsOfTile();
    if (shape.hasRhsZeros)
      call.rhsZeros = storedZeros(width);
    call.sums = sums;
    call.scratch = b.offset(g.e.scratch, stage.scratchAt);
    stage.contraction.emit(b, g.e.library, width, stage.M % stage.contraction.MR(), call);
    emitMaps(width, sums, stage.contraction.paddedColumns(width));
  }

  /// The tile's first panel or row of the weight. What is batched is not packed.
  Value weightsOfTile() {
    const ContractionShape &shape = stage.shape;
    Value base = g.base(op.getW());
    if (shape.rhs.kind != PackedLayout::Kind::Dense)
      return b.offset(base, b.mul(b.divide(column, PackedLayout::kColumns), shape.rhs.panelBytes(shape.K)));
    const int64_t rowBytes = shape.K * elementBytes(elementTypeOf(op.getW()));
    return b.offset(ofBatch(base, stage.N * rowBytes), b.mul(column, rowBytes));
  }

  Value ofBatch(Value base, int64_t bytes) { return b.offset(base, b.mul(batch, bytes)); }

  /// Zero points of the tile's columns, in the codes that its panels hold.
  Value storedZeros(int64_t width) {
    Value zeros = op.getWZero(), to = b.offset(g.e.scratch, stage.zerosAt);
    const bool isPacked = stage.shape.rhs.kind == PackedLayout::Kind::CodePanel;
    const int64_t shift = isPacked ? stage.shape.rhs.codeShift() : 0;
    const bool isOne = !zeros || cast<ShapedType>(zeros.getType()).getNumElements() == 1;
    Type element = elementTypeOf(op.getW());
    b.loop(b.i64(0), b.i64(stage.padded), 1, [&](Value i) {
      Value zero = b.splat(1, 32, 0);
      if (zeros) {
        Value at = isOne ? b.i64(0) : b.add(column, b.minimum(i, b.i64(width - 1)));
        zero = loadLanes(b, element, 1, g.place(g.base(zeros), element, at));
      }
      b.store(b.sub(zero, b.splat(1, 32, shift)), b.offset(to, b.mul(i, 4)));
    });
    return to;
  }

  /// A part's results lie where its operand lay, a row of sums, or are the stage's.
  void emitMaps(int64_t width, Value sums, int64_t sumColumns) {
    constexpr int64_t kElements = 1024; // of rows that are worked on together: they stay in the first-level cache
    const SmallVector<ArrayRef<phiq::MapOp>> parts = divideMaps(op, stage.maps);
    const bool isOneRow =
        width == stage.N && width == sumColumns && llvm::none_of(stage.maps, [&](phiq::MapOp map) {
          return llvm::any_of(map.getXs(), [&](Value x) { return MapsBehind::isAlongLastAxis(op, x); });
        });
    const int64_t together = parts.size() == 1 ? stage.tiles.rows : std::max<int64_t>(1, kElements / width);
    b.loop(b.i64(0), count, together, [&](Value first) {
      Value handedOn = op.getResult(), end = b.minimum(b.add(first, together), count);
      for (ArrayRef<phiq::MapOp> part : parts) {
        PartEmitter emitter(*this, part, handedOn, part.data() == parts.back().data());
        auto rowOf = [&](Value r) { return b.offset(sums, b.mul(r, 4 * sumColumns)); };
        if (isOneRow)
          emitter.emitOneRow(b.mul(b.sub(end, first), width), rowOf(first), first);
        else
          b.loop(first, end, 1, [&](Value r) { emitter.emit(width, rowOf(r), r); });
        if (!part.empty())
          handedOn = phiq::MapOp(part.back()).getResult();
      }
    });
  }

  /// Some of the maps, in a loop of their own.
  class PartEmitter {
  public:
    PartEmitter(ContractEmitter &all, ArrayRef<phiq::MapOp> part, Value handedOn, bool isLast)
        : all(all), g(all.g), b(all.b), maps(all.op, handedOn, part, g, widths(g)), element(elementTypeOf(handedOn)),
          isLast(isLast) {}

    /// Row r of the tile: in vectors, and what is left of it in narrower ones, down to four lanes.
    void emit(int64_t width, Value sumRow, Value r) {
      Value inResult = placeOf(r);
      int64_t done = 0;
      for (int64_t lanes = g.lanes(); lanes > 0; lanes = lanes > 4 ? lanes / 2 : lanes > 1 ? 1 : 0) {
        const int64_t end = done + (width - done) / lanes * lanes;
        if (done < end)
          b.loop(b.i64(done), b.i64(end), lanes, [&](Value i) { emitLanes(i, lanes, sumRow, inResult); });
        done = end;
      }
    }

    /// So many elements of rows from r on, which lie side by side.
    void emitOneRow(Value elements, Value sumRow, Value r) {
      Value inResult = placeOf(r);
      g.overLanes(b.i64(0), elements, [&](Value i, int64_t lanes) { emitLanes(i, lanes, sumRow, inResult); });
    }

  private:
    static SmallVector<int64_t> widths(GridEmitter &g) {
      SmallVector<int64_t> widths;
      for (int64_t lanes = 1; lanes <= g.lanes(); lanes *= 2)
        widths.push_back(lanes);
      return widths;
    }

    Value placeOf(Value r) {
      return b.add(b.mul(b.add(b.mul(all.batch, all.stage.M), b.add(all.row, r)), all.stage.N), all.column);
    }

    void emitLanes(Value i, int64_t lanes, Value sumRow, Value inResult) {
      Value sum = b.offset(sumRow, b.mul(i, 4)), handedOn = loadLanes(b, element, lanes, sum);
      Value at = b.add(inResult, i), column = b.add(all.column, i);
      if (isLast)
        maps.store(handedOn, at, column);
      else
        storeLanes(b, b.getF32Type(), maps.last(handedOn, at, column), sum);
    }

    ContractEmitter &all;
    GridEmitter &g;
    KernelBuilder &b;
    MapsBehind maps;
    const Type element; ///< of what is handed on
    const bool isLast;
  };
};

} // namespace

FailureOr<GridKernel> contractKernel(const StageFacts &facts, const CpuTarget &target) {
  auto op = facts.first<phiq::ContractOp>();
  std::optional<Contraction> contraction = Contraction::of(target, shapeOfContraction(facts, op));
  if (!contraction)
    return op->emitError("has no kernel for ") << target.name;
  const ContractStage stage(facts, op, *contraction);
  GridKernel kernel;
  kernel.tiles = op.getBatch() * stage.tiles.count(stage.M, stage.N);
  kernel.scratchBytes = stage.scratchAt + contraction->scratchBytes(stage.tiles.rows, stage.tiles.columns);
  kernel.key = stage.shape.hasRhsZeros ? "zeros" : "";
  kernel.tile = [stage](GridEmitter &g, Value tile) { ContractEmitter(stage, g).emit(tile); };
  return kernel;
}

} // namespace phic
