//===- LstmMeaning.cpp - Meaning of phiq.lstm ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers go through the steps with their errors: what a kernel's roundings and approximations can have done until there.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/Meanings.h"
#include "dialects/phiq/Numerics.h"
#include <cmath>

using namespace mlir;

namespace phic::phiq {
namespace {

/// A real number, and how far a kernel's may be from it.
struct Number {
  double value = 0, error = 0;
};

/// A kernel's result of arithmetic, rounded once.
Number rounded(double value, double error) { return {value, error + kUnit * (std::fabs(value) + error)}; }
Number operator+(Number x, Number y) { return rounded(x.value + y.value, x.error + y.error); }
Number operator*(Number x, Number y) {
  return rounded(x.value * y.value,
                 std::fabs(x.value) * y.error + std::fabs(y.value) * x.error + x.error * y.error + kUnderflow);
}

/// No steeper than 1 / 4, and between 0 and 1; made of an exponential, a sum and a quotient.
Number sigmoid(Number x) {
  const double value = 1 / (1 + std::exp(-x.value));
  return {value, std::min(x.error / 4, 1.0) + (kExpError + 4 * kUnit) * value + kUnderflow};
}
/// No steeper than 1, and between -1 and 1; kernels' tanh is as far off as that of phiq.map.
Number tanh(Number x) {
  const double value = std::tanh(x.value);
  return {value, std::min(x.error, 2.0) + 8 * kUnit * std::fabs(value) + 0x1p-23};
}

/// h as DynamicQuantizeLinear makes codes of it, all by one scale.
struct StateCodes {
  explicit StateCodes(ArrayRef<Number> h) {
    float least = 0, most = 0;
    for (const Number &number : h) {
      least = std::min(least, float(number.value));
      most = std::max(most, float(number.value));
      uncertain |= number.error > 0;
    }
    scale = least == most ? 1 : (most - least) / 255;
    const float point = std::clamp(0 - least / scale, 0.0f, 255.0f);
    zero = int32_t(std::nearbyint(point));
    for (const Number &number : h)
      codes.push_back(quantize(float(number.value), scale, zero, {8, /*isSigned=*/false}) - zero);
  }
  std::vector<int32_t> codes; ///< less the zero point
  float scale;
  int32_t zero;
  bool uncertain = false;
};

class Steps {
public:
  Steps(LstmOp op, Scope &scope)
      : op(op), gates(scope.rows(op.getGates())), recurrence(scope.rows(op.getRecurrence())),
        peepholes(op.getPeepholes() ? &scope.rows(op.getPeepholes()) : nullptr),
        scales(op.getScales() ? &scope.rows(op.getScales()) : nullptr), T(shapeOf(op.getGates())[0]),
        B(shapeOf(op.getHidden())[0]), H(shapeOf(op.getHidden())[1]) {
    const Rows &first = scope.rows(op.getHidden()), &cell = scope.rows(op.getCell());
    for (int64_t i = 0; i < B * H; ++i) {
      h.push_back({first.number(i), first.errorAt(i)});
      c.push_back({cell.number(i), cell.errorAt(i)});
    }
  }

  /// store(element of the result, state)
  void run(llvm::function_ref<void(int64_t, Number)> store) {
    for (int64_t step = 0; step < T; ++step) {
      const int64_t t = op.getReverse() ? T - 1 - step : step;
      const std::vector<Number> products = scales ? ofCodes() : ofFloats();
      for (int64_t i = 0; i < B * H; ++i) {
        stepCell(t, i, products);
        store(2 * t * B * H + i, h[size_t(i)]);
        store((2 * t + 1) * B * H + i, c[size_t(i)]);
      }
    }
  }

private:
  /// h R^T, [B, 4H]
  std::vector<Number> ofFloats() {
    std::vector<Number> products;
    for (int64_t b = 0; b < B; ++b)
      for (int64_t n = 0; n < 4 * H; ++n) {
        double sum = 0, size = 0, moved = 0;
        for (int64_t k = 0; k < H; ++k) {
          const Number &x = h[size_t(b * H + k)];
          const double weight = recurrence.number(n * H + k), error = recurrence.errorAt(n * H + k);
          sum += weight * x.value;
          size += std::fabs(weight * x.value);
          moved += std::fabs(weight) * x.error + error * (std::fabs(x.value) + x.error);
        }
        products.push_back({sum, moved + gammaOf(double(H + 1)) * (size + moved) + kUnderflow});
      }
    return products;
  }

  /// Integer sums are exact; a kernel's codes stand for numbers that are half a step from a state that may differ.
  std::vector<Number> ofCodes() {
    const StateCodes x(h);
    const double step = x.uncertain ? double(x.scale) * (1 + 0x1p-10) : 0;
    std::vector<Number> products;
    for (int64_t b = 0; b < B; ++b)
      for (int64_t n = 0; n < 4 * H; ++n) {
        int64_t sum = 0;
        double moved = 0;
        for (int64_t k = 0; k < H; ++k) {
          const int64_t weight = recurrence.integers[size_t(n * H + k)] - int64_t(op.getZero());
          sum += weight * x.codes[size_t(b * H + k)];
          moved += double(std::abs(weight)) * (2 * h[size_t(b * H + k)].error + step);
        }
        const double scale = scales->number(n), value = double(sum) * double(x.scale) * scale;
        products.push_back(
            {value, moved * std::fabs(scale) + 4 * kUnit * (std::fabs(value) + moved * std::fabs(scale))});
      }
    return products;
  }

  Number clipped(Number x) {
    const double most = op.getClip() ? op.getClip()->convertToDouble() : HUGE_VAL;
    return {std::clamp(x.value, -most, most), x.error};
  }
  Number peephole(int64_t gate, int64_t j, Number cell) const {
    return peepholes ? Number{peepholes->number(gate * H + j), peepholes->errorAt(gate * H + j)} * cell : Number{};
  }

  void stepCell(int64_t t, int64_t i, const std::vector<Number> &products) {
    const int64_t b = i / H, j = i % H;
    auto gate = [&](int64_t number) {
      const int64_t at = b * 4 * H + number * H + j;
      const int64_t given = t * B * 4 * H + at;
      return Number{gates.number(given), gates.errorAt(given)} + products[size_t(at)];
    };
    const Number before = c[size_t(i)];
    const Number in = sigmoid(clipped(gate(0) + peephole(0, j, before)));
    const Number forget = op.getInputForget() ? Number{1, 0} + Number{-in.value, in.error}
                                              : sigmoid(clipped(gate(2) + peephole(2, j, before)));
    const Number cell = forget * before + in * tanh(clipped(gate(3)));
    const Number out = sigmoid(clipped(gate(1) + peephole(1, j, cell)));
    c[size_t(i)] = stored(cell);
    h[size_t(i)] = stored(out * tanh(clipped(cell)));
  }

  /// As f32, which the kernel's is already.
  static Number stored(Number x) { return {float(x.value), x.error + kUnit * std::fabs(x.value)}; }

  LstmOp op;
  const Rows &gates, &recurrence, *peepholes, *scales;
  const int64_t T, B, H;
  std::vector<Number> h, c;
};

} // namespace

Rows LstmOp::meaning(Scope &scope) {
  Rows result = roomFor(getType());
  Steps(*this, scope).run([&](int64_t i, Number state) { result.values[size_t(i)] = float(state.value); });
  return result;
}

void LstmOp::bound(Scope &scope, Rows &result) {
  result.error.resize(size_t(result.size()));
  Steps(*this, scope).run([&](int64_t i, Number state) { result.error[size_t(i)] = state.error; });
}

LogicalResult LstmOp::verify() {
  if (llvm::failed(requireStatic(*this)))
    return failure();
  ArrayRef<int64_t> gates = shapeOf(getGates()), hidden = shapeOf(getHidden());
  // (C1)
  if (gates.size() != 3 || hidden.size() != 2 || llvm::is_contained(gates, 0) || gates[1] != hidden[0] ||
      gates[2] != 4 * hidden[1])
    return emitOpError("requires gates [T, B, 4H] and states [B, H], each at least 1");
  const int64_t T = gates[0], B = gates[1], H = hidden[1];
  auto isFloat = [](Value x, ArrayRef<int64_t> shape) { return elementTypeOf(x).isF32() && shapeOf(x) == shape; };
  if (!isFloat(getGates(), {T, B, 4 * H}) || !isFloat(getHidden(), {B, H}) || !isFloat(getCell(), {B, H}) ||
      !isFloat(getResult(), {T, 2, B, H}) || (getPeepholes() && !isFloat(getPeepholes(), 3 * H)) ||
      shapeOf(getRecurrence()) != ArrayRef<int64_t>({4 * H, H}))
    return emitOpError(
        "requires states f32 [B, H], a recurrence [4H, H], peepholes f32 [3H] and a result f32 [T, 2, B, H]");
  // (C2)
  Type element = elementTypeOf(getRecurrence());
  if (getScales() ? !element.isInteger(8) || !isFloat(getScales(), 4 * H) : !element.isF32())
    return emitOpError("requires a recurrence of f32, or of 8-bit codes with scales f32 [4H]");
  // (C3)
  if (getClip() && !(getClip()->convertToDouble() > 0))
    return emitOpError("requires a positive clip");
  return success();
}

} // namespace phic::phiq
