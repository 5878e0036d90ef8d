//===- RegionFuncs.cpp - The values of a region in Halide ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The expressions of a region's ops (RowExpr.h) become Halide's, of a column; only
// reductions and quantized blocks are Funcs of their own. Everything is compiled
// strictly: each operation rounds once, sums are taken in the order written here.
// (RegionCode then fuses products into the sums they feed, once for all callers.)
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
} // namespace

hl::Type halideType(Scalar type) {
  return type == Scalar::F16 ? hl::Float(16) : type == Scalar::BF16 ? hl::UInt(16) : hl::Float(32);
}

void RegionFuncs::addInputs() {
  for (unsigned argument = 0; argument < region.inputs.size(); ++argument) {
    const RegionInput &value = region.inputs[argument];
    hl::Type type = halideType(value.element);
    hl::ImageParam input(type, 1, "in" + std::to_string(argument) + "_" + symbol);
    input.dim(0).set_bounds(0, int(value.length)).set_stride(int(value.step));
    inputs.push_back(input);
    arguments.push_back(input);
    buffers.push_back(
        {argument, 0, uint8_t(type.code()), uint8_t(type.bits()), {{int32_t(value.length), int32_t(value.step)}}});
  }
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

hl::Expr RegionFuncs::valueAt(mlir::Value value, const Point &point) {
  if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(value)) {
    bool isOne = region.inputs[argument.getArgNumber()].length == 1 && region.columns > 1; // for all columns
    return toFloat(inputs[argument.getArgNumber()](isOne ? hl::Expr(0) : point.column));
  }
  mlir::Operation *op = value.getDefiningOp();
  if (auto widened = mlir::dyn_cast<mlir::arith::ExtFOp>(op))
    return valueAt(widened.getIn(), point);
  if (auto rope = mlir::dyn_cast<phiq::RopeOp>(op))
    return ropeAt(rope, point);
  return expressionAt(mlir::cast<phiq::RowOpInterface>(op), point);
}

/// An op's expression in Halide's. What is used more than once in it is one Expr.
class RegionFuncs::Evaluation {
public:
  Evaluation(RegionFuncs &funcs, mlir::Operation *op, Point point) : funcs(funcs), op(op), point(std::move(point)) {}

  hl::Expr operator()(const phiq::RowExpr &expression) {
    auto found = known.find(&*expression);
    if (found == known.end())
      found = known.emplace(&*expression, make(*expression)).first;
    return found->second;
  }

private:
  hl::Expr make(const phiq::RowExpr::Node &node) {
    using Kind = phiq::RowExpr::Kind;
    auto x = [&](unsigned i) { return (*this)(node.operands[i]); };
    switch (node.kind) {
    case Kind::Operand:
      return funcs.valueAt(op->getOperand(node.index), point);
    case Kind::Constant:
      return node.constant;
    case Kind::Add:
      return x(0) + x(1);
    case Kind::Subtract:
      return x(0) - x(1);
    case Kind::Multiply:
      return x(0) * x(1);
    case Kind::Divide:
      return x(0) / x(1);
    case Kind::Minimum:
      return hl::min(x(0), x(1));
    case Kind::Maximum:
      return hl::max(x(0), x(1));
    case Kind::Negate:
      return -x(0);
    case Kind::Absolute:
      return hl::abs(x(0));
    case Kind::Exp:
      return hl::exp(x(0)); // is 0 above 2^31 ln 2, where its exponent no longer is an int
    case Kind::SquareRoot:
      return hl::sqrt(x(0));
    case Kind::Integer:
      return hl::cast<float>(hl::cast<int32_t>(hl::round(x(0))));
    case Kind::Less:
      return x(0) < x(1);
    case Kind::IsNan:
      return x(0) != x(0);
    case Kind::Select:
      return hl::select(x(0), x(1), x(2));
    case Kind::RowSum:
      return funcs.sumOf("total" + funcs.nextSuffix(),
                         [&](hl::Expr column) { return Evaluation(funcs, op, Point{column})(node.operands[0]); })();
    case Kind::Once:
      return funcs.onceOf(node, [&] { return Evaluation(funcs, op, Point{})(node.operands[0]); })();
    }
    return {};
  }

  RegionFuncs &funcs;
  mlir::Operation *op;
  Point point;
  std::map<const phiq::RowExpr::Node *, hl::Expr> known;
};

hl::Expr RegionFuncs::expressionAt(phiq::RowOpInterface op, const Point &point) {
  phiq::RowExpr &expression = expressions[op];
  if (!expression) {
    llvm::SmallVector<phiq::RowExpr> operands;
    for (unsigned i = 0; i < op->getNumOperands(); ++i)
      operands.push_back(phiq::RowExpr::operand(i));
    expression = op.getExpression(operands);
  }
  return Evaluation(*this, op, point)(expression);
}

hl::Func RegionFuncs::onceOf(const phiq::RowExpr::Node &node, llvm::function_ref<hl::Expr()> value) {
  auto found = once.find(&node);
  if (found == once.end())
    found = once.emplace(&node, scalar("once" + nextSuffix(), value())).first;
  return found->second;
}

/// (a, b) -> (a cos - b sin, b cos + a sin)
hl::Expr RegionFuncs::ropeAt(phiq::RopeOp rope, const Point &point) {
  hl::Expr self = valueAt(rope.getX(), Point{point.column});
  if (!point.pair.defined())
    return self;
  hl::Expr other = valueAt(rope.getX(), Point{point.partner});
  hl::Expr cos = valueAt(rope.getCos(), Point{point.pair}), sin = valueAt(rope.getSin(), Point{point.pair});
  return self * cos + other * (hl::select(point.isSecond, 1.0f, -1.0f) * sin);
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
