//===- stream.h - What --stream-stages writes ----------------*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The records that a program run with `--stream-stages FD` writes to that file
// descriptor, for `phic verify`. Host byte order (the reader runs on the same
// machine), every record a multiple of 8 bytes:
//
//     phi_stream_header                              once
//     per step:
//       phi_stream_step                              before its first stage
//       per input of the entry, then per state but KV caches, in the order of its phi_entry_desc, what the step reads:
//         uint64_t bytes; that many bytes, padded to 8
//       per stage, in the order of its entry point:
//         phi_stream_stage
//         per output of the stage's phi_stage_desc:
//           uint64_t bytes; that many bytes, padded to 8
//     phi_stream_step with rows = 0                  at the end
//
// An output's bytes are those that phi_stage_output describes: rows of the arena
// or of a binding, or a layer's whole key or value cache. A stage with `logit_rows`
// has rows - logit_row0 rows. The stages of a step are written after each stage's
// barrier, before the next stage begins, so that a reader sees a stage's own
// inputs as the earlier records left them. With --stream-stages the program does
// what it would do without; only a closed pipe ends it early.
//
// With `--stream-times FD` instead, for `phic bench`, the header has the other magic number, and a step is
//
//     phi_stream_step                                after its last stage
//     uint64_t nanoseconds[stage_count]              of each stage with the barrier between it and the next, all threads together
//
// Only whoever asks for times pays for them: a clock a stage.
//===----------------------------------------------------------------------===//
#ifndef PHI_STREAM_H
#define PHI_STREAM_H

#include <stdint.h>

#define PHI_STREAM_MAGIC 0x314d525453494850ull // "PHISTRM1"
#define PHI_TIMES_MAGIC 0x31454d4954494850ull // "PHITIME1"

typedef struct phi_stream_header {
  uint64_t magic;
  uint32_t version; ///< PHI_FORMAT_VERSION
  uint32_t stage_count; ///< of phi_model
  uint32_t vocab;
  uint32_t chunk_rows;
  int64_t context; ///< capacity of the KV cache in tokens
} phi_stream_header;

typedef struct phi_stream_step {
  int64_t rows, past, total, logit_row0;
} phi_stream_step;

typedef struct phi_stream_stage {
  uint32_t stage; ///< index into phi_model.stages
  uint32_t output_count;
} phi_stream_stage;

#endif // PHI_STREAM_H
