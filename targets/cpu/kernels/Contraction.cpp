//===- Contraction.cpp - Many rows times packed weights --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scratch memory: what sums begin with; words [256][NR] of a group of panels; where these are dense rows, words of NR of them;
// words of the rows; of dense bytes, numbers of each row and of NR columns. Of pairs: words and places of a panel, copies of rows.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/Contraction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/KernelName.h"
#include "targets/cpu/kernels/DenseRows.h"
#include "targets/cpu/kernels/DotProducts.h"
#include "targets/cpu/kernels/PairedBytes.h"
#include "targets/cpu/kernels/UnpackPanels.h"

using namespace mlir;

namespace phic {
namespace {

using Values = KernelBuilder::Values;

/// Bytes of a panel's columns in a row of words, or of its sums.
constexpr int64_t kPanelWordBytes = 4 * PackedLayout::kColumns;
/// For shorter rows, or fewer, copying them three times and words of weights out of order takes longer than s16 does.
constexpr int64_t kFewestPairedElements = 256, kFewestPairedRows = 12;
/// Steps of a register tile that are not a loop.
constexpr int64_t kUnrolledSteps = 2;
static_assert(kUnrolledSteps * kPanelWordBytes == 64, "a line of each panel is asked for");

bool takes(const WordProduct &dot, const ContractionShape &shape) {
  const WordKind words = dot.kind();
  const bool isDense = shape.rhs.kind == PackedLayout::Kind::Dense;
  if (shape.lhs.element == RowSource::Element::F32)
    return words == WordKind::F32 && (!isDense || shape.rhsElement == RowSource::Element::F32) &&
           !shape.rhs.isTwoLevel();
  if (isDense) // nobody has paired their bytes; along K there are sums of two s16 only
    return words == WordKind::S16 || (words == WordKind::Bytes && !dot.isOfPairs() && shape.N >= kFewestColumns);
  if (shape.rhs.kind != PackedLayout::Kind::CodePanel)
    return false;
  if (dot.isOfPairs() && (shape.K < kFewestPairedElements || shape.M < kFewestPairedRows))
    return false;
  // Bytes are multiplied as they are: a zero point of the weights would need sums of the rows, as dense ones have.
  return words == WordKind::S16 || (words == WordKind::Bytes && !shape.hasRhsZeros);
}

std::string_view wordsName(WordKind words) {
  return words == WordKind::F32 ? "f32" : words == WordKind::S16 ? "s16x2" : "u8x4";
}

/// How the words of weights lie: side by side, for all columns of a tile, as panels hold them, or two a step and each with
/// the place of the row's word.
enum class WeightOrder : uint8_t { Words, Panels, Pairs };

/// Panels of bytes are never copied but for pairs.
bool isOfDenseBytes(WordKind words, WeightOrder order) {
  return words == WordKind::Bytes && order == WeightOrder::Words;
}

/// Products of bytes are done with a panel before the machine's own prefetching, which ends at a page, has the next one. Asked for in
/// time, on one thread of a Sapphire Rapids, T5's decoder (16 rows) takes 0.75 of the time, its encoder (64) 0.91, MiniLM (128) 0.93 to
/// 0.97; a graph of floats as long as before or longer.
bool asksAhead(WordKind words, WeightOrder order) { return order == WeightOrder::Panels && words == WordKind::Bytes; }

/// Arguments: the rows' words; the weights', bytes from one panel of them to the next and from a step to the next; sums, and
/// bytes of a row of them; what the sums begin with, and bytes of a row of that (0: one row for all); steps. Words of bytes are
/// rows of a tensor (DenseRows.h): sums of the tile's rows, starts and factors of the columns. Panels of bytes: how far ahead
/// the next ones are that will be multiplied. Pairs have places.
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
        sums.push_back(beginning(r, v));
    auto over = [&](Value begin, Value end, int64_t unrolled) {
      sums = b.loop(begin, end, unrolled, sums, [&](Value s, ValueRange carried) {
        Values inner(carried);
        Value x = b.offset(rows, b.mul(s, 4)), w = b.offset(weights, b.mul(s, stepBytes));
        if (asksAhead(dot.kind(), order) && unrolled == kUnrolledSteps)
          for (int64_t p = 0; p < vectors * panelsOfVector(); ++p)
            b.prefetch(b.offset(w, b.add(a[9], b.mul(a[2], b.i64(p)))), 0, /*level=*/2);
        for (int64_t i = 0; i < unrolled; ++i, w = b.offset(w, stepBytes))
          if (order == WeightOrder::Pairs)
            addPair(b.add(s, i), w, inner);
          else
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

  void addPair(Value step, Value w, Values &sums) {
    std::array<Value, 2> places, weights;
    for (int64_t i : {0, 1}) {
      Value place = b.load(b.getI32Type(), b.offset(a[9], b.mul(step, 8)), 4 * i);
      places[size_t(i)] = b.offset(a[0], arith::ExtUIOp::create(b, b.getI64Type(), place));
      weights[size_t(i)] = b.load(vector, w, i * kPanelWordBytes);
    }
    for (int64_t r = 0; r < MR; ++r) {
      auto wordOf = [&](Value place) { return b.loadBroadcast(lanes, element, place, r * kWordRowBytes); };
      sums[r] = dot.addPair(b, sums[r], {wordOf(places[0]), wordOf(places[1])}, weights);
    }
  }

  Value beginning(int64_t r, int64_t v) {
    Value sum = b.load(vector, rowOf(a[6], a[7], r), v * 4 * lanes);
    if (!isOfDenseBytes(dot.kind(), order))
      return sum;
    Value start = b.load(vector, a[10], v * 4 * lanes), factor = b.load(vector, a[11], v * 4 * lanes);
    return b.add(b.add(sum, start), b.mul(factor, b.loadBroadcast(lanes, element, a[9], 4 * r)));
  }

  int64_t panelsOfVector() const { return lanes / PackedLayout::kColumns; }

  Value weightsOf(Value w, int64_t v) {
    if (order != WeightOrder::Panels)
      return b.load(vector, w, v * 4 * lanes);
    constexpr int64_t kColumns = PackedLayout::kColumns;
    const int64_t parts = panelsOfVector();
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

Value WordProduct::addPair(KernelBuilder &, Value, ArrayRef<Value>, ArrayRef<Value>) const {
  llvm_unreachable("only of pairs");
}
Value WordProduct::shuffle(KernelBuilder &, Value, Value) const { llvm_unreachable("only of pairs"); }

const WordProduct &fmaWords() {
  class Fma final : public WordProduct {
    WordKind kind() const override { return WordKind::F32; }
    Value add(KernelBuilder &b, Value sum, Value x, Value w) const override { return b.fma(x, w, sum); }
  };
  static const Fma words;
  return words;
}

/// The newest, which comes last, that does.
static const WordVariant *newestVariant(const CpuTarget &target, llvm::function_ref<bool(const WordProduct &)> does) {
  const WordVariant *found = nullptr;
  for (const WordVariant &variant : target.architecture == "x86_64" ? x86WordVariants() : armWordVariants())
    if (hasIsa(target, variant.isa) && does(*variant.dot))
      found = &variant;
  return found;
}

const WordProduct *shortWords(const CpuTarget &target) {
  return newestVariant(target, [](const WordProduct &dot) { return dot.kind() == WordKind::S16; })->dot;
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
  const WordVariant *found = newestVariant(target, [&](const WordProduct &dot) { return takes(dot, shape); });
  return found ? std::optional(Contraction(*found, target, shape)) : std::nullopt;
}

int64_t Contraction::scratchBytes(int64_t rows, int64_t columns) const {
  if (isOfDots(columns))
    return dotScratchBytes(rows, columns);
  const bool isDense = shape.rhs.kind == PackedLayout::Kind::Dense;
  if (isOfPairs())
    return 4 * paddedColumns(columns) + PairedBytes::kCopies * rows * kWordRowBytes +
           PairedBytes::kMostWords * (kPanelWordBytes + 4) + PairedBytes::kOrderBytes;
  const int64_t starts = isDense && words() == WordKind::Bytes ? 4 * (2 * NR() + rows) : 0;
  return 4 * paddedColumns(columns) + (rows + (isDense ? NR() : 0)) * kWordRowBytes + 4 * kChunkWords * NR() + starts;
}

bool Contraction::readsPanels() const {
  return (words() == WordKind::Bytes && shape.rhs.kind == PackedLayout::Kind::CodePanel && !isOfPairs()) ||
         (words() == WordKind::F32 && shape.rhs.kind == PackedLayout::Kind::FloatPanel &&
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
        dense(b, shape, dot, lanes), lhsZero(dense.storedLhsZero(call.lhsZero)), beginnings(call.scratch),
        weights(b.offset(beginnings, 4 * padded)),
        places(b.offset(weights, isOfPairs() ? PairedBytes::kMostWords * kPanelWordBytes : 0)),
        orders(b.offset(places, isOfPairs() ? PairedBytes::kMostWords * 4 : 0)),
        columnStarts(b.offset(orders, isOfPairs() ? PairedBytes::kOrderBytes : 4 * kChunkWords * all.NR())),
        columnFactors(b.offset(columnStarts, hasSums() ? 4 * all.NR() : 0)),
        denseRows(b.offset(columnFactors, hasSums() ? 4 * all.NR() : 0)),
        rows(b.offset(denseRows, isDense() ? all.NR() * kWordRowBytes : 0)), columns(columns) {}

  void emit() {
    const int64_t perWord = elementsOf(dot.kind()), chunk = kChunkWords * perWord;
    makeBeginnings();
    if (isOfPairs())
      PairedBytes(b, dot).writeOrders(orders);
    b.loop(b.i64(0), b.i64(shape.K), chunk, [&](Value k) {
      Value length = b.minimum(b.i64(chunk), b.sub(b.i64(shape.K), k));
      gatherRows(k, length);
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
  DenseRows dense;
  Value lhsZero, beginnings, weights, places, orders, columnStarts, columnFactors, denseRows, rows;
  const int64_t columns;

  bool isDense() const { return shape.rhs.kind == PackedLayout::Kind::Dense; }
  Value panelAt(Value panel) {
    const int64_t rowBytes = shape.K * (shape.rhsElement == RowSource::Element::F32 ? 4 : 1);
    return b.offset(call.rhs, b.mul(panel, isDense() ? kColumns * rowBytes : shape.rhs.panelBytes(shape.K)));
  }

  /// Whether rows and columns are summed for the zero points of dense bytes.
  bool hasSums() const { return isDense() && dot.kind() == WordKind::Bytes; }
  bool isOfPairs() const { return dot.isOfPairs(); }
  Value rowSums() { return b.offset(rows, b.mul(call.count, kWordRowBytes)); }

  void gatherRows(Value k, Value length) {
    if (hasSums())
      emitClearEnds(b, dot.kind(), lanes, rows, call.count, length);
    emitGatherLhs(b, shape, dot.kind(), call, k, length, rows);
    if (hasSums())
      dense.sumRows(rows, call.count, stepsOf(length), rowSums());
    if (isOfPairs())
      PairedBytes(b, dot).copyRows(rows, call.count, stepsOf(length));
  }

  /// Words of so many elements.
  Value stepsOf(Value length) { return wordsOf(b, dot.kind(), length); }

  /// What a row of sums begins with: 0, or what the zero point of bytes takes off: as much of the sum of each column.
  void makeBeginnings() {
    b.loop(b.i64(0), b.i64(padded / kColumns), 1, [&](Value p) {
      Value first = b.splat(kColumns, 32, 0);
      if (dot.kind() == WordKind::Bytes && !isDense()) {
        Value panel = panelAt(b.minimum(p, b.i64(panels - 1)));
        Value sums = b.load(b.vec(kColumns, b.getI32Type()), panel, shape.rhs.sumOffset(shape.K));
        first = b.sub(first, b.mul(sums, b.broadcast(kColumns, lhsZero)));
      }
      b.store(first, b.offset(beginnings, b.mul(p, kPanelWordBytes)));
    });
  }

  /// The elements [k, k + length) of the products with `count` panels from `panel` on.
  void multiply(Value panel, int64_t count, Value k, Value length) {
    if (all.readsPanels())
      return multiplyPanels(panel, count, k, length);
    if (isOfPairs())
      return multiplyPairs(panel, k);
    const int64_t vectors = (count * kColumns + lanes - 1) / lanes;
    const int64_t width = std::max(vectors * lanes, kColumns);
    Value zeros = shape.hasRhsZeros ? b.offset(call.rhsZeros, b.mul(panel, kPanelWordBytes)) : Value();
    if (isDense())
      turnRows(panel, width, zeros, k, length);
    else
      emitUnpackPanels(b, shape.rhs, shape.K, dot.kind(), count, width,
                       {.rhs = panelAt(panel), .zeros = zeros, .k = k, .length = length, .to = weights});
    emitTiles(WeightOrder::Words, vectors, weights, 0, 4 * width, panel, k, stepsOf(length));
  }

  void multiplyPairs(Value panel, Value k) {
    Value words = PairedBytes(b, dot).unpack(shape.rhs, shape.K,
                                             {.panel = panelAt(panel),
                                              .k = k,
                                              .copyBytes = b.mul(call.count, kWordRowBytes),
                                              .orders = orders,
                                              .to = weights,
                                              .places = places});
    emitTiles(WeightOrder::Pairs, 1, weights, 0, 2 * kPanelWordBytes, panel, k, b.divide(words, 2));
  }

  /// A panel that is alone in a vector stands in both its halves.
  void multiplyPanels(Value panel, int64_t count, Value k, Value length) {
    const int64_t together = std::max<int64_t>(lanes / kColumns, 1), whole = count / together * together;
    const int64_t bytes = shape.rhs.panelBytes(shape.K);
    Value from = b.offset(panelAt(panel), b.mul(k, kPanelWordBytes / elementsOf(dot.kind())));
    if (whole > 0)
      emitTiles(WeightOrder::Panels, whole / together, from, bytes, kPanelWordBytes, panel, k, stepsOf(length));
    if (whole < count)
      emitTiles(WeightOrder::Panels, 1, b.offset(from, whole * bytes), 0, kPanelWordBytes, b.add(panel, whole), k,
                stepsOf(length));
  }

  /// All rows times `vectors` vectors of weights, whose first panel is `panel`.
  void emitTiles(WeightOrder order, int64_t vectors, Value from, int64_t panelBytes, int64_t stepBytes, Value panel,
                 Value k, Value steps) {
    Value columnBytes = b.mul(panel, kPanelWordBytes), sums = b.offset(call.sums, columnBytes);
    Value isFirst = b.less(k, b.i64(1)), beginning = b.offset(beginnings, columnBytes);
    Value sumBytes = b.i64(4 * padded), beginningBytes = b.select(isFirst, b.i64(0), sumBytes);
    auto tile = [&](const std::string &symbol, Value row) {
      Value sumRow = b.offset(sums, b.mul(row, 4 * padded));
      Values arguments{b.offset(rows, b.mul(row, kWordRowBytes)),
                       from,
                       b.i64(panelBytes),
                       b.i64(stepBytes),
                       sumRow,
                       sumBytes,
                       b.select(isFirst, beginning, sumRow),
                       beginningBytes,
                       steps};
      if (hasSums())
        arguments.append({b.offset(rowSums(), b.mul(row, 4)), columnStarts, columnFactors});
      if (asksAhead(dot.kind(), order))
        arguments.push_back(b.i64(all.NR() / kColumns * panelBytes));
      if (order == WeightOrder::Pairs)
        arguments.push_back(places);
      b.call(symbol, arguments);
    };
    const int64_t MR = all.rowsOf(vectors), left = rest % MR;
    Value whole = b.mul(b.divide(call.count, MR), MR);
    std::string full = defineTile(order, MR, vectors);
    b.loop(b.i64(0), whole, MR, [&](Value row) { tile(full, row); });
    if (left > 0)
      b.when(b.less(whole, call.count), [&] { tile(defineTile(order, left, vectors), whole); });
  }

  /// A group of rows of the right operand, as words.
  void turnRows(Value panel, int64_t width, Value zeros, Value k, Value length) {
    const DenseRowsCall group{.rows = panelAt(panel),
                              .there = b.minimum(b.i64(width), b.sub(b.i64(columns), b.mul(panel, kColumns))),
                              .width = width,
                              .zeros = zeros,
                              .k = k,
                              .length = length,
                              .scratch = denseRows,
                              .to = weights};
    dense.turn(group);
    if (hasSums())
      dense.startColumns(group, lhsZero, columnStarts, columnFactors);
  }

  std::string defineTile(WeightOrder order, int64_t MR, int64_t vectors) {
    std::string words(wordsName(dot.kind()));
    std::string name = KernelName{.op = "contract",
                                  .lhs = words,
                                  .rhs = order == WeightOrder::Panels  ? "panels"
                                         : order == WeightOrder::Pairs ? "s8x4p"
                                                                       : words,
                                  .out = dot.kind() == WordKind::F32 ? "f32" : "s32",
                                  .epilogue = "none",
                                  .MR = MR,
                                  .NR = vectors * lanes,
                                  .KR = elementsOf(dot.kind()),
                                  .isa = all.isa}
                           .str();
    Type pointer = b.ptrType(), i64 = b.getI64Type();
    SmallVector<Type> types{pointer, pointer, i64, i64, pointer, i64, pointer, i64, i64};
    if (isOfDenseBytes(dot.kind(), order))
      types.append(3, pointer);
    if (asksAhead(dot.kind(), order))
      types.push_back(i64);
    if (order == WeightOrder::Pairs)
      types.push_back(pointer);
    return library.define(name, name, b.getLoc(), LLVM::Linkage::Internal, types,
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
