//===- Session.h - One running sequence ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A sequence with its KV cache: tokens go in, logits come out. All its memory is
// taken from a Layout before the first token, and nothing is allocated later.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_SESSION_H
#define PHI_RUNTIME_SESSION_H

#include "Memory.h"
#include "runtime/devices/Device.h"

namespace phi {

/// Takes the logits of consecutive tokens, [rows, vocab]; false stops the session.
struct LogitsSink {
  bool (*take)(void *state, const float *logits, int64_t rows);
  void *state;
};

struct Session {
  const phi_model *model;
  DeviceSession device;
  phi_frame frame;          ///< the device's addresses: nobody here reads what is there
  uint8_t **slots;          ///< frame.bindings: in host memory, of the device's addresses
  float *logits;            ///< [logitRows, vocab] of the last tokens, in host memory
  uint8_t *sequence;        ///< [context, rowBytes] what steps are given, kept for when it must be computed again
  uint64_t rowBytes;        ///< of a token's id, or of its embedding
  int64_t length;           ///< of the sequence
  int64_t
      cached; ///< tokens whose keys and values are in the cache; less than `length` when some must be computed again
  bool longTable; ///< their keys are rotated by the long RoPE table
  int64_t logitRows; ///< rows at `logits` that belong to the last tokens
  int64_t contextLimit; ///< as asked for; frame.context is a multiple of the plan's step
  SessionOptions options;
  const volatile int32_t *interrupted; ///< looked at between steps
};

enum class Advance {
  Done,
  Interrupted, ///< by the user or the sink; the session holds the tokens before
  Failed,      ///< the device did: explainFailure() says why
};

/// What a session of these options will reserve of a device that has memory of its own.
SessionNeed needOf(const LoadedCode &code, const SessionOptions &options);
/// Takes the session's host memory. Measuring and placing must be given the same arguments; `code` outlives the session.
void layoutSession(Session *session, Layout *layout, const LoadedCode &code, const SessionOptions &options);
/// Starts the threads, or takes the memory of another device. PHI_OK, PHI_NO_THREADS, PHI_NO_MEMORY or
/// PHI_DEVICE_FAILED; explainFailure() has a sentence then.
phi_status startSession(Session *session);
void stopSession(Session *session);
/// Why the device did not do what it was to do.
void explainFailure(const Session &session, Writer &errors);

uint64_t kvBytes(const Session &session);
uint64_t scratchBytes(const Session &session);

inline int32_t *tokensOf(const Session &session) { return reinterpret_cast<int32_t *>(session.sequence); }

/// Appends `count` tokens (1..contextLimit - length): ids, or embeddings where the model takes those. With a sink, it gets the logits
/// of each of them (of the last only if the model has a pruned head); without, the last
/// token's logits are at session->logits.
Advance append(Session *session, const void *rows, int64_t count, const LogitsSink *sink);
/// Appends up to PHI_VERIFY_ROWS tokens; the logits of each are at session->logits. Not for a pruned head.
Advance appendVerified(Session *session, const void *rows, int64_t count);
/// Forgets the tokens from `length` on. No logits are left, except when nothing is forgotten.
void truncate(Session *session, int64_t length);
/// Makes `to` (laid out and started, with room for it) hold the sequence of `from`, its cache and its last logits.
/// False: the device failed.
bool copySequence(const Session &from, Session *to);

} // namespace phi

#endif // PHI_RUNTIME_SESSION_H
