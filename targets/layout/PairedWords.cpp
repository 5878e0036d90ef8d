//===- PairedWords.cpp - Bytes that are added in 16 bits -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Words are taken by how hard they are to fit, and each gets the hardest that fits to it.
//===----------------------------------------------------------------------===//
#include "targets/layout/PairedWords.h"
#include <algorithm>
#include <cstring>
#include <tuple>
#include <vector>

namespace phic {
namespace {

constexpr int64_t kColumns = 8, kGroup = 4, kPairs = 2 * kColumns;
constexpr int16_t kMost = 128;

/// Of each pair of bytes in each column, the sum of its positive weights, and of its negative ones.
struct PairSums {
  std::array<int16_t, kPairs> most{}, least{};

  PairSums() = default;
  PairSums(const uint8_t *group, const std::array<int8_t, 4> &order) {
    for (int64_t c = 0; c < kColumns; ++c)
      for (int64_t i = 0; i < kGroup; ++i)
        if (order[size_t(i)] != PairedWord::kNone) {
          const int16_t code = int8_t(group[c * kGroup + order[size_t(i)]]);
          const auto pair = size_t(2 * c + i / 2);
          most[pair] = int16_t(most[pair] + std::max<int16_t>(code, 0));
          least[pair] = int16_t(least[pair] + std::min<int16_t>(code, 0));
        }
  }

  /// The greatest magnitude of a sum with the other's.
  int16_t greatestWith(const PairSums &other) const {
    int16_t greatest = 0;
    for (size_t i = 0; i < kPairs; ++i)
      greatest = std::max({greatest, int16_t(most[i] + other.most[i]), int16_t(-least[i] - other.least[i])});
    return greatest;
  }
};

/// Bytes of a group in the orders that fit.
struct Word {
  Word(const uint8_t *codes, int64_t group, size_t firstOrder, size_t endOrder) : group(uint8_t(group)) {
    for (size_t order = firstOrder; order < endOrder; ++order) {
      const PairSums sums(codes + group * kColumns * kGroup, PairedWord::kOrders[order]);
      const int16_t greatest = sums.greatestWith({});
      if (greatest > kMost)
        continue;
      orders.emplace_back(uint8_t(order), sums);
      hardness = std::min(hardness, greatest);
    }
  }

  uint8_t group;
  std::vector<std::pair<uint8_t, PairSums>> orders;
  int16_t hardness = kMost + 1;
};

/// The hardest to fit first.
std::vector<Word> wordsOf(const uint8_t *codes, int64_t groups) {
  std::vector<Word> words;
  for (int64_t group = 0; group < groups; ++group) {
    words.emplace_back(codes, group, 0, PairedWord::kWhole);
    if (!words.back().orders.empty())
      continue;
    words.pop_back();
    for (size_t half = PairedWord::kWhole; half < PairedWord::kOrders.size(); ++half)
      words.emplace_back(codes, group, half, half + 1);
  }
  auto place = [](const Word &word) { return std::tuple(-word.hardness, word.group, word.orders.front().first); };
  std::sort(words.begin(), words.end(), [&](const Word &a, const Word &b) { return place(a) < place(b); });
  return words;
}

/// Orders of both in which they fit.
bool fit(const Word &a, const Word &b, uint8_t &orderOfA, uint8_t &orderOfB) {
  for (const auto &[first, sumsOfA] : a.orders)
    for (const auto &[second, sumsOfB] : b.orders)
      if (sumsOfA.greatestWith(sumsOfB) <= kMost) {
        orderOfA = first;
        orderOfB = second;
        return true;
      }
  return false;
}

/// Words of a block: pairs, and others.
struct Pairing {
  std::vector<PairedWord> paired, alone;
};

Pairing pairBlock(const uint8_t *codes, int64_t groups) {
  std::vector<Word> words = wordsOf(codes, groups);
  std::vector<bool> isTaken(words.size());
  Pairing result;
  for (size_t i = 0; i < words.size(); ++i) {
    if (isTaken[i])
      continue;
    PairedWord first{words[i].group, words[i].orders.front().first}, second{};
    size_t j = i + 1;
    while (j < words.size() && (isTaken[j] || !fit(words[i], words[j], first.order, second.order)))
      ++j;
    if (j == words.size()) {
      result.alone.push_back(first);
      continue;
    }
    isTaken[j] = true;
    second.group = words[j].group;
    result.paired.insert(result.paired.end(), {first, second});
  }
  return result;
}

} // namespace

void PairedWord::pack(const uint8_t *codes, int64_t groups, uint8_t *out) {
  for (int64_t first = 0; first < groups; first += kGroups, out += kBlockBytes) {
    const Pairing words = pairBlock(codes + first * kColumns * kGroup, std::min(kGroups, groups - first));
    const uint16_t counts[] = {uint16_t(words.paired.size()), uint16_t(words.alone.size())};
    std::memcpy(out, counts, sizeof counts);
    uint8_t *to = out + sizeof counts;
    for (const std::vector<PairedWord> *list : {&words.paired, &words.alone})
      for (const PairedWord &word : *list) {
        *to++ = word.group;
        *to++ = word.order;
      }
  }
}

} // namespace phic
