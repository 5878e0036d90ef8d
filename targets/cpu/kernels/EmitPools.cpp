//===- EmitPools.cpp - Pools -----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vectors lie along the channels. Windows are computed line by line along the last axis. Those all of whose places along it
// lie in x are taken some at once, so that an element of x is loaded once for all of them:
//
//     for line: for windows at the ends: one window | for windows between: four together
//       for channels in vectors: for t0, t1 whose rows lie in x: for t2: combine
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/GridEmitter.h"
#include "targets/cpu/kernels/WindowLines.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace phic {
namespace {

using Values = KernelBuilder::Values;

/// Windows computed together, and the widest window that is.
constexpr int64_t kTogether = 4, kWidest = 9;

Inside insideOf(const WindowAxis &along) {
  Inside inside(along, kTogether);
  if (along.kernel > kWidest)
    inside.count = 0;
  return inside;
}

class PoolWork {
public:
  PoolWork(phiq::PoolOp op, GridEmitter &g)
      : g(g), b(g.b), element(elementTypeOf(op.getX())), channels(shapeOf(op.getX()).back()),
        isMean(op.getKind() == phiq::ReduceKind::Mean), pads(op.getCountPads()),
        byColumns(isMean && windowsOf(op).axes[2].stride <= 2), x(g.base(op.getX())) {}

  bool countsPads() const { return pads; }
  bool isByColumns() const { return byColumns; }
  SmallVector<int64_t> widths() const {
    return isNarrow() ? SmallVector<int64_t>{int64_t(g.target.vectorBytes), g.lanes(), 1}
                      : SmallVector<int64_t>{g.lanes(), 1};
  }
  Value start(int64_t lanes) {
    if (element.isF32())
      return b.splat(lanes, isMean ? 0.0f : -std::numeric_limits<float>::infinity());
    const unsigned bits = element.getIntOrFloatBitWidth();
    const int64_t least = isUnsignedInteger(element) ? 0 : int64_t(~uint64_t(0) << (bits - 1));
    return b.splat(lanes, isNarrow() ? 8 : bits == 64 ? 64 : 32, least);
  }
  Value load(Value place, Value c, int64_t lanes) {
    Value from = g.place(x, element, b.add(b.mul(place, channels), c));
    return isNarrow() ? b.load(b.vec(lanes, b.getI8Type()), from) : loadLanes(b, element, lanes, from);
  }
  Value join(Value best, Value next) {
    if (element.isF32())
      return isMean ? b.fadd(best, next) : b.fmax(next, best);
    return isUnsignedInteger(element) ? Value(arith::MaxUIOp::create(b, best, next))
                                      : Value(arith::MaxSIOp::create(b, best, next));
  }
  void store(Value window, Value c, Value pooled, Value places) {
    if (isMean)
      pooled = b.fdiv(pooled, b.broadcast(cast<VectorType>(pooled.getType()).getNumElements(), b.toFloat(places)));
    Value to = g.place(g.resultBase(), element, b.add(b.mul(window, channels), c));
    if (isNarrow())
      b.store(pooled, to);
    else
      storeLanes(b, element, pooled, to);
  }

private:
  /// Codes are compared as bytes.
  bool isNarrow() const { return element.getIntOrFloatBitWidth() == 8; }

  GridEmitter &g;
  KernelBuilder &b;
  const Type element;
  const int64_t channels;
  /// Sums in ONNX Runtime's order: codes made of means are often between two, and a last bit decides.
  const bool isMean, pads, byColumns;
  const Value x;
};

/// The pool's windows of one line.
class PoolEmitter {
public:
  PoolEmitter(PoolWork &work, const Windows &windows, GridEmitter &g, Value number)
      : work(work), along(windows.axes[2]), inside(insideOf(along)), g(g), b(g.b), line(windows, g.b, number),
        window(b.mul(number, along.windows)) {}

  void emit(Value begin, Value end) {
    b.loop(b.i64(0), b.i64(along.windows - inside.count), 1, [&](Value k) {
      Value isBefore = b.less(k, b.i64(inside.first));
      one(inside.count ? b.select(isBefore, k, b.add(k, inside.count)) : k, begin, end);
    });
    if (inside.count)
      b.loop(b.i64(inside.first), b.i64(inside.first + inside.count), kTogether,
             [&](Value i) { together(i, begin, end); });
  }

private:
  void one(Value i, Value begin, Value end) {
    AxisBox box = boxOf(b, along, i);
    const bool pads = work.countsPads();
    Value places = b.mul(line.count(pads), countOf(b, along, box, pads));
    g.over(begin, end, work.widths(), [&](Value c, int64_t lanes) {
      auto overLast = [&](ValueRange sum, function_ref<Values(Value, ValueRange)> visit) {
        return along.kernel == 1 ? visit(b.i64(0), sum) : b.loop(box.first, box.end, 1, sum, visit);
      };
      auto joined = [&](Value row, Value t, Value sum) {
        Value place = b.add(row, b.add(box.start, b.mul(t, along.dilation)));
        return Values{work.join(sum, work.load(place, c, lanes))};
      };
      const Values none{work.start(lanes)};
      auto byColumns = [&](Value t, ValueRange sum) {
        Value column = line.over(none, [&](Value row, Value, ValueRange sum) { return joined(row, t, sum[0]); })[0];
        return Values{work.join(sum[0], column)};
      };
      auto byRows = [&](Value row, Value, ValueRange sum) {
        return overLast(sum, [&](Value t, ValueRange sum) { return joined(row, t, sum[0]); });
      };
      auto result = work.isByColumns() ? overLast(none, byColumns) : line.over(none, byRows);
      work.store(b.add(window, i), c, result[0], places);
    });
  }

  void together(Value i, Value begin, Value end) {
    Value start = b.add(b.mul(i, along.stride), -along.before);
    Value places = b.mul(line.count(work.countsPads()), along.kernel);
    g.over(begin, end, work.widths(), [&](Value c, int64_t lanes) {
      auto loaded = [&](Value row, int64_t distance) {
        return work.load(b.add(row, b.add(start, distance)), c, lanes);
      };
      const Values results = work.isByColumns() ? columns(loaded, lanes) : rows(loaded, lanes);
      for (int64_t k = 0; k < kTogether; ++k)
        work.store(b.add(window, b.add(i, k)), c, results[size_t(k)], places);
    });
  }

  using Load = function_ref<Value(Value row, int64_t distance)>;

  /// The sums of windows taken together; distances are from the first place of the first one.
  Values rows(Load loaded, int64_t lanes) {
    return line.over(Values(size_t(kTogether), work.start(lanes)), [&](Value row, Value, ValueRange carried) {
      Values sums(carried.begin(), carried.end());
      llvm::DenseMap<int64_t, Value> elements; // of x, by their distance
      for (int64_t t = 0; t < along.kernel; ++t)
        for (int64_t k = 0; k < kTogether; ++k) {
          const int64_t distance = k * along.stride + t * along.dilation;
          Value &element = elements[distance];
          if (!element)
            element = loaded(row, distance);
          sums[size_t(k)] = work.join(sums[size_t(k)], element);
        }
      return sums;
    });
  }

  /// The same down the columns first, which windows share.
  Values columns(Load loaded, int64_t lanes) {
    llvm::SetVector<int64_t> distances;
    for (int64_t k = 0; k < kTogether; ++k)
      for (int64_t t = 0; t < along.kernel; ++t)
        distances.insert(k * along.stride + t * along.dilation);
    Values sums = line.over(Values(distances.size(), work.start(lanes)), [&](Value row, Value, ValueRange carried) {
      Values sums;
      for (auto [distance, sum] : llvm::zip(distances, carried))
        sums.push_back(work.join(sum, loaded(row, distance)));
      return sums;
    });
    Values results(size_t(kTogether), work.start(lanes));
    for (auto [k, result] : llvm::enumerate(results))
      for (int64_t t = 0; t < along.kernel; ++t)
        result = work.join(
            result,
            sums[size_t(llvm::find(distances, int64_t(k) * along.stride + t * along.dilation) - distances.begin())]);
    return results;
  }

  PoolWork &work;
  const WindowAxis &along;
  const Inside inside;
  GridEmitter &g;
  KernelBuilder &b;
  WindowLine line;
  const Value window;
};

} // namespace

GridKernel poolKernel(phiq::PoolOp op) {
  const Windows windows = windowsOf(op);
  const int64_t ofLine = windows.axes[2].windows;
  const RowTiles tiles(ofLine ? windows.windows() / ofLine : 0, windows.channels, windows.taps() * ofLine);
  return {.tiles = tiles.count(), .tile = [=](GridEmitter &g, Value tile) {
            PoolWork work(op, g);
            tiles.overRows(g.b, tile, [&](Value line, Value begin, Value end) {
              PoolEmitter(work, windows, g, line).emit(begin, end);
            });
          }};
}

} // namespace phic
