//===- StageStream.cpp - Each stage's buffers to a pipe ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs when all threads are done with a stage, before the next one, so that the
// buffers hold just what the stage left. A step begins with the entry points'
// first stage, number 0.
//===----------------------------------------------------------------------===//
#include "StageStream.h"

#include "Bindings.h"
#include "Os.h"
#include "phi/stream.h"

namespace phi {
namespace {

void put(StageStream *stream, const void *bytes, uint64_t count) {
  if (!stream->broken)
    stream->broken = !os::writeAll(stream->file, bytes, count);
}

const phi_plan &planOf(const StageStream *stream) { return stream->device->code->plan(); }

/// A range of the device's memory.
struct Range {
  const void *begin;
  uint64_t count;
};

void putPadded(StageStream *stream, Range range) {
  static constexpr uint8_t kZeros[8] = {};
  auto *from = static_cast<const uint8_t *>(range.begin);
  put(stream, &range.count, sizeof(range.count));
  for (uint64_t done = 0; done < range.count;) {
    HostBytes part = stream->device->code->device().download(*stream->device, from + done, range.count - done);
    put(stream, part.begin, part.count);
    done += part.count;
  }
  put(stream, kZeros, (8 - range.count % 8) % 8);
}

Range outputRange(const LoadedCode &code, const phi_frame &frame, const phi_stage_desc &stage,
                  const phi_stage_output &output) {
  int64_t rows = output.rows ? int64_t(output.rows) : frame.rows - (stage.logit_rows ? frame.logit_row0 : 0);
  uint64_t bytes = output.row_bytes * uint64_t(rows);
  switch (output.space) {
  case PHI_SPACE_BINDING:
    return {frame.bindings[output.offset], bytes};
  case PHI_SPACE_KV_KEY:
  case PHI_SPACE_KV_VALUE:
    return {cachesOf(*code.model, frame) + output.offset * uint64_t(frame.context),
            output.row_bytes * uint64_t(frame.context)};
  default:
    return {frame.arena + output.offset, bytes};
  }
}

void putStep(StageStream *stream, const phi_frame &frame) {
  phi_stream_step step = {frame.rows, frame.past, frame.total, frame.logit_row0};
  put(stream, &step, sizeof(step));
}

/// What the step reads: inputs, and states as they were.
void putInputs(StageStream *stream, const phi_frame &frame) {
  const phi_entry_desc &entry = stream->device->code->model->entries[0];
  for (uint32_t i = 0; i < entry.binding_count; ++i) {
    const phi_binding &binding = entry.bindings[i];
    if (binding.kind != PHI_RESULT && !isCache(binding))
      putPadded(stream, {frame.bindings[binding.slot], bytesInStep(binding, frame)});
  }
}

void afterStage(void *state, const phi_frame *frame, int32_t index) {
  auto *stream = static_cast<StageStream *>(state);
  if (index == 0) {
    putStep(stream, *frame);
    putInputs(stream, *frame);
  }
  const phi_stage_desc &stage = planOf(stream).stages[index];
  phi_stream_stage record = {uint32_t(index), stage.output_count};
  put(stream, &record, sizeof(record));
  for (uint32_t i = 0; i < stage.output_count; ++i)
    putPadded(stream, outputRange(*stream->device->code, *frame, stage, stage.outputs[i]));
}

void beginStep(void *state) { static_cast<StageStream *>(state)->last = os::now(); }

/// Writes once a step, after its last stage. What this itself takes belongs to no stage.
void timeStage(void *state, const phi_frame *frame, int32_t index) {
  auto *stream = static_cast<StageStream *>(state);
  stream->times[index] = uint64_t((os::now() - stream->last) * 1e9);
  const uint32_t count = planOf(stream).stage_count;
  if (uint32_t(index) + 1 == count) {
    putStep(stream, *frame);
    put(stream, stream->times, count * sizeof(uint64_t));
  }
  stream->last = os::now();
}

} // namespace

void beginStream(StageStream *stream, int64_t context) {
  const phi_plan &plan = planOf(stream);
  phi_stream_header header = {stream->times ? PHI_TIMES_MAGIC : PHI_STREAM_MAGIC,
                              PHI_FORMAT_VERSION,
                              plan.stage_count,
                              stream->device->code->model->vocab,
                              plan.chunk_rows,
                              context};
  put(stream, &header, sizeof(header));
}

bool endStream(StageStream *stream) {
  phi_stream_step end = {};
  put(stream, &end, sizeof(end));
  return !stream->broken;
}

StageHook streamHook(StageStream *stream) {
  return stream->times ? StageHook{timeStage, stream, beginStep} : StageHook{afterStage, stream};
}

} // namespace phi
