//===- StageStream.h - Each stage's buffers to a pipe ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `--stream-stages FD`, for `phic verify`, and `--stream-times FD`, for `phic bench`:
// writes the records of phi/stream.h.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_STAGESTREAM_H
#define PHI_RUNTIME_STAGESTREAM_H

#include "runtime/devices/Device.h"

namespace phi {

struct StageStream {
  const DeviceSession *device = nullptr;  ///< of the session that is watched
  int file = -1;
  bool broken = false;  ///< the reader is gone
  uint64_t *times = nullptr;  ///< [stage_count] of the step so far, with --stream-times
  double last = 0;      ///< os::now() when the stage that runs began
};

/// Writes the header. `context` is the KV cache's capacity.
void beginStream(StageStream *stream, int64_t context);
/// Writes the closing record; false when not everything reached the reader.
bool endStream(StageStream *stream);
/// What the scheduler calls after each stage, to write buffers or, where `times` is set, to take the time.
StageHook streamHook(StageStream *stream);

} // namespace phi

#endif // PHI_RUNTIME_STAGESTREAM_H
