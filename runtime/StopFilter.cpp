//===- StopFilter.cpp - Ends an answer before a text -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "StopFilter.h"

#include <string.h>

namespace phi {
namespace {

/// A stop text may begin in the middle of a character only if it is not UTF-8; then it does not match, so that output stays valid.
bool beginsCharacter(char byte) { return (uint8_t(byte) & 0xc0) != 0x80; }

/// Where the first stop text begins, whole or (`partial`) cut off by the end of `text`; text.size if nowhere.
size_t findStop(const StopFilter &filter, Text text, bool partial) {
  for (size_t at = 0; at < text.size; ++at) {
    if (!beginsCharacter(text.begin[at]))
      continue;
    Text rest = text.from(at);
    for (int64_t i = 0; i < filter.count; ++i) {
      Text stop = filter.stops[i];
      if (partial ? stop.startsWith(rest) : rest.startsWith(stop))
        return at;
    }
  }
  return text.size;
}

} // namespace

void layoutStopFilter(StopFilter *filter, Layout *layout, const char *const *stops, int64_t count, uint64_t mostBytes) {
  uint64_t longest = 0;
  for (int64_t i = 0; i < count; ++i)
    longest = Text(stops[i]).size > longest ? Text(stops[i]).size : longest;
  filter->stops = stops;
  filter->count = count;
  filter->heldBytes = 0;
  filter->stopped = false;
  filter->heldCapacity = longest + mostBytes;
  filter->held = reinterpret_cast<char *>(layout->take(1, filter->heldCapacity));
}

bool push(StopFilter *filter, Text text, Writer *out) {
  if (filter->stopped)
    return false;
  memcpy(filter->held + filter->heldBytes, text.begin, text.size);
  Text all(filter->held, filter->heldBytes + text.size);
  size_t stop = findStop(*filter, all, /*partial=*/false);
  filter->stopped = stop < all.size;
  size_t known = filter->stopped ? stop : findStop(*filter, all, /*partial=*/true);
  if (out)
    *out << Text(all.begin, known);
  filter->heldBytes = filter->stopped ? 0 : all.size - known;
  memmove(filter->held, filter->held + known, filter->heldBytes);
  return !filter->stopped;
}

void finish(StopFilter *filter, Writer *out) {
  if (out)
    *out << Text(filter->held, filter->heldBytes);
  filter->heldBytes = 0;
  filter->stopped = false;
}

} // namespace phi
