//===- GraphSession.h - Runs of a graph ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A graph has one entry point of static shape. A session keeps its states, zero at the start: each has two buffers,
// which change places after every run, so that what a run reads is never what it writes. All memory is taken from a
// Layout or from the device before the first run, and nothing is allocated later. A processor reads inputs and writes
// results where its caller has them; to a device with memory of its own they are copied, and back.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_GRAPHSESSION_H
#define PHI_RUNTIME_GRAPHSESSION_H

#include "Bindings.h"
#include "Memory.h"
#include "Writer.h"
#include "runtime/devices/Device.h"

namespace phi {

/// What the host has of a binding, where the device has memory of its own.
struct HostCopy {
  uint8_t *bytes; ///< where a result is to go; a state's copy
  bool isNewer;   ///< of a state: the next run begins with it
};

struct GraphSession {
  const phi_model *model;
  DeviceSession device;
  phi_frame frame;
  uint8_t **slots;  ///< frame.bindings, in host memory: of the device's addresses
  HostCopy *copies; ///< [entry.binding_count]; nullptr: of a processor
  SessionOptions options;
};

inline const phi_entry_desc &entryOf(const phi_model &model) { return model.entries[0]; }

/// What a session will reserve of a device that has memory of its own.
SessionNeed needOfGraph(const LoadedCode &code, const SessionOptions &options);
/// Takes the session's memory, without that of inputs and results of a processor. Of the options, threads, hook and pool count.
/// Measuring and placing must be given the same.
void layoutGraph(GraphSession *session, Layout *layout, const LoadedCode &code, const SessionOptions &options);
/// Starts the threads, or takes the memory of another device, with states of zeros. PHI_OK, or another status, and
/// explainGraph() has a sentence.
phi_status startGraph(GraphSession *session);
void stopGraph(GraphSession *session);
/// Where the next run reads an input: it stays as it is until then.
void giveInput(GraphSession *session, const phi_binding &input, const uint8_t *data);
/// Where runs leave a result.
void takeResult(GraphSession *session, const phi_binding &result, uint8_t *memory);
/// One run. False: the device failed, and explainGraph() says why.
bool runGraph(GraphSession *session);
/// A state as the last run left it, where the next one begins: to be read and changed until then. nullptr: the device failed.
uint8_t *stateOf(GraphSession *session, const phi_binding &state);
/// All states are zero again.
void resetGraph(GraphSession *session);
/// A sentence without its end.
void explainGraph(const GraphSession &session, Writer &errors);

/// Whether the indices that an input holds are within its limit; else which is not, and what it is.
bool hasIndices(const phi_binding &input, const uint8_t *data, uint64_t *wrong, int64_t *value);
/// The sentence about it, without an end.
void writeWrongIndex(const phi_binding &input, uint64_t wrong, int64_t value, Writer &out);

} // namespace phi

#endif // PHI_RUNTIME_GRAPHSESSION_H
