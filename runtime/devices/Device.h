//===- Device.h - Where memory is and who runs steps -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A device is a table of functions, and one of its folder's files defines it. All that
// a session computes with lies in its device's memory, at addresses that only the
// device may follow: the host reaches it by upload, download and copy, and reads the
// logits at a host address of their own. The CPU is the device whose addresses are the
// host's, so that nothing is copied there.
//
// upload, copy and run happen in their order, and may return before they are done;
// wait() ends when all are. Nothing here allocates between start and stop.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_DEVICES_DEVICE_H
#define PHI_RUNTIME_DEVICES_DEVICE_H

#include "phi/format.h"
#include "runtime/Writer.h"

namespace phi {

/// Called after each stage, when its outputs are there and nothing of the next one is (StageStream).
struct StageHook {
  void (*call)(void *state, const phi_frame *frame, int32_t stage);
  void *state;
  void (*begin)(void *state) = nullptr;  ///< before the first stage of a step; may be null
};

struct SessionOptions {
  int64_t context;    ///< most tokens of the sequence, 1..model.context_max
  int32_t threads;    ///< of a device that runs on the host
  int64_t logitRows;  ///< most rows of logits of one step: 1, or chunk_rows when every row is wanted
  StageHook hook;     ///< call is null when nobody looks
  phi_pool pool = {}; ///< parallel is null: threads of the session's own
  /// Told of host memory that is filled here and there; nullptr: the block is another's, who may use it otherwise later.
  void (*onSparse)(uint8_t *memory, size_t bytes) = nullptr;
};

/// A variant on its device, ready for sessions: its code is loaded, and the weights are where it reads them.
struct LoadedCode {
  const phi_model *model;
  const phi_variant *variant;
  const uint8_t *weights; ///< the device's address of the plan's copy; nullptr: not loaded
  void *state; ///< the device's own
  int32_t index; ///< which of the devices of that name, of phi_device.count

  const phi_plan &plan() const { return *variant->plan; }
  const phi_device &device() const { return *variant->plan->device; }
};

/// Who is told what is worth knowing and no error.
struct Notes {
  /// A line without its end, kept by nobody. One that is passing gives way to the next. nullptr: nobody listens.
  void (*tell)(void *listener, const char *line, bool isPassing) = nullptr;
  void *listener = nullptr;

  void operator()(const char *line, bool isPassing = false) const {
    if (tell)
      tell(listener, line, isPassing);
  }
};

/// What is known of the first session when code is loaded.
struct SessionNeed {
  uint64_t workBytes = 0, resultBytes = 0; ///< that it will reserve; 0: not known
  int64_t context = 0; ///< of which state_bytes_per_token are a part; 0: none, or not known
};

/// A session's part of a device.
struct DeviceSession {
  const LoadedCode *code;
  uint8_t *state; ///< [stateBytes] of host memory, 64-byte aligned: the device's own
  uint8_t *work; ///< what `reserve` reserved
  uint8_t *results; ///< likewise
  uint8_t *resultsHost; ///< `results` as the host reads it after `wait`
};

/// Bytes of a device's memory as the host sees them.
struct HostBytes {
  const uint8_t *begin;
  uint64_t count;
};

} // namespace phi

struct phi_device {
  const char *name; ///< of --device
  const char *machine; ///< "processor", for sentences
  /// Its addresses are the host's and it runs in the session's threads: a session takes all memory from its own block,
  /// with scratch memory for every thread, and `reserve` is null.
  bool isHost;

  /// How many there are here. nullptr: one, whose name is the device's; else they are NAME:0, NAME:1...
  int32_t (*count)();
  /// Which one that is, and what memory it has, for a line; null where `count` is.
  void (*describe)(int32_t index, phi::Writer &out);
  /// Whether this machine lacks something to run that code on the one of that index, and then what, in a few words.
  bool (*lacks)(const phi_variant &variant, int32_t index, phi::Writer &what);
  /// Loads code->variant, and its plan's weights from host memory at `weights`. Memory is looked at before any is taken.
  /// False after a sentence to `errors`.
  bool (*load)(phi::LoadedCode *code, const uint8_t *weights, const phi::SessionNeed &need, const phi::Notes &notes,
               phi::Writer &errors);
  void (*unload)(phi::LoadedCode *code);

  /// Host memory that a session's part takes.
  uint64_t (*stateBytes)(const phi::LoadedCode &code, const phi::SessionOptions &options);
  /// PHI_OK, or another status for which explain() has a sentence; nothing is to be stopped then.
  phi_status (*start)(phi::DeviceSession *session, const phi::SessionOptions &options);
  /// After all that was asked for is done. Gives back what was reserved.
  void (*stop)(phi::DeviceSession *session);

  /// Takes zeroed memory for session->work, and for results, which the host can read too. False: explain() says why,
  /// and the session is to be stopped.
  bool (*reserve)(phi::DeviceSession *session, uint64_t workBytes, uint64_t resultBytes);
  /// On what the session runs, and how much of its memory is taken: a line without its end. nullptr: there is nothing to tell.
  void (*announce)(const phi::DeviceSession &session, phi::Writer &out);
  /// The frame's memory is in place: what is left to do about it before the first step.
  void (*settle)(const phi::DeviceSession &session, const phi_frame &frame, const phi::SessionOptions &options);

  /// From the host's memory, which must stay as it is until it is done.
  void (*upload)(const phi::DeviceSession &session, void *to, const void *from, uint64_t bytes);
  /// The first of those bytes, one at least, until the next download; not before all before it is done.
  phi::HostBytes (*download)(const phi::DeviceSession &session, const void *from, uint64_t bytes);
  /// Within the memory of the device; `from` may be another session's.
  void (*copy)(const phi::DeviceSession &session, void *to, const void *from, uint64_t bytes);
  /// Runs a step of frame->rows rows through an entry point, by its place in phi_model.entries. The frame holds the
  /// device's addresses, in frame->bindings too, a table in host memory; it is the caller's again at once.
  void (*run)(const phi::DeviceSession &session, uint32_t entry, phi_frame *frame);
  /// False: something since the last one failed, and explain() says what.
  bool (*wait)(const phi::DeviceSession &session);
  /// A sentence without its end; also after a start or reserve that failed.
  void (*explain)(const phi::DeviceSession &session, phi::Writer &errors);
};

// A plan of the family NAME points to phi_device_NAME, so that a program holds the devices that it has code for, and no other.
extern "C" const phi_device phi_device_cpu;

#endif // PHI_RUNTIME_DEVICES_DEVICE_H
