//===- Contraction.cpp - Many rows times packed weights --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scratch memory: words [256][NR] of a group of panels; where these are dense rows, words of NR of them; words of the rows.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/Contraction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/KernelName.h"
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
           shape.rhs.kind != PackedLayout::Kind::BlockPanel;
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

/// Arguments: the rows' words, the weights', sums, bytes of a row of sums and of a row of weights, steps.
void emitWordTile(KernelBuilder &b, const WordProduct &dot, int64_t lanes, int64_t MR, int64_t vectors,
                  Block::BlockArgListType a) {
  Type element = dot.kind() == WordKind::F32 ? Type(b.getF32Type()) : b.getI32Type();
  const VectorType vector = b.vec(lanes, element);
  const int64_t bytes = 4 * lanes;
  auto sumsOf = [&](int64_t r) { return b.offset(a[2], b.mul(a[3], b.i64(r))); };
  Values sums;
  for (int64_t r = 0; r < MR; ++r)
    for (int64_t v = 0; v < vectors; ++v)
      sums.push_back(b.load(vector, sumsOf(r), v * bytes));
  auto add = [&](Value x, Value w, int64_t at, Values &inner) {
    Values weights;
    for (int64_t v = 0; v < vectors; ++v)
      weights.push_back(b.load(vector, w, v * bytes));
    for (int64_t r = 0; r < MR; ++r) {
      Value word = b.loadBroadcast(lanes, element, x, r * kWordRowBytes + 4 * at);
      for (int64_t v = 0; v < vectors; ++v)
        inner[r * vectors + v] = dot.add(b, inner[r * vectors + v], word, weights[v]);
    }
  };
  auto over = [&](Value begin, Value end, int64_t unrolled) {
    sums = b.loop(begin, end, unrolled, sums, [&](Value s, ValueRange carried) {
      Values inner(carried);
      Value x = b.offset(a[0], b.mul(s, 4)), w = b.offset(a[1], b.mul(s, a[4]));
      for (int64_t i = 0; i < unrolled; ++i, w = b.offset(w, a[4]))
        add(x, w, i, inner);
      return inner;
    });
  };
  Value whole = b.mul(b.divide(a[5], kUnrolledSteps), kUnrolledSteps);
  over(b.i64(0), whole, kUnrolledSteps);
  over(whole, a[5], 1);
  for (int64_t r = 0; r < MR; ++r)
    for (int64_t v = 0; v < vectors; ++v)
      b.store(sums[r * vectors + v], sumsOf(r), v * bytes);
}

} // namespace

const WordProduct &fmaWords() {
  class Fma final : public WordProduct {
    WordKind kind() const override { return WordKind::F32; }
    Value add(KernelBuilder &b, Value sum, Value x, Value w) const override { return b.fma(x, w, sum); }
  };
  static const Fma words;
  return words;
}

std::optional<Contraction> Contraction::of(const CpuTarget &target, const ContractionShape &shape) {
  const WordVariant *found = nullptr;
  for (const WordVariant &variant : target.architecture == "x86_64" ? x86WordVariants() : armWordVariants())
    if (hasIsa(target, variant.isa) && takes(variant.dot->kind(), shape)) // the newest comes last
      found = &variant;
  return found ? std::optional(Contraction(*found, target, shape)) : std::nullopt;
}

int64_t Contraction::scratchBytes(int64_t rows) const {
  const bool isDense = shape.rhs.kind == PackedLayout::Kind::Dense;
  return (rows + (isDense ? NR() : 0)) * kWordRowBytes + 4 * kChunkWords * NR();
}

int64_t Contraction::paddedColumns(int64_t columns) const {
  const int64_t together = std::max(lanes, PackedLayout::kColumns);
  return (columns + together - 1) / together * together;
}

class ContractionEmitter {
public:
  ContractionEmitter(const Contraction &all, KernelBuilder &b, KernelLibrary &library, int64_t columns, int64_t rest,
                     const ContractionCall &call)
      : all(all), dot(*all.variant->dot), shape(all.shape), b(b), library(library), call(call), lanes(all.lanes),
        panels((columns + kColumns - 1) / kColumns), padded(all.paddedColumns(columns)), rest(rest),
        weights(call.scratch), denseRows(b.offset(call.scratch, 4 * kChunkWords * all.NR())),
        rows(isDense() ? b.offset(denseRows, all.NR() * kWordRowBytes) : denseRows), columns(columns) {}

  void emit() {
    const int64_t perWord = elementsOf(dot.kind()), chunk = kChunkWords * perWord;
    clear();
    b.loop(b.i64(0), b.i64(shape.K), chunk, [&](Value k) {
      Value length = b.minimum(b.i64(chunk), b.sub(b.i64(shape.K), k));
      emitGather(b, shape.lhs, shape.K, dot.kind(),
                 {.base = call.lhs,
                  .row = call.row,
                  .count = call.count,
                  .k = k,
                  .length = length,
                  .zero = call.lhsZero,
                  .fill = call.fill,
                  .to = rows});
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
  Value weights, denseRows, rows;
  const int64_t columns;

  bool isDense() const { return shape.rhs.kind == PackedLayout::Kind::Dense; }
  Value panelAt(Value panel) {
    const int64_t rowBytes = shape.K * (shape.rhsElement == RowSource::Element::F32 ? 4 : 1);
    return b.offset(call.rhs, b.mul(panel, isDense() ? kColumns * rowBytes : shape.rhs.panelBytes(shape.K)));
  }

  /// Sums begin with 0, or with what the zero point of bytes takes off: as much of the sum of each column.
  void clear() {
    Value zero = call.lhsZero ? call.lhsZero : b.i32(0);
    if (shape.lhs.element == RowSource::Element::S8) // whose top bit is turned
      zero = b.add(zero, b.i32(128));
    b.loop(b.i64(0), b.i64(padded / kColumns), 1, [&](Value p) {
      Value first = b.splat(kColumns, 32, 0), to = b.offset(call.sums, b.mul(p, kPanelWordBytes));
      if (dot.kind() == WordKind::Bytes) {
        Value panel = panelAt(b.minimum(p, b.i64(panels - 1)));
        Value sums = b.load(b.vec(kColumns, b.getI32Type()), panel, shape.rhs.sumOffset(shape.K));
        first = b.sub(first, b.mul(sums, b.broadcast(kColumns, zero)));
      }
      b.loop(b.i64(0), call.count, 1, [&](Value r) { b.store(first, b.offset(to, b.mul(r, 4 * padded))); });
    });
  }

  /// Adds the products with `count` panels from `panel` on.
  void multiply(Value panel, int64_t count, Value k, Value length) {
    const int64_t vectors = (count * kColumns + lanes - 1) / lanes;
    UnpackCall unpack{.rhs = panelAt(panel), .zeros = {}, .k = k, .length = length, .to = weights};
    if (shape.hasRhsZeros)
      unpack.zeros = b.offset(call.rhsZeros, b.mul(panel, kPanelWordBytes));
    const int64_t columns = std::max(vectors * lanes, kColumns);
    if (isDense())
      unpackRows(panel, columns, unpack);
    else
      emitUnpackPanels(b, shape.rhs, shape.K, dot.kind(), count, columns, unpack);
    Value sums = b.offset(call.sums, b.mul(panel, kPanelWordBytes));
    Value steps = b.divide(b.add(length, elementsOf(dot.kind()) - 1), elementsOf(dot.kind()));
    auto tile = [&](const std::string &symbol, Value row) {
      b.call(symbol, {b.offset(rows, b.mul(row, kWordRowBytes)), weights, b.offset(sums, b.mul(row, 4 * padded)),
                      b.i64(4 * padded), b.i64(4 * columns), steps});
    };
    const int64_t MR = all.MR();
    Value whole = b.mul(b.divide(call.count, MR), MR);
    std::string full = defineTile(MR, vectors);
    b.loop(b.i64(0), whole, MR, [&](Value row) { tile(full, row); });
    if (rest > 0)
      b.when(b.less(whole, call.count), [&] { tile(defineTile(rest, vectors), whole); });
  }

  /// Rows are gathered as those of activations are, then turned: a word of each beside the other.
  void unpackRows(Value panel, int64_t width, const UnpackCall &unpack) {
    Value there = b.minimum(b.i64(width), b.sub(b.i64(columns), b.mul(panel, kColumns)));
    RowSource source{.element = shape.rhsElement, .rowBytes = 0, .window = {}};
    source.rowBytes = shape.K * source.elementBytes();
    emitGather(b, source, shape.K, dot.kind(),
               {.base = unpack.rhs,
                .row = b.i64(0),
                .count = there,
                .k = unpack.k,
                .length = unpack.length,
                .zero = {},
                .fill = {},
                .to = denseRows});
    Value steps = b.divide(b.add(unpack.length, elementsOf(dot.kind()) - 1), elementsOf(dot.kind()));
    VectorType pair = b.vec(2, b.getI16Type());
    b.loop(b.i64(0), there, 1, [&](Value n) {
      Value from = b.offset(denseRows, b.mul(n, kWordRowBytes)), to = b.offset(weights, b.mul(n, 4)), zeros;
      if (unpack.zeros)
        zeros = b.broadcast(2, b.load(b.getI16Type(), b.offset(unpack.zeros, b.mul(n, 4))));
      b.loop(b.i64(0), steps, 1, [&](Value s) {
        Value word = b.load(pair, b.offset(from, b.mul(s, 4)));
        b.store(zeros ? b.sub(word, zeros) : word, b.offset(to, b.mul(s, 4 * width)));
      });
    });
  }

  std::string defineTile(int64_t MR, int64_t vectors) {
    std::string words(wordsName(dot.kind()));
    std::string name = KernelName{.op = "contract",
                                  .lhs = words,
                                  .rhs = words,
                                  .out = dot.kind() == WordKind::F32 ? "f32" : "s32",
                                  .epilogue = "none",
                                  .MR = MR,
                                  .NR = vectors * lanes,
                                  .KR = elementsOf(dot.kind()),
                                  .isa = all.isa}
                           .str();
    Type pointer = b.ptrType(), i64 = b.getI64Type();
    return library.define(name, name, b.getLoc(), LLVM::Linkage::Internal, {pointer, pointer, pointer, i64, i64, i64},
                          [&](KernelBuilder &inner, Block::BlockArgListType arguments) {
                            emitWordTile(inner, dot, lanes, MR, vectors, arguments);
                          });
  }
};

void Contraction::emit(KernelBuilder &b, KernelLibrary &library, int64_t columns, int64_t rest,
                       const ContractionCall &call) const {
  ContractionEmitter(*this, b, library, columns, rest, call).emit();
}

} // namespace phic
