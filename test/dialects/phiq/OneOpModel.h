//===- OneOpModel.h - The meaning of one op on numbers ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_DIALECTS_PHIQ_ONEOPMODEL_H
#define PHIC_TEST_DIALECTS_PHIQ_ONEOPMODEL_H

#include "dialects/phiq/Interpreter.h"
#include "dialects/phiq/Phiq.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

namespace phic::test {

class NoWeights final : public WeightSource {
public:
  void dequantizeRows(mlir::Operation *, int64_t, int64_t, float *) override { FAIL(); }
  void readRows(mlir::Operation *, int64_t, int64_t, BlockRow *) override { FAIL(); }
};

class OneOpModel : public testing::Test {
protected:
  OneOpModel() { context.loadDialect<phiq::PhiqDialect, mlir::func::FuncDialect>(); }

  /// What `phiq.<op> -> result` makes of inputs %0, %1, ... of `types`, with its bounds.
  Rows run(const std::vector<std::string> &types, const std::string &op, const std::string &result,
           std::vector<Rows> inputs) {
    std::string arguments;
    for (size_t i = 0; i < types.size(); ++i)
      arguments += (i ? ", %a" : "%a") + std::to_string(i) + ": " + types[i];
    return interpret(arguments, "%r = phiq." + op + " -> " + result, result, std::move(inputs));
  }

  /// The same of a body of several lines that ends with %r.
  Rows interpret(const std::string &arguments, const std::string &body, const std::string &result,
                 std::vector<Rows> inputs) {
    module = mlir::parseSourceString<mlir::ModuleOp>("func.func @model(" + arguments + ") -> " + result + " {\n" +
                                                         body + "\nreturn %r : " + result + "\n}",
                                                     &context);
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

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;

private:
  NoWeights weights;
};

} // namespace phic::test

#endif // PHIC_TEST_DIALECTS_PHIQ_ONEOPMODEL_H
