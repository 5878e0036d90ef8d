//===- EmitLstm.cpp - Steps of a long short-term memory --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A step is a matrix times the state before, eight rows at a time along the columns as they lie, then the gates. A tile goes
// through all steps of one sequence of the batch; of all of them where they are quantized together.
//
// Vectors of floats have eight lanes on every level, so that sums are taken in one order. Codes are multiplied in pairs of 16
// bits, as wide as the level allows: their sums are exact.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/code/KernelMath.h"
#include "targets/cpu/kernels/Contraction.h"
#include "targets/cpu/kernels/GridEmitter.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic {
namespace {

constexpr int64_t kLanes = 8;
/// How far ahead of the codes that are multiplied memory is asked for more.
constexpr int64_t kPrefetched = 6144;

/// Whose scratch has the sums of a sequence, [4H] floats, then the codes of the states, [B, H] of 16 bits.
class LstmEmitter {
public:
  LstmEmitter(phiq::LstmOp op, GridEmitter &g)
      : op(op), g(g), b(g.b), T(shapeOf(op.getGates())[0]), B(shapeOf(op.getHidden())[0]),
        H(shapeOf(op.getHidden())[1]), codes(b.offset(g.e.scratch, 4 * H * 4)) {}

  void run(Value tile) {
    b.loop(b.i64(0), b.i64(T), 1, [&](Value step) {
      beginStep(step);
      if (!op.getScales())
        return stepOf(tile);
      quantizeStates();
      b.loop(b.i64(0), b.i64(B), 1, [&](Value sequence) { stepOf(sequence); });
    });
  }

private:
  Value floats(Value base, Value index) { return b.offset(base, b.mul(index, 4)); }

  /// Where the states before are, and those of this step.
  void beginStep(Value step) {
    const bool isReverse = op.getReverse();
    time = isReverse ? b.sub(b.i64(T - 1), step) : step;
    Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, step, b.i64(0));
    state = floats(g.resultBase(), b.mul(time, 2 * B * H));
    Value earlier = b.offset(state, (isReverse ? 1 : -1) * 2 * B * H * 4);
    hidden = b.select(isFirst, g.base(op.getHidden()), earlier);
    cell = b.select(isFirst, g.base(op.getCell()), b.offset(earlier, B * H * 4));
  }

  /// body(i, lanes) for eight at a time, then for each of the rest.
  void overLanes(int64_t count, function_ref<void(Value, int64_t)> body) {
    const int64_t whole = count / kLanes * kLanes;
    b.loop(b.i64(0), b.i64(whole), kLanes, [&](Value i) { body(i, kLanes); });
    if (whole < count)
      b.loop(b.i64(whole), b.i64(count), 1, [&](Value i) { body(i, 1); });
  }

  void stepOf(Value sequence) {
    Value before = floats(hidden, b.mul(sequence, H)), codesBefore = b.offset(codes, b.mul(sequence, 2 * H));
    Value given = floats(g.base(op.getGates()), b.mul(b.add(b.mul(time, B), sequence), 4 * H));
    if (op.getZero())
      zeroShare = shareOfZero(codesBefore);
    overLanes(4 * H, [&](Value row, int64_t rows) {
      Value sums = op.getScales() ? scaled(rowsOfCodes(codesBefore, row, rows), row) : rowsOfFloats(before, row, rows);
      b.store(b.fadd(b.load(b.vec(rows, b.getF32Type()), floats(given, row)), sums), floats(g.e.scratch, row));
    });
    overLanes(H, [&](Value j, int64_t lanes) { stepCell(b.add(b.mul(sequence, H), j), j, lanes); });
  }

  /// Rows [row, row + rows) of R times what `term(r, k, count, sum)` adds of `count` columns: a vector of sums along the columns
  /// each, in `widths` columns at a time, and what is left of them. So many rows are gone through `together`.
  Value rowSums(int64_t rows, int64_t together, ArrayRef<int64_t> widths, Value zeros, Value zero,
                function_ref<Value(int64_t, Value, int64_t, Value)> term) {
    KernelBuilder::Values wide(size_t(rows), zeros), narrow(size_t(rows), zero);
    auto pass = [&](int64_t begin, int64_t end, int64_t count, KernelBuilder::Values &sums) {
      for (int64_t first = 0; first < rows; first += together) {
        auto some = MutableArrayRef(sums).slice(size_t(first), size_t(std::min(together, rows - first)));
        llvm::copy(b.loop(b.i64(begin), b.i64(end), count, some,
                          [&](Value k, ValueRange carried) {
                            KernelBuilder::Values next;
                            for (auto [r, sum] : llvm::enumerate(carried))
                              next.push_back(term(first + int64_t(r), k, count, sum));
                            return next;
                          }),
                   some.begin());
      }
      return end;
    };
    int64_t done = 0;
    for (int64_t count : widths)
      done = pass(done, done + (H - done) / count * count, count, wide);
    Value sums = sumOf(wide);
    if (done == H)
      return sums;
    pass(done, H, 1, narrow);
    Value rest = narrow[0];
    for (size_t r = 1; r < narrow.size(); ++r) {
      if (r == 1)
        rest = b.broadcast(rows, b.extract(rest, 0));
      rest = b.insert(rest, b.extract(narrow[r], 0), int64_t(r));
    }
    return plus(sums, rest);
  }

  /// Lane r is the sum of the lanes of vector r.
  Value sumOf(SmallVectorImpl<Value> &vectors) {
    if (vectors.size() == 1)
      return narrowed(vectors[0], 1);
    for (Value &vector : vectors)
      vector = narrowed(vector, kLanes);
    turnSquare(b, vectors);
    for (size_t half = vectors.size() / 2; half > 0; half /= 2)
      for (size_t r = 0; r < half; ++r)
        vectors[r] = plus(vectors[r], vectors[r + half]);
    return vectors[0];
  }
  /// Sums of so many lanes, of the halves of a vector as often as it takes.
  Value narrowed(Value vector, int64_t lanes) {
    for (int64_t half = cast<VectorType>(vector.getType()).getNumElements() / 2; half >= lanes; half /= 2)
      vector = plus(b.lanes(vector, 0, half), b.lanes(vector, half, half));
    return vector;
  }
  Value plus(Value x, Value y) {
    return cast<VectorType>(x.getType()).getElementType().isF32() ? b.fadd(x, y) : b.add(x, y);
  }

  Value rowsOfFloats(Value before, Value row, int64_t rows) {
    Value base = floats(g.base(op.getRecurrence()), b.mul(row, H));
    return rowSums(rows, rows, kLanes, b.splat(kLanes, 0.0f), b.splat(1, 0.0f),
                   [&](int64_t r, Value k, int64_t lanes, Value sum) {
                     VectorType type = b.vec(lanes, b.getF32Type());
                     return b.fma(b.load(type, floats(base, k), r * H * 4), b.load(type, floats(before, k)), sum);
                   });
  }

  /// sum q (R - zero) = sum q R - zero sum q, q being the states' codes less their zero point
  /// Rows follow each other in memory, and are read so: a sum waits a cycle for the one before.
  Value rowsOfCodes(Value before, Value row, int64_t rows) {
    const int64_t lanes = std::max(g.lanes(), kLanes), pairs = 2 * lanes, line = std::max<int64_t>(64, pairs);
    Value base = b.offset(g.base(op.getRecurrence()), b.mul(row, H));
    Value zeros = b.splat(lanes, 32, 0), zero = b.splat(1, 32, 0);
    Value sums = rowSums(rows, 1, {line, pairs}, zeros, zero, [&](int64_t r, Value k, int64_t count, Value sum) {
      Value from = b.offset(b.offset(base, k), r * H), states = b.offset(before, b.mul(k, 2));
      if (count == 1)
        return b.add(b.mul(loadLanes(b, elementTypeOf(op.getRecurrence()), 1, from), stateLanes(states, 1)), sum);
      if (count == line)
        b.prefetch(from, kPrefetched);
      for (int64_t i = 0; i < count; i += pairs)
        sum = addPairs(sum, b.offset(from, i), b.offset(states, 2 * i), pairs);
      return sum;
    });
    return op.getZero() ? b.sub(sums, b.broadcast(rows, b.extract(zeroShare, 0))) : sums;
  }

  /// sum + `count` codes of R times as many of the states.
  Value addPairs(Value sum, Value from, Value states, int64_t count) {
    VectorType wide = b.vec(count, b.getIntegerType(16));
    Value codes = b.load(b.vec(count, b.getI8Type()), from);
    codes = isUnsignedInteger(elementTypeOf(op.getRecurrence())) ? Value(arith::ExtUIOp::create(b, wide, codes))
                                                                 : Value(arith::ExtSIOp::create(b, wide, codes));
    return shortWords(g.target)->add(b, sum, b.bitcast(sum.getType(), b.load(wide, states)),
                                     b.bitcast(sum.getType(), codes));
  }

  /// Codes of states as i32.
  Value stateLanes(Value from, int64_t lanes) {
    return arith::ExtSIOp::create(b, b.vec(lanes, b.getI32Type()), b.load(b.vec(lanes, b.getIntegerType(16)), from));
  }

  /// What R's zero point takes off each sum, as one lane.
  Value shareOfZero(Value before) {
    const int64_t whole = H / kLanes * kLanes;
    auto pass = [&](int64_t begin, int64_t end, int64_t lanes) {
      return b.loop(b.i64(begin), b.i64(end), lanes, b.splat(lanes, 32, 0), [&](Value k, ValueRange sum) {
        return KernelBuilder::Values{b.add(sum[0], stateLanes(b.offset(before, b.mul(k, 2)), lanes))};
      })[0];
    };
    return b.mul(b.add(narrowed(pass(0, whole, kLanes), 1), pass(whole, H, 1)), b.splat(1, 32, int64_t(op.getZero())));
  }

  Value scaled(Value sums, Value row) {
    auto type = b.vec(cast<VectorType>(sums.getType()).getNumElements(), b.getF32Type());
    Value scales = b.load(type, floats(g.base(op.getScales()), row));
    return b.fmul(b.toFloat(sums), b.fmul(b.broadcast(type.getNumElements(), scale), scales));
  }

  /// The scale of all states, and their codes less its zero point.
  void quantizeStates() {
    Value most = greatest([](Value x) { return x; });
    Value less = greatest([&](Value x) { return arith::NegFOp::create(b, x); }); // the least, negated
    Value range = b.fadd(most, less), none = b.f32(0);
    Value isFlat = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, range, none);
    scale = b.select(isFlat, b.f32(1), b.fdiv(range, b.f32(255)));
    Value point = LLVM::RoundEvenOp::create(b, b.getF32Type(), b.fdiv(less, scale));
    point = arith::MinimumFOp::create(b, point, b.f32(255));
    overLanes(B * H, [&](Value i, int64_t lanes) {
      VectorType type = b.vec(lanes, b.getF32Type());
      auto splat = [&](Value x) { return b.broadcast(lanes, x); };
      Value steps = b.fdiv(b.load(type, floats(hidden, i)), splat(scale));
      steps = arith::MaximumFOp::create(b, LLVM::RoundEvenOp::create(b, type, steps), splat(b.fsub(none, point)));
      steps = arith::MinimumFOp::create(b, steps, splat(b.fsub(b.f32(255), point)));
      b.store(arith::FPToSIOp::create(b, b.vec(lanes, b.getIntegerType(16)), steps), b.offset(codes, b.mul(i, 2)));
    });
  }

  /// The greatest of 0 and a function of the states before.
  Value greatest(function_ref<Value(Value)> function) {
    const int64_t whole = B * H / kLanes * kLanes;
    auto pass = [&](int64_t begin, int64_t end, int64_t lanes, Value start) {
      return b.loop(b.i64(begin), b.i64(end), lanes, start, [&](Value i, ValueRange most) {
        Value x = function(b.load(b.vec(lanes, b.getF32Type()), floats(hidden, i)));
        return KernelBuilder::Values{b.fmax(x, most[0])};
      })[0];
    };
    Value wide = b.maxLanesOrNan(pass(0, whole, kLanes, b.splat(kLanes, 0.0f)));
    return b.extract(pass(whole, B * H, 1, b.broadcast(1, wide)), 0);
  }

  Value clipped(Value x, int64_t lanes) {
    if (!op.getClip())
      return x;
    const float most = op.getClip()->convertToFloat();
    x = arith::MaximumFOp::create(b, x, b.splat(lanes, -most));
    return arith::MinimumFOp::create(b, x, b.splat(lanes, most));
  }
  Value sigmoid(Value x) { return kernel_math::evaluate(b, phiq::sigmoidOf(phiq::RowExpr::operand(0)), {x}); }
  Value tanh(Value x) { return kernel_math::evaluate(b, phiq::tanhOf(phiq::RowExpr::operand(0)), {x}); }

  /// Elements [at, at + lanes) of the states, which are j of their sequence's.
  void stepCell(Value at, Value j, int64_t lanes) {
    VectorType type = b.vec(lanes, b.getF32Type());
    auto gate = [&](int64_t number, Value c) {
      Value x = b.load(type, floats(g.e.scratch, j), number * H * 4);
      if (c && op.getPeepholes())
        x = b.fadd(x, b.fmul(b.load(type, floats(g.base(op.getPeepholes()), j), number * H * 4), c));
      return clipped(x, lanes);
    };
    Value before = b.load(type, floats(cell, at)), in = sigmoid(gate(0, before));
    Value forget = op.getInputForget() ? b.fsub(b.splat(lanes, 1.0f), in) : sigmoid(gate(2, before));
    Value now = b.fadd(b.fmul(forget, before), b.fmul(in, tanh(gate(3, {}))));
    Value out = sigmoid(gate(1, now));
    b.store(now, floats(b.offset(state, B * H * 4), at));
    b.store(b.fmul(out, tanh(clipped(now, lanes))), floats(state, at));
  }

  phiq::LstmOp op;
  GridEmitter &g;
  KernelBuilder &b;
  const int64_t T, B, H;
  Value codes, time, state, hidden, cell, scale, zeroShare;
};

} // namespace

GridKernel lstmKernel(phiq::LstmOp op) {
  const int64_t B = shapeOf(op.getHidden())[0], H = shapeOf(op.getHidden())[1];
  GridKernel kernel;
  kernel.tiles = op.getScales() ? 1 : B;
  kernel.scratchBytes = int64_t(llvm::alignTo(4 * H * 4 + 2 * B * H, 64));
  kernel.tile = [=](GridEmitter &g, Value tile) { LstmEmitter(op, g).run(tile); };
  return kernel;
}

} // namespace phic
