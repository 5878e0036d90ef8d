//===- GridModel.h - A model of one op on tensors --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For tests of what ops on grids mean: a model whose result is one op's, interpreted with bounds.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_DIALECTS_PHIQ_GRIDMODEL_H
#define PHIC_TEST_DIALECTS_PHIQ_GRIDMODEL_H

#include "dialects/phiq/Grid.h"
#include "dialects/phiq/Interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cmath>

namespace phic::test {

class GridModel : public testing::Test {
protected:
  GridModel() { context.loadDialect<phiq::PhiqDialect, mlir::func::FuncDialect>(); }

  /// `op` without phiq. and its result's type; %a of `type` and %i of `second`, if that is not empty, its inputs; `constants`
  /// before it.
  Rows run(const std::string &type, const std::string &op, const std::string &result, Rows a, Rows i = {},
           const std::string &second = "", const std::string &constants = "") {
    const std::string arguments = "%a: " + type + (second.empty() ? "" : ", %i: " + second);
    module = mlir::parseSourceString<mlir::ModuleOp>("func.func @model(" + arguments + ") -> " + result + " {\n" +
                                                         constants + "\n%0 = phiq." + op + " -> " + result +
                                                         "\nreturn %0 : " + result + "\n}",
                                                     &context);
    std::vector<Rows> inputs = {std::move(a)};
    if (!second.empty())
      inputs.push_back(std::move(i));
    auto results = Interpreter(*module, weights, /*bounds=*/true).runGraph(std::move(inputs));
    return (*results)[0];
  }

  static Rows floats(std::vector<float> values) {
    Rows rows(int64_t(values.size()), 1);
    rows.values = std::move(values);
    return rows;
  }
  static Rows integers(std::vector<int64_t> values) {
    Rows rows;
    rows.rows = int64_t(values.size());
    rows.columns = 1;
    rows.integers = std::move(values);
    return rows;
  }

private:
  class NoWeights final : public WeightSource {
  public:
    void dequantizeRows(mlir::Operation *, int64_t, int64_t, float *) override { FAIL(); }
    void readRows(mlir::Operation *, int64_t, int64_t, BlockRow *) override { FAIL(); }
  };

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  NoWeights weights;
};

} // namespace phic::test

#endif // PHIC_TEST_DIALECTS_PHIQ_GRIDMODEL_H
