//===- RowExpr.h - An element of a row, as an expression -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What code generators make an elementwise op or a norm of: its arithmetic in f32,
// said once for all of them (RowOpInterface::getExpression, RowExpressions.cpp).
//
//     RowExpr SiluOp::getExpression(ArrayRef<RowExpr> x) { return x[0] / (1.0f + exp(-x[0])); }
//
// Each operation rounds once, in the order written; only a product and the sum that it
// feeds may be contracted. The interpreter does not use it: what an op means is said
// by MeaningInterface, in double, and how far f32 may be from it by ErrorBounds.
// No MLIR in here.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_ROWEXPR_H
#define PHIC_DIALECTS_PHIQ_ROWEXPR_H

#include <cstdint>
#include <memory>
#include <vector>

namespace phic::phiq {

class RowExpr {
public:
  enum class Kind : uint8_t {
    Operand,  ///< element of operand `index`: of the same column, or the only one
    Constant, ///< `constant`
    Add,
    Subtract,
    Multiply,
    Divide,
    Minimum,
    Maximum,
    Negate,
    Absolute,
    Exp,      ///< relative error of ErrorBounds' kExpError; its argument is at most 100
    SquareRoot,
    Integer,  ///< the nearest one, half to even, of |x| < 2^31; -0 becomes 0
    Less,
    IsNan, ///< conditions
    Select,   ///< condition, then, else
    RowSum,   ///< of its operand over the whole row, in an order that the generator states
    Once,     ///< its operand, which is the same for all columns: computed once a row
  };
  struct Node {
    Kind kind;
    unsigned index = 0;
    float constant = 0;
    std::vector<RowExpr> operands = {};
  };

  RowExpr() = default; ///< no expression
  RowExpr(float constant) : RowExpr(Node{Kind::Constant, 0, constant}) {}
  explicit RowExpr(Node node) : node(std::make_shared<const Node>(std::move(node))) {}
  static RowExpr operand(unsigned index) { return RowExpr(Node{Kind::Operand, index}); }

  explicit operator bool() const { return node != nullptr; }
  const Node *operator->() const { return node.get(); }
  const Node &operator*() const { return *node; }

private:
  std::shared_ptr<const Node> node;
};

RowExpr operator+(RowExpr a, RowExpr b);
RowExpr operator-(RowExpr a, RowExpr b);
RowExpr operator*(RowExpr a, RowExpr b);
RowExpr operator/(RowExpr a, RowExpr b);
RowExpr operator-(RowExpr x);
RowExpr operator<(RowExpr a, RowExpr b);
RowExpr minimum(RowExpr a, RowExpr b);
RowExpr maximum(RowExpr a, RowExpr b);
RowExpr absolute(RowExpr x);
/// Bounded, since generators' exp may be wrong where its exponent is no int: from 89 on it is infinite anyway.
RowExpr exponential(RowExpr x);
/// The same of an argument that is never positive.
RowExpr exponentialOfNegative(RowExpr x);
RowExpr squareRoot(RowExpr x);
RowExpr nearestInteger(RowExpr x);
RowExpr isNan(RowExpr x);
RowExpr select(RowExpr condition, RowExpr a, RowExpr b);
RowExpr rowSum(RowExpr term);
RowExpr oncePerRow(RowExpr value);

// Functions of one element that several ops have.
RowExpr sigmoidOf(RowExpr x);
RowExpr geluOf(RowExpr x);
/// Relative error at most 2^-22.
RowExpr tanhOf(RowExpr x);
/// Absolute error at most 2^-22.
RowExpr erfOf(RowExpr x);

} // namespace phic::phiq

#endif // PHIC_DIALECTS_PHIQ_ROWEXPR_H
