//===- RowExpressionsTest.cpp - Expressions keep to the bounds -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What generators make code of (RowExpressions.cpp), computed here in f32 as it is
// written, against the meaning of each op and the bound that goes with it.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Interpreter.h"

#include "dialects/phiq/Phiq.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"
#include <cmath>

#pragma clang fp contract(off)

using namespace phic;
using phiq::RowExpr;

namespace {

/// Operands of an op on one row; a vector of one element stands for all columns.
using Operands = std::vector<std::vector<float>>;

float evaluate(const RowExpr &expression, const Operands &operands, size_t column, size_t columns) {
  auto at = [&](unsigned i, size_t j) { return evaluate(expression->operands[i], operands, j, columns); };
  auto x = [&](unsigned i) { return at(i, column); };
  switch (expression->kind) {
  case RowExpr::Kind::Operand:
    return operands[expression->index][column % operands[expression->index].size()];
  case RowExpr::Kind::Constant:
    return expression->constant;
  case RowExpr::Kind::Add:
    return x(0) + x(1);
  case RowExpr::Kind::Subtract:
    return x(0) - x(1);
  case RowExpr::Kind::Multiply:
    return x(0) * x(1);
  case RowExpr::Kind::Divide:
    return x(0) / x(1);
  case RowExpr::Kind::Minimum:
    return std::min(x(0), x(1));
  case RowExpr::Kind::Maximum:
    return std::max(x(0), x(1));
  case RowExpr::Kind::Negate:
    return -x(0);
  case RowExpr::Kind::Absolute:
    return std::fabs(x(0));
  case RowExpr::Kind::Exp:
    EXPECT_LE(x(0), 100.0f);
    return std::exp(x(0));
  case RowExpr::Kind::SquareRoot:
    return std::sqrt(x(0));
  case RowExpr::Kind::Integer:
    EXPECT_LT(std::fabs(x(0)), 0x1p31f);
    return float(int32_t(std::nearbyint(x(0))));
  case RowExpr::Kind::Less:
    return x(0) < x(1);
  case RowExpr::Kind::IsNan:
    return std::isnan(x(0));
  case RowExpr::Kind::Select:
    return x(0) != 0 ? x(1) : x(2);
  case RowExpr::Kind::RowSum: {
    float sum = 0;
    for (size_t j = 0; j < columns; ++j)
      sum += at(0, j);
    return sum;
  }
  case RowExpr::Kind::Once:
    return x(0);
  }
  return NAN;
}

/// Weights of the test's ops, by the number in their name.
struct Vectors : WeightSource {
  explicit Vectors(const Operands &operands) : operands(operands) {}
  void dequantizeRows(mlir::Operation *op, int64_t, int64_t, float *values) override {
    const std::vector<float> &vector = operands[size_t(llvm::cast<phiq::WeightOp>(op).getName().front() - '0')];
    std::copy(vector.begin(), vector.end(), values);
  }
  void readRows(mlir::Operation *, int64_t, int64_t, BlockRow *) override { ADD_FAILURE() << "floats only"; }
  const Operands &operands;
};

class RowExpressions : public testing::Test {
protected:
  RowExpressions() { context.loadDialect<phiq::PhiqDialect, plan::PlanDialect, mlir::func::FuncDialect>(); }

  /// `op` of rows %x, %y and vectors %w1, %w2 is within its bound of what the interpreter says, in every column.
  void check(const std::string &op, const Operands &operands) {
    SCOPED_TRACE(op);
    const size_t columns = operands[0].size();
    std::string rows = "tensor<?x" + std::to_string(columns) + "xf32>", text, weights;
    for (size_t i = 1; i < operands.size(); ++i)
      weights += "%w" + std::to_string(i) + " = phiq.weight \"" + std::to_string(i) +
                 "\" layout = \"dense_nk\" [#phiq.range<file = 0, offset = 0, length = " +
                 std::to_string(4 * operands[i].size()) + ", hash = 0x0>] : tensor<" +
                 std::to_string(operands[i].size()) + "xf32>\n";
    text = "func.func @f(%x: " + rows + ", %y: " + rows + ") {\nplan.stage \"t\" (%x, %y) : (" + rows + ", " + rows +
           ") -> " + rows + " {\n^bb0(%a: " + rows + ", %b: " + rows + "):\n" + weights + "%0 = " + op + " : " + rows;
    for (size_t i = 1; i < operands.size() && op.find("%w") != std::string::npos; ++i)
      text += ", tensor<" + std::to_string(operands[i].size()) + "xf32>";
    text += "\nplan.yield %0 : " + rows + "\n}\nreturn\n}";
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module) << text;
    std::vector<Datum> data(2);
    for (size_t i = 0; i < 2; ++i) {
      data[i].rows = Rows(1, int64_t(columns));
      data[i].rows.values = operands[op.find("%b") == std::string::npos ? 0 : i];
    }
    Vectors source(operands);
    module->walk([&](plan::StageOp stage) {
      Rows wanted = (*Interpreter(*module, source, /*bounds=*/true).runStage(stage, std::move(data), session))[0];
      phiq::RowOpInterface row = *stage.getBody().getOps<phiq::RowOpInterface>().begin();
      std::vector<RowExpr> arguments;
      for (unsigned i = 0; i < row->getNumOperands(); ++i)
        arguments.push_back(RowExpr::operand(i));
      RowExpr expression = row.getExpression(arguments);
      for (size_t j = 0; j < columns; ++j)
        EXPECT_LE(std::fabs(evaluate(expression, operands, j, columns) - double(wanted.values[j])), wanted.error[j])
            << "column " << j << ", " << operands[0][j];
    });
  }

  mlir::MLIRContext context;
  SessionState session;
};

/// A row through what kernels meet, and some far out.
std::vector<float> someRow(float shift = 0) {
  std::vector<float> row = {0, -0.0f, 1e-30f, -1e-30f, 88, -88, 1e4f, -1e4f, 1e18f};
  while (row.size() < 96)
    row.push_back(0.37f * float(int(row.size() * 29 % 61) - 30) + shift);
  return row;
}

TEST_F(RowExpressions, ElementwiseOpsOfOneRow) {
  for (const char *op : {"phiq.relu %a", "phiq.sigmoid %a", "phiq.silu %a", "phiq.gelu %a", "phiq.gelu_tanh %a"})
    check(op, {someRow()});
}

TEST_F(RowExpressions, SumsAndProducts) {
  check("arith.addf %a, %b", {someRow(), someRow(1)});
  check("arith.mulf %a, %b", {someRow(), someRow(1)});
  check("phiq.bias %a, %w1", {someRow(), someRow(1)});
}

/// The same to the bit: no error is allowed but at ties, which the interpreter rounds alike.
TEST_F(RowExpressions, SnapOfOneScaleAndOfOneAColumn) {
  std::vector<float> scales(96, 0.75f), row = someRow();
  row[9] = NAN;
  check("phiq.snap %a, %w1 {least = -10 : i64, greatest = 20 : i64}", {row, {0.5f}});
  check("phiq.snap %a, %w1 {least = -10 : i64, greatest = 20 : i64}", {row, scales});
}

TEST_F(RowExpressions, Norms) {
  std::vector<float> row;
  for (int i = 0; i < 96; ++i)
    row.push_back(0.37f * float(i * 29 % 61 - 30) + 3);
  check("phiq.rms_norm %a, %w1 {epsilon = 1.0e-5 : f32}", {row, someRow()});
  check("phiq.layer_norm %a, %w1, %w2 {epsilon = 1.0e-5 : f32}", {row, someRow(), someRow(2)});
}

} // namespace
