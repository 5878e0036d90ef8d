//===- EmitDepthwise.cpp - Depthwise convolutions --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a window sees of a channel becomes words that a family's WordProduct multiplies and adds: one float a tap, or two s16
// of neighbouring taps. Vectors lie along the channels:
//
//     for each tile (lines x channels):
//       weights -> words [row of the window][tap, or pair of them][channel], zero points taken off
//       for line: for windows, some together: for channels in vectors:
//         for rows of the window in x: for pixels: word = pixel | next pixel << 16; sums += word . words of the weights
//
// Codes of x are only widened; what their zero point adds is known from the weights of a row. Windows that reach out of x
// along the last axis read zeros, or zero points, there.
//
// Scratch memory: words of the weights, of codes what a row's zero points add, a run of zeros.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/Contraction.h"
#include "targets/cpu/kernels/MapsBehind.h"
#include "targets/cpu/kernels/WindowLines.h"
#include <map>

using namespace mlir;

namespace phic {
namespace {

using Values = KernelBuilder::Values;

/// Channels of a tile, and windows that its words of weights are worth making for.
constexpr int64_t kRun = 64, kLeastWindows = 40;
/// Taps along the last axis that are not a loop; more are taken kLoopTaps at a time.
constexpr int64_t kMostTaps = 9, kLoopTaps = 8;

/// Floats, or the newest product of two s16 that a target has.
const WordProduct &productOf(phiq::DepthwiseOp op, const CpuTarget &target) {
  return elementTypeOf(op.getX()).isF32() ? fmaWords() : *shortWords(target);
}

struct DepthwiseTiles {
  explicit DepthwiseTiles(const Windows &windows)
      : ofLine(windows.axes[2].windows), lines(ofLine ? windows.windows() / ofLine : 0), channels(windows.channels),
        run(std::clamp<int64_t>(channels, 1, kRun)), linesOfTile(int64_t(llvm::divideCeil(kLeastWindows, ofLine + 1))) {
  }

  int64_t runs() const { return std::max<int64_t>(1, int64_t(llvm::divideCeil(channels, run))); }
  int64_t count() const { return std::max<int64_t>(1, int64_t(llvm::divideCeil(lines, linesOfTile))) * runs(); }

  int64_t ofLine, lines, channels, run, linesOfTile;
};

/// The tile's words of weights, in scratch memory.
struct WordLayout {
  WordLayout(phiq::DepthwiseOp op, const Windows &windows, int64_t run)
      : isFloat(elementTypeOf(op.getX()).isF32()), run(run), taps(isFloat ? 1 : 2),
        words((windows.axes[2].kernel + taps - 1) / taps), rows(windows.axes[0].kernel * windows.axes[1].kernel) {}

  /// Of codes the last word of a row is what zero points add.
  int64_t rowBytes() const { return (words + (isFloat ? 0 : 1)) * run * 4; }
  int64_t fillAt() const { return rows * rowBytes(); }
  int64_t elementBytes() const { return isFloat ? 4 : 1; }
  int64_t bytes() const { return int64_t(llvm::alignTo(uint64_t(fillAt() + run * elementBytes()), 64)); }

  bool isFloat;
  int64_t run, taps, words, rows; ///< taps of a word, words of a row
};

class DepthwiseEmitter {
public:
  DepthwiseEmitter(phiq::DepthwiseOp op, const Windows &windows, const DepthwiseTiles &tiles, GridEmitter &g)
      : op(op), windows(windows), along(windows.axes[2]), tiles(tiles), layout(op, windows, tiles.run), g(g), b(g.b),
        product(productOf(op, g.target)), together(g.target.vectorRegisters > 16 ? 8 : 6), inside(along, together),
        isSigned(elementTypeOf(op.getX()).isSignlessInteger()), x(g.base(op.getX())), maps(op, g, widths()) {}

  void emit(Value tile) {
    Value group = b.divide(tile, tiles.runs()), line = b.mul(group, tiles.linesOfTile);
    begin = b.mul(b.sub(tile, b.mul(group, tiles.runs())), tiles.run);
    end = b.minimum(b.add(begin, tiles.run), b.i64(tiles.channels));
    makeWords();
    makeFill();
    Value last = b.minimum(b.add(line, tiles.linesOfTile), b.i64(tiles.lines));
    b.loop(line, last, 1, [&](Value number) {
      WindowLine line(windows, b, number);
      first = b.mul(number, along.windows);
      emitWindows(line, 0, inside.first, /*isInside=*/false);
      emitWindows(line, inside.first, inside.first + inside.count, /*isInside=*/true);
      emitWindows(line, inside.first + inside.count, along.windows, /*isInside=*/false);
    });
  }

private:
  phiq::DepthwiseOp op;
  const Windows &windows;
  const WindowAxis &along;
  const DepthwiseTiles &tiles;
  const WordLayout layout;
  GridEmitter &g;
  KernelBuilder &b;
  const WordProduct &product;
  const int64_t together; ///< windows whose sums are in registers at once
  const Inside inside;
  const bool isSigned;
  const Value x;
  MapsBehind maps;
  Value begin, end; ///< channels of the tile
  Value first; ///< window of the line

  /// Vectors, down to what C leaves over.
  SmallVector<int64_t> widths() const {
    SmallVector<int64_t> all{g.lanes()};
    for (int64_t width : {8, 4, 2})
      if (width < g.lanes() && (tiles.channels & width))
        all.push_back(width);
    all.push_back(1);
    return all;
  }
  Value wordAt(Value row, int64_t word, Value c) {
    Value at = b.add(b.mul(row, layout.rowBytes()), b.mul(b.sub(c, begin), 4));
    return b.offset(b.offset(g.e.scratch, at), word * tiles.run * 4);
  }
  Value fillAt(Value c) {
    return b.offset(b.offset(g.e.scratch, b.mul(b.sub(c, begin), layout.elementBytes())), layout.fillAt());
  }
  VectorType words(int64_t lanes) { return b.vec(lanes, layout.isFloat ? Type(b.getF32Type()) : b.getI32Type()); }
  Value upper(Value word, int64_t lanes) { return arith::ShLIOp::create(b, word, b.splat(lanes, 32, 16)); }

  /// The zero point of codes without a sign.
  Value zeroOf(int64_t lanes) {
    Value zero =
        op.getXZero() ? loadSplat(b, elementTypeOf(op.getX()), lanes, g.base(op.getXZero())) : b.splat(lanes, 32, 0);
    return isSigned ? b.add(zero, b.splat(lanes, 32, 128)) : zero;
  }

  Value weightOf(Value tap, Value c, int64_t lanes) {
    Type element = elementTypeOf(op.getW());
    Value at = g.place(g.base(op.getW()), element, b.add(b.mul(tap, tiles.channels), c));
    Value code = loadLanes(b, element, lanes, at), zeros = op.getWZero();
    if (!zeros)
      return code;
    return b.sub(code, shapeOf(zeros).empty() ? loadSplat(b, element, lanes, g.base(zeros))
                                              : loadLanes(b, element, lanes, g.place(g.base(zeros), element, c)));
  }

  void makeWords() {
    g.over(begin, end, widths(), [&](Value c, int64_t lanes) {
      Value zero = layout.isFloat ? Value() : zeroOf(lanes);
      b.loop(b.i64(0), b.i64(layout.rows), 1, [&](Value row) {
        Values weights;
        for (int64_t t = 0; t < along.kernel; ++t)
          weights.push_back(weightOf(b.add(b.mul(row, along.kernel), t), c, lanes));
        for (int64_t i = 0; i < layout.words; ++i)
          b.store(wordOf(weights, i * layout.taps, lanes), wordAt(row, i, c));
        if (layout.isFloat)
          return;
        Value sum = weights[0];
        for (Value weight : llvm::drop_begin(weights))
          sum = b.add(sum, weight);
        b.store(b.mul(sum, zero), wordAt(row, layout.words, c));
      });
    });
  }

  /// Of the weights from `t` on. A tap that is missing to a pair has the weight 0.
  Value wordOf(ArrayRef<Value> weights, int64_t t, int64_t lanes) {
    if (layout.isFloat)
      return weights[size_t(t)];
    Value low = arith::AndIOp::create(b, weights[size_t(t)], b.splat(lanes, 32, 0xffff));
    return t + 1 < along.kernel ? Value(arith::OrIOp::create(b, low, upper(weights[size_t(t + 1)], lanes))) : low;
  }

  void makeFill() {
    Type element = layout.isFloat ? Type(b.getF32Type()) : b.getI8Type();
    g.over(begin, end, {g.lanes(), 1}, [&](Value c, int64_t lanes) {
      Value zeros = layout.isFloat ? b.splat(lanes, 0.0f) : b.splat(lanes, 8, 0);
      b.store(op.getXZero() ? b.loadBroadcast(lanes, element, g.base(op.getXZero())) : zeros, fillAt(c));
    });
  }

  void emitWindows(WindowLine &line, int64_t from, int64_t to, bool isInside) {
    const int64_t whole = from + (to - from) / together * together;
    if (from < whole)
      b.loop(b.i64(from), b.i64(whole), together, [&](Value i) { emitTogether(line, i, together, isInside); });
    if (whole < to)
      emitTogether(line, b.i64(whole), to - whole, isInside);
  }

  Value rowOf(Value tap) { return b.divide(tap, along.kernel); }

  /// What sums begin with: of codes less what the zero points of the line's rows add.
  Value startOf(WindowLine &line, Value c, int64_t lanes) {
    if (layout.isFloat)
      return b.splat(lanes, 0.0f);
    return line.over(b.splat(lanes, 32, 0), [&](Value, Value tap, ValueRange sum) {
      return Values{b.sub(sum[0], b.load(words(lanes), wordAt(rowOf(tap), layout.words, c)))};
    })[0];
  }

  void emitTogether(WindowLine &line, Value i, int64_t count, bool isInside) {
    Value start = b.add(b.mul(i, along.stride), -along.before);
    g.over(begin, end, widths(), [&](Value c, int64_t lanes) {
      const Values starts(size_t(count), startOf(line, c, lanes));
      Values sums = line.over(starts, [&](Value row, Value tap, ValueRange carried) {
        return emitRow({row, start, rowOf(tap), c, lanes, isInside}, carried);
      });
      for (auto [k, sum] : llvm::enumerate(sums))
        maps.store(sum, b.add(b.mul(b.add(first, b.add(i, int64_t(k))), tiles.channels), c), c);
    });
  }

  /// A row of x, and where in it the first window begins.
  struct Row {
    Value pixel, start, ofWindow, c;
    int64_t lanes;
    bool isInside;
  };

  Values emitRow(const Row &row, ValueRange carried) {
    if (along.kernel <= kMostTaps)
      return emitTaps(row, b.i64(0), along.kernel, carried);
    const int64_t looped = along.kernel / kLoopTaps * kLoopTaps;
    Values sums = b.loop(b.i64(0), b.i64(looped), kLoopTaps, carried,
                         [&](Value t, ValueRange inner) { return emitTaps(row, t, kLoopTaps, inner); });
    return looped == along.kernel ? sums : emitTaps(row, b.i64(looped), along.kernel - looped, sums);
  }

  /// Adds `taps` taps from `t` on, an even one: pixel by pixel, each in what all windows see in it.
  Values emitTaps(const Row &row, Value t, int64_t taps, ValueRange carried) {
    Values sums(carried.begin(), carried.end()), weights;
    Value from = b.add(row.start, b.mul(t, along.dilation));
    Value firstWord = b.mul(b.divide(t, layout.taps), tiles.run * 4);
    for (int64_t i = 0; i * layout.taps < taps; ++i)
      weights.push_back(b.load(words(row.lanes), b.offset(wordAt(row.ofWindow, i, row.c), firstWord)));
    std::map<int64_t, SmallVector<std::pair<size_t, size_t>>> uses; // windows and words, by their distance in x
    for (size_t k = 0; k < sums.size(); ++k)
      for (size_t i = 0; i < weights.size(); ++i)
        uses[int64_t(k) * along.stride + int64_t(i) * layout.taps * along.dilation].push_back({k, i});
    const int64_t farthest = int64_t(sums.size() - 1) * along.stride + (taps - 1) * along.dilation;
    llvm::DenseMap<int64_t, Value> pixels;
    auto pixel = [&](int64_t distance) {
      Value &known = pixels[distance];
      return known ? known : known = emitPixel(row, b.add(from, distance));
    };
    for (const auto &[distance, users] : uses) {
      Value word = pixel(distance);
      if (layout.taps == 2 && distance + along.dilation <= farthest)
        word = arith::OrIOp::create(b, word, upper(pixel(distance + along.dilation), row.lanes));
      for (auto [k, i] : users)
        sums[k] = product.add(b, sums[k], word, weights[i]);
    }
    return sums;
  }

  /// A pixel of the row: floats, or codes, widened.
  Value emitPixel(const Row &row, Value at) {
    Value element = b.add(b.mul(b.add(row.pixel, at), tiles.channels), row.c);
    Value from = b.offset(x, b.mul(element, layout.elementBytes()));
    if (!row.isInside) {
      Value isThere = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, at, b.i64(along.size));
      from = b.select(isThere, from, fillAt(row.c));
    }
    if (layout.isFloat)
      return b.load(words(row.lanes), from);
    Value codes = b.load(b.vec(row.lanes, b.getI8Type()), from);
    if (isSigned)
      codes = arith::XOrIOp::create(b, codes, b.splat(row.lanes, 8, -128));
    return arith::ExtUIOp::create(b, words(row.lanes), codes);
  }
};

} // namespace

GridKernel depthwiseKernel(phiq::DepthwiseOp op) {
  const Windows windows = windowsOf(op);
  const DepthwiseTiles tiles(windows);
  return {.tiles = tiles.count(),
          .scratchBytes = WordLayout(op, windows, tiles.run).bytes(),
          .tile = [=](GridEmitter &g, Value tile) { DepthwiseEmitter(op, windows, tiles, g).emit(tile); }};
}

} // namespace phic
