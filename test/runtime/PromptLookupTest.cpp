//===- PromptLookupTest.cpp - Guesses change the time, not the text ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/PromptLookup.h"
#include "FakeModel.h"
#include "runtime/Os.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <algorithm>

using namespace phi;
using testing::ElementsAre;
using testing::IsEmpty;

namespace {

std::vector<int32_t> guessed(const std::vector<int32_t> &tokens, int64_t room) {
  std::vector<int32_t> guesses(kMostGuesses);
  guesses.resize(guess(tokens.data(), int64_t(tokens.size()), guesses.data(), room));
  return guesses;
}

TEST(PromptLookup, WhatFollowedBeforeIsGuessed) {
  EXPECT_THAT(guessed({1, 2, 3, 4, 5, 1, 2}, 7), ElementsAre(3, 4, 5, 1, 2));
  EXPECT_THAT(guessed({1, 2, 3, 4, 5, 1, 2}, 2), ElementsAre(3, 4));
  EXPECT_THAT(guessed({1, 2, 3, 4, 5, 1, 2}, 0), IsEmpty());
}

TEST(PromptLookup, OneTokenAloneIsNoMatch) {
  EXPECT_THAT(guessed({1, 2, 3, 1}, 7), IsEmpty());
  EXPECT_THAT(guessed({7}, 7), IsEmpty());
  EXPECT_THAT(guessed({7, 7}, 7), IsEmpty());
}

TEST(PromptLookup, TheLongestMatchThenTheLastCounts) {
  EXPECT_THAT(guessed({9, 1, 2, 3, 8, 1, 2, 4, 9, 1, 2}, 1), ElementsAre(3));
  EXPECT_THAT(guessed({1, 2, 3, 1, 2, 4, 1, 2}, 1), ElementsAre(4));
}

class Decoding : public testing::Test {
protected:
  /// The tokens after `prompt` until the context is full.
  std::vector<int32_t> decode(int64_t most, int64_t context, std::vector<int32_t> prompt) {
    phi_model model = fake::model();
    LoadedCode code = fake::loaded(model);
    Session session = {};
    Layout layout;
    SessionOptions options{context, 1, most + 1, {}};
    layoutSession(&session, &layout, code, options);
    uint64_t bytes = layout.size;
    layout = {};
    layout.base = os::reserve(bytes);
    uint8_t *memory = layout.base;
    layoutSession(&session, &layout, code, options);
    EXPECT_EQ(startSession(&session), PHI_OK);
    fake::steps.clear();
    lookup = {};
    lookup.most = lookup.reach = most;
    EXPECT_EQ(append(&session, prompt.data(), int64_t(prompt.size()), nullptr), Advance::Done);
    std::vector<int32_t> tokens{best(session, 0)};
    while (knownLength(lookup, session) < context) {
      EXPECT_EQ(appendGuessing(&lookup, &session, tokens.back()), Advance::Done);
      EXPECT_LE(session.length, context);
      tokens.push_back(best(session, lookup.right));
    }
    forgetGuesses(&lookup, &session);
    EXPECT_EQ(session.length, int64_t(prompt.size() + tokens.size() - 1));
    std::vector<int32_t> all = prompt;
    all.insert(all.end(), tokens.begin(), tokens.end() - 1);
    EXPECT_TRUE(std::equal(all.begin(), all.end(), tokensOf(session)));
    stopSession(&session);
    os::release(memory, bytes);
    return tokens;
  }

  static int32_t best(const Session &session, int64_t row) {
    const float *logits = session.logits + row * fake::kVocab;
    return int32_t(std::max_element(logits, logits + fake::kVocab) - logits);
  }

  PromptLookup lookup = {};
};

// The model's tokens double modulo 97, so they repeat themselves after 48.
TEST_F(Decoding, GuessesChangeNothing) {
  std::vector<int32_t> plain = decode(0, 200, {3, 5, 8});
  size_t steps = fake::steps.size();
  EXPECT_EQ(lookup.guessed, 0);
  for (int64_t most = 1; most <= kMostGuesses; ++most) {
    EXPECT_EQ(decode(most, 200, {3, 5, 8}), plain);
    EXPECT_GT(lookup.confirmed, 50);
    EXPECT_LT(fake::steps.size(), steps - 50);
  }
}

TEST_F(Decoding, WrongGuessesChangeNothingEither) {
  std::vector<int32_t> misleading = {6, 12, 50, 24, 48, 51, 6, 12, 24, 7, 24, 48, 9, 3};
  std::vector<int32_t> plain = decode(0, 90, misleading);
  EXPECT_EQ(decode(7, 90, misleading), plain);
  EXPECT_GT(lookup.guessed, lookup.confirmed);
}

// The fake model has another RoPE table from 41 tokens on.
TEST_F(Decoding, NoGuessCrossesTheLongRopeTable) {
  std::vector<int32_t> repeating;
  for (int i = 0; i < 12; ++i)
    repeating.insert(repeating.end(), {1, 2, 3});
  std::vector<int32_t> plain = decode(0, 60, repeating);
  EXPECT_EQ(decode(7, 60, repeating), plain);
  EXPECT_GT(lookup.guessed, 0);
  for (const fake::Step &step : fake::steps)
    EXPECT_TRUE(step.entry != 'v' || step.total <= 40 || step.past >= 40) << step.past << " to " << step.total;
}

} // namespace
