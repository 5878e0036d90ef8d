//===- AttendCore.cpp - Attention of one head ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Online softmax. For each block of keys, with m the greatest score so far:
//
//     s[t] = scale <q, k_t>        m' = max(m, max_t s[t])        a = e^(m - m')
//     e[t] = e^(s[t] - m')         l = l a + sum_t e[t]           out = out a + sum_t e[t] v_t
//
// and out / l at the end. Masked keys have e = 0 exactly, so a block that is wholly
// masked for a row leaves that row as it was.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/AttendCore.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/layout/CacheOrder.h"
#include <limits>

using namespace mlir;

namespace phic {
namespace {

/// Keys that lie side by side in the cache, and partial sums of a row's exponentials.
constexpr int64_t kGroup = kKeyGroup;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
/// Rows of a register tile, and vectors of keys or columns beside them: 8 accumulators.
constexpr int64_t kTileRows = 4, kTileVectors = 2;
/// Accumulators of a register tile of fewer rows: a cache is read by few, so that it is loads which count.
constexpr int64_t kAccumulators = 12;
/// Columns of a single row's register tile.
constexpr int64_t kRowColumns = 64;
/// Bytes of the cache to ask for ahead where a step reads it once: the machine's own prefetching ends at a page. SmolLM2 after 3000 tokens,
/// AVX-512, microseconds of all attention of a step on a Zen 5, one thread and two: 0 3674 and 2313, 2048 2590 and 1871, 4096 2290 and 1603,
/// 8192 2234 and 1599 (medians of 3).
constexpr int64_t kAhead = 8192, kLine = 64;
/// Keys that are scored and exponentiated at a time; the context is a multiple.
constexpr int64_t kChunkKeys = kContextStep;

using Values = KernelBuilder::Values;

class AttendEmitter {
public:
  AttendEmitter(KernelBuilder &b, const AttendShape &shape, const AttendCall &call)
      : b(b), shape(shape), call(call), lanes(shape.lanes) {
    stored = shape.halfCache ? Type(b.getF16Type()) : Type(b.getF32Type());
    elementBytes = shape.halfCache ? 2 : 4;
    maxima = b.offset(call.scratch, shape.scoreBytes());
    sums = b.offset(maxima, shape.rows * 4);
    factors = b.offset(sums, shape.rows * 4);
    rows = shape.onePosition ? b.i64(shape.rows) : call.rows;
    end = b.add(call.position, shape.onePosition ? b.i64(1) : rows);
  }

  void emit() {
    b.loop(b.i64(0), rows, 1, [&](Value r) { startRow(r); });
    Value first = b.i64(0);
    if (shape.window) // the first block that row 0 sees
      first =
          b.mul(b.divide(b.maximum(b.sub(call.position, b.i64(*shape.window - 1)), b.i64(0)), shape.keys), shape.keys);
    b.loop(first, end, shape.keys, [&](Value t0) {
      overRows([&](Value r, int64_t count) { scoreRows(t0, r, count); });
      b.loop(b.i64(0), rows, 1, [&](Value r) { updateRow(t0, r); });
      overRows([&](Value r, int64_t count) { addValues(t0, r, count); });
    });
    b.loop(b.i64(0), rows, 1, [&](Value r) { finishRow(r); });
  }

private:
  KernelBuilder &b;
  const AttendShape &shape;
  const AttendCall &call;
  const int64_t lanes; ///< of a vector
  const int64_t chunkVectors = kChunkKeys / lanes;
  Type stored;
  int64_t elementBytes;
  Value maxima, sums, factors, rows, end;

  /// Register tiles of kTileRows rows, then one of what is left where that is known, else single rows.
  void overRows(llvm::function_ref<void(Value r, int64_t count)> body) {
    Value whole = b.i64(0);
    if (shape.rows >= kTileRows) {
      whole = b.mul(b.divide(rows, kTileRows), kTileRows);
      b.loop(b.i64(0), whole, kTileRows, [&](Value r) { body(r, kTileRows); });
    }
    if (!shape.onePosition)
      b.loop(whole, rows, 1, [&](Value r) { body(r, 1); });
    else if (int64_t rest = shape.rows % kTileRows)
      body(b.i64(shape.rows - rest), rest);
  }

  /// Chunks of the block at t0 that hold keys.
  Value chunks(Value t0) {
    Value held = b.divide(b.add(b.sub(end, t0), kChunkKeys - 1), kChunkKeys);
    return b.minimum(b.i64(shape.keys / kChunkKeys), held);
  }

  Value scoreRow(Value r) { return b.offset(call.scratch, b.mul(r, shape.keys * 4)); }
  Value outRow(Value r) { return b.offset(call.out, b.mul(r, shape.outRowBytes)); }
  Value perRow(Value array, Value r) { return b.offset(array, b.mul(r, 4)); }

  void startRow(Value r) {
    b.store(b.f32(-kInfinity), perRow(maxima, r));
    b.store(b.f32(0), perRow(sums, r));
    for (int64_t c = 0; c < shape.headDim; c += lanes)
      b.store(b.splat(lanes, 0.0f), outRow(r), c * 4);
  }

  /// Scores of rows r..r+count-1 for the keys of the block.
  void scoreRows(Value t0, Value r, int64_t count) {
    const int64_t width = count == kTileRows ? kTileVectors : std::min(chunkVectors, kAccumulators / count),
                  d = shape.headDim;
    const int64_t columnBytes = kGroup * elementBytes, groups = lanes / kGroup;
    Value queries = b.offset(call.queries, b.mul(r, shape.queryRowBytes));
    Value keys = b.offset(call.keys, b.mul(t0, d * elementBytes)), scores = scoreRow(r);
    b.loop(b.i64(0), b.mul(chunks(t0), kChunkKeys / kGroup), width * groups, [&](Value g) {
      Value group = b.offset(keys, b.mul(g, d * columnBytes));
      Values dots(count * width, b.splat(lanes, 0.0f));
      const int64_t together = 2,
                    bytes = together * width * groups * columnBytes; // an even number of columns, whole lines
      dots = b.loop(b.i64(0), b.i64(d), together, dots, [&](Value j, ValueRange carried) {
        Values inner(carried);
        ask(b.offset(group, b.mul(j, bytes / together)), bytes);
        for (int64_t i = 0; i < together; ++i)
          addColumn(b.offset(group, b.mul(b.add(j, i), columnBytes)), b.offset(queries, b.mul(b.add(j, i), 4)), count,
                    width, inner);
        return inner;
      });
      Value out = b.offset(scores, b.mul(g, kGroup * 4));
      for (int64_t i = 0; i < count; ++i)
        for (int64_t v = 0; v < width; ++v)
          b.store(capped(b.fmul(dots[i * width + v], b.splat(lanes, shape.scale))), out,
                  i * shape.keys * 4 + v * lanes * 4);
    });
  }

  /// Asks for the bytes kAhead behind those at `pointer`. Rows of several positions are read by many.
  void ask(Value pointer, int64_t bytes) {
    for (int64_t at = 0; at < bytes && (shape.onePosition || shape.rows == 1); at += kLine)
      b.prefetch(pointer, kAhead + at);
  }

  /// Adds the products of one element of queries and keys.
  void addColumn(Value column, Value query, int64_t count, int64_t width, Values &dots) {
    llvm::SmallVector<Value> key;
    for (int64_t v = 0; v < width; ++v)
      key.push_back(loadKeys(column, v));
    for (int64_t i = 0; i < count; ++i) {
      Value q = b.loadBroadcast(lanes, b.getF32Type(), query, i * shape.queryRowBytes);
      for (int64_t v = 0; v < width; ++v)
        dots[i * width + v] = b.fma(q, key[v], dots[i * width + v]);
    }
  }

  /// Element j of the keys of vector v: `column` points to it in the first group.
  Value loadKeys(Value column, int64_t v) {
    const int64_t groupBytes = shape.headDim * kGroup * elementBytes;
    auto group = [&](int64_t i) { return b.load(b.vec(kGroup, stored), column, i * groupBytes); };
    return b.widen(lanes == kGroup ? group(v) : b.concat(group(2 * v), group(2 * v + 1)));
  }

  /// softcap * tanh(s / softcap), tanh |y| = (1 - e^-2|y|) / (1 + e^-2|y|): absolute error below softcap * 2^-21.
  Value capped(Value s) {
    if (!shape.softcap)
      return s;
    auto type = cast<VectorType>(s.getType());
    Value one = b.splat(lanes, 1.0f);
    Value magnitude = LLVM::FAbsOp::create(b, type, s);
    Value e = b.expNegative(b.fmul(magnitude, b.splat(lanes, -2 / *shape.softcap)));
    Value tanh = b.fmul(b.fdiv(b.fsub(one, e), b.fadd(one, e)), b.splat(lanes, *shape.softcap));
    // The exponential of NaN is a number.
    return b.select(arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, s, s), s,
                    LLVM::CopySignOp::create(b, type, tanh, s));
  }

  /// Which keys of a chunk row r sees, as one mask a vector: key t0 + i when least <= i <= greatest.
  class Seen {
  public:
    Seen(AttendEmitter &e, Value t0, Value position) : e(e) {
      KernelBuilder &b = e.b;
      greatest = b.broadcast(e.lanes, arith::TruncIOp::create(b, b.getI32Type(), b.sub(position, t0)));
      if (e.shape.window)
        least = b.add(b.sub(greatest, b.splat(e.lanes, 32, *e.shape.window)), b.splat(e.lanes, 32, 1));
    }
    Value mask(Value firstKey, int64_t v) {
      KernelBuilder &b = e.b;
      Value first = b.broadcast(e.lanes, arith::TruncIOp::create(b, b.getI32Type(), b.add(firstKey, v * e.lanes)));
      Value index = b.add(b.iota(e.lanes), first);
      Value mask = arith::CmpIOp::create(b, arith::CmpIPredicate::sle, index, greatest);
      if (e.shape.window)
        mask = arith::AndIOp::create(b, mask, arith::CmpIOp::create(b, arith::CmpIPredicate::sge, index, least));
      return mask;
    }

  private:
    AttendEmitter &e;
    Value greatest, least;
  };

  using ChunkBody = llvm::function_ref<Value(Value chunk, int64_t v, Value mask, Value carried)>;

  /// The vectors of the block's scores of a row at `position`, chunk by chunk; `mask` is null where it sees all keys of a chunk.
  Value overChunks(Value t0, Value position, Value scores, Value initial, ChunkBody body) {
    Value count = b.mul(chunks(t0), kChunkKeys), whole = b.i64(0);
    if (!shape.window) {
      Value seen = b.minimum(b.maximum(b.add(b.sub(position, t0), 1), b.i64(0)), count);
      whole = b.mul(b.divide(seen, kChunkKeys), kChunkKeys);
    }
    Seen seen(*this, t0, position);
    auto run = [&](Value begin, Value end, Value carried, bool masked) {
      return b.loop(begin, end, kChunkKeys, carried, [&](Value key, ValueRange inner) {
        Value result = inner[0], chunk = b.offset(scores, b.mul(key, 4));
        for (int64_t v = 0; v < chunkVectors; ++v)
          result = body(chunk, v, masked ? seen.mask(key, v) : Value(), result);
        return Values{result};
      })[0];
    };
    if (!shape.window)
      initial = run(b.i64(0), whole, initial, /*masked=*/false);
    return run(whole, count, initial, /*masked=*/true);
  }

  /// Brings maximum, sum and factor of row r up to date; its scores become exponentials.
  void updateRow(Value t0, Value r) {
    Value position = shape.onePosition ? call.position : b.add(call.position, r), scores = scoreRow(r);
    VectorType floats = b.vec(lanes, b.getF32Type());
    Value least = b.splat(lanes, -kInfinity), none = b.splat(lanes, 0.0f);
    Value most = overChunks(t0, position, scores, least, [&](Value chunk, int64_t v, Value mask, Value greatest) {
      Value score = b.load(floats, chunk, v * lanes * 4);
      return b.fmaxOrNan(greatest, mask ? b.select(mask, score, least) : score);
    });
    Value before = b.load(b.getF32Type(), perRow(maxima, r));
    Value now = b.fmaxOrNan(before, b.maxLanesOrNan(most)), shift = b.broadcast(lanes, now);
    Value factor = b.extract(b.expNegative(b.broadcast(lanes, b.fsub(before, now))), 0);
    Value sum =
        overChunks(t0, position, scores, b.splat(kGroup, 0.0f), [&](Value chunk, int64_t v, Value mask, Value total) {
          Value e = b.expNegative(b.fsub(b.load(floats, chunk, v * lanes * 4), shift));
          if (mask)
            e = b.select(mask, e, none);
          b.store(e, chunk, v * lanes * 4);
          // In groups: the order of a sum is that of 8 lanes.
          for (int64_t i = 0; i < lanes; i += kGroup)
            total = b.fadd(total, b.lanes(e, i, kGroup));
          return total;
        });
    b.store(now, perRow(maxima, r));
    b.store(factor, perRow(factors, r));
    b.store(b.fma(b.load(b.getF32Type(), perRow(sums, r)), factor, b.sumLanes(sum)), perRow(sums, r));
  }

  /// out = out * factor + exponentials * values, for rows r..r+count-1.
  void addValues(Value t0, Value r, int64_t count) {
    const int64_t few = count == 1 ? kRowColumns / lanes : kAccumulators / count;
    const int64_t vectors = shape.headDim / lanes, width = count == kTileRows ? kTileVectors : few;
    const int64_t whole = vectors / width * width;
    if (whole > 0)
      b.loop(b.i64(0), b.i64(whole), width, [&](Value c) { addValueColumns(t0, r, count, c, width); });
    if (whole < vectors)
      addValueColumns(t0, r, count, b.i64(whole), vectors - whole);
  }

  void addValueColumns(Value t0, Value r, int64_t count, Value firstVector, int64_t width) {
    const int64_t rowBytes = shape.headDim * elementBytes;
    Value out = b.offset(outRow(r), b.mul(firstVector, lanes * 4));
    Value values = b.offset(b.offset(call.values, b.mul(t0, rowBytes)), b.mul(firstVector, lanes * elementBytes));
    Value scores = scoreRow(r);
    VectorType floats = b.vec(lanes, b.getF32Type());
    Values accumulators;
    for (int64_t i = 0; i < count; ++i) {
      Value factor = b.loadBroadcast(lanes, b.getF32Type(), perRow(factors, r), i * 4);
      for (int64_t v = 0; v < width; ++v)
        accumulators.push_back(b.fmul(b.load(floats, out, i * shape.outRowBytes + v * lanes * 4), factor));
    }
    // Keys past the last row's position hold nothing of this sequence.
    Value keys = b.minimum(b.i64(shape.keys), b.sub(end, t0));
    accumulators = b.loop(b.i64(0), keys, 1, accumulators, [&](Value t, ValueRange carried) {
      Values inner(carried);
      Value row = b.offset(values, b.mul(t, rowBytes)), weight = b.offset(scores, b.mul(t, 4));
      ask(row, width * lanes * elementBytes);
      llvm::SmallVector<Value> value;
      for (int64_t v = 0; v < width; ++v)
        value.push_back(b.loadFloats(lanes, stored, row, v * lanes * elementBytes));
      for (int64_t i = 0; i < count; ++i) {
        Value e = b.loadBroadcast(lanes, b.getF32Type(), weight, i * shape.keys * 4);
        for (int64_t v = 0; v < width; ++v)
          inner[i * width + v] = b.fma(e, value[v], inner[i * width + v]);
      }
      return inner;
    });
    for (int64_t i = 0; i < count; ++i)
      for (int64_t v = 0; v < width; ++v)
        b.store(accumulators[i * width + v], out, i * shape.outRowBytes + v * lanes * 4);
  }

  /// A score that is NaN, or an infinite greatest one, makes the whole row NaN: exponentials alone lose them.
  void finishRow(Value r) {
    Value most = b.load(b.getF32Type(), perRow(maxima, r)), sum = b.load(b.getF32Type(), perRow(sums, r));
    Value inverse = b.broadcast(lanes, b.fadd(b.fdiv(b.f32(1), sum), b.fsub(most, most)));
    for (int64_t c = 0; c < shape.headDim; c += lanes)
      b.store(b.fmul(b.load(b.vec(lanes, b.getF32Type()), outRow(r), c * 4), inverse), outRow(r), c * 4);
  }
};

} // namespace

void emitAttend(KernelBuilder &b, const AttendShape &shape, const AttendCall &call) {
  assert(shape.headDim % shape.lanes == 0 && (shape.lanes == kGroup || shape.lanes == 2 * kGroup) &&
         shape.keys % kChunkKeys == 0 && "checked by emit-kernels");
  AttendEmitter(b, shape, call).emit();
}

} // namespace phic
