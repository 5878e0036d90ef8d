//===- EmitLstm.cpp - Steps of a long short-term memory --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block goes through all steps of one sequence of the batch, or of all of them where they are quantized together. Of a
// step, each warp sums rows of the recurrence, lanes along them; then threads compute gates and states. The states before
// are read where the step before has stored them.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "targets/code/KernelMath.h"
#include "targets/gpu/GridCode.h"

using namespace mlir;

namespace phic::gpu_code {
namespace {

using Values = KernelBuilder::Values;

class LstmCode {
public:
  LstmCode(phiq::LstmOp op, GridCode &g)
      : op(op), g(g), b(g.b), T(shapeOf(op.getGates())[0]), B(shapeOf(op.getHidden())[0]),
        H(shapeOf(op.getHidden())[1]), gates(b.shared(4 * H * 4, "gates")),
        mostParts(b.shared(GpuBuilder::partBytes(kGridThreads), "most")),
        lessParts(b.shared(GpuBuilder::partBytes(kGridThreads), "less")) {}

  void run() {
    b.loop(b.i32(0), b.i32(int32_t(T)), 1, [&](Value step) {
      beginStep(step);
      if (!op.getScales())
        return stepOf(b.blockColumn());
      measureStates();
      b.loop(b.i32(0), b.i32(int32_t(B)), 1, [&](Value sequence) { stepOf(sequence); });
    });
  }

private:
  Value float32(Value base, Value index) { return b.load(b.getF32Type(), g.place(base, b.getF32Type(), index)); }

  /// Where the states before are, and those of this step.
  void beginStep(Value step) {
    const bool isReverse = op.getReverse();
    time = isReverse ? b.sub(b.i32(int32_t(T - 1)), step) : step;
    Value isFirst = b.equal(step, 0);
    auto stateAt = [&](Value time) { return g.place(g.s.result(0), b.getF32Type(), b.mul(time, 2 * B * H)); };
    state = stateAt(time);
    Value earlier = stateAt(b.add(time, isReverse ? 1 : -1));
    hidden = b.select(isFirst, g.base(op.getHidden()), earlier);
    cell = b.select(isFirst, g.base(op.getCell()), b.offset(earlier, B * H * 4));
  }

  void stepOf(Value sequence) {
    Value before = b.mul(sequence, H), given = b.mul(b.add(b.mul(time, B), sequence), 4 * H);
    b.loop(b.warp(), b.i32(int32_t(4 * H)), kGridThreads / kWarp, [&](Value row) {
      Value sum = op.getScales() ? scaledSum(before, row) : floatSum(before, row);
      b.when(b.equal(b.lane(), 0),
             [&] { b.store(b.fadd(g.load(op.getGates(), b.add(given, row)), sum), b.offset(gates, b.mul(row, 4))); });
    });
    g.waitForAll();
    b.loop(b.thread(), b.i32(int32_t(H)), kGridThreads, [&](Value j) { stepCell(b.add(before, j), j); });
    g.waitForAll();
  }

  /// The lanes' products of a row of R and the states of a sequence, `start` being none.
  Value rowSum(Value start, function_ref<Value(Value k, Value sum)> add) {
    Value sum = b.loop(b.lane(), b.i32(int32_t(H)), kWarp, start,
                       [&](Value k, ValueRange sum) { return Values{add(k, sum[0])}; })[0];
    return b.sumOfLanes(sum, kWarp);
  }
  Value weight(Value row, Value k) { return g.load(op.getRecurrence(), b.add(b.mul(row, H), k)); }

  Value floatSum(Value before, Value row) {
    return rowSum(b.f32(0),
                  [&](Value k, Value sum) { return b.fma(weight(row, k), float32(hidden, b.add(before, k)), sum); });
  }
  Value scaledSum(Value before, Value row) {
    Value sum = rowSum(b.i32(0), [&](Value k, Value sum) {
      Value w = b.sub(weight(row, k), b.i32(int32_t(op.getZero())));
      return b.add(b.mul(w, codeOf(float32(hidden, b.add(before, k)))), sum);
    });
    return b.fmul(b.toFloat(sum), b.fmul(scale, g.load(op.getScales(), row)));
  }

  /// The scale of all states before, and its zero point.
  void measureStates() {
    Value most = greatest(mostParts, [](Value x) { return x; });
    Value less = greatest(lessParts, [&](Value x) { return arith::NegFOp::create(b, x); }); // the least, negated
    Value range = b.fadd(most, less);
    Value isFlat = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, range, b.f32(0));
    scale = b.select(isFlat, b.f32(1), b.fdiv(range, b.f32(255)));
    zeroPoint = LLVM::RoundEvenOp::create(b, b.getF32Type(), b.fdiv(less, scale));
    zeroPoint = arith::MinimumFOp::create(b, zeroPoint, b.f32(255));
  }

  /// Less the zero point.
  Value codeOf(Value x) {
    Value steps = LLVM::RoundEvenOp::create(b, b.getF32Type(), b.fdiv(x, scale));
    steps = arith::MaximumFOp::create(b, steps, b.fsub(b.f32(0), zeroPoint));
    steps = arith::MinimumFOp::create(b, steps, b.fsub(b.f32(255), zeroPoint));
    return arith::FPToSIOp::create(b, b.getI32Type(), steps);
  }

  /// The greatest of 0 and a function of the states before.
  Value greatest(Value parts, function_ref<Value(Value)> function) {
    Value share = b.loop(b.thread(), b.i32(int32_t(B * H)), kGridThreads, b.f32(0), [&](Value i, ValueRange most) {
      return Values{b.fmax(function(float32(hidden, i)), most[0])};
    })[0];
    return b.overBlock(share, kGridThreads, parts, [&](Value p, Value q) { return b.fmaxOrNan(p, q); });
  }

  Value clipped(Value x) {
    if (!op.getClip())
      return x;
    const float most = op.getClip()->convertToFloat();
    x = arith::MaximumFOp::create(b, x, b.f32(-most));
    return arith::MinimumFOp::create(b, x, b.f32(most));
  }
  Value sigmoid(Value x) { return kernel_math::evaluate(b, phiq::sigmoidOf(phiq::RowExpr::operand(0)), {x}); }
  Value tanh(Value x) { return kernel_math::evaluate(b, phiq::tanhOf(phiq::RowExpr::operand(0)), {x}); }

  /// Element `at` of the states, which is j of its sequence's.
  void stepCell(Value at, Value j) {
    auto gate = [&](int64_t number, Value c) {
      Value place = b.add(j, number * H), x = b.load(b.getF32Type(), b.offset(gates, b.mul(place, 4)));
      if (c && op.getPeepholes())
        x = b.fadd(x, b.fmul(g.load(op.getPeepholes(), place), c));
      return clipped(x);
    };
    Value before = float32(cell, at), in = sigmoid(gate(0, before));
    Value forget = op.getInputForget() ? b.fsub(b.f32(1), in) : sigmoid(gate(2, before));
    Value now = b.fadd(b.fmul(forget, before), b.fmul(in, tanh(gate(3, {}))));
    Value out = sigmoid(gate(1, now));
    b.store(now, g.place(b.offset(state, B * H * 4), b.getF32Type(), at));
    b.store(b.fmul(out, tanh(clipped(now))), g.place(state, b.getF32Type(), at));
  }

  phiq::LstmOp op;
  GridCode &g;
  GpuBuilder &b;
  const int64_t T, B, H;
  Value gates, mostParts, lessParts, time, state, hidden, cell, scale, zeroPoint;
};

} // namespace

GpuGridKernel lstmKernel(phiq::LstmOp op) {
  GpuGridKernel kernel{op.getScales() ? 1 : shapeOf(op.getHidden())[0], kGridThreads, {}};
  kernel.emit = [=](GridCode &g) { LstmCode(op, g).run(); };
  return kernel;
}

} // namespace phic::gpu_code
