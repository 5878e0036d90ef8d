//===- StopFilter.h - Ends an answer before a text -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looks for stop texts in a stream. What may be the beginning of one is held
// back until it is known, so that nothing of a stop text is ever printed, and
// nothing else is kept longer than that.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_STOPFILTER_H
#define PHI_RUNTIME_STOPFILTER_H

#include "Memory.h"
#include "Writer.h"

namespace phi {

struct StopFilter {
  const char *const *stops;
  int64_t count;
  char *held;         ///< [heldCapacity]
  uint64_t heldBytes;
  uint64_t heldCapacity;
  bool stopped;
};

/// `mostBytes`: of one push.
void layoutStopFilter(StopFilter *filter, Layout *layout, const char *const *stops, int64_t count, uint64_t mostBytes);
/// Passes text on to `out` (nullptr: nowhere). Returns false once a stop text has come: what follows it is dropped.
bool push(StopFilter *filter, Text text, Writer *out);
/// The end of the stream: what was held back is no stop text. The filter can be used again.
void finish(StopFilter *filter, Writer *out);

} // namespace phi

#endif // PHI_RUNTIME_STOPFILTER_H
