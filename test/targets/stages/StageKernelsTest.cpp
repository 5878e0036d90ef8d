//===- StageKernelsTest.cpp - Every stage against its meaning --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models that differ in weights, activations, caches, heads and rope, run stage by
// stage against the interpreter, and one M class against another, bit by bit.
//===----------------------------------------------------------------------===//
#include "test/targets/stages/ModelRun.h"
#include "gtest/gtest.h"
#include <cstring>

using namespace phic;

namespace phic {
void PrintTo(const ModelShape &shape, std::ostream *os) {
  *os << shape.weights << " act " << nameOf(shape.activations) << " kv " << nameOf(shape.kvCache) << " hidden "
      << shape.hidden << " heads " << shape.heads << "/" << shape.kvHeads << " x " << shape.headDim << shape.attend;
}
} // namespace phic

namespace {

std::vector<int32_t> someTokens(int64_t count, int64_t vocab) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i)
    tokens.push_back(int32_t((i * 37 + 11) % vocab));
  return tokens;
}

/// Each step's rows and M class: every residue of the register tiles, one and several row tiles, then decoding.
constexpr struct {
  MClass mClass;
  int64_t rows;
} kSteps[] = {{MClass::Prefill, 67}, {MClass::Verify, 2},  {MClass::Verify, 3}, {MClass::Verify, 5},
              {MClass::Verify, 8},   {MClass::Prefill, 9}, {MClass::Decode, 1}, {MClass::Prefill, 1}};

class StageKernels : public testing::TestWithParam<ModelShape> {
protected:
  void SetUp() override {
    if (!testedLevel())
      GTEST_SKIP() << "[SKIP] this machine runs no level of the family";
  }
};

/// Every stage of every step lies within its bound.
TEST_P(StageKernels, StayWithinTheirBounds) {
  ModelRun model(GetParam());
  ASSERT_TRUE(model.ok());
  int64_t past = 0;
  std::vector<int32_t> tokens = someTokens(ModelRun::kContext, GetParam().vocab);
  for (auto [mClass, rows] : kSteps) {
    model.step(mClass, llvm::ArrayRef(tokens).slice(past, rows), past, past + rows, rows == 67 ? 64 : 0);
    past += rows;
  }
  EXPECT_LE(model.worst().ratio, 1) << model.worst().where;
  EXPECT_GT(model.worst().ratio, 0) << "nothing was compared";
  EXPECT_TRUE(model.guardsAreWhole());
  RecordProperty("worst", std::to_string(model.worst().ratio) + " of its bound in " + model.worst().where);
}

/// A row's logits are the same bits whether it is decoded or verified, and, where a family says so, prefilled.
TEST_P(StageKernels, DoNotDependOnM) {
  ModelRun model(GetParam());
  ASSERT_TRUE(model.ok());
  model.checks = false;
  const int64_t count = 13, vocab = GetParam().vocab;
  std::vector<int32_t> tokens = someTokens(count, vocab);
  std::vector<float> together = model.step(MClass::Prefill, tokens, 0, count, 0), verified, alone;
  for (int64_t i = 0; i < count; ++i) {
    std::vector<float> row = model.step(MClass::Decode, llvm::ArrayRef(tokens).slice(i, 1), i, count, 0);
    alone.insert(alone.end(), row.begin(), row.end());
  }
  for (int64_t i = 0; i < count; i += 7) {
    std::vector<float> rows =
        model.step(MClass::Verify, llvm::ArrayRef(tokens).slice(i, std::min<int64_t>(7, count - i)), i, count, 0);
    verified.insert(verified.end(), rows.begin(), rows.end());
  }
  EXPECT_EQ(std::memcmp(verified.data(), alone.data(), alone.size() * 4), 0);
  if (prefillIsSame()) {
    EXPECT_EQ(std::memcmp(together.data(), alone.data(), together.size() * 4), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Weights, StageKernels,
                         testing::Values(ModelShape{}, ModelShape{.activations = Activations::F32},
                                         ModelShape{.weights = "u4, 32, scale = f16, min = f16"},
                                         ModelShape{.weights = "u4, 16, scale = f32, zero = u4"},
                                         ModelShape{.weights = "u8, 32, scale = f32, zero = u8"},
                                         ModelShape{.weights = "s8, 32, scale = f16"},
                                         ModelShape{.weights = "u4, 128, scale = f16, zero = 8", .hidden = 192},
                                         ModelShape{.weights = "f16"},
                                         ModelShape{.weights = "f32", .kvCache = CacheFlag::F32}));

INSTANTIATE_TEST_SUITE_P(
    Shapes, StageKernels,
    testing::Values(ModelShape{.vocab = 101, .bias = true}, ModelShape{.packed = false}, ModelShape{.snap = true},
                    ModelShape{.activations = Activations::F32, .snap = true},
                    ModelShape{.hidden = 128, .headDim = 48, .heads = 3, .kvHeads = 1, .rotary = 24},
                    ModelShape{.headDim = 64, .heads = 3, .kvHeads = 3, .rotary = 64, .interleaved = true},
                    ModelShape{.hidden = 64,
                               .headDim = 80,
                               .heads = 2,
                               .kvHeads = 2,
                               .ffn = 40,
                               .rotary = 32,
                               .bias = true,
                               .layerNorm = true},
                    ModelShape{.headDim = 96, .heads = 2, .kvHeads = 1, .rotary = 96, .ropeSwitch = 64},
                    ModelShape{.weights = "u4, 64, scale = f16, zero = f16",
                               .activations = Activations::F32,
                               .vocab = 33,
                               .hidden = 72,
                               .headDim = 24,
                               .heads = 3,
                               .kvHeads = 1,
                               .ffn = 40,
                               .rotary = 8},
                    ModelShape{.attend = ", window = 16 : i64"}, ModelShape{.attend = ", softcap = 5.0 : f32"}));

} // namespace
