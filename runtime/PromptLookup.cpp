//===- PromptLookup.cpp - Guesses that a text repeats itself -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "PromptLookup.h"

#include <string.h>

namespace phi {
namespace {

/// A match of fewer tokens says too little: a wrong guess costs a row of the step.
constexpr int64_t kLeastMatch = 2;
/// Longer matches are not told apart.
constexpr int64_t kMostMatch = 8;

/// How many tokens before `end` are those before `length`.
int64_t matchAt(const int32_t *tokens, int64_t end, int64_t length) {
  int64_t count = 0;
  while (count < kMostMatch && count < end && tokens[end - 1 - count] == tokens[length - 1 - count])
    ++count;
  return count;
}

int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/// Guesses must fit into the context, and leave the RoPE table as it is without them.
int64_t roomForGuesses(const PromptLookup &lookup, const Session &session) {
  int64_t length = session.length + 1, limit = session.model->rope_switch;
  int64_t room = least(lookup.reach, session.contextLimit - length);
  return limit && length <= limit ? least(room, limit - length) : room;
}

} // namespace

int64_t guess(const int32_t *tokens, int64_t length, int32_t *guesses, int64_t room) {
  if (room == 0)  // off, or at an end: nothing to look for
    return 0;
  int64_t best = kLeastMatch - 1, from = 0;
  for (int64_t end = length - 1; end >= kLeastMatch && best < kMostMatch; --end)
    if (int64_t match = matchAt(tokens, end, length); match > best)
      best = match, from = end;
  if (!from)
    return 0;
  int64_t count = least(length - from, room);
  memcpy(guesses, tokens + from, size_t(count) * sizeof(int32_t));
  return count;
}

Advance appendGuessing(PromptLookup *lookup, Session *session, int32_t id) {
  if (lookup->right < lookup->count && lookup->guesses[lookup->right] == id) {
    ++lookup->right;
    ++lookup->confirmed;
    return Advance::Done;
  }
  // A wrong guess costs time: whoever was wrong guesses less.
  lookup->reach = least(lookup->most, lookup->right == lookup->count ? 2 * lookup->reach : lookup->right + 1);
  forgetGuesses(lookup, session);
  tokensOf(*session)[session->length] = id;
  int64_t count = guess(tokensOf(*session), session->length + 1, lookup->guesses, roomForGuesses(*lookup, *session));
  if (!count)
    return append(session, &id, 1, nullptr);
  int32_t rows[PHI_VERIFY_ROWS] = {id};
  memcpy(rows + 1, lookup->guesses, size_t(count) * sizeof(int32_t));
  Advance advance = appendVerified(session, rows, count + 1);
  if (advance == Advance::Done) {
    lookup->count = count;
    lookup->guessed += count;
  }
  return advance;
}

void forgetGuesses(PromptLookup *lookup, Session *session) {
  truncate(session, knownLength(*lookup, *session));
  lookup->count = lookup->right = 0;
}

int64_t knownLength(const PromptLookup &lookup, const Session &session) {
  return session.length - (lookup.count - lookup.right);
}

} // namespace phi
