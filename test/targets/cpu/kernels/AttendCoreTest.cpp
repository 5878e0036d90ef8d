//===- AttendCoreTest.cpp - Attention against its definition ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Head dims, caches, windows and softcap against softmax in double precision; a
// row's bits must not depend on how many rows are computed with it.
//===----------------------------------------------------------------------===//
#include "AttendFunction.h"
#include "KernelJit.h"
#include "dialects/phiq/Numerics.h"
#include "gtest/gtest.h"
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <random>

using namespace phic;
using namespace mlir;

namespace {

/// One head's cache in the kernel's order and queries for `rows` rows at `position`.
struct Problem {
  AttendShape shape;
  int64_t context, position;
  std::vector<float> queries, keys, values;    ///< [rows][d], [context][d] rounded to the cache's type
  std::vector<uint8_t> packedKeys, packedValues;

  void make() {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    const int64_t d = shape.headDim, size = shape.halfCache ? 2 : 4;
    auto draw = [&] { return roundTo(shape.halfCache ? Scalar::F16 : Scalar::F32, normal(random)); };
    for (int64_t i = 0; i < shape.rows * d; ++i)
      queries.push_back(normal(random));
    packedKeys.resize(context * d * size);
    packedValues.resize(context * d * size);
    for (int64_t t = 0; t < context; ++t)
      for (int64_t j = 0; j < d; ++j) {
        keys.push_back(draw());
        values.push_back(draw());
        store(keys.back(), packedKeys, (t / 8 * d + j) * 8 + t % 8);
        store(values.back(), packedValues, t * d + j);
      }
  }
  void store(float value, std::vector<uint8_t> &out, int64_t index) const {
    uint16_t half = floatToHalf(value);
    shape.halfCache ? std::memcpy(&out[index * 2], &half, 2) : std::memcpy(&out[index * 4], &value, 4);
  }
};

/// The definition, with the largest score error allowed to shift each weight: |exact - computed| per element is
/// at most sum_t e[t] |v| * (2 * error of a score + 2^-20).
void checkRow(const Problem &problem, int64_t r, const float *out) {
  const AttendShape &shape = problem.shape;
  const int64_t d = shape.headDim, p = problem.position + r;
  const int64_t first = shape.window ? std::max<int64_t>(0, p - *shape.window + 1) : 0;
  std::vector<double> weights;
  double most = -INFINITY, total = 0, scoreError = 0;
  for (int64_t t = first; t <= p; ++t) {
    double dot = 0, magnitude = 0;
    for (int64_t j = 0; j < d; ++j) {
      double product = double(problem.queries[r * d + j]) * problem.keys[t * d + j];
      dot += product;
      magnitude += std::abs(product);
    }
    double s = dot * shape.scale;
    scoreError = std::max(scoreError, magnitude * std::abs(shape.scale) * (d + 2) * 0x1p-24);
    if (shape.softcap) {
      s = *shape.softcap * std::tanh(s / *shape.softcap);
      scoreError += *shape.softcap * 0x1p-21;
    }
    weights.push_back(s);
    most = std::max(most, s);
  }
  for (double &weight : weights)
    total += weight = std::exp(weight - most);
  for (int64_t j = 0; j < d; ++j) {
    double exact = 0, magnitude = 0;
    for (int64_t t = first; t <= p; ++t) {
      double term = weights[t - first] / total * problem.values[t * d + j];
      exact += term;
      magnitude += std::abs(term);
    }
    ASSERT_LE(std::abs(out[j] - exact), magnitude * (2 * scoreError + (p + 8) * 0x1p-23))
        << "row " << r << " column " << j;
  }
}

/// Vectors of 16 lanes, which any machine runs in parts, give the same bits.
void checkWide(const Problem &problem, const std::vector<float> &expected) {
  AttendShape shape = problem.shape;
  shape.lanes = 16;
  std::unique_ptr<MLIRContext> context = makeKernelContext();
  OwningOpRef<ModuleOp> module = emitAttendFunction(*context, shape);
  KernelJit jit(*module, defaultCpuLevel());
  ASSERT_TRUE(jit.ok());
  std::vector<float> wide(expected.size());
  std::vector<uint8_t> scratch(shape.scratchBytes());
  jit.get<AttendFunction>("attend")(problem.queries.data(), problem.packedKeys.data(), problem.packedValues.data(),
                                    wide.data(), shape.rows, problem.position, scratch.data());
  EXPECT_EQ(std::memcmp(wide.data(), expected.data(), wide.size() * 4), 0) << "the number of lanes changes the result";
}

void checkAttend(AttendShape shape, int64_t context, int64_t position) {
  SCOPED_TRACE("d " + std::to_string(shape.headDim) + " rows " + std::to_string(shape.rows) + " position " +
               std::to_string(position));
  shape.queryRowBytes = shape.outRowBytes = shape.headDim * 4;
  Problem problem{shape, context, position, {}, {}, {}, {}, {}};
  problem.make();
  std::unique_ptr<MLIRContext> context_ = makeKernelContext();
  OwningOpRef<ModuleOp> module = emitAttendFunction(*context_, shape);
  KernelJit jit(*module, defaultCpuLevel());
  ASSERT_TRUE(jit.ok());
  AttendFunction *core = jit.get<AttendFunction>("attend");
  const int64_t d = shape.headDim;
  std::vector<float> together(shape.rows * d), alone(d);
  std::vector<uint8_t> scratch(shape.scratchBytes());
  core(problem.queries.data(), problem.packedKeys.data(), problem.packedValues.data(), together.data(), shape.rows,
       position, scratch.data());
  for (int64_t r = 0; r < shape.rows; ++r) {
    checkRow(problem, r, &together[r * d]);
    core(&problem.queries[r * d], problem.packedKeys.data(), problem.packedValues.data(), alone.data(), 1, position + r,
         scratch.data());
    EXPECT_EQ(std::memcmp(alone.data(), &together[r * d], d * 4), 0) << "row " << r << " depends on the rows beside it";
  }
  if (d % 16 == 0)
    checkWide(problem, together);
}

/// Heads that share a cache give the bits that each gives alone.
void checkTogether(int64_t heads, int64_t headDim, int64_t lanes, int64_t position) {
  SCOPED_TRACE(std::to_string(heads) + " heads, d " + std::to_string(headDim) + " lanes " + std::to_string(lanes) +
               " position " + std::to_string(position));
  AttendShape shape{.headDim = headDim,
                    .scale = 0.1f,
                    .queryRowBytes = headDim * 4,
                    .outRowBytes = headDim * 4,
                    .rows = heads,
                    .lanes = lanes};
  Problem problem{shape, 256, position, {}, {}, {}, {}, {}};
  problem.make();
  std::vector<std::vector<float>> results;
  for (bool onePosition : {false, true}) {
    shape.onePosition = onePosition;
    std::unique_ptr<MLIRContext> context = makeKernelContext();
    OwningOpRef<ModuleOp> module = emitAttendFunction(*context, shape);
    KernelJit jit(*module, defaultCpuLevel());
    ASSERT_TRUE(jit.ok());
    std::vector<uint8_t> scratch(shape.scratchBytes());
    std::vector<float> &out = results.emplace_back(heads * headDim);
    for (int64_t r = 0; r < (onePosition ? 1 : heads); ++r)
      jit.get<AttendFunction>("attend")(&problem.queries[r * headDim], problem.packedKeys.data(),
                                        problem.packedValues.data(), &out[r * headDim], 1, position, scratch.data());
  }
  EXPECT_EQ(std::memcmp(results[0].data(), results[1].data(), heads * headDim * 4), 0);
}

class AttendCore : public testing::Test {
protected:
  void SetUp() override {
    if (!canRunHere(defaultCpuLevel()))
      GTEST_SKIP() << "[SKIP] this machine does not run " << defaultCpuLevel().name;
  }
};

TEST_F(AttendCore, HeadDims) {
  for (int64_t d : {8, 16, 48, 64, 80, 96, 128})
    checkAttend({.headDim = d, .scale = 1 / std::sqrt(float(d)), .rows = 9}, 128, 70);
}

TEST_F(AttendCore, Positions) {
  for (int64_t position : {0, 1, 7, 8, 31, 32, 63, 90})
    checkAttend({.headDim = 16, .scale = 0.25f, .rows = 5}, 96, position);
}

TEST_F(AttendCore, HeadsOfOnePosition) {
  for (int64_t heads : {1, 2, 3, 4, 7})
    for (int64_t lanes : {8, 16})
      for (int64_t position : {0, 31, 150})
        checkTogether(heads, /*headDim=*/48, lanes, position);
}

TEST_F(AttendCore, FloatCache) { checkAttend({.headDim = 48, .halfCache = false, .scale = 0.2f, .rows = 7}, 96, 50); }

TEST_F(AttendCore, Windows) {
  for (int64_t window : {1, 16, 33})
    checkAttend({.headDim = 16, .scale = 0.25f, .window = window, .rows = 9}, 128, 60);
}

TEST_F(AttendCore, Softcap) { checkAttend({.headDim = 64, .scale = 0.5f, .softcap = 3.0f, .rows = 6}, 96, 40); }

TEST_F(AttendCore, SharpScores) { checkAttend({.headDim = 64, .scale = 20.0f, .rows = 6}, 96, 40); }

/// A key that is not finite makes those rows NaN that see it, wherever it lies, and no other.
void checkNonFinite(float bad, int64_t at, std::optional<float> softcap) {
  SCOPED_TRACE(std::to_string(bad) + " in key " + std::to_string(at));
  constexpr int64_t kDim = 16, kRows = 40, kPosition = 30;
  AttendShape shape{.headDim = kDim,
                    .scale = 0.25f,
                    .softcap = softcap,
                    .queryRowBytes = kDim * 4,
                    .outRowBytes = kDim * 4,
                    .rows = kRows};
  Problem problem{shape, 96, kPosition, {}, {}, {}, {}, {}};
  problem.make();
  for (int64_t j = 0; j < kDim; ++j) // two of either sign: a sum of infinities is NaN too
    problem.store(j % 2 ? bad : -bad, problem.packedKeys, (at / 8 * kDim + j) * 8 + at % 8);
  std::unique_ptr<MLIRContext> context = makeKernelContext();
  OwningOpRef<ModuleOp> module = emitAttendFunction(*context, shape);
  KernelJit jit(*module, defaultCpuLevel());
  ASSERT_TRUE(jit.ok());
  std::vector<float> out(kRows * kDim);
  std::vector<uint8_t> scratch(shape.scratchBytes());
  jit.get<AttendFunction>("attend")(problem.queries.data(), problem.packedKeys.data(), problem.packedValues.data(),
                                    out.data(), kRows, kPosition, scratch.data());
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t j = 0; j < kDim; ++j)
      ASSERT_EQ(std::isnan(out[r * kDim + j]), kPosition + r >= at) << "row " << r;
}

TEST_F(AttendCore, WhatIsNotFiniteShows) {
  for (int64_t at : {0, 5, 31, 32, 47, 69})
    for (float bad : {NAN, INFINITY})
      checkNonFinite(bad, at, std::nullopt);
  checkNonFinite(NAN, 40, 3.0f);
}

/// The relative error that KernelBuilder::expNegative states.
TEST_F(AttendCore, Exponential) {
  std::unique_ptr<MLIRContext> context = makeKernelContext();
  Location loc = UnknownLoc::get(context.get());
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  KernelBuilder b(loc, context.get());
  auto function = beginFunction(b, *module->getBody(), "exponential", {b.ptrType()}, LLVM::Linkage::External);
  Value pointer = function.getBody().front().getArgument(0);
  b.store(b.expNegative(b.load(b.vec(8, b.getF32Type()), pointer)), pointer);
  LLVM::ReturnOp::create(b, ValueRange{});
  KernelJit jit(*module, defaultCpuLevel());
  ASSERT_TRUE(jit.ok());
  auto *exponential = jit.get<void(float *)>("exponential");
  double worst = 0;
  // Every 997th float of [-86, -2^-30].
  for (uint32_t bits = std::bit_cast<uint32_t>(-0x1p-30f); bits + 8 * 997 < std::bit_cast<uint32_t>(-86.0f);
       bits += 8 * 997) {
    float x[8], y[8];
    for (int i = 0; i < 8; ++i)
      y[i] = x[i] = std::bit_cast<float>(bits + 997 * i);
    exponential(y);
    for (int i = 0; i < 8; ++i)
      worst = std::max(worst, std::abs(y[i] / std::exp(double(x[i])) - 1));
  }
  EXPECT_LE(worst, 0x1p-22);
  RecordProperty("worst", std::to_string(worst / 0x1p-24) + " * 2^-24");
  float special[8] = {0, -0.0f, -1000, -INFINITY, -86, 0, 0, 0};
  exponential(special);
  EXPECT_EQ(special[0], 1);
  EXPECT_EQ(special[1], 1);
  EXPECT_LE(special[3], 1e-37f);
}

} // namespace
