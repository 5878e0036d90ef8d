//===- InterpreterTest.cpp - Each op on numbers done by hand ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Interpreter.h"

#include "dialects/phiq/Numerics.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/phiq/RopeTable.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cmath>
#include <map>

using namespace phic;
using testing::ElementsAre;
using testing::FloatEq;
using testing::Pointwise;

namespace {

/// Weights from the test: floats, or codes and their numbers, by the weight's name.
class TestWeights : public WeightSource {
public:
  std::map<std::string, std::vector<float>> floats;
  std::map<std::string, std::vector<BlockRow>> blocks;

  void dequantizeRows(mlir::Operation *op, int64_t n0, int64_t count, float *values) override {
    if (auto table = llvm::dyn_cast<phiq::RopeTableOp>(op))
      return ropeTableRows(table, n0, count, values);
    auto weight = llvm::cast<phiq::WeightOp>(op);
    auto type = llvm::cast<mlir::ShapedType>(weight.getType());
    int64_t K = type.getDimSize(type.getRank() - 1);
    if (auto block = llvm::dyn_cast<phiq::BlockType>(type.getElementType())) {
      for (int64_t n = 0; n < count; ++n)
        dequantizeRow(blocks.at(weight.getName().str())[size_t(n0 + n)], block.getFormat(), values + n * K);
      return;
    }
    const std::vector<float> &all = floats.at(weight.getName().str());
    std::copy_n(all.begin() + n0 * K, count * K, values);
  }
  void readRows(mlir::Operation *op, int64_t n0, int64_t count, BlockRow *rows) override {
    const std::vector<BlockRow> &all = blocks.at(llvm::cast<phiq::WeightOp>(op).getName().str());
    std::copy_n(all.begin() + n0, count, rows);
  }
};

class Interpreted : public testing::Test {
protected:
  Interpreted() {
    context.loadDialect<phiq::PhiqDialect, plan::PlanDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect>();
  }

  /// Runs a stage whose body is `body` (ending in plan.yield), its inputs %a, %b, ... as given in `types`.
  std::vector<Rows> run(const std::string &types, const std::string &body, std::vector<Rows> inputs,
                        const std::string &results) {
    std::string arguments, names, block;
    llvm::SmallVector<llvm::StringRef> list;
    llvm::StringRef(types).split(list, ';');
    for (size_t i = 0; i < list.size(); ++i) {
      std::string name(1, char('a' + i)), comma = i ? ", " : "";
      arguments += comma + "%in_" + name + ": " + list[i].str();
      names += comma + "%in_" + name;
      block += comma + "%" + name + ": " + list[i].str();
    }
    std::string typeList = types;
    std::replace(typeList.begin(), typeList.end(), ';', ',');
    std::string text = "phiq.cache @kv {heads = 1, head_dim = 2, element = f16}\n"
                       "func.func @f(" +
                       arguments + ") {\n  plan.stage \"test\" (" + names + ") : (" + typeList + ") -> " + results +
                       " {\n  ^bb0(" + block + "):\n" + body + "\n  }\n  return\n}\n";
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
    plan::StageOp stage;
    module->walk([&](plan::StageOp op) { stage = op; });
    std::vector<Datum> data(inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i)
      data[i].rows = std::move(inputs[i]);
    if (!ids.empty())
      data[0].ids = ids;
    Interpreter interpreter(*module, weights, bounds);
    mlir::FailureOr<std::vector<Rows>> got = interpreter.runStage(stage, std::move(data), session);
    EXPECT_TRUE(mlir::succeeded(got));
    return mlir::succeeded(got) ? *got : std::vector<Rows>(1);
  }

  static Rows rows(int64_t columns, std::vector<float> values) {
    Rows result(int64_t(values.size()) / columns, columns);
    result.values = std::move(values);
    return result;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  TestWeights weights;
  SessionState session;
  std::vector<int32_t> ids;
  bool bounds = false;
};

/// A float weight in a body: of type "2xf32" or "3x2xf32".
std::string weight(const std::string &value, const std::string &type) {
  int bytes = 4 * (type[0] - '0') * (type[2] == 'f' ? 1 : type[2] - '0');
  return value + " = phiq.weight \"" + value.substr(1) +
         "\" layout = \"dense_nk\" [#phiq.range<file = 0, offset = 0, length = " + std::to_string(bytes) +
         ", hash = 0x0>] : tensor<" + type + ">\n";
}

TEST_F(Interpreted, Embed) {
  weights.floats["t"] = {1, 2, 3, 4, 5, 6};
  ids = {2, 0};
  auto result = run("tensor<?xi32>", weight("%t", "3x2xf32") + R"(
    %0 = phiq.embed %a, %t : tensor<?xi32>, tensor<3x2xf32> -> tensor<?x2xf32>
    plan.yield %0 : tensor<?x2xf32>)",
                    {Rows()}, "tensor<?x2xf32>");
  EXPECT_THAT(result[0].values, ElementsAre(5, 6, 1, 2));
}

TEST_F(Interpreted, RmsNorm) {
  // mean(x^2) = (9 + 16) / 2 = 12.5, + 3.5 = 16: divided by 4.
  weights.floats["g"] = {2, -1};
  auto result = run("tensor<?x2xf32>", weight("%g", "2xf32") + R"(
    %0 = phiq.rms_norm %a, %g {epsilon = 3.5 : f32} : tensor<?x2xf32>, tensor<2xf32>
    plan.yield %0 : tensor<?x2xf32>)",
                    {rows(2, {3, 4})}, "tensor<?x2xf32>");
  EXPECT_THAT(result[0].values, ElementsAre(1.5f, -1));
}

TEST_F(Interpreted, LayerNorm) {
  // mean 3, variance 4, + 12 = 16: (x - 3) / 4.
  weights.floats["g"] = {2, 4};
  weights.floats["h"] = {10, 20};
  auto result = run("tensor<?x2xf32>", weight("%g", "2xf32") + weight("%h", "2xf32") + R"(
    %0 = phiq.layer_norm %a, %g, %h {epsilon = 12.0 : f32} : tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>
    plan.yield %0 : tensor<?x2xf32>)",
                    {rows(2, {1, 5})}, "tensor<?x2xf32>");
  EXPECT_THAT(result[0].values, ElementsAre(9, 22));
}

TEST_F(Interpreted, MatmulOnFloats) {
  weights.floats["w"] = {1, 2, 3, 4, -1, 0};
  auto result = run("tensor<?x2xf32>", weight("%w", "3x2xf32") + R"(
    %0 = phiq.matmul %a, %w : tensor<?x2xf32>, tensor<3x2xf32> -> tensor<?x3xf32>
    plan.yield %0 : tensor<?x3xf32>)",
                    {rows(2, {1, 10, 2, 0.5f})}, "tensor<?x3xf32>");
  EXPECT_THAT(result[0].values, ElementsAre(21, 43, -1, 3, 8, -2));
}

TEST_F(Interpreted, MatmulOnCodes) {
  // Block 2, w = s (q - 8): (0.5 * {-8, 7}, 2 * {0, 1}) = (-4, 3.5, 0, 2).
  weights.blocks["w"] = {BlockRow{{0, 15, 8, 9}, {0.5f, 2}, {8, 8}, {0, 0}}};
  auto result = run("tensor<?x4xf32>", R"(
    %w = phiq.weight "w" layout = "nbits" [#phiq.range<file = 0, offset = 0, length = 2, hash = 0x0>,
        #phiq.range<file = 0, offset = 0, length = 8, hash = 0x0>]
        : tensor<1x4x!phiq.block<u4, 2, scale = f32, zero = 8>>
    %0 = phiq.matmul %a, %w : tensor<?x4xf32>, tensor<1x4x!phiq.block<u4, 2, scale = f32, zero = 8>> -> tensor<?x1xf32>
    plan.yield %0 : tensor<?x1xf32>)",
                    {rows(4, {1, 2, 100, 3})}, "tensor<?x1xf32>");
  EXPECT_THAT(result[0].values, ElementsAre(9));
}

TEST_F(Interpreted, Transpose) {
  weights.floats["w"] = {1, 2, 3, 4, 5, 6};
  auto result = run("tensor<?x2xf32>", weight("%w", "2x3xf32") + R"(
    %t = phiq.transpose %w : tensor<2x3xf32> -> tensor<3x2xf32>
    %0 = phiq.matmul %a, %t : tensor<?x2xf32>, tensor<3x2xf32> -> tensor<?x3xf32>
    plan.yield %0 : tensor<?x3xf32>)",
                    {rows(2, {1, 10})}, "tensor<?x3xf32>");
  EXPECT_THAT(result[0].values, ElementsAre(41, 52, 63));
}

TEST_F(Interpreted, Elementwise) {
  weights.floats["v"] = {100, 200};
  auto result = run("tensor<?x2xf32>;tensor<?x2xf32>", weight("%v", "2xf32") + R"(
    %0 = arith.addf %a, %b : tensor<?x2xf32>
    %1 = arith.mulf %a, %b : tensor<?x2xf32>
    %2 = phiq.bias %a, %v : tensor<?x2xf32>, tensor<2xf32>
    plan.yield %0, %1, %2 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>)",
                    {rows(2, {1, 2}), rows(2, {3, -4})}, "(tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>)");
  EXPECT_THAT(result[0].values, ElementsAre(4, -2));
  EXPECT_THAT(result[1].values, ElementsAre(3, -8));
  EXPECT_THAT(result[2].values, ElementsAre(101, 202));
}

TEST_F(Interpreted, Activations) {
  auto result = run("tensor<?x3xf32>", R"(
    %0 = phiq.sigmoid %a : tensor<?x3xf32>
    %1 = phiq.silu %a : tensor<?x3xf32>
    %2 = phiq.gelu %a : tensor<?x3xf32>
    %3 = phiq.gelu_tanh %a : tensor<?x3xf32>
    plan.yield %0, %1, %2, %3 : tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32>)",
                    {rows(3, {0, 1, -2})}, "(tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32>)");
  EXPECT_THAT(result[0].values, Pointwise(FloatEq(), {0.5f, 0.7310585786f, 0.1192029220f}));
  EXPECT_THAT(result[1].values, Pointwise(FloatEq(), {0.0f, 0.7310585786f, -0.2384058440f}));
  EXPECT_THAT(result[2].values, Pointwise(FloatEq(), {0.0f, 0.8413447461f, -0.0455002639f}));
  EXPECT_THAT(result[3].values, Pointwise(FloatEq(), {0.0f, 0.8411919906f, -0.0454023059f}));
}

TEST_F(Interpreted, Relu) {
  auto result = run("tensor<?x3xf32>", "%0 = phiq.relu %a : tensor<?x3xf32>\nplan.yield %0 : tensor<?x3xf32>",
                    {rows(3, {0.5f, -2, 3})}, "tensor<?x3xf32>");
  EXPECT_THAT(result[0].values, ElementsAre(0.5f, 0, 3));
}

TEST_F(Interpreted, ColumnsAndLogitRows) {
  session.logitRow0 = 1;
  auto result = run("tensor<?x3xf32>", R"(
    %0 = phiq.columns %a from 1 : tensor<?x3xf32> -> tensor<?x2xf32>
    %1 = phiq.logit_rows %a : tensor<?x3xf32>
    %2 = phiq.logit_rows %a {pruned} : tensor<?x3xf32>
    plan.yield %0, %1, %2 : tensor<?x2xf32>, tensor<?x3xf32>, tensor<?x3xf32>)",
                    {rows(3, {1, 2, 3, 4, 5, 6, 7, 8, 9})}, "(tensor<?x2xf32>, tensor<?x3xf32>, tensor<?x3xf32>)");
  EXPECT_THAT(result[0].values, ElementsAre(2, 3, 5, 6, 8, 9));
  EXPECT_THAT(result[1].values, ElementsAre(4, 5, 6, 7, 8, 9));
  EXPECT_THAT(result[2].values, ElementsAre(7, 8, 9));
}

TEST_F(Interpreted, QuantizeDynamically) {
  auto result = run("tensor<?x4xf32>", R"(
    %0 = phiq.quantize %a : tensor<?x4xf32> -> tensor<?x4x!phiq.block<s8, 2, scale = f32>>
    %1 = phiq.dequantize %0 : tensor<?x4x!phiq.block<s8, 2, scale = f32>> -> tensor<?x4xf32>
    plan.yield %0, %1 : tensor<?x4x!phiq.block<s8, 2, scale = f32>>, tensor<?x4xf32>)",
                    {rows(4, {-254, 3, 0, 0})}, "(tensor<?x4x!phiq.block<s8, 2, scale = f32>>, tensor<?x4xf32>)");
  // Scale 2: -127 and the tie 1.5, which goes to 2.
  EXPECT_THAT(result[0].codes, ElementsAre(-127, 2, 0, 0));
  EXPECT_THAT(result[0].scales, ElementsAre(2, 0));
  EXPECT_THAT(result[1].values, ElementsAre(-254, 4, 0, 0));
}

TEST_F(Interpreted, QuantizeWithStatedScale) {
  weights.floats["s"] = {0.5f};
  auto result = run("tensor<?x3xf32>", weight("%s", "1xf32") + R"(
    %0 = phiq.quantize %a, %s {zero = 10 : i64} : tensor<?x3xf32>, tensor<1xf32> -> tensor<?x3x!phiq.block<u8, 3, scale = f32, zero = 10>>
    plan.yield %0 : tensor<?x3x!phiq.block<u8, 3, scale = f32, zero = 10>>)",
                    {rows(3, {1, -0.25f, -100})}, "tensor<?x3x!phiq.block<u8, 3, scale = f32, zero = 10>>");
  EXPECT_THAT(result[0].codes, ElementsAre(12, 10, 0));
  EXPECT_THAT(result[0].values, ElementsAre(1, 0, -5));
}

TEST_F(Interpreted, SnapRoundsToSteps) {
  weights.floats["s"] = {0.5f};
  auto result = run("tensor<?x4xf32>", weight("%s", "1xf32") + R"(
    %0 = phiq.snap %a, %s {least = -10 : i64, greatest = 245 : i64} : tensor<?x4xf32>, tensor<1xf32>
    plan.yield %0 : tensor<?x4xf32>)",
                    {rows(4, {1, -0.25f, 0.75f, -100})}, "tensor<?x4xf32>");
  EXPECT_THAT(result[0].values, ElementsAre(1, 0, 1, -5));
}

constexpr const char *kRopeTables = R"(
    %cos = phiq.rope_table cos {base = 100.0 : f64, mscale = 2.0 : f64, rotary_dim = 4 : i64} : tensor<8x2xf32>
    %sin = phiq.rope_table sin {base = 100.0 : f64, mscale = 2.0 : f64, rotary_dim = 4 : i64} : tensor<8x2xf32>
    %lcos = phiq.rope_table cos {base = 100.0 : f64, mscale = 1.0 : f64, rotary_dim = 4 : i64, factors = array<f32: 2.0, 4.0>} : tensor<8x2xf32>
    %lsin = phiq.rope_table sin {base = 100.0 : f64, mscale = 1.0 : f64, rotary_dim = 4 : i64, factors = array<f32: 2.0, 4.0>} : tensor<8x2xf32>
)";

TEST_F(Interpreted, RopeRotatesPairsAtTheirPosition) {
  // Position 3; inverse frequencies 1 and 100^(-1/2) = 0.1; one head of 6, its last two columns pass.
  session.past = 3;
  auto result = run("tensor<?x6xf32>", kRopeTables + std::string(R"(
    %0 = phiq.rope %a, %cos, %sin {head_dim = 6 : i64} : tensor<?x6xf32>, tensor<8x2xf32>, tensor<8x2xf32>
    %1 = phiq.rope %a, %cos, %sin {head_dim = 6 : i64, interleaved} : tensor<?x6xf32>, tensor<8x2xf32>, tensor<8x2xf32>
    plan.yield %0, %1 : tensor<?x6xf32>, tensor<?x6xf32>)"),
                    {rows(6, {1, 0, 0, 1, 7, 8})}, "(tensor<?x6xf32>, tensor<?x6xf32>)");
  double c = 2 * std::cos(3.0), s = 2 * std::sin(3.0), c1 = 2 * std::cos(0.3), s1 = 2 * std::sin(0.3);
  EXPECT_THAT(result[0].values, Pointwise(FloatEq(), {float(c), float(-s1), float(s), float(c1), 7.f, 8.f}));
  EXPECT_THAT(result[1].values, Pointwise(FloatEq(), {float(c), float(s), float(-s1), float(c1), 7.f, 8.f}));
}

TEST_F(Interpreted, RopeTakesLongTablesAboveTheThreshold) {
  const std::string body = kRopeTables + std::string(R"(
    %0 = phiq.rope %a, %cos, %sin long %lcos, %lsin {head_dim = 4 : i64, threshold = 5 : i64}
      : tensor<?x4xf32>, tensor<8x2xf32>, tensor<8x2xf32> long tensor<8x2xf32>, tensor<8x2xf32>
    plan.yield %0 : tensor<?x4xf32>)");
  session.past = 1;
  session.total = 5;
  EXPECT_FLOAT_EQ(run("tensor<?x4xf32>", body, {rows(4, {1, 0, 0, 0})}, "tensor<?x4xf32>")[0].values[0],
                  float(2 * std::cos(1.0)));
  session.total = 6;
  EXPECT_FLOAT_EQ(run("tensor<?x4xf32>", body, {rows(4, {1, 0, 0, 0})}, "tensor<?x4xf32>")[0].values[0],
                  float(std::cos(0.5)));
}

TEST_F(Interpreted, CacheAppendRoundsToTheElementType) {
  session.past = 0;
  const std::string body = R"(
    phiq.cache_append @kv, %a, %b : tensor<?x2xf32>, tensor<?x2xf32>
    plan.yield)";
  run("tensor<?x2xf32>;tensor<?x2xf32>", body, {rows(2, {1.0f + 0x1p-12f, 2}), rows(2, {3, 4})}, "()");
  session.past = 1;
  run("tensor<?x2xf32>;tensor<?x2xf32>", body, {rows(2, {5, 6}), rows(2, {7, 8})}, "()");
  EXPECT_THAT(session.caches["kv"].keys.values, ElementsAre(1, 2, 5, 6));
  EXPECT_THAT(session.caches["kv"].values.values, ElementsAre(3, 4, 7, 8));
}

class Attend : public Interpreted {
protected:
  /// Three positions of one KV head with head_dim 2.
  Attend() {
    CacheState &cache = session.caches["kv"];
    cache.heads = 1;
    cache.headDim = 2;
    cache.keys = rows(2, {1, 0, 0, 1, 0, 0});
    cache.values = rows(2, {1, 10, 2, 20, 4, 40});
    session.past = 1;
  }
  std::vector<float> attend(const std::string &attributes, std::vector<float> queries) {
    return run("tensor<?x4xf32>",
               "%0 = phiq.attend @kv, %a {heads = 2 : i64, scale = 1.0 : f32" + attributes +
                   "} : tensor<?x4xf32>\n plan.yield %0 : tensor<?x4xf32>",
               {rows(4, std::move(queries))}, "tensor<?x4xf32>")[0]
        .values;
  }
};

TEST_F(Attend, IsCausalAndGrouped) {
  // Row 0 at position 1 sees positions 0, 1; row 1 all three. Two query heads share the KV head.
  const float l = std::log(3.0f);
  auto result = attend("", {l, 0, 0, 0, 0, 0, 0, l});
  // Scores (ln 3, 0): weights 3/4, 1/4. Equal scores: the means. Scores (0, ln 3, 0): 1/5, 3/5, 1/5.
  EXPECT_THAT(result, Pointwise(FloatEq(), {1.25f, 12.5f, 1.5f, 15.f, 7.f / 3, 70.f / 3, 2.2f, 22.f}));
}

TEST_F(Attend, SeesOnlyTheWindow) {
  EXPECT_THAT(attend(", window = 1 : i64", {5, 5, 1, 1, 2, 2, 3, 3}), ElementsAre(2, 20, 2, 20, 4, 40, 4, 40));
}

TEST_F(Attend, CapsScoresSoftly) {
  // softcap 1 on scores (2, 0): tanh(2).
  float w = 1 / (1 + std::exp(-std::tanh(2.0f)));
  EXPECT_THAT(attend(", softcap = 1.0 : f32", {2, 0, 0, 0}),
              Pointwise(FloatEq(), {w + 2 * (1 - w), 10 * w + 20 * (1 - w), 1.5f, 15.f}));
}

TEST_F(Interpreted, OpWithoutMeaningIsNamed) {
  module = mlir::parseSourceString<mlir::ModuleOp>(R"(
    func.func @model(%ids: tensor<?xi32>) -> tensor<?xi32> {
      %0 = arith.addi %ids, %ids : tensor<?xi32>
      return %0 : tensor<?xi32>
    })",
                                                   &context);
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) { message = diagnostic.str(); });
  EXPECT_TRUE(mlir::failed(Interpreter(*module, weights).runModel({1}, session)));
  EXPECT_EQ(message, "op 'arith.addi' has no meaning in the interpreter");
}

TEST_F(Interpreted, Quantize) {
  // Halves go to even, NaN to the zero point, what is outside saturates.
  auto result =
      run("tensor<1x2x3xf32>", R"(
    %s = phiq.constant dense<0.5> : tensor<f32>
    %z = phiq.constant dense<3> : tensor<ui8>
    %t = phiq.constant dense<3> : tensor<i8>
    %0 = phiq.map quantize %a, %s, %z : (tensor<1x2x3xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x3xui8>
    %1 = phiq.map quantize %a, %s, %t : (tensor<1x2x3xf32>, tensor<f32>, tensor<i8>) -> tensor<1x2x3xi8>
    %2 = phiq.map dequantize %1, %s, %t : (tensor<1x2x3xi8>, tensor<f32>, tensor<i8>) -> tensor<1x2x3xf32>
    plan.yield %0, %1, %2 : tensor<1x2x3xui8>, tensor<1x2x3xi8>, tensor<1x2x3xf32>)",
          {rows(6, {0.25f, 0.75f, -2, -1000, NAN, 1000})}, "(tensor<1x2x3xui8>, tensor<1x2x3xi8>, tensor<1x2x3xf32>)");
  EXPECT_THAT(result[0].integers, ElementsAre(3, 5, 0, 0, 3, 255));
  EXPECT_THAT(result[1].integers, ElementsAre(3, 5, -1, -128, 3, 127));
  EXPECT_THAT(result[2].values, ElementsAre(0, 1, -2, -65.5f, 0, 62));
}

TEST_F(Interpreted, MultiplyAddRoundsOnce) {
  // (1 + 2^-12)^2 lies between two floats; in double precision, too, the sum would be that.
  auto result = run("tensor<1x2xf32>", R"(
    %z = phiq.constant dense<[0.0, 1.0e-25]> : tensor<2xf32>
    %0 = phiq.map mul_add %a, %a, %z : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
    plan.yield %0 : tensor<1x2xf32>)",
                    {rows(2, {0x1.001p0f, 0x1.001p0f})}, "tensor<1x2xf32>");
  EXPECT_THAT(result[0].values, ElementsAre(0x1.002p0f, 0x1.002002p0f));
}

TEST_F(Interpreted, LookupOfEachCode) {
  // Codes of four bits begin at -8; a code that may be one more or less is as far off as its neighbours' numbers.
  bounds = true;
  Rows q = rows(3, {-8, 0, 7});
  q.integers = {-8, 0, 7};
  q.values = {};
  q.error = {0, 1, 0};
  auto result = run("tensor<3xi4>", R"(
    %t = phiq.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 19, 10, 11, 12, 13, 14, 300]> : tensor<16xi32>
    %0 = phiq.map lookup %a, %t : (tensor<3xi4>, tensor<16xi32>) -> tensor<3xui8>
    plan.yield %0 : tensor<3xui8>)",
                    {q}, "tensor<3xui8>");
  EXPECT_THAT(result[0].integers, ElementsAre(0, 8, 44));
  EXPECT_THAT(result[0].error, ElementsAre(0, 11, 0));
}

TEST_F(Interpreted, ContractionOfAWindow) {
  // Two rows of three pixels, a pad on the left and one below; kernels of 2 x 2: the sum, and the last pixel twice.
  bounds = true;
  Rows x = rows(6, {1, 2, 3, 4, 5, 6});
  x.error = {0, 0, 0, 0, 0.25, 0};
  weights.floats["w"] = {1, 1, 1, 1, 0, 0, 0, 2};
  auto result = run("tensor<1x2x3x1xf32>", weight("%w", "2x4xf32") + R"(
    %0 = phiq.contract %a, %w {kernel = array<i64: 2, 2>, strides = array<i64: 1, 2>, pads = array<i64: 0, 1, 1, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x3x1xf32>, tensor<2x4xf32>) -> tensor<1x2x2x2xf32>
    plan.yield %0 : tensor<1x2x2x2xf32>)",
                    {x}, "tensor<1x2x2x2xf32>");
  EXPECT_THAT(result[0].values, ElementsAre(5, 8, 16, 12, 4, 0, 11, 0));
  EXPECT_NEAR(result[0].error[2], 0.25, 1e-4);
  EXPECT_LT(result[0].error[0], 1e-4);
}

TEST_F(Interpreted, ContractionOfCodes) {
  auto result = run("tensor<2x3xf32>", R"(
    %z = phiq.constant dense<1> : tensor<ui8>
    %zw = phiq.constant dense<[0, -128]> : tensor<2xi8>
    %x = phiq.map cast %a : (tensor<2x3xf32>) -> tensor<2x3xui8>
    %w = phiq.constant dense<[[1, 2, 127], [-128, 0, 1]]> : tensor<2x3xi8>
    %0 = phiq.contract %x, %w zero %z weight_zero %zw : (tensor<2x3xui8>, tensor<2x3xi8>, tensor<ui8>, tensor<2xi8>) -> tensor<2x2xi32>
    plan.yield %0 : tensor<2x2xi32>)",
                    {rows(6, {0, 1, 255, 2, 3, 1})}, "tensor<2x2xi32>");
  EXPECT_THAT(result[0].integers, ElementsAre(-1 + 254 * 127, 254 * 129, 1 + 4, 2 * 128));
}

TEST_F(Interpreted, Reshape) {
  auto result = run("tensor<1x2x3xf32>", R"(
    %0 = phiq.reshape %a : tensor<1x2x3xf32> -> tensor<3x2xf32>
    plan.yield %0 : tensor<3x2xf32>)",
                    {rows(6, {1, 2, 3, 4, 5, 6})}, "tensor<3x2xf32>");
  EXPECT_EQ(result[0].rows, 3);
  EXPECT_THAT(result[0].values, ElementsAre(1, 2, 3, 4, 5, 6));
}

/// What a kernel may store when the operand itself is uncertain: every code that some operand within its bound has.
TEST_F(Interpreted, BoundOfQuantize) {
  bounds = true;
  Rows x = rows(3, {1.4f, 1.4f, 2});
  x.error = {0.05, 0.2, 0};
  auto result = run("tensor<1x3xf32>", R"(
    %s = phiq.constant dense<1.0> : tensor<f32>
    %z = phiq.constant dense<0> : tensor<ui8>
    %0 = phiq.map quantize %a, %s, %z : (tensor<1x3xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x3xui8>
    plan.yield %0 : tensor<1x3xui8>)",
                    {x}, "tensor<1x3xui8>");
  EXPECT_THAT(result[0].integers, ElementsAre(1, 1, 2));
  EXPECT_THAT(result[0].error, ElementsAre(0, 1, 0));
}

TEST_F(Interpreted, WholeModelKeepsItsSession) {
  weights.floats["t"] = {1, 0, 0, 1};
  module = mlir::parseSourceString<mlir::ModuleOp>(R"(
    phiq.cache @kv {heads = 1, head_dim = 2, element = f32}
    func.func @model(%ids: tensor<?xi32>) -> tensor<?x2xf32> {
      )" + weight("%t", "2x2xf32") + R"(
      %x = phiq.embed %ids, %t : tensor<?xi32>, tensor<2x2xf32> -> tensor<?x2xf32>
      phiq.cache_append @kv, %x, %x : tensor<?x2xf32>, tensor<?x2xf32>
      %y = phiq.attend @kv, %x {heads = 1 : i64, scale = 0.0 : f32} : tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    })",
                                                   &context);
  ASSERT_TRUE(module);
  Interpreter interpreter(*module, weights);
  // Scale 0: the running mean of the rows.
  EXPECT_THAT(interpreter.runModel({0, 1}, session)->values, ElementsAre(1, 0, 0.5f, 0.5f));
  EXPECT_THAT(interpreter.runModel({1}, session)->values, ElementsAre(float(1.0 / 3), float(2.0 / 3)));
  EXPECT_EQ(session.past, 3);
  EXPECT_EQ(session.total, 3);
}

} // namespace
