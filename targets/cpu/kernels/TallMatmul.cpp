//===- TallMatmul.cpp - Matmul of many rows --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An entry of scratch memory is one activation block of a group of panels:
//
//     codes   as IntegerDot::emitUnpacked takes them, vector by vector
//     scale, then zero point, then minimum, where the layout stores them: f32 [8], panel by panel
//
// Behind the entries: the zero terms -z sxS of MR rows, f32 [MR][entries], where all weights share a zero point.
//
// A vector is one panel of 256 bits, or two side by side.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/TallMatmul.h"
#include "targets/code/CodePlanes.h"

using namespace mlir;

namespace phic {
namespace {

using Values = KernelBuilder::Values;

/// Elements of K that are unpacked at a time: codes of 16 columns and activations of a few rows stay in the first-level cache.
constexpr int64_t kChunkElements = 512;
/// Bytes of a panel's four elements, or of f32 of its columns.
constexpr int64_t kPanelBytes = PackedLayout::kVectorBytes;

/// How K is divided into chunks of tiles of the layout, and these into activation blocks.
struct Chunks {
  Chunks(const MatmulOperands &operands, int64_t panels)
      : step(operands.lhsBlock), tiles(operands.K / operands.rhs.tileElements()),
        tail(operands.K % operands.rhs.tileElements()), stepsPerTile((operands.rhs.tileElements() + step - 1) / step),
        tailSteps((tail + step - 1) / step),
        tilesPerChunk(std::clamp<int64_t>(kChunkElements / operands.rhs.tileElements(), 1, tiles + (tail > 0))),
        panelBytes(kPanelBytes * step / 4),
        parameters(1 + (operands.rhs.zero != Scalar::None) + (operands.rhs.min != Scalar::None)),
        entryBytes(panels * (panelBytes + parameters * kPanelBytes)), panels(panels),
        sharedZero(operands.rhs.zero == Scalar::None && operands.rhs.min == Scalar::None ? operands.rhs.storedZero()
                                                                                         : 0) {}

  int64_t step; ///< elements of an activation block
  int64_t tiles, tail; ///< whole tiles, elements of the last, short one
  int64_t stepsPerTile, tailSteps, tilesPerChunk;
  int64_t panelBytes; ///< codes of a panel in an entry
  int64_t parameters; ///< stored ones
  int64_t entryBytes, panels;
  int64_t sharedZero; ///< the zero point of all weights, where the sums of activations serve nothing else
  int64_t parameterAt(int64_t which, int64_t panel) const {
    return panels * panelBytes + (which * panels + panel) * kPanelBytes;
  }
  int64_t entries() const { return tilesPerChunk * stepsPerTile; }
  int64_t chunkBytes() const { return entries() * entryBytes; }
  int64_t zeroTermBytes(int64_t MR) const { return sharedZero ? MR * entries() * 4 : 0; }
};

class TallMatmulEmitter {
public:
  TallMatmulEmitter(KernelBuilder &b, const MatmulOperands &operands, const MatmulVariant &variant,
                    int64_t registerLanes, const TallMatmulCall &call)
      : b(b), operands(operands), variant(variant), call(call), MR(variant.tile.MR),
        panels(variant.tile.NR / PackedLayout::kColumns), lanes(std::min(variant.tile.NR, registerLanes)),
        chunks(operands, panels) {}

  void emit() {
    b.loop(b.i64(0), call.panels, panels, [&](Value p) {
      Value rhs = b.offset(call.rhs, b.mul(p, operands.rhs.panelBytes(operands.K))),
            out = b.offset(call.out, b.mul(p, kPanelBytes));
      clear(out);
      b.loop(b.i64(0), b.i64(chunks.tiles + (chunks.tail > 0)), chunks.tilesPerChunk, [&](Value tile) {
        Value entries = unpackChunk(rhs, tile), block = b.mul(tile, chunks.stepsPerTile);
        b.loop(b.i64(0), call.rows, MR, [&](Value r) {
          Value rows = b.offset(call.lhs, b.mul(r, operands.lhsRowBytes)),
                sums = b.offset(out, b.mul(r, call.outRowBytes));
          if (chunks.sharedZero)
            makeZeroTerms(rows, block, entries);
          b.loop(b.i64(0), entries, 1, [&](Value i) { addEntry(rows, block, i, sums); });
        });
      });
    });
  }

private:
  KernelBuilder &b;
  const MatmulOperands &operands;
  const MatmulVariant &variant;
  const TallMatmulCall &call;
  const int64_t MR, panels, lanes;
  const Chunks chunks;

  TileEmission emission(Value lhs, Value rhs, int64_t width) const {
    TileEmission e{b, operands, MR, variant.tile.NR, width, lhs, rhs, /*column=*/0, {}, /*broadcastsLanes=*/false};
    e.blocks = variant.dot->arrange(e, /*scratch=*/nullptr);
    return e;
  }

  void clear(Value out) {
    b.loop(b.i64(0), call.rows, 1, [&](Value r) {
      for (int64_t v = 0; v < panels; ++v)
        b.store(b.splat(PackedLayout::kColumns, 0.0f), b.offset(out, b.mul(r, call.outRowBytes)), v * kPanelBytes);
    });
  }

  /// Fills scratch memory from tile `first` on; returns the number of entries.
  Value unpackChunk(Value rhs, Value first) {
    Value whole = b.i64(chunks.tiles), end = b.minimum(b.add(first, chunks.tilesPerChunk), whole),
          count = b.sub(end, first);
    b.loop(b.i64(0), count, 1, [&](Value i) {
      Value tile = b.offset(rhs, b.mul(b.add(first, i), operands.rhs.tileBytes()));
      unpackTile(tile, operands.rhs.tileElements(), chunks.stepsPerTile,
                 b.offset(call.scratch, b.mul(i, chunks.stepsPerTile * chunks.entryBytes)));
    });
    Value entries = b.mul(count, chunks.stepsPerTile);
    if (chunks.tail == 0)
      return entries;
    Value holdsTail = b.less(whole, b.add(first, chunks.tilesPerChunk));
    b.when(holdsTail, [&] {
      unpackTile(b.offset(rhs, chunks.tiles * operands.rhs.tileBytes()), chunks.tail, chunks.tailSteps,
                 b.offset(call.scratch, b.mul(entries, chunks.entryBytes)));
    });
    return b.add(entries, b.select(holdsTail, b.i64(chunks.tailSteps), b.i64(0)));
  }

  void unpackTile(Value tile, int64_t elements, int64_t steps, Value entry) {
    TileEmission e = emission(call.lhs, tile, PackedLayout::kColumns);
    for (int64_t v = 0; v < panels; ++v) {
      const SuperParameters outer = loadSuperParameters(e, tile, elements, v);
      b.loop(b.i64(0), b.i64(steps), 1, [&](Value i) {
        Value to = b.offset(entry, b.mul(i, chunks.entryBytes)),
              block = e.layout().isTwoLevel() ? b.divide(i, operands.rhs.block / chunks.step) : b.i64(0);
        unpackCodes(b.offset(tile, b.add(b.mul(i, operands.rhs.codeBytes(chunks.step)), e.panel(v))), to, v);
        storeParameters(loadParameters(e, outer, tile, elements, block, v), v, to);
      });
    }
  }

  void unpackCodes(Value from, Value entry, int64_t panel) {
    const int64_t run = operands.rhs.runElements(), together = lanes / PackedLayout::kColumns,
                  inVector = panel % together;
    Value to = b.offset(entry, (panel - inVector) * chunks.panelBytes + inVector * kPanelBytes);
    VectorType bytes = b.vec(kPanelBytes, b.getI8Type());
    for (int64_t k = 0; k < chunks.step; k += run) {
      auto groups = unpackGroups(b, operands.rhs, 0, run / PackedLayout::kGroup,
                                 [&](int64_t at) { return b.load(bytes, from, operands.rhs.codeBytes(k) + at); });
      for (auto [g, group] : llvm::enumerate(groups))
        b.store(group, to, (k / PackedLayout::kGroup + int64_t(g)) * together * kPanelBytes);
    }
  }

  void storeParameters(const ColumnParameters &parameters, int64_t v, Value entry) {
    int64_t which = 0;
    b.store(parameters.scale, entry, chunks.parameterAt(which++, v));
    if (operands.rhs.zero != Scalar::None)
      b.store(parameters.zero, entry, chunks.parameterAt(which++, v));
    if (parameters.min)
      b.store(parameters.min, entry, chunks.parameterAt(which++, v));
  }

  ColumnParameters entryParameters(TileEmission &e, int64_t v, Value entry) {
    VectorType floats = b.vec(lanes, b.getF32Type());
    int64_t which = 0;
    auto next = [&] { return b.load(floats, entry, chunks.parameterAt(which++, v * lanes / PackedLayout::kColumns)); };
    ColumnParameters parameters{.scale = next(), .zero = constantZero(e), .min = {}};
    if (operands.rhs.zero != Scalar::None)
      parameters.zero = next();
    if (operands.rhs.min != Scalar::None)
      parameters.min = next();
    return parameters;
  }

  Value zeroTerms() const { return b.offset(call.scratch, chunks.chunkBytes()); }

  /// Those of `entries` activation blocks from `first` on: once for all columns of the tile, eight at a time.
  void makeZeroTerms(Value rows, Value first, Value entries) {
    constexpr int64_t kTogether = PackedLayout::kColumns;
    TileEmission e = emission(rows, call.scratch, lanes);
    Value sums = b.offset(b.offset(e.blocks.scales, b.mul(first, e.blocks.scaleStep)), e.blocks.sumOffset);
    Value whole = b.mul(b.divide(entries, kTogether), kTogether);
    b.loop(b.i64(0), b.i64(MR), 1, [&](Value r) {
      Value from = b.offset(sums, b.mul(r, operands.lhsRowBytes)),
            to = b.offset(zeroTerms(), b.mul(r, chunks.entries() * 4));
      for (auto [begin, end, count] : {std::tuple{b.i64(0), whole, kTogether}, {whole, entries, int64_t(1)}})
        b.loop(begin, end, count, [&, count = count](Value i) {
          Value at = b.mul(i, e.blocks.scaleStep);
          Value terms = b.fmul(b.load(b.vec(count, b.getF32Type()), b.offset(from, at)),
                               b.splat(count, float(-chunks.sharedZero)));
          b.store(terms, b.offset(to, b.mul(i, 4)));
        });
    });
  }

  RowScales rowScales(TileEmission &e, Value scale, const ColumnParameters &columns, Value i, int64_t r) const {
    if (!chunks.sharedZero)
      return loadRowScales(e, *variant.dot, scale, columns, r);
    Value terms = b.offset(zeroTerms(), b.mul(i, 4));
    return {.sx = variant.dot->ofRows(e, scale, 0, r),
            .sum = b.loadBroadcast(lanes, b.getF32Type(), terms, r * chunks.entries() * 4)};
  }

  /// sums[MR][panels] += activation block `first` + i of `rows` times entry i.
  void addEntry(Value rows, Value first, Value i, Value sums) {
    Value entry = b.offset(call.scratch, b.mul(i, chunks.entryBytes)), block = b.add(first, i);
    TileEmission e = emission(rows, entry, lanes);
    if (chunks.sharedZero)
      e.blocks.sumFactor = float(-chunks.sharedZero);
    Value x = b.offset(e.blocks.codes, b.mul(block, e.blocks.codeStep)),
          scale = b.offset(e.blocks.scales, b.mul(block, e.blocks.scaleStep));
    Values totals = variant.dot->emitUnpacked(e, entry, x);
    // Whatever is loaded from here on needs a register that an integer sum has left: one row after the other.
    llvm::SmallVector<ColumnParameters> parameters;
    for (int64_t v = 0; v < e.vectors(); ++v)
      parameters.push_back(entryParameters(e, v, entry));
    for (int64_t r = 0; r < MR; ++r) {
      Value out = b.offset(sums, b.mul(call.outRowBytes, r));
      RowScales row = rowScales(e, scale, parameters[0], i, r);
      for (int64_t v = 0; v < e.vectors(); ++v)
        b.update(b.vec(lanes, b.getF32Type()), out, v * e.bytes(),
                 [&](Value sum) { return addBlockTerm(e, parameters[v], row, totals[r * e.vectors() + v], sum); });
    }
  }
};

} // namespace

int64_t tallMatmulScratch(const MatmulOperands &operands, const RegisterTile &tile) {
  const Chunks chunks(operands, tile.NR / PackedLayout::kColumns);
  return chunks.chunkBytes() + chunks.zeroTermBytes(tile.MR);
}

void emitTallMatmul(KernelBuilder &b, const MatmulOperands &operands, const MatmulVariant &variant,
                    int64_t registerLanes, const TallMatmulCall &call) {
  TallMatmulEmitter(b, operands, variant, registerLanes, call).emit();
}

} // namespace phic
