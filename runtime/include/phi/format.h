//===- format.h - What a model binary holds ----------------*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The contract between the compiler, which writes these structs as data of the
// program, and the runtime, which reads them. Included by both sides.
// Every struct begins with nothing that needs a relocation outside its own
// section, fields are only ever appended, and sizes are asserted below.
//===----------------------------------------------------------------------===//
#ifndef PHI_FORMAT_H
#define PHI_FORMAT_H

#include "phi/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Version of everything in this file. The runtime refuses another one.
#define PHI_FORMAT_VERSION 4u

/// Tokens that a session has room for, and a program is built for at most, where nobody asks and the model allows.
#define PHI_CONTEXT_DEFAULT 4096u

typedef struct phi_scheduler phi_scheduler;
/// What runs a family's code (runtime/devices/Device.h).
typedef struct phi_device phi_device;

/// What every compiled kernel sees: one per session, filled by the runtime
/// before an entry point runs, constant while it runs. The addresses are those of the plan's device.
typedef struct phi_frame {
  const uint8_t *weights;  ///< the plan's packed weights, 64-byte aligned
  uint8_t *arena;          ///< planned buffers (plan.arena_bytes), 64-byte aligned
  uint8_t *const *bindings; ///< one pointer a slot: the entry's inputs, results and state
  int64_t rows;            ///< rows of this step (M; a decoder's tokens), 1..plan.chunk_rows
  int64_t past;            ///< position of row 0 = tokens already in the KV cache
  int64_t total; ///< length of the whole sequence being processed (chooses the LongRoPE table), >= past + rows
  int64_t context; ///< capacity of the KV cache in tokens, a multiple of plan.context_step
  int64_t logit_row0; ///< logits are wanted for rows [logit_row0, rows)
  phi_scheduler *scheduler;
  uint8_t *scratch; ///< thread t owns scratch + t * plan.scratch_bytes, 64-byte aligned
} phi_frame;

/// A stage's compiled body: computes tiles [begin, end). Tiles are independent;
/// a tile's arithmetic does not depend on who runs it (any threads).
/// `args` are the stage's constants: byte offsets of its buffers, then sizes.
typedef void (*phi_kernel)(const phi_frame *frame, const int64_t *args, int64_t begin, int64_t end, uint8_t *scratch);

/// A compiled entry point. All threads call it with the same frame.
typedef void (*phi_entry)(phi_frame *frame, int32_t thread);

/// Runs one stage on the calling thread: waits for the other threads to end the
/// one before, then claims runs of tiles until none is left. A single tile is left
/// to the thread that ended the stage before. Called by entry points only.
/// Defined by the runtime.
void phi_run_stage(phi_frame *frame, int32_t thread, int32_t stage, phi_kernel kernel, const int64_t *args,
                   int64_t tiles);

/// Element types of bindings.
enum phi_element {
  PHI_F32 = 0,
  PHI_F16 = 1,
  PHI_I8 = 2,
  PHI_U8 = 3,
  PHI_I32 = 4,
  PHI_I64 = 5,
  PHI_BOOL = 6 ///< a byte, 0 or 1
};

enum phi_binding_kind { PHI_INPUT = 0, PHI_RESULT = 1, PHI_STATE = 2 };

/// Dimensions that are known when a step runs.
#define PHI_DIM_ROWS (-1) ///< frame.rows
#define PHI_DIM_LOGIT_ROWS (-2) ///< frame.rows - frame.logit_row0
#define PHI_DIM_CONTEXT (-3) ///< frame.context: a KV cache, which steps append to in place

/// What an entry point reads, writes or keeps: dense, the last dimension innermost. A state's `slot` is what a step reads and
/// `next_slot` what it writes for the next one to read; the two are one where it is changed in place. Zero at the start.
/// Numbers of an input with an `index_limit` are indices: from -index_limit to index_limit - 1.
typedef struct phi_binding {
  const char *name;
  const int64_t *shape; ///< [rank]
  uint32_t rank;
  uint32_t element; ///< phi_element
  uint32_t kind; ///< phi_binding_kind
  uint32_t slot;
  uint32_t next_slot;
  uint32_t index_limit; ///< 0: any numbers
} phi_binding;

/// An entry point of the model. A step of so many rows runs the first that takes as many.
typedef struct phi_entry_desc {
  const char *name; ///< "decode"
  const phi_binding *bindings; ///< inputs, results, states
  uint32_t binding_count;
  uint32_t slot_count; ///< pointers in frame.bindings
  int64_t most_rows; ///< 0: the plan's chunk_rows
} phi_entry_desc;

/// Where a buffer lives.
enum phi_space { PHI_SPACE_ARENA = 0, PHI_SPACE_KV_KEY = 1, PHI_SPACE_KV_VALUE = 2, PHI_SPACE_BINDING = 3 };

/// One output of a stage, for the after-stage hook (`phic verify`).
/// ARENA: `rows` rows at arena + offset, `row_bytes` apart; rows 0: as many as the stage works on.
/// BINDING: the same at bindings[offset].
/// KV_*: the whole cache of that layer: the state of PHI_DIM_CONTEXT + offset * context, row_bytes * context bytes
/// (offset and row_bytes are per token; docs/numerics.md has the order inside), made of
/// `strips` equal ones, in which the tokens lie in order by groups of `group`.
typedef struct phi_stage_output {
  uint16_t space; ///< phi_space
  uint16_t group; ///< of KV_*, a divisor of plan.context_step
  uint32_t row_bytes;
  uint64_t offset;
  uint32_t strips; ///< of KV_*
  uint32_t rows; ///< of ARENA and BINDING
} phi_stage_output;

typedef struct phi_stage_desc {
  const char *name;
  const phi_stage_output *outputs;
  uint32_t output_count;
  uint32_t logit_rows; ///< 1: works on rows [logit_row0, rows) only; outputs then hold those rows from offset on
} phi_stage_desc;

/// What one family of machines laid out: its packed copy of the weights, buffers, caches. All its variants share it.
typedef struct phi_plan {
  const phi_device *device;
  uint64_t weights_offset; ///< of its copy in the weight segment, a multiple of 64
  uint64_t weights_bytes;
  uint64_t arena_bytes;
  uint64_t scratch_bytes; ///< per thread
  uint64_t state_bytes_per_token; ///< KV caches
  const phi_stage_desc *stages;
  uint32_t stage_count;
  uint32_t chunk_rows; ///< most rows in one step
  uint32_t context_step; ///< phi_frame.context is a multiple of this
  uint32_t reserved;
} phi_plan;

/// One level's code. Variants are listed best first; the runtime takes the first that the machine runs.
/// Native code has entry points, other code is bytes that its device loads; a GPU's has both (phi/gpu.h).
typedef struct phi_variant {
  const char *name; ///< "x86-64-v3"
  const phi_plan *plan;
  uint64_t features; ///< of native code: PHI_CPU_* bits that must be present; else what its device makes of them
  const phi_entry *entries; ///< one for each of phi_model.entries; NULL: the device runs the blob without any
  const uint8_t *blob; ///< 64-byte aligned; NULL: native code alone
  uint64_t blob_bytes;
} phi_variant;

#define PHI_CPU_AVX2 (1ull << 0)
#define PHI_CPU_FMA (1ull << 1)
#define PHI_CPU_F16C (1ull << 2)
#define PHI_CPU_BMI2 (1ull << 3)
#define PHI_CPU_AVX512F (1ull << 4)
#define PHI_CPU_AVX512BW (1ull << 5)
#define PHI_CPU_AVX512CD (1ull << 6)
#define PHI_CPU_AVX512DQ (1ull << 7)
#define PHI_CPU_AVX512VL (1ull << 8)
#define PHI_CPU_AVX512_VNNI (1ull << 9)
#define PHI_CPU_NEON (1ull << 32)
#define PHI_CPU_DOTPROD (1ull << 33)
#define PHI_CPU_I8MM (1ull << 34)

/// Defaults for sampling, from the model's generation config.
typedef struct phi_generation {
  float temperature; ///< 0 = greedy
  float top_p; ///< 1 = off
  float min_p; ///< 0 = off
  int32_t top_k; ///< 0 = off
  float repetition_penalty; ///< 1 = off
} phi_generation;

/// The model: one constant struct `phi_the_model` in the program.
struct phi_model {
  uint32_t size; ///< sizeof(phi_model)
  uint32_t version; ///< PHI_FORMAT_VERSION
  const char *name; ///< for --version and the banner
  const char *phic_version;
  uint32_t vocab;
  uint32_t context_max; ///< the model's own limit
  uint32_t context_default; ///< min(context_max, PHI_CONTEXT_DEFAULT)
  uint32_t rope_switch; ///< 0, or the total length above which the long RoPE table applies: crossing it re-prefills
  uint32_t pruned_head; ///< 1: the graph itself computes only the last row's logits
  uint32_t variant_count;
  const phi_variant *variants;
  const uint8_t *weights; ///< start of the mapped weight segment; NULL: in the file `sidecar`
  uint64_t weights_bytes;
  uint64_t weights_hash; ///< xxh3-64 of the weight segment
  const uint8_t *tokenizer; ///< tokenizer tables (phi/tokenizer.h), NULL: --tokens only
  uint64_t tokenizer_bytes;
  const uint8_t *chat; ///< chat template tables (phi/tokenizer.h), NULL: --raw only
  uint64_t chat_bytes;
  const int32_t *stop_ids;
  uint32_t stop_id_count;
  uint32_t reserved;
  phi_generation generation;
  const char *sidecar; ///< NULL, or the name of the weights' own file, beside the one that holds the code
  const phi_entry_desc *entries; ///< in order of most_rows
  uint32_t entry_count;
  uint32_t reserved2;
  uint64_t manifest_hash; ///< phi_bytes_hash of the manifest, which lies in the file beside all this, for `phic`
};

extern const phi_model phi_the_model;

/// The sidecar is a page that begins with this, then what the weight segment holds.
typedef struct phi_weights_header {
  uint64_t magic; ///< PHI_WEIGHTS_MAGIC
  uint32_t version; ///< PHI_FORMAT_VERSION
  uint32_t offset; ///< of the weights in the file: PHI_WEIGHTS_OFFSET
  uint64_t bytes; ///< phi_model.weights_bytes
  uint64_t hash; ///< phi_model.weights_hash
  uint64_t reserved[4];
} phi_weights_header;

#define PHI_WEIGHTS_OFFSET 4096u

/// Ends the weight segment, at the first multiple of 64 after weights_bytes: a
/// file cut short, or the wrong weights under a program, are refused at start.
typedef struct phi_weights_trailer {
  uint64_t bytes; ///< phi_model.weights_bytes
  uint64_t hash; ///< phi_model.weights_hash
  uint64_t reserved[5];
  uint64_t magic; ///< PHI_WEIGHTS_MAGIC; last, so that nothing can be missing
} phi_weights_trailer;

#define PHI_WEIGHTS_MAGIC 0x3153544857494850ull // "PHIWHTS1"

#ifdef __cplusplus
}
static_assert(sizeof(phi_frame) == 80, "generated code loads fields by offset");
static_assert(sizeof(phi_stage_output) == 24, "written by the compiler");
static_assert(sizeof(phi_binding) == 40, "written by the compiler");
static_assert(sizeof(phi_entry_desc) == 32, "written by the compiler");
static_assert(sizeof(phi_stage_desc) == 24, "written by the compiler");
static_assert(sizeof(phi_plan) == 72, "written by the compiler");
static_assert(sizeof(phi_variant) == 48, "written by the compiler");
static_assert(sizeof(phi_generation) == 20, "written by the compiler");
static_assert(sizeof(phi_weights_header) == 64, "written by the compiler");
static_assert(sizeof(phi_weights_trailer) == 64, "written by the compiler");
static_assert(sizeof(phi_model) == 184, "written by the compiler");
#endif

#endif // PHI_FORMAT_H
