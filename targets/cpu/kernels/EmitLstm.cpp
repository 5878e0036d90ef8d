//===- EmitLstm.cpp - Steps of a long short-term memory --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A step is a matrix times the state before, eight rows at a time along the columns as they lie, then the gates. A tile goes
// through all steps of one sequence of the batch; of all of them where they are quantized together.
//
// Vectors have eight lanes on every level, so that sums are taken in one order.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/kernels/GridEmitter.h"
#include "targets/cpu/kernels/KernelMath.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic {
namespace {

constexpr int64_t kLanes = 8;

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
    overLanes(4 * H, [&](Value row, int64_t rows) {
      Value sums = op.getScales() ? scaled(rowsOfCodes(codesBefore, row, rows), row) : rowsOfFloats(before, row, rows);
      b.store(b.fadd(b.load(b.vec(rows, b.getF32Type()), floats(given, row)), sums), floats(g.e.scratch, row));
    });
    overLanes(H, [&](Value j, int64_t lanes) { stepCell(b.add(b.mul(sequence, H), j), j, lanes); });
  }

  /// Rows [row, row + rows) of R times what `term(columns, k, sum)` adds: a vector of sums along the columns each, and what
  /// is left of them.
  Value rowSums(int64_t rows, Value zeros, Value zero, function_ref<Value(int64_t, Value, int64_t, Value)> term) {
    const int64_t whole = H / kLanes * kLanes;
    auto pass = [&](int64_t begin, int64_t end, int64_t lanes, Value none) {
      KernelBuilder::Values start(size_t(rows), none);
      return b.loop(b.i64(begin), b.i64(end), lanes, start, [&](Value k, ValueRange sums) {
        KernelBuilder::Values next;
        for (int64_t r = 0; r < rows; ++r)
          next.push_back(term(r, k, lanes, sums[size_t(r)]));
        return next;
      });
    };
    KernelBuilder::Values wide = pass(0, whole, kLanes, zeros);
    Value sums = sumOf(wide);
    if (whole == H)
      return sums;
    KernelBuilder::Values narrow = pass(whole, H, 1, zero);
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
    if (vectors.size() == 1) {
      Value vector = vectors[0];
      for (int64_t half = kLanes / 2; half > 0; half /= 2)
        vector = plus(b.lanes(vector, 0, half), b.lanes(vector, half, half));
      return vector;
    }
    turnSquare(b, vectors);
    for (size_t half = vectors.size() / 2; half > 0; half /= 2)
      for (size_t r = 0; r < half; ++r)
        vectors[r] = plus(vectors[r], vectors[r + half]);
    return vectors[0];
  }
  Value plus(Value x, Value y) {
    return cast<VectorType>(x.getType()).getElementType().isF32() ? b.fadd(x, y) : b.add(x, y);
  }

  Value rowsOfFloats(Value before, Value row, int64_t rows) {
    Value base = floats(g.base(op.getRecurrence()), b.mul(row, H));
    return rowSums(rows, b.splat(kLanes, 0.0f), b.splat(1, 0.0f), [&](int64_t r, Value k, int64_t lanes, Value sum) {
      VectorType type = b.vec(lanes, b.getF32Type());
      return b.fma(b.load(type, floats(base, k), r * H * 4), b.load(type, floats(before, k)), sum);
    });
  }

  Value rowsOfCodes(Value before, Value row, int64_t rows) {
    Type element = elementTypeOf(op.getRecurrence());
    Value base = b.offset(g.base(op.getRecurrence()), b.mul(row, H));
    return rowSums(rows, b.splat(kLanes, 32, 0), b.splat(1, 32, 0), [&](int64_t r, Value k, int64_t lanes, Value sum) {
      Value weights = loadLanes(b, element, lanes, b.offset(b.offset(base, k), r * H));
      if (op.getZero())
        weights = b.sub(weights, b.splat(lanes, 32, int64_t(op.getZero())));
      Value states = b.load(b.vec(lanes, b.getIntegerType(16)), b.offset(before, b.mul(k, 2)));
      return b.add(b.mul(weights, arith::ExtSIOp::create(b, b.vec(lanes, b.getI32Type()), states)), sum);
    });
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
  Value codes, time, state, hidden, cell, scale;
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
