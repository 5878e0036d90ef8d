//===- Pattern.cpp - Matching pre-tokenizer patterns ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "Pattern.h"
#include "Utf8.h"

namespace phi {
namespace {

/// A choice to come back to: a fork's other side (at `end`), or a repeat that can
/// give back characters from `end` down to `least`.
struct Choice {
  uint32_t pc;
  uint32_t end;
  uint32_t least; ///< == end: a fork
};

class Matcher {
public:
  Matcher(const Patterns &patterns, const uint8_t *text, uint32_t end, uint64_t *steps)
      : patterns(patterns), text(text), end(end), steps(steps) {}

  uint32_t run(uint32_t pc, uint32_t at, uint32_t depth) const {
    Choice choices[PHI_PATTERN_FRAMES];
    uint32_t count = 0;
    while (spend(1)) {
      const phi_instruction &op = patterns.code[pc];
      bool ok = true;
      switch (op.op) {
      case PHI_PATTERN_MATCH:
        return at;
      case PHI_PATTERN_CLASS:
        ok = at < end && patterns.contains(op.a, readUtf8(text, &at));
        ++pc;
        break;
      case PHI_PATTERN_REPEAT:
      case PHI_PATTERN_POSSESS: {
        uint32_t least = at;
        ok = repeat(op, &at, &least);
        ++pc;
        if (ok && op.op == PHI_PATTERN_REPEAT && at > least && count < PHI_PATTERN_FRAMES)
          choices[count++] = {pc, at, least};
        break;
      }
      case PHI_PATTERN_FORK:
        if (count < PHI_PATTERN_FRAMES)
          choices[count++] = {op.b, at, at};
        pc = op.a;
        break;
      case PHI_PATTERN_JUMP:
        pc = op.a;
        break;
      default:
        ok = nested(op, &at, depth);
        pc = op.b;
        break;
      }
      if (!ok && !resume(choices, &count, &pc, &at))
        return NoMatch;
    }
    return NoMatch;
  }

private:
  /// False when there is not as much left.
  bool spend(uint64_t cost) const {
    const bool isLeft = *steps > cost;
    *steps = isLeft ? *steps - cost : 0;
    return isLeft;
  }

  /// Takes as many characters as the repeat may; `least` is where its minimum ends.
  bool repeat(const phi_instruction &op, uint32_t *at, uint32_t *least) const {
    uint32_t taken = 0;
    while (taken < op.c && *at < end) {
      uint32_t next = *at;
      if (!patterns.contains(op.a, readUtf8(text, &next)))
        break;
      *at = next;
      if (++taken == op.b)
        *least = next;
    }
    return spend(taken) && taken >= op.b;
  }

  bool nested(const phi_instruction &op, uint32_t *at, uint32_t depth) const {
    const uint32_t to = depth < PHI_PATTERN_DEPTH ? run(op.a, *at, depth + 1) : NoMatch;
    if (op.op == PHI_PATTERN_NOT_AHEAD)
      return to == NoMatch;
    if (op.op == PHI_PATTERN_ATOMIC && to != NoMatch)
      *at = to;
    return to != NoMatch;
  }

  /// Goes back to the last choice that has something left to try.
  bool resume(Choice *choices, uint32_t *count, uint32_t *pc, uint32_t *at) const {
    if (*count == 0)
      return false;
    Choice &last = choices[*count - 1];
    *pc = last.pc;
    if (last.end > last.least)
      last.end = backUtf8(text, last.least, last.end);
    *at = last.end;
    if (last.end == last.least)
      --*count;
    return true;
  }

  const Patterns &patterns;
  const uint8_t *text;
  uint32_t end;
  uint64_t *steps;
};

} // namespace

bool Patterns::contains(uint32_t classIndex, uint32_t character) const {
  const phi_class &set = classes[classIndex];
  if (character < 128)
    return set.ascii[character / 32] >> (character % 32) & 1;
  const phi_range *range = ranges.run(set.ranges, set.count);
  uint32_t low = 0, high = range ? set.count : 0;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (character > range[middle].high)
      low = middle + 1;
    else
      high = middle;
  }
  return range && low < set.count && character >= range[low].low;
}

uint32_t matchPattern(const Patterns &patterns, uint32_t program, const uint8_t *text, uint32_t at, uint32_t end,
                      uint64_t *steps) {
  return Matcher(patterns, text, end, steps).run(program, at, 0);
}

} // namespace phi
