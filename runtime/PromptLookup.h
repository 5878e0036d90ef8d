//===- PromptLookup.h - Guesses that a text repeats itself -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Speculative decoding without a second model: where the last tokens occurred
// before in the sequence, what followed there is guessed to follow again, and the
// `verify` entry point computes all guesses in one step. A row's logits do not
// depend on the rows beside it (any threads), so the tokens are those of plain decoding,
// sampled or greedy, bit for bit. After Saxena 2023, "Prompt Lookup Decoding".
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_PROMPTLOOKUP_H
#define PHI_RUNTIME_PROMPTLOOKUP_H

#include "Session.h"

namespace phi {

constexpr int64_t kMostGuesses = PHI_VERIFY_ROWS - 1;

struct PromptLookup {
  int64_t most;                   ///< guesses of one step, up to kMostGuesses; 0: off
  int64_t reach; ///< guesses of the next step: twice as many after right ones, fewer after wrong ones
  int32_t guesses[kMostGuesses]; ///< those that the last step computed, [count]
  int64_t count, right; ///< the first `right` of them have come true
  int64_t guessed, confirmed; ///< in all steps
};

/// Writes up to `room` tokens that may follow `tokens` [length], and returns how many. Where several places end alike, the
/// one of the longest match counts, of those the last. Time is linear in `length`: microseconds at 16 k tokens.
int64_t guess(const int32_t *tokens, int64_t length, int32_t *guesses, int64_t room);

/// Appends `id` to the sequence, and what is guessed to follow it. The logits that follow `id` are then at
/// session->logits [lookup->right, vocab]. Without guesses this is a decoding step.
Advance appendGuessing(PromptLookup *lookup, Session *session, int32_t id);
/// Takes the guesses that have not come true out of the sequence.
void forgetGuesses(PromptLookup *lookup, Session *session);
/// Length of the sequence without them.
int64_t knownLength(const PromptLookup &lookup, const Session &session);

} // namespace phi

#endif // PHI_RUNTIME_PROMPTLOOKUP_H
