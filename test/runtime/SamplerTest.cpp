//===- SamplerTest.cpp - From logits to a token ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Sampler.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

using namespace phi;

namespace {

class Sampling {
public:
  Sampling(int64_t vocab, SamplerOptions options) {
    Layout layout;
    layoutSampler(&sampler, &layout, vocab, options);
    memory.resize(layout.size + 64);
    layout = {};
    layout.base = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64);
    layoutSampler(&sampler, &layout, vocab, options);
  }
  int32_t next(std::vector<float> logits) { return sample(&sampler, logits.data()); }
  std::map<int32_t, double> frequencies(const std::vector<float> &logits, int count) {
    std::map<int32_t, double> seen;
    for (int i = 0; i < count; ++i)
      seen[next(logits)] += 1.0 / count;
    return seen;
  }
  Sampler sampler = {};

private:
  std::vector<uint8_t> memory;
};

constexpr SamplerOptions kPlain = {/*temperature=*/1,       /*topP=*/1, /*minP=*/0, /*topK=*/0,
                                   /*repetitionPenalty=*/1, /*seed=*/7};

/// Logits with these probabilities.
std::vector<float> logitsOf(std::initializer_list<double> probabilities) {
  std::vector<float> logits;
  for (double p : probabilities)
    logits.push_back(float(std::log(p)) + 3);
  return logits;
}

SamplerOptions with(SamplerOptions options, double SamplerOptions::*field, double value) {
  options.*field = value;
  return options;
}

TEST(Sampler, ExpIsExact) {
  for (double x = 0; x > -700; x -= 0.37)
    EXPECT_NEAR(expNegative(x) / std::exp(x), 1, 1e-10) << x;
  EXPECT_EQ(expNegative(-1e9), 0);
  EXPECT_EQ(expNegative(0), 1);
}

TEST(Sampler, RandomNumbersAreSplitmix64s) {
  // The published first outputs for seed 1234567.
  uint64_t state = 1234567;
  EXPECT_EQ(nextRandom(&state), 6457827717110365317u);
  EXPECT_EQ(nextRandom(&state), 3203168211198807973u);
}

TEST(Sampler, GreedyTakesTheFirstOfTheLargest) {
  Sampling sampling(9, with(kPlain, &SamplerOptions::temperature, 0));
  EXPECT_EQ(sampling.next({0, 1, 5, -3, 2, 5, 5, 0, 4}), 2);
  EXPECT_EQ(sampling.next({0, 1, 5, -3, 2, 5, 5, 0, 6}), 8);
  EXPECT_EQ(sampling.next(std::vector<float>(9, -std::numeric_limits<float>::infinity())), 0);
  EXPECT_EQ(sampling.next(std::vector<float>(9, std::nanf(""))), 0);
}

TEST(Sampler, DrawsByProbability) {
  Sampling sampling(4, kPlain);
  auto seen = sampling.frequencies(logitsOf({0.5, 0.3, 0.15, 0.05}), 20000);
  EXPECT_NEAR(seen[0], 0.5, 0.02);
  EXPECT_NEAR(seen[1], 0.3, 0.02);
  EXPECT_NEAR(seen[2], 0.15, 0.02);
  EXPECT_NEAR(seen[3], 0.05, 0.01);
}

TEST(Sampler, TemperatureSharpens) {
  Sampling sampling(2, with(kPlain, &SamplerOptions::temperature, 0.5));
  auto seen = sampling.frequencies(logitsOf({0.6, 0.4}), 20000);
  EXPECT_NEAR(seen[0], 0.36 / (0.36 + 0.16), 0.02);
}

// What a temperature, a logit or both have of infinity: the largest are what is left, equally likely.
TEST(Sampler, InfinityIsNotTheLastId) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();
  for (double temperature : {1e-310, 1e-300, 1.0, 1e300})
    for (SamplerOptions options :
         {kPlain, with(kPlain, &SamplerOptions::topP, 0.9), with(kPlain, &SamplerOptions::minP, 0.1)})
      for (int64_t topK : {0, 2}) {
        options.temperature = temperature;
        options.topK = topK;
        Sampling sampling(4, options);
        EXPECT_EQ(sampling.next({1, kInfinity, 2, 3}), 1) << temperature;
        EXPECT_EQ(sampling.next({-kInfinity, -kInfinity, 2, -kInfinity}), 2) << temperature;
        EXPECT_EQ(sampling.next({kNaN, kNaN, 2, kNaN}), 2) << temperature;
        EXPECT_EQ(sampling.next({kNaN, kNaN, kNaN, kNaN}), 0) << temperature;
        if (temperature < 1e-200)
          EXPECT_EQ(sampling.next({1, 50, 2, 3}), 1) << temperature;
      }
  Sampling two(4, kPlain);
  auto seen = two.frequencies({kInfinity, 0, kInfinity, 1}, 1000);
  EXPECT_NEAR(seen[0], 0.5, 0.06);
  EXPECT_NEAR(seen[2], 0.5, 0.06);
}

TEST(Sampler, TopKKeepsTheBestK) {
  SamplerOptions options = kPlain;
  options.topK = 2;
  Sampling sampling(5, options);
  auto seen = sampling.frequencies(logitsOf({0.1, 0.4, 0.1, 0.2, 0.2}), 20000);
  EXPECT_EQ(seen.size(), 2u);  // of the two equals the lower id
  EXPECT_NEAR(seen[1], 2.0 / 3, 0.02);
  EXPECT_NEAR(seen[3], 1.0 / 3, 0.02);
}

TEST(Sampler, TopPKeepsTheShortestPrefix) {
  Sampling sampling(5, with(kPlain, &SamplerOptions::topP, 0.75));
  auto seen = sampling.frequencies(logitsOf({0.05, 0.5, 0.1, 0.3, 0.05}), 20000);
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_NEAR(seen[1], 0.5 / 0.8, 0.02);
  Sampling one(5, with(kPlain, &SamplerOptions::topP, 0));
  EXPECT_EQ(one.frequencies(logitsOf({0.05, 0.5, 0.1, 0.3, 0.05}), 100).size(), 1u);
}

TEST(Sampler, TopPCountsWithinTopK) {
  SamplerOptions options = with(kPlain, &SamplerOptions::topP, 0.6);
  options.topK = 3;
  Sampling sampling(5, options);
  // Of the best three 0.4, 0.3, 0.2 the first is 0.44 of their sum, two are 0.78.
  EXPECT_EQ(sampling.frequencies(logitsOf({0.05, 0.4, 0.05, 0.2, 0.3}), 2000).size(), 2u);
}

TEST(Sampler, MinPIsRelativeToTheBest) {
  Sampling sampling(4, with(kPlain, &SamplerOptions::minP, 0.25));
  auto seen = sampling.frequencies(logitsOf({0.6, 0.2, 0.14, 0.06}), 2000);
  EXPECT_EQ(seen.size(), 2u);
}

TEST(Sampler, PenaltyMakesRepetitionLessLikely) {
  SamplerOptions options = with(kPlain, &SamplerOptions::temperature, 0);
  options.repetitionPenalty = 2;
  Sampling sampling(4, options);
  EXPECT_EQ(sampling.next({1, 3, 2, -1}), 1);
  EXPECT_EQ(sampling.next({1, 3, 2, -1}), 2);  // 3 / 2 < 2
  int32_t prompt[] = {3};
  noteTokens(&sampling.sampler, prompt, 1);
  EXPECT_EQ(sampling.next({-3, -4, -5, -1}), 3);  // -1 * 2
}

/// A plain sort and sum, to hold the heaps against.
std::vector<int32_t> sortedPrefix(const std::vector<float> &logits, double topP) {
  std::vector<int32_t> ids(logits.size());
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = int32_t(i);
  std::sort(ids.begin(), ids.end(),
            [&](int32_t a, int32_t b) { return logits[a] > logits[b] || (logits[a] == logits[b] && a < b); });
  double total = 0, sum = 0;
  for (float logit : logits)
    total += std::exp(double(logit) - logits[ids[0]]);
  size_t count = 0;
  while (count < ids.size() && sum < topP * total)
    sum += std::exp(double(logits[ids[count++]]) - logits[ids[0]]);
  ids.resize(std::max<size_t>(count, 1));
  std::sort(ids.begin(), ids.end());
  return ids;
}

TEST(Sampler, TopPAgreesWithASort) {
  std::vector<float> logits(300);
  uint64_t random = 3;
  for (float &logit : logits)
    logit = float(nextRandom(&random) % 1000) / 100;
  for (double topP : {0.1, 0.5, 0.9}) {
    Sampling sampling(300, with(kPlain, &SamplerOptions::topP, topP));
    auto seen = sampling.frequencies(logits, 5000);
    std::vector<int32_t> allowed = sortedPrefix(logits, topP);
    for (auto &[id, frequency] : seen)
      EXPECT_TRUE(std::binary_search(allowed.begin(), allowed.end(), id)) << id << " at " << topP;
    // The least likely of few is drawn sooner or later.
    if (allowed.size() < 20) {
      EXPECT_EQ(seen.size(), allowed.size());
    }
  }
}

TEST(Sampler, TheSameSeedGivesTheSameTokens) {
  std::vector<float> logits(50, 0.0f);
  Sampling a(50, kPlain), b(50, kPlain);
  SamplerOptions other = kPlain;
  other.seed = 8;
  Sampling c(50, other);
  std::vector<int32_t> first, second, third;
  for (int i = 0; i < 40; ++i) {
    first.push_back(a.next(logits));
    second.push_back(b.next(logits));
    third.push_back(c.next(logits));
  }
  EXPECT_EQ(first, second);
  EXPECT_NE(first, third);
}

} // namespace
