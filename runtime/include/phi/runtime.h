//===- runtime.h - A compiled model as a library -------------*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interface of what `phic build --emit=lib`, `shared` or `obj` writes: one
// exported function a model, phi_query_NAME, returns a table of all others. C99
// and C++17. The library has no global state and allocates nothing: every object
// lives in a block of yours, 64-byte aligned, whose size it tells beforehand.
// Calls on different objects may run at the same time; a model may be shared.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_H
#define PHI_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#define PHI_ABI_VERSION 1u
#define PHI_VERIFY_ROWS 8u /* most tokens of one call of `verify` */

typedef struct phi_model phi_model;     /* weights and code, read only */
typedef struct phi_session phi_session; /* one sequence with its KV cache and threads */
typedef struct phi_sampler phi_sampler; /* settings, random state, tokens seen */

typedef int32_t phi_status; /* counts (int64_t) are negative instead: minus the status */
enum phi_status_code {
  PHI_OK = 0,
  PHI_BAD_ARGUMENT = 1, /* null, out of range, or of another version */
  PHI_NO_MEMORY = 2,    /* the block is too small or not aligned */
  PHI_NO_PROCESSOR = 3, /* no code for this processor */
  PHI_NO_WEIGHTS = 4,   /* not found, damaged, or another model's */
  PHI_NO_THREADS = 5,   /* the system starts no more */
  PHI_FULL = 6,         /* the context is: more tokens than it holds */
  PHI_MISSING = 7,      /* the model has no tokenizer, no chat template, or none for this */
  PHI_CANCELLED = 8,    /* *cancel was set; the tokens before it are kept */
  PHI_DEVICE_FAILED = 9 /* what runs the model, where that is not the processor */
};
typedef struct phi_error {
  char text[256];
} phi_error; /* a sentence; pass NULL if not wanted */

/* Options and facts begin with `size`, their sizeof: what the other side does not know is left alone, what it lacks
   is 0. All options may be 0, and NULL means all 0. */
typedef struct phi_facts {
  size_t size;
  const char *name, *phic_version, *weights_file; /* the sidecar's name; NULL: weights are embedded */
  uint32_t vocab, context_max, context_default, chunk_rows; /* most tokens of a session; of one step of `prefill` */
  uint32_t has_tokenizer, has_chat, last_row_only; /* last_row_only: `verify` is missing */
  uint32_t piece_bytes;        /* most bytes that `piece` writes */
  const int32_t *stop_ids;     /* an answer ends with one of these */
  uint32_t stop_id_count;
  int32_t top_k;               /* sampling as the model's authors advise */
  float temperature, top_p, min_p, repetition_penalty;
  uint64_t weights_bytes, weights_hash, kv_bytes_per_token, arena_bytes, scratch_bytes; /* scratch: a thread */
  uint32_t embedding_columns;  /* 0: the model takes ids; else it takes embeddings of so many floats instead */
} phi_facts;

typedef struct phi_model_options {
  size_t size;
  const char *weights_path;    /* the sidecar; NULL: weights_file beside the file that this code was loaded from */
  const void *weights;         /* or its bytes in memory, 64-byte aligned, kept as long as the model */
  size_t weights_bytes;
  void (*log)(void *state, const char *text); /* a line without its end, in model_open only */
  void *log_state;
  const char *device;          /* what runs it, of those that the model has code for; NULL: the best */
} phi_model_options;

/* Runs body(argument, t) for each t below `threads`, all at the same time (they wait for one another), and returns
   when all have. One of them may be the caller. Used by one session at a time. */
typedef struct phi_pool {
  void (*parallel)(void *state, int32_t threads, void (*body)(void *argument, int32_t thread), void *argument);
  void *state;
} phi_pool;

typedef struct phi_session_options {
  size_t size;
  int64_t context;             /* most tokens; 0: context_default */
  int32_t threads;             /* 0: one, which is the caller's. Results do not depend on it */
  int32_t reserved;
  phi_pool pool;               /* parallel NULL: the session starts threads - 1 of its own */
  const volatile int32_t *cancel; /* looked at between steps; not 0: stop */
} phi_session_options;

enum phi_role {
  PHI_ROLE_START = 0,
  PHI_ROLE_SYSTEM = 1,
  PHI_ROLE_USER = 2,
  PHI_ROLE_ASSISTANT = 3,
  PHI_ROLE_COUNT = 4
};
typedef struct phi_message {
  int32_t role, reserved;
  const char *text;
  size_t bytes;
} phi_message;

enum phi_encode_flag {
  PHI_ENCODE_PREFIX = 1,       /* begin with the ids that the tokenizer puts first (BOS) */
  PHI_ENCODE_SUFFIX = 2,       /* end with those it puts last */
  PHI_ENCODE_CONTINUE = 4,     /* the text goes on after other text */
  PHI_ENCODE_CONTROL = 8       /* "<|end|>" is that token; leave out for text that you do not trust */
};

typedef struct phi_decoder {   /* where a decoded text stands; all 0 at its start */
  uint8_t special;             /* 1: write special tokens too */
  uint8_t continues, state[14]; /* continues 1: the text goes on after other text, keep a leading space */
} phi_decoder;

typedef struct phi_sampler_options { /* in this order; 0: off */
  size_t size;
  double repetition_penalty, temperature; /* temperature 0: the largest logit */
  int64_t top_k;
  double top_p, min_p;
  uint64_t seed;
} phi_sampler_options;

typedef struct phi_api { /* null for an object or text is PHI_BAD_ARGUMENT; 0 (`sample`: -1) where there is no status */
  size_t size;
  uint32_t version, reserved;
  void (*facts)(phi_facts *facts);
  int32_t (*cores)(void); /* physical cores the process may use; moves the calling thread over them */
  size_t (*model_bytes)(void);
  phi_status (*model_open)(const phi_model_options *, void *memory, size_t bytes, phi_model **, phi_error *);
  void (*model_close)(phi_model *); /* after its sessions */
  /* 0: the options are wrong, session_create says why. Blocks need no clearing. */
  uint64_t (*session_bytes)(const phi_model *, const phi_session_options *);
  phi_status (*session_create)(const phi_model *, const phi_session_options *, void *memory, uint64_t bytes,
                               phi_session **, phi_error *);
  phi_status (*fork)(const phi_session *, const phi_session_options *, void *memory, uint64_t bytes, phi_session **,
                     phi_error *);
  void (*session_free)(phi_session *); /* ends its threads; the block is yours again */
  phi_status (*prefill)(phi_session *, const int32_t *ids, int64_t count, phi_error *); /* logits: the last token's */
  phi_status (*decode)(phi_session *, int32_t id, phi_error *);
  phi_status (*verify)(phi_session *, const int32_t *ids, int64_t count, phi_error *); /* logits: of each token */
  float *(*logits)(phi_session *, int64_t row); /* [vocab] of the last call, yours to change; NULL: no such row */
  int64_t (*length)(const phi_session *);
  phi_status (*truncate)(phi_session *, int64_t length, phi_error *); /* forgets the tokens from there on */
  size_t (*encode_work)(const phi_model *, size_t bytes, size_t messages); /* work memory; SIZE_MAX: too long a text */
  int64_t (*encode)(const phi_model *, const char *text, size_t bytes, uint32_t flags, int32_t *ids, size_t capacity,
                    void *work, size_t work_bytes); /* how many ids there are, even beyond the capacity */
  /* Messages of a conversation that stands at `from` (START, or ASSISTANT after an answer whose last id was last_id,
     -1 if none), up to where the model's answer begins. `render` gives the text and how many bytes it has. */
  int64_t (*encode_chat)(const phi_model *, int32_t from, const phi_message *, size_t count, int32_t last_id,
                         int32_t *ids, size_t capacity, void *work, size_t work_bytes);
  int64_t (*render)(const phi_model *, int32_t from, const phi_message *, size_t count, char *text, size_t capacity);
  /* A token's text: valid UTF-8, not ended by a zero; parts of a character wait for the rest. piece_end: what waits. */
  size_t (*piece)(const phi_model *, phi_decoder *, int32_t id, char *text);
  size_t (*piece_end)(const phi_model *, phi_decoder *, char *text);
  size_t (*sampler_bytes)(const phi_model *);
  phi_status (*sampler_create)(const phi_model *, const phi_sampler_options *, void *memory, size_t bytes,
                               phi_sampler **, phi_error *);
  void (*sampler_note)(phi_sampler *, const int32_t *ids, int64_t count); /* the prompt's, for the penalty */
  int32_t (*sample)(phi_sampler *, float *logits); /* logits may be changed */
  /* prefill, decode and verify of a model that takes embeddings: [count, embedding_columns]; `all`: logits of each. */
  phi_status (*append_embeddings)(phi_session *, const float *rows, int64_t count, int32_t all, phi_error *);
} phi_api;

#endif /* PHI_RUNTIME_H */
