//===- ErrorBoundsTest.cpp - Kernels in f32 stay within bounds -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each op is computed here as a kernel would, in f32 and in more than one order,
// and must stay within the computed bound; a small planted error must not.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/ErrorBounds.h"

#include "dialects/phiq/Numerics.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

#pragma clang fp contract(off)

using namespace phic;

namespace {

/// One matrix or vector of weights, whatever the op asks for.
struct OneWeight : WeightSource {
  std::vector<float> floats;
  std::vector<BlockRow> blocks;
  BlockFormat format;
  int64_t K = 0;

  void dequantizeRows(mlir::Operation *, int64_t n0, int64_t count, float *values) override {
    for (int64_t n = 0; n < count; ++n)
      if (blocks.empty())
        std::copy_n(floats.begin() + (n0 + n) * K, K, values + n * K);
      else
        dequantizeRow(blocks[size_t(n0 + n)], format, values + n * K);
  }
  void readRows(mlir::Operation *, int64_t n0, int64_t count, BlockRow *rows) override {
    std::copy_n(blocks.begin() + n0, count, rows);
  }
};

class ErrorBounds : public testing::Test {
protected:
  ErrorBounds() {
    context.loadDialect<phiq::PhiqDialect, plan::PlanDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect>();
  }

  std::vector<float> normal(int64_t count, float deviation = 1) {
    std::normal_distribution<float> distribution(0, deviation);
    std::vector<float> values(static_cast<size_t>(count));
    for (float &value : values)
      value = distribution(random);
    return values;
  }

  /// The result of the one-op stage `body` of columns K -> N on a row x.
  Rows run(const std::string &body, int64_t K, const std::string &result, Rows x) {
    std::string in = "tensor<?x" + std::to_string(K) + "xf32>";
    std::string text = "phiq.cache @kv {heads = 1, head_dim = " + std::to_string(K) +
                       ", element = f16}\n"
                       "func.func @f(%x: " +
                       in + ") {\n plan.stage \"t\" (%x) : (" + in + ") -> " + result + " {\n ^bb0(%a: " + in + "):\n" +
                       body + "\n plan.yield %0 : " + result + "\n }\n return\n}";
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
    Rows rows;
    module->walk([&](plan::StageOp stage) {
      std::vector<Datum> data(1);
      data[0].rows = std::move(x);
      rows = (*Interpreter(*module, weight, /*bounds=*/true).runStage(stage, std::move(data), session))[0];
    });
    return rows;
  }

  static Rows row(std::vector<float> values) {
    Rows rows(1, int64_t(values.size()));
    rows.values = std::move(values);
    return rows;
  }

  static std::string floatWeight(const std::string &name, const std::string &shape, int64_t count) {
    return name + " = phiq.weight \"w\" layout = \"dense_nk\" [#phiq.range<file = 0, offset = 0, length = " +
           std::to_string(4 * count) + ", hash = 0x0>] : tensor<" + shape + "xf32>\n";
  }

  mlir::MLIRContext context;
  OneWeight weight;
  SessionState session;
  std::mt19937 random{5};
};

TEST_F(ErrorBounds, FloatDotProductsInAnyOrder) {
  constexpr int64_t K = 256;
  weight.floats = normal(K);
  weight.K = K;
  std::vector<float> x = normal(K);
  Rows y = run(floatWeight("%w", "1x256", K) +
                   "%0 = phiq.matmul %a, %w : tensor<?x256xf32>, tensor<1x256xf32> -> tensor<?x1xf32>",
               K, "tensor<?x1xf32>", row(x));
  float ascending = 0, fused = 0, lanes[8] = {};
  for (size_t k = 0; k < K; ++k) {
    ascending += x[k] * weight.floats[k];
    fused = std::fma(x[k], weight.floats[k], fused);
    lanes[k % 8] += x[k] * weight.floats[k];
  }
  float vector = 0;
  for (float lane : lanes)
    vector += lane;
  for (float kernel : {ascending, fused, vector})
    EXPECT_LE(std::fabs(kernel - y.values[0]), y.error[0]);
  // One element of the weight off by a thousandth of its size is caught.
  EXPECT_GT(std::fabs(x[7] * 0.05f), y.error[0]);
  EXPECT_LT(y.error[0], 5e-3);
}

TEST_F(ErrorBounds, IntegerDotProducts) {
  constexpr int64_t K = 128, B = 32;
  weight.K = K;
  weight.format = *BlockFormat::parse("u4, 32, scale = f16, min = f16", nullptr);
  BlockRow codes;
  for (int64_t k = 0; k < K; ++k)
    codes.codes.push_back(int16_t(random() % 16));
  for (int64_t b = 0; b < K / B; ++b) {
    codes.scale.push_back(roundTo(Scalar::F16, 0.01f * float(1 + random() % 100)));
    codes.min.push_back(roundTo(Scalar::F16, -0.02f * float(1 + random() % 100)));
    codes.zero.push_back(0);
  }
  weight.blocks = {codes};
  std::vector<float> x = normal(K);
  Rows y =
      run("%q = phiq.quantize %a : tensor<?x128xf32> -> tensor<?x128x!phiq.block<s8, 32, scale = f32>>\n"
          "%w = phiq.weight \"w\" layout = \"gguf_q4_1\" [#phiq.range<file = 0, offset = 0, length = 80, hash = 0x0>]"
          " : tensor<1x128x!phiq.block<u4, 32, scale = f16, min = f16>>\n"
          "%0 = phiq.matmul %q, %w compute = i8 : tensor<?x128x!phiq.block<s8, 32, scale = f32>>, "
          "tensor<1x128x!phiq.block<u4, 32, scale = f16, min = f16>> -> tensor<?x1xf32>",
          K, "tensor<?x1xf32>", row(x));
  int8_t q[K];
  float scales[K / B], sums[K / B], kernel = 0, planted = 0;
  quantizeRow(x.data(), K, B, q, scales, sums);
  for (size_t b = 0; b < K / B; ++b) {
    int32_t D = 0;
    for (size_t k = b * B; k < (b + 1) * B; ++k)
      D += q[k] * codes.codes[k];
    kernel = std::fma(codes.min[b], sums[b], std::fma(codes.scale[b], scales[b] * float(D), kernel));
    planted = std::fma(codes.min[b], sums[b], std::fma(codes.scale[b], scales[b] * float(D + (b == 1)), planted));
  }
  EXPECT_LE(std::fabs(kernel - y.values[0]), y.error[0]);
  // The quantize in the same stage leaves room for a code at a tie; a stage that reads quantized rows has none.
  Rows exact;
  {
    Rows in(1, K);
    in.block = B;
    for (int64_t k = 0; k < K; ++k) {
      in.codes.push_back(q[k]);
      in.values[size_t(k)] = scales[k / B] * q[k];
    }
    in.scales.assign(scales, scales + K / B);
    auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
      func.func @f(%x: tensor<?x128x!phiq.block<s8, 32, scale = f32>>) {
        plan.stage "t" (%x) : (tensor<?x128x!phiq.block<s8, 32, scale = f32>>) -> tensor<?x1xf32> {
        ^bb0(%q: tensor<?x128x!phiq.block<s8, 32, scale = f32>>):
          %w = phiq.weight "w" layout = "gguf_q4_1" [#phiq.range<file = 0, offset = 0, length = 80, hash = 0x0>]
            : tensor<1x128x!phiq.block<u4, 32, scale = f16, min = f16>>
          %0 = phiq.matmul %q, %w compute = i8 : tensor<?x128x!phiq.block<s8, 32, scale = f32>>,
            tensor<1x128x!phiq.block<u4, 32, scale = f16, min = f16>> -> tensor<?x1xf32>
          plan.yield %0 : tensor<?x1xf32>
        }
        return
      })",
                                                          &context);
    ASSERT_TRUE(module);
    module->walk([&](plan::StageOp stage) {
      std::vector<Datum> data(1);
      data[0].rows = in;
      exact = (*Interpreter(*module, weight, true).runStage(stage, std::move(data), session))[0];
    });
  }
  EXPECT_LE(std::fabs(kernel - exact.values[0]), exact.error[0]);
  EXPECT_GT(std::fabs(planted - exact.values[0]), exact.error[0]) << "an integer sum off by one";
}

TEST_F(ErrorBounds, Norms) {
  constexpr int64_t N = 96;
  weight.floats = normal(N);
  weight.K = N;
  std::vector<float> x = normal(N, 3);
  Rows y = run(floatWeight("%g", "96", N) +
                   "%0 = phiq.rms_norm %a, %g {epsilon = 1.0e-5 : f32} : tensor<?x96xf32>, tensor<96xf32>",
               N, "tensor<?x96xf32>", row(x));
  Rows z = run(
      floatWeight("%g", "96", N) +
          "%0 = phiq.layer_norm %a, %g, %g {epsilon = 1.0e-5 : f32} : tensor<?x96xf32>, tensor<96xf32>, tensor<96xf32>",
      N, "tensor<?x96xf32>", row(x));
  float squares = 0, sum = 0;
  for (float v : x) {
    squares += v * v;
    sum += v;
  }
  float r = 1 / std::sqrt(squares / N + 1e-5f), mu = sum / N;
  float s = 1 / std::sqrt(squares / N - mu * mu + 1e-5f);
  for (size_t j = 0; j < N; ++j) {
    EXPECT_LE(std::fabs(x[j] * r * weight.floats[j] - y.values[j]), y.error[j]);
    EXPECT_LT(y.error[j], 2e-5 * std::fabs(y.values[j]) + 1e-30);
    EXPECT_LE(std::fabs((x[j] - mu) * s * weight.floats[j] + weight.floats[j] - z.values[j]), z.error[j]);
    EXPECT_LT(z.error[j], 1e-3);
  }
}

TEST_F(ErrorBounds, Activations) {
  constexpr int64_t N = 400;
  std::vector<float> x;
  for (int64_t i = 0; i < N; ++i)
    x.push_back(float(i - N / 2) * 0.05f);
  Rows silu = run("%0 = phiq.silu %a : tensor<?x400xf32>", N, "tensor<?x400xf32>", row(x));
  Rows gelu = run("%0 = phiq.gelu %a : tensor<?x400xf32>", N, "tensor<?x400xf32>", row(x));
  Rows tanh = run("%0 = phiq.gelu_tanh %a : tensor<?x400xf32>", N, "tensor<?x400xf32>", row(x));
  for (size_t i = 0; i < N; ++i) {
    float v = x[i], a = 0.79788456f * (v + 0.044715f * v * v * v);
    EXPECT_LE(std::fabs(v / (1 + std::exp(-v)) - silu.values[i]), silu.error[i]) << v;
    EXPECT_LE(std::fabs(v * 0.5f * (1 + std::erf(v * 0.70710678f)) - gelu.values[i]), gelu.error[i]) << v;
    EXPECT_LE(std::fabs(v * 0.5f * (1 + (1 - 2 / (1 + std::exp(2 * a)))) - tanh.values[i]), tanh.error[i]) << v;
    EXPECT_LE(silu.error[i], 1e-6 * std::fabs(v) + 1e-30);
    EXPECT_LE(gelu.error[i], 3e-6 * std::fabs(v) + 1e-30);
  }
}

TEST_F(ErrorBounds, CodesDifferOnlyAtTies) {
  // Scale 1: 10.5 is a tie, 20.25 is far from one.
  Rows x = row({127, 10.5f, 20.25f, -63.5f - 1e-6f});
  x.error = {0, 1e-5, 1e-5, 1e-5};
  Rows q = run("%0 = phiq.quantize %a : tensor<?x4xf32> -> tensor<?x4x!phiq.block<s8, 4, scale = f32>>", 4,
               "tensor<?x4x!phiq.block<s8, 4, scale = f32>>", x);
  EXPECT_EQ(q.leastCodes, (std::vector<int32_t>{127, 10, 20, -64}));
  EXPECT_EQ(q.greatestCodes, (std::vector<int32_t>{127, 11, 20, -63}));
  EXPECT_LT(q.scaleError[0], 1e-6);
}

TEST_F(ErrorBounds, SnappedValuesDifferByAStepOnlyAtTies) {
  // Scale 2: 21 is a tie, 40.5 is far from one, 255 is saturated.
  weight.floats = {2};
  weight.K = 1;
  Rows x = row({21, 40.5f, 300, -127 - 1e-5f});
  x.error = {1e-5, 1e-5, 10, 1e-4};
  Rows y = run(floatWeight("%w", "1", 1) +
                   "%0 = phiq.snap %a, %w {least = -100 : i64, greatest = 100 : i64} : tensor<?x4xf32>, tensor<1xf32>",
               4, "tensor<?x4xf32>", x);
  EXPECT_EQ(y.values, (std::vector<float>{20, 40, 200, -128}));
  EXPECT_NEAR(y.error[0], 2, 1e-4);
  EXPECT_LT(y.error[1], 1e-4);
  EXPECT_LT(y.error[2], 1e-4);
  EXPECT_NEAR(y.error[3], 2, 1e-4);
}

TEST_F(ErrorBounds, StoredHalvesAreMonotone) {
  // 1 + 2^-11 is the tie between 1 and 1 + 2^-10.
  EXPECT_EQ(boundOfStored(Scalar::F16, 1.0f + 0x1p-13f, 1e-6), 0);
  EXPECT_EQ(boundOfStored(Scalar::F16, 1.0f + 0x1p-11f, 1e-6), 0x1p-10);
  EXPECT_EQ(boundOfStored(Scalar::F32, 2, 0), 0);
}

TEST_F(ErrorBounds, OnlineSoftmax) {
  constexpr int64_t d = 16, T = 100;
  CacheState &cache = session.caches["kv"];
  cache.heads = 1;
  cache.headDim = d;
  cache.keys = Rows(T, d);
  cache.values = Rows(T, d);
  cache.keys.values = normal(T * d, 2);
  cache.values.values = normal(T * d);
  session.past = T - 1;
  std::vector<float> q = normal(d, 2);
  Rows y = run("%0 = phiq.attend @kv, %a {heads = 1 : i64, scale = 0.5 : f32} : tensor<?x16xf32>", d,
               "tensor<?x16xf32>", row(q));
  // The order of targets/cpu/kernels/AttendCore.cpp: blocks of 32 keys.
  float most = -1e30f, sum = 0, out[d] = {};
  for (int64_t t0 = 0; t0 < T; t0 += 32) {
    float scores[32], now = most;
    const int64_t count = std::min<int64_t>(32, T - t0);
    for (int64_t t = 0; t < count; ++t) {
      float dot = 0;
      for (int64_t i = 0; i < d; ++i)
        dot = std::fma(q[size_t(i)], cache.keys.row(t0 + t)[i], dot);
      scores[t] = 0.5f * dot;
      now = std::max(now, scores[t]);
    }
    float factor = std::exp(most - now);
    sum *= factor;
    for (float &o : out)
      o *= factor;
    for (int64_t t = 0; t < count; ++t) {
      float e = std::exp(scores[t] - now);
      sum += e;
      for (int64_t i = 0; i < d; ++i)
        out[i] = std::fma(e, cache.values.row(t0 + t)[i], out[i]);
    }
    most = now;
  }
  for (int64_t i = 0; i < d; ++i) {
    EXPECT_LE(std::fabs(out[i] / sum - y.values[size_t(i)]), y.error[size_t(i)]);
    EXPECT_LT(y.error[size_t(i)], 1e-3);
  }
}

} // namespace
