//===- EmitDepthwise.cpp - Depthwise convolutions of codes -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two neighbouring taps of a channel are a word of two s16, which a family's WordProduct multiplies and adds at once. Vectors
// lie along the channels:
//
//     for each tile (lines x channels):
//       weights -> words [row of the window][pair of taps][channel], zero points taken off
//       for line: for windows, some together: for channels in vectors:
//         for rows of the window in x: for pixels: word = pixel | next pixel << 16; sums += word . words of the weights
//
// Pixels become words with their zero point, so that they are only widened; what it adds is known from the weights of a row.
// Windows that reach out of x along the last axis read zero points there.
//
// Scratch memory: words of the weights, what a row's zero points add, a run of zero points.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/Contraction.h"
#include "targets/cpu/kernels/MapsBehind.h"
#include "targets/cpu/kernels/WindowLines.h"

using namespace mlir;

namespace phic {
namespace {

using Values = KernelBuilder::Values;

/// Channels of a tile, and windows that its words of weights are worth making for.
constexpr int64_t kRun = 64, kLeastWindows = 40;
/// Taps along the last axis that are not a loop; more are taken kLoopTaps at a time.
constexpr int64_t kMostTaps = 9, kLoopTaps = 8;

/// The newest product of two s16 that a target has.
const WordProduct &shortsOf(const CpuTarget &target) {
  const WordProduct *found = nullptr;
  for (const WordVariant &variant : target.architecture == "x86_64" ? x86WordVariants() : armWordVariants())
    if (hasIsa(target, variant.isa) && variant.dot->kind() == WordKind::S16)
      found = variant.dot;
  assert(found && "every target multiplies pairs of shorts");
  return *found;
}

struct CodeTiles {
  explicit CodeTiles(const Windows &windows)
      : ofLine(windows.axes[2].windows), lines(ofLine ? windows.windows() / ofLine : 0), channels(windows.channels),
        run(std::clamp<int64_t>(channels, 1, kRun)), linesOfTile(int64_t(llvm::divideCeil(kLeastWindows, ofLine + 1))) {
  }

  int64_t runs() const { return std::max<int64_t>(1, int64_t(llvm::divideCeil(channels, run))); }
  int64_t count() const { return std::max<int64_t>(1, int64_t(llvm::divideCeil(lines, linesOfTile))) * runs(); }

  int64_t ofLine, lines, channels, run, linesOfTile;
};

/// The tile's words of weights, in scratch memory.
struct WordLayout {
  WordLayout(const Windows &windows, int64_t run)
      : run(run), pairs((windows.axes[2].kernel + 1) / 2), rows(windows.axes[0].kernel * windows.axes[1].kernel) {}

  int64_t rowBytes() const { return (pairs + 1) * run * 4; } ///< the last word of a row is what zero points add
  int64_t fillAt() const { return rows * rowBytes(); }
  int64_t bytes() const { return int64_t(llvm::alignTo(uint64_t(fillAt() + run), 64)); }

  int64_t run, pairs, rows;
};

class CodeEmitter {
public:
  CodeEmitter(phiq::DepthwiseOp op, const Windows &windows, const CodeTiles &tiles, GridEmitter &g)
      : op(op), windows(windows), along(windows.axes[2]), tiles(tiles), layout(windows, tiles.run), g(g), b(g.b),
        product(shortsOf(g.target)), together(g.target.vectorRegisters > 16 ? 8 : 6), inside(along, together),
        isSigned(!isUnsignedInteger(elementTypeOf(op.getX()))), x(g.base(op.getX())), maps(op, g, widths()) {}

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
  const CodeTiles &tiles;
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
  Value wordAt(Value row, int64_t pair, Value c) {
    Value at = b.add(b.mul(row, layout.rowBytes()), b.mul(b.sub(c, begin), 4));
    return b.offset(b.offset(g.e.scratch, at), pair * tiles.run * 4);
  }
  Value fillAt(Value c) { return b.offset(b.offset(g.e.scratch, b.sub(c, begin)), layout.fillAt()); }
  VectorType words(int64_t lanes) { return b.vec(lanes, b.getI32Type()); }
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
      Value zero = zeroOf(lanes), low = b.splat(lanes, 32, 0xffff);
      b.loop(b.i64(0), b.i64(layout.rows), 1, [&](Value row) {
        Value sum = b.splat(lanes, 32, 0), tap = b.mul(row, along.kernel);
        for (int64_t t = 0; t < along.kernel; t += 2) {
          Value one = weightOf(b.add(tap, t), c, lanes), word = arith::AndIOp::create(b, one, low);
          sum = b.add(sum, one);
          if (t + 1 < along.kernel) {
            Value other = weightOf(b.add(tap, t + 1), c, lanes);
            word = arith::OrIOp::create(b, word, upper(other, lanes));
            sum = b.add(sum, other);
          }
          b.store(word, wordAt(row, t / 2, c));
        }
        b.store(b.mul(sum, zero), wordAt(row, layout.pairs, c));
      });
    });
  }

  void makeFill() {
    g.over(begin, end, {g.target.vectorBytes, 1}, [&](Value c, int64_t lanes) {
      Value code = op.getXZero() ? b.loadBroadcast(lanes, b.getI8Type(), g.base(op.getXZero())) : b.splat(lanes, 8, 0);
      b.store(code, fillAt(c));
    });
  }

  void emitWindows(WindowLine &line, int64_t from, int64_t to, bool isInside) {
    const int64_t whole = from + (to - from) / together * together;
    if (from < whole)
      b.loop(b.i64(from), b.i64(whole), together, [&](Value i) { emitTogether(line, i, together, isInside); });
    if (whole < to)
      emitTogether(line, b.i64(whole), to - whole, isInside);
  }

  void emitTogether(WindowLine &line, Value i, int64_t count, bool isInside) {
    Value start = b.add(b.mul(i, along.stride), -along.before);
    auto rowOf = [&](Value tap) { return b.divide(tap, along.kernel); };
    g.over(begin, end, widths(), [&](Value c, int64_t lanes) {
      Value none = b.splat(lanes, 32, 0);
      Value added = line.over(none, [&](Value, Value tap, ValueRange sum) {
        return Values{b.add(sum[0], b.load(words(lanes), wordAt(rowOf(tap), layout.pairs, c)))};
      })[0];
      const Values starts(size_t(count), b.sub(none, added));
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
    Value from = b.add(row.start, b.mul(t, along.dilation)), pair = b.divide(t, 2);
    for (int64_t j = 0; j < taps; j += 2)
      weights.push_back(
          b.load(words(row.lanes), b.offset(wordAt(row.ofWindow, j / 2, row.c), b.mul(pair, tiles.run * 4))));
    const int64_t farthest = int64_t(sums.size() - 1) * along.stride + (taps - 1) * along.dilation;
    Values pixels(size_t(farthest + 1));
    auto pixel = [&](int64_t distance) {
      Value &known = pixels[size_t(distance)];
      return known ? known : known = emitPixel(row, b.add(from, distance));
    };
    for (int64_t distance = 0; distance <= farthest; ++distance) {
      Value word;
      for (int64_t k = 0; k < int64_t(sums.size()); ++k)
        for (int64_t j = 0; j < int64_t(weights.size()); ++j) {
          if (k * along.stride + 2 * j * along.dilation != distance)
            continue;
          if (!word) {
            word = pixel(distance); // a tap that is missing to the pair has the weight 0
            if (distance + along.dilation <= farthest)
              word = arith::OrIOp::create(b, word, upper(pixel(distance + along.dilation), row.lanes));
          }
          sums[size_t(k)] = product.add(b, sums[size_t(k)], word, weights[size_t(j)]);
        }
    }
    return sums;
  }

  /// The codes of a pixel of the row, widened.
  Value emitPixel(const Row &row, Value at) {
    Value from = b.offset(x, b.add(b.mul(b.add(row.pixel, at), tiles.channels), row.c));
    if (!row.isInside) {
      Value isThere = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, at, b.i64(along.size));
      from = b.select(isThere, from, fillAt(row.c));
    }
    Value codes = b.load(b.vec(row.lanes, b.getI8Type()), from);
    if (isSigned)
      codes = arith::XOrIOp::create(b, codes, b.splat(row.lanes, 8, -128));
    return arith::ExtUIOp::create(b, words(row.lanes), codes);
  }
};

} // namespace

GridKernel depthwiseOfCodesKernel(phiq::DepthwiseOp op) {
  const Windows windows = windowsOf(op);
  const CodeTiles tiles(windows);
  return {.tiles = tiles.count(),
          .scratchBytes = WordLayout(windows, tiles.run).bytes(),
          .tile = [=](GridEmitter &g, Value tile) { CodeEmitter(op, windows, tiles, g).emit(tile); }};
}

} // namespace phic
