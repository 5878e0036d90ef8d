//===- Contraction.cpp - Many rows times packed weights --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scratch memory: words [256][NR] of a group of panels; where these are dense rows, words of NR of them; words of the rows.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/Contraction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/KernelName.h"
#include "targets/cpu/kernels/DotProducts.h"
#include "targets/cpu/kernels/GridEmitter.h"
#include "targets/cpu/kernels/UnpackPanels.h"

using namespace mlir;

namespace phic {
namespace {

using Values = KernelBuilder::Values;

/// Bytes of a panel's columns in a row of words, or of its sums.
constexpr int64_t kPanelWordBytes = 4 * PackedLayout::kColumns;
/// Steps of a register tile that are not a loop.
constexpr int64_t kUnrolledSteps = 2;

bool takes(WordKind words, const ContractionShape &shape) {
  const bool isDense = shape.rhs.kind == PackedLayout::Kind::Dense;
  if (shape.lhs.element == RowSource::Element::F32)
    return words == WordKind::F32 && (!isDense || shape.rhsElement == RowSource::Element::F32) &&
           !shape.rhs.isTwoLevel();
  if (isDense)
    return words == WordKind::S16;
  if (shape.rhs.kind != PackedLayout::Kind::CodePanel)
    return false;
  // Bytes are multiplied as they are: a zero point of the weights would need sums of the rows.
  return words == WordKind::S16 || (words == WordKind::Bytes && !shape.hasRhsZeros);
}

std::string_view wordsName(WordKind words) {
  return words == WordKind::F32 ? "f32" : words == WordKind::S16 ? "s16x2" : "u8x4";
}

/// How the words of weights lie: side by side, for all columns of a tile, or as panels hold them.
enum class WeightOrder : uint8_t { Words, Panels };

/// Arguments: the rows' words; the weights', bytes from one panel of them to the next and from a step to the next; sums, and
/// bytes of a row of them; what the sums begin with, and bytes of a row of that (0: one row for all); steps.
class WordTile {
public:
  WordTile(KernelBuilder &b, const WordProduct &dot, WeightOrder order, int64_t lanes, int64_t MR, int64_t vectors,
           Block::BlockArgListType arguments)
      : b(b), dot(dot), order(order), lanes(lanes), MR(MR), vectors(vectors), a(arguments),
        element(dot.kind() == WordKind::F32 ? Type(b.getF32Type()) : b.getI32Type()), vector(b.vec(lanes, element)) {}

  void emit() {
    Value rows = a[0], weights = a[1], stepBytes = a[3], sumRow = a[4], sumBytes = a[5], steps = a[8];
    Values sums;
    for (int64_t r = 0; r < MR; ++r)
      for (int64_t v = 0; v < vectors; ++v)
        sums.push_back(b.load(vector, rowOf(a[6], a[7], r), v * 4 * lanes));
    auto over = [&](Value begin, Value end, int64_t unrolled) {
      sums = b.loop(begin, end, unrolled, sums, [&](Value s, ValueRange carried) {
        Values inner(carried);
        Value x = b.offset(rows, b.mul(s, 4)), w = b.offset(weights, b.mul(s, stepBytes));
        for (int64_t i = 0; i < unrolled; ++i, w = b.offset(w, stepBytes))
          add(x, w, i, inner);
        return inner;
      });
    };
    Value whole = b.mul(b.divide(steps, kUnrolledSteps), kUnrolledSteps);
    over(b.i64(0), whole, kUnrolledSteps);
    over(whole, steps, 1);
    for (int64_t r = 0; r < MR; ++r)
      for (int64_t v = 0; v < vectors; ++v)
        b.store(sums[r * vectors + v], rowOf(sumRow, sumBytes, r), v * 4 * lanes);
  }

private:
  KernelBuilder &b;
  const WordProduct &dot;
  const WeightOrder order;
  const int64_t lanes, MR, vectors;
  Block::BlockArgListType a;
  const Type element;
  const VectorType vector;

  Value rowOf(Value first, Value bytes, int64_t r) { return b.offset(first, b.mul(bytes, b.i64(r))); }

  Value weightsOf(Value w, int64_t v) {
    if (order == WeightOrder::Words)
      return b.load(vector, w, v * 4 * lanes);
    constexpr int64_t kColumns = PackedLayout::kColumns;
    const int64_t parts = lanes / kColumns;
    auto part = [&](int64_t p) {
      return b.load(b.vec(kColumns, element), b.offset(w, b.mul(a[2], b.i64(v * parts + p))));
    };
    return parts == 1 ? part(0) : b.concat(part(0), part(1));
  }

  void add(Value x, Value w, int64_t at, Values &sums) {
    Values weights;
    for (int64_t v = 0; v < vectors; ++v)
      weights.push_back(weightsOf(w, v));
    for (int64_t r = 0; r < MR; ++r) {
      Value word = b.loadBroadcast(lanes, element, x, r * kWordRowBytes + 4 * at);
      for (int64_t v = 0; v < vectors; ++v)
        sums[r * vectors + v] = dot.add(b, sums[r * vectors + v], word, weights[v]);
    }
  }
};

} // namespace

const WordProduct &fmaWords() {
  class Fma final : public WordProduct {
    WordKind kind() const override { return WordKind::F32; }
    Value add(KernelBuilder &b, Value sum, Value x, Value w) const override { return b.fma(x, w, sum); }
  };
  static const Fma words;
  return words;
}

/// The newest, which comes last, that does.
static const WordVariant *newestVariant(const CpuTarget &target, llvm::function_ref<bool(WordKind)> does) {
  const WordVariant *found = nullptr;
  for (const WordVariant &variant : target.architecture == "x86_64" ? x86WordVariants() : armWordVariants())
    if (hasIsa(target, variant.isa) && does(variant.dot->kind()))
      found = &variant;
  return found;
}

const WordProduct *shortWords(const CpuTarget &target) {
  return newestVariant(target, [](WordKind kind) { return kind == WordKind::S16; })->dot;
}

void emitGatherLhs(KernelBuilder &b, const ContractionShape &shape, WordKind words, const ContractionCall &call,
                   Value k, Value length, Value to) {
  emitGather(b, shape.lhs, shape.K, words,
             {.base = call.lhs,
              .row = call.row,
              .count = call.count,
              .k = k,
              .length = length,
              .zero = call.lhsZero,
              .fill = call.fill,
              .to = to});
}

std::optional<Contraction> Contraction::of(const CpuTarget &target, const ContractionShape &shape) {
  const WordVariant *found = newestVariant(target, [&](WordKind kind) { return takes(kind, shape); });
  return found ? std::optional(Contraction(*found, target, shape)) : std::nullopt;
}

int64_t Contraction::scratchBytes(int64_t rows, int64_t columns) const {
  if (isOfDots(columns))
    return dotScratchBytes(rows, columns);
  const bool isDense = shape.rhs.kind == PackedLayout::Kind::Dense;
  return 4 * paddedColumns(columns) + (rows + (isDense ? NR() : 0)) * kWordRowBytes + 4 * kChunkWords * NR();
}

bool Contraction::readsPanels() const {
  return words() == WordKind::Bytes || (words() == WordKind::F32 && shape.rhs.kind == PackedLayout::Kind::FloatPanel &&
                                        shape.rhs.element == Scalar::F32);
}

int64_t Contraction::paddedColumns(int64_t columns) const {
  if (isOfDots(columns))
    return columns;
  const int64_t together = std::max(lanes, PackedLayout::kColumns);
  return (columns + together - 1) / together * together;
}

class ContractionEmitter {
public:
  ContractionEmitter(const Contraction &all, KernelBuilder &b, KernelLibrary &library, int64_t columns, int64_t rest,
                     const ContractionCall &call)
      : all(all), dot(*all.variant->dot), shape(all.shape), b(b), library(library), call(call), lanes(all.lanes),
        panels((columns + kColumns - 1) / kColumns), padded(all.paddedColumns(columns)), rest(rest),
        beginnings(call.scratch), weights(b.offset(beginnings, 4 * padded)),
        denseRows(b.offset(weights, 4 * kChunkWords * all.NR())),
        rows(isDense() ? b.offset(denseRows, all.NR() * kWordRowBytes) : denseRows), columns(columns) {}

  void emit() {
    const int64_t perWord = elementsOf(dot.kind()), chunk = kChunkWords * perWord;
    makeBeginnings();
    b.loop(b.i64(0), b.i64(shape.K), chunk, [&](Value k) {
      Value length = b.minimum(b.i64(chunk), b.sub(b.i64(shape.K), k));
      emitGatherLhs(b, shape, dot.kind(), call, k, length, rows);
      const int64_t together = all.NR() / kColumns, whole = panels / together * together;
      b.loop(b.i64(0), b.i64(whole), together, [&](Value panel) { multiply(panel, together, k, length); });
      if (whole < panels)
        multiply(b.i64(whole), panels - whole, k, length);
    });
  }

private:
  static constexpr int64_t kColumns = PackedLayout::kColumns;

  const Contraction &all;
  const WordProduct &dot;
  const ContractionShape &shape;
  KernelBuilder &b;
  KernelLibrary &library;
  const ContractionCall &call;
  const int64_t lanes, panels, padded, rest;
  Value beginnings, weights, denseRows, rows;
  const int64_t columns;

  bool isDense() const { return shape.rhs.kind == PackedLayout::Kind::Dense; }
  Value panelAt(Value panel) {
    const int64_t rowBytes = shape.K * (shape.rhsElement == RowSource::Element::F32 ? 4 : 1);
    return b.offset(call.rhs, b.mul(panel, isDense() ? kColumns * rowBytes : shape.rhs.panelBytes(shape.K)));
  }

  /// What a row of sums begins with: 0, or what the zero point of bytes takes off: as much of the sum of each column.
  void makeBeginnings() {
    Value zero = call.lhsZero ? call.lhsZero : b.i32(0);
    if (shape.lhs.element == RowSource::Element::S8) // whose top bit is turned
      zero = b.add(zero, b.i32(128));
    b.loop(b.i64(0), b.i64(padded / kColumns), 1, [&](Value p) {
      Value first = b.splat(kColumns, 32, 0);
      if (dot.kind() == WordKind::Bytes) {
        Value panel = panelAt(b.minimum(p, b.i64(panels - 1)));
        Value sums = b.load(b.vec(kColumns, b.getI32Type()), panel, shape.rhs.sumOffset(shape.K));
        first = b.sub(first, b.mul(sums, b.broadcast(kColumns, zero)));
      }
      b.store(first, b.offset(beginnings, b.mul(p, kPanelWordBytes)));
    });
  }

  /// The elements [k, k + length) of the products with `count` panels from `panel` on.
  void multiply(Value panel, int64_t count, Value k, Value length) {
    if (all.readsPanels())
      return multiplyPanels(panel, count, k, length);
    const int64_t vectors = (count * kColumns + lanes - 1) / lanes;
    UnpackCall unpack{.rhs = panelAt(panel), .zeros = {}, .k = k, .length = length, .to = weights};
    if (shape.hasRhsZeros)
      unpack.zeros = b.offset(call.rhsZeros, b.mul(panel, kPanelWordBytes));
    const int64_t width = std::max(vectors * lanes, kColumns);
    if (isDense())
      unpackRows(panel, width, unpack);
    else
      emitUnpackPanels(b, shape.rhs, shape.K, dot.kind(), count, width, unpack);
    emitTiles(WeightOrder::Words, vectors, weights, 0, 4 * width, panel, k, length);
  }

  /// A panel that is alone in a vector stands in both its halves.
  void multiplyPanels(Value panel, int64_t count, Value k, Value length) {
    const int64_t together = std::max<int64_t>(lanes / kColumns, 1), whole = count / together * together;
    const int64_t bytes = shape.rhs.panelBytes(shape.K);
    Value from = b.offset(panelAt(panel), b.mul(k, kPanelWordBytes / elementsOf(dot.kind())));
    if (whole > 0)
      emitTiles(WeightOrder::Panels, whole / together, from, bytes, kPanelWordBytes, panel, k, length);
    if (whole < count)
      emitTiles(WeightOrder::Panels, 1, b.offset(from, whole * bytes), 0, kPanelWordBytes, b.add(panel, whole), k,
                length);
  }

  /// All rows times `vectors` vectors of weights, whose first panel is `panel`.
  void emitTiles(WeightOrder order, int64_t vectors, Value from, int64_t panelBytes, int64_t stepBytes, Value panel,
                 Value k, Value length) {
    Value columnBytes = b.mul(panel, kPanelWordBytes), sums = b.offset(call.sums, columnBytes);
    Value steps = b.divide(b.add(length, elementsOf(dot.kind()) - 1), elementsOf(dot.kind()));
    Value isFirst = b.less(k, b.i64(1)), beginning = b.offset(beginnings, columnBytes);
    Value sumBytes = b.i64(4 * padded), beginningBytes = b.select(isFirst, b.i64(0), sumBytes);
    auto tile = [&](const std::string &symbol, Value row) {
      Value sumRow = b.offset(sums, b.mul(row, 4 * padded));
      b.call(symbol, {b.offset(rows, b.mul(row, kWordRowBytes)), from, b.i64(panelBytes), b.i64(stepBytes), sumRow,
                      sumBytes, b.select(isFirst, beginning, sumRow), beginningBytes, steps});
    };
    const int64_t MR = all.rowsOf(vectors), left = rest % MR;
    Value whole = b.mul(b.divide(call.count, MR), MR);
    std::string full = defineTile(order, MR, vectors);
    b.loop(b.i64(0), whole, MR, [&](Value row) { tile(full, row); });
    if (left > 0)
      b.when(b.less(whole, call.count), [&] { tile(defineTile(order, left, vectors), whole); });
  }

  /// Rows, gathered as those of activations are, turned: a word of each beside the other.
  void unpackRows(Value panel, int64_t width, const UnpackCall &unpack) {
    Value there = b.minimum(b.i64(width), b.sub(b.i64(columns), b.mul(panel, kColumns)));
    RowSource source{.element = shape.rhsElement, .rowBytes = 0, .window = {}};
    source.rowBytes = shape.K * source.elementBytes();
    Value steps = b.divide(b.add(unpack.length, elementsOf(dot.kind()) - 1), elementsOf(dot.kind()));
    if (dot.kind() == WordKind::F32) // words already
      return turnRows(b.offset(unpack.rhs, b.mul(unpack.k, 4)), source.rowBytes, there, width, steps, {});
    emitGather(b, source, shape.K, dot.kind(),
               {.base = unpack.rhs,
                .row = b.i64(0),
                .count = there,
                .k = unpack.k,
                .length = unpack.length,
                .zero = {},
                .fill = {},
                .to = denseRows});
    turnRows(denseRows, kWordRowBytes, there, width, steps, unpack.zeros);
  }

  /// Words [there][steps] of rows `rowBytes` apart become [steps][width]; `zeros`, if any, are taken off each half of them.
  /// Columns that are not there repeat the last.
  void turnRows(Value from, int64_t rowBytes, Value there, int64_t width, Value steps, Value zeros) {
    Type word = dot.kind() == WordKind::F32 ? Type(b.getF32Type()) : b.getI32Type();
    auto rowOf = [&](Value n) { return b.offset(from, b.mul(b.minimum(n, b.sub(there, b.i64(1))), rowBytes)); };
    b.loop(b.i64(0), b.i64(width), kColumns, [&](Value n) {
      Values bases, takeOff;
      for (int64_t i = 0; i < kColumns; ++i) {
        bases.push_back(rowOf(b.add(n, i)));
        if (zeros)
          takeOff.push_back(
              b.load(b.getI16Type(), b.offset(zeros, b.mul(b.minimum(b.add(n, i), b.sub(there, b.i64(1))), 4))));
      }
      auto turn = [&](Value s, int64_t count) {
        SmallVector<Value> square;
        for (int64_t i = 0; i < kColumns; ++i) {
          Value loaded = b.load(b.vec(count, word), b.offset(bases[i], b.mul(s, 4)));
          if (zeros) {
            VectorType halves = b.vec(2 * count, b.getI16Type());
            loaded = b.bitcast(loaded.getType(), b.sub(b.bitcast(halves, loaded), b.broadcast(2 * count, takeOff[i])));
          }
          square.push_back(loaded);
        }
        Value to = b.offset(weights, b.add(b.mul(s, 4 * width), b.mul(n, 4)));
        if (count == 1) {
          for (int64_t i = 0; i < kColumns; ++i)
            b.store(square[i], to, 4 * i);
          return;
        }
        turnSquare(b, square);
        for (int64_t i = 0; i < kColumns; ++i)
          b.store(square[i], to, 4 * width * i);
      };
      Value whole = b.mul(b.divide(steps, kColumns), kColumns);
      b.loop(b.i64(0), whole, kColumns, [&](Value s) { turn(s, kColumns); });
      b.loop(whole, steps, 1, [&](Value s) { turn(s, 1); });
    });
  }

  std::string defineTile(WeightOrder order, int64_t MR, int64_t vectors) {
    std::string words(wordsName(dot.kind()));
    std::string name = KernelName{.op = "contract",
                                  .lhs = words,
                                  .rhs = order == WeightOrder::Panels ? "panels" : words,
                                  .out = dot.kind() == WordKind::F32 ? "f32" : "s32",
                                  .epilogue = "none",
                                  .MR = MR,
                                  .NR = vectors * lanes,
                                  .KR = elementsOf(dot.kind()),
                                  .isa = all.isa}
                           .str();
    Type pointer = b.ptrType(), i64 = b.getI64Type();
    return library.define(name, name, b.getLoc(), LLVM::Linkage::Internal,
                          {pointer, pointer, i64, i64, pointer, i64, pointer, i64, i64},
                          [&](KernelBuilder &inner, Block::BlockArgListType arguments) {
                            WordTile(inner, dot, order, lanes, MR, vectors, arguments).emit();
                          });
  }
};

void Contraction::emit(KernelBuilder &b, KernelLibrary &library, int64_t columns, int64_t rest,
                       const ContractionCall &call) const {
  if (isOfDots(columns))
    return emitDotProducts(b, shape, *variant->dot, lanes, columns, call);
  ContractionEmitter(*this, b, library, columns, rest, call).emit();
}

} // namespace phic
