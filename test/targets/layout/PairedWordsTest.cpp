//===- PairedWordsTest.cpp - Bytes that are added in 16 bits ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every weight is in exactly one word, and what is added in 16 bits fits, however wide weights are spread.
//===----------------------------------------------------------------------===//
#include "targets/layout/PairedWords.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

using namespace phic;

namespace {

constexpr int64_t kColumns = 8, kGroup = 4;

/// Codes [groups][8][4] of a normal distribution of that width.
std::vector<uint8_t> drawCodes(int64_t groups, float width) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, width);
  std::vector<uint8_t> codes(groups * kColumns * kGroup);
  for (uint8_t &code : codes)
    code = uint8_t(int8_t(std::clamp(std::round(normal(random)), -128.0f, 127.0f)));
  return codes;
}

/// The words of one block, and how many of them are paired.
std::vector<PairedWord> wordsOf(const uint8_t *list, size_t &paired) {
  uint16_t counts[2];
  std::memcpy(counts, list, sizeof counts);
  paired = counts[0];
  std::vector<PairedWord> words;
  for (int64_t i = 0; i < counts[0] + counts[1]; ++i)
    words.push_back({.group = list[4 + 2 * i], .order = list[5 + 2 * i]});
  return words;
}

/// The sums of a word's pairs of bytes, times 255, that are positive and negative.
struct Sums {
  int32_t most[2 * kColumns] = {}, least[2 * kColumns] = {};

  void add(const uint8_t *codes, const PairedWord &word, std::vector<int> &seen) {
    for (int64_t c = 0; c < kColumns; ++c)
      for (int64_t i = 0; i < kGroup; ++i)
        if (const int8_t element = PairedWord::kOrders[word.order][i]; element != PairedWord::kNone) {
          const int64_t at = (word.group * kColumns + c) * kGroup + element;
          const int32_t product = 255 * int8_t(codes[at]);
          (product > 0 ? most : least)[2 * c + i / 2] += product;
          ++seen[at];
        }
  }
};

void check(const std::vector<uint8_t> &codes, const uint8_t *list, int64_t groups) {
  std::vector<int> seen(groups * kColumns * kGroup);
  size_t paired;
  const std::vector<PairedWord> words = wordsOf(list, paired);
  ASSERT_EQ(paired % 2, 0);
  for (size_t i = 0; i < words.size(); ++i) {
    Sums sums;
    sums.add(codes.data(), words[i], seen);
    if (i < paired)
      sums.add(codes.data(), words[++i], seen);
    for (int64_t pair = 0; pair < 2 * kColumns; ++pair) {
      ASSERT_LE(sums.most[pair], INT16_MAX);
      ASSERT_GE(sums.least[pair], INT16_MIN);
    }
  }
  EXPECT_EQ(seen, std::vector<int>(seen.size(), 1));
}

TEST(PairedWords, HoldEveryWeightOnceAndFitInto16Bits) {
  const int64_t groups = PairedWord::kGroups + 37;
  for (float width : {1.0f, 20.0f, 40.0f, 80.0f, 500.0f}) {
    SCOPED_TRACE(width);
    const std::vector<uint8_t> codes = drawCodes(groups, width);
    std::vector<uint8_t> list(PairedWord::bytes(groups), 0xa5);
    PairedWord::pack(codes.data(), groups, list.data());
    EXPECT_EQ(list[list.size() - PairedWord::kSlack], 0xa5);
    check(codes, list.data(), PairedWord::kGroups);
    check({codes.begin() + PairedWord::kGroups * kColumns * kGroup, codes.end()}, list.data() + PairedWord::kBlockBytes,
          groups - PairedWord::kGroups);
  }
}

/// Weights of trained models are about this wide: hardly a word is alone, or half a group.
TEST(PairedWords, AreFewOfUsualWeights) {
  const int64_t groups = 96;
  std::vector<uint8_t> list(PairedWord::bytes(groups));
  PairedWord::pack(drawCodes(groups, 30).data(), groups, list.data());
  size_t paired;
  const size_t words = wordsOf(list.data(), paired).size();
  EXPECT_LE(words, groups + 10);
  EXPECT_LE(words - paired, 6);
}

} // namespace
