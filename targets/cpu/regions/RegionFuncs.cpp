//===- RegionFuncs.cpp - The values of a region in Halide ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A region's operations become Halide expressions of a column; only reductions
// and quantized blocks are Funcs of their own. Everything is compiled strictly:
// each operation rounds once, sums are taken in the order written here. (RegionCode
// then fuses products into the sums they feed, once for all callers.)
//
//     out(x) = x0(x) * inverse() * gamma(x)     inverse() = 1 / sqrt(sum() / N + epsilon)
//
// All extents are constants, all storage is a few vectors on the stack. Func names
// hold the region's name: Halide renumbers equal names, and its output would depend
// on what the process compiled before.
//===----------------------------------------------------------------------===//
#include "targets/cpu/regions/RegionFuncs.h"

namespace phic {
namespace {

hl::Expr toFloat(hl::Expr stored) {
  if (stored.type() == hl::UInt(16))
    return hl::reinterpret<float>(hl::cast<uint32_t>(stored) << 16);
  return hl::cast<float>(stored);
}
//===----------------------------------------------------------------------===//
// Elementwise functions
//===----------------------------------------------------------------------===//

/// Halide's exp is 0 above 2^31 ln 2, where its exponent no longer is an int; from 89 on it is infinite.
hl::Expr exponential(hl::Expr x) { return hl::exp(hl::min(x, 100.0f)); }

hl::Expr sigmoidTimes(hl::Expr x, hl::Expr argument) { return x / (1.0f + exponential(-argument)); }

/// The normal distribution's integral from -infinity to x. For a = |x|, Phi(-a) = exp(-a^2 / 2) R(1 / (1 + 0.3 a)),
/// R the best polynomial of degree 8 for a in [0, 14], relative error 6e-8; beyond, exp has underflown.
/// So x Phi(x) keeps its relative accuracy (about a^2 / 2 units in the last place, from the rounding of a^2) for
/// negative x too, where x / 2 (1 + erf(x / sqrt 2)) would cancel.
hl::Expr normalIntegral(hl::Expr x) {
  constexpr float kCoefficients[] = {7.168874162744032e-06f, 0.1194876879453659f,   0.12192033976316452f,
                                     0.09468352049589157f,   0.1425355225801468f,   -0.07650647312402725f,
                                     0.22866007685661316f,   -0.16916610300540924f, 0.038378290832042694f};
  hl::Expr w = 1.0f / (1.0f + 0.3f * hl::abs(x));
  hl::Expr r = kCoefficients[std::size(kCoefficients) - 1];
  for (size_t i = std::size(kCoefficients) - 1; i-- > 0;)
    r = r * w + kCoefficients[i];
  hl::Expr tail = hl::exp(-0.5f * (x * x)) * r;
  return hl::select(x < 0.0f, tail, 1.0f - tail);
}

/// x / 2 (1 + tanh(u)) = x sigmoid(2u): no tanh, no cancellation.
hl::Expr geluTanh(hl::Expr x) {
  constexpr float kTwoSqrtTwoOverPi = 1.5957691216057308f;
  return sigmoidTimes(x, kTwoSqrtTwoOverPi * (x + 0.044715f * (x * x * x)));
}

/// As snap of Numerics. Clamping to integers first changes nothing but the range of the conversion, through
/// which -0 becomes 0.
hl::Expr snapTo(hl::Expr x, hl::Expr scale, float least, float greatest) {
  hl::Expr steps = x / scale;
  hl::Expr bounded = hl::select(steps != steps, 0.0f, hl::min(hl::max(steps, least), greatest));
  return scale * hl::cast<float>(hl::cast<int32_t>(hl::round(bounded)));
}

} // namespace

hl::Type halideType(Scalar type) {
  return type == Scalar::F16 ? hl::Float(16) : type == Scalar::BF16 ? hl::UInt(16) : hl::Float(32);
}

const RegionValue *RegionFuncs::rope() const {
  for (const RegionValue &value : region.values)
    if (!value.isInput && (value.op == RowOp::Rope || value.op == RowOp::RopeInterleaved))
      return &value;
  return nullptr;
}

void RegionFuncs::addInputs() {
  unsigned argument = 0;
  for (unsigned id = 0; id < region.values.size(); ++id) {
    const RegionValue &value = region.values[id];
    if (!value.isInput)
      continue;
    hl::Type type = halideType(value.element);
    hl::ImageParam input(type, 1, "in" + std::to_string(id) + "_" + symbol);
    input.dim(0).set_bounds(0, int(value.length)).set_stride(int(value.step));
    inputs[id] = input;
    arguments.push_back(input);
    buffers.push_back(
        {argument++, 0, uint8_t(type.code()), uint8_t(type.bits()), {{int32_t(value.length), int32_t(value.step)}}});
  }
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

hl::Expr RegionFuncs::valueAt(unsigned id, const Point &point) {
  if (region.values[id].isInput)
    return toFloat(inputs.at(id)(point.column));
  return operationAt(id, point);
}

hl::Expr RegionFuncs::operationAt(unsigned id, const Point &point) {
  const RegionValue &value = region.values[id];
  auto operand = [&](unsigned i) { return valueAt(value.operands[i], point); };
  switch (value.op) {
  case RowOp::Add:
    return operand(0) + operand(1);
  case RowOp::Mul:
    return operand(0) * operand(1);
  case RowOp::Silu: {
    hl::Expr x = operand(0);
    return sigmoidTimes(x, x);
  }
  case RowOp::Sigmoid:
    return sigmoidTimes(1.0f, operand(0));
  case RowOp::Gelu: {
    hl::Expr x = operand(0);
    return x * normalIntegral(x);
  }
  case RowOp::GeluTanh:
    return geluTanh(operand(0));
  case RowOp::Snap: {
    bool isOne = region.values[value.operands[1]].length == 1;
    hl::Expr scale = isOne ? valueAt(value.operands[1], Point{hl::Expr(0)}) : operand(1);
    return snapTo(operand(0), scale, float(value.least), float(value.greatest));
  }
  case RowOp::RmsNorm:
  case RowOp::LayerNorm:
    return normAt(id, point);
  case RowOp::Rope:
  case RowOp::RopeInterleaved:
    return ropeAt(value, point);
  }
  return {};
}

/// (a, b) -> (a cos - b sin, b cos + a sin)
hl::Expr RegionFuncs::ropeAt(const RegionValue &value, const Point &point) {
  hl::Expr self = valueAt(value.operands[0], Point{point.column});
  if (!point.pair.defined())
    return self;
  hl::Expr other = valueAt(value.operands[0], Point{point.partner});
  hl::Expr cos = valueAt(value.operands[1], Point{point.pair}), sin = valueAt(value.operands[2], Point{point.pair});
  return self * cos + other * (hl::select(point.isSecond, 1.0f, -1.0f) * sin);
}

hl::Expr RegionFuncs::normAt(unsigned id, const Point &point) {
  const RegionValue &value = region.values[id];
  bool centered = value.op == RowOp::LayerNorm;
  std::string suffix = std::to_string(id);
  float count = float(region.columns);
  if (!inverses.count(id)) {
    auto x = [&](hl::Expr column) { return valueAt(value.operands[0], Point{column}); };
    if (centered)
      means[id] = scalar("mean" + suffix, sumOf("sum" + suffix, x)() / count);
    auto square = [&](hl::Expr column) {
      hl::Expr difference = centered ? x(column) - means.at(id)() : x(column);
      return difference * difference;
    };
    hl::Expr mean = sumOf("squares" + suffix, square)() / count;
    inverses[id] = scalar("inverse" + suffix, 1.0f / hl::sqrt(mean + value.epsilon));
  }
  hl::Expr x = valueAt(value.operands[0], point);
  if (centered)
    x = x - means.at(id)();
  hl::Expr scaled = x * inverses.at(id)() * valueAt(value.operands[1], point);
  return centered ? scaled + valueAt(value.operands[2], point) : scaled;
}

hl::Func RegionFuncs::scalar(const std::string &name, hl::Expr value) {
  hl::Func f = func(name);
  f() = value;
  addPart(name, f, [](hl::Func f) { f.compute_root(); });
  return f;
}

/// Sum of a row in a stated order: `width` partial sums of columns congruent modulo `width`, ascending,
/// then halves added until one is left.
hl::Func RegionFuncs::sumOf(const std::string &name, const std::function<hl::Expr(hl::Expr)> &term) {
  int columns = int(region.columns), width = schedule.lanes * schedule.accumulators;
  while (width > columns)
    width /= 2;
  hl::Var lane = var("lane");
  hl::Func partial = func(name + "_partial");
  partial(lane) = 0.0f;
  hl::RDom step(0, columns / width, "step_" + name + symbol);
  partial(lane) += term(step * width + lane);
  int rest = columns % width, vector = std::min(width, schedule.lanes);
  hl::RDom tail;
  if (rest) {
    tail = hl::RDom(0, rest, "tail_" + name + symbol);
    partial(tail) += term(columns - rest + tail);
  }
  addPart(name + "_partial", partial, [=](hl::Func partial) {
    partial.compute_root().vectorize(lane, vector).unroll(lane);
    partial.update(0).reorder(lane, step).vectorize(lane, vector).unroll(lane);
    if (rest)
      partial.update(1).vectorize(tail);
  });
  hl::Func sums = partial;
  while (width > 1) {
    width /= 2;
    hl::Func halves = func(name + "_" + std::to_string(width));
    halves(lane) = sums(lane) + sums(lane + width);
    addPart(name + "_" + std::to_string(width), halves, [=](hl::Func halves) {
      halves.compute_root();
      if (width > 1)
        halves.vectorize(lane, width);
    });
    sums = halves;
  }
  return scalar(name, sums(0));
}

} // namespace phic
