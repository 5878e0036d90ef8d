//===- GraphSession.h - Runs of a graph ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A graph has one entry point of static shape, and code for processors alone. A session keeps its states, zero at the start: each has two buffers,
// which change places after every run, so that what a run reads is never what it writes. All memory is taken from a
// Layout before the first run, and nothing is allocated later.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_GRAPHSESSION_H
#define PHI_RUNTIME_GRAPHSESSION_H

#include "Bindings.h"
#include "Memory.h"
#include "Writer.h"
#include "runtime/devices/Device.h"

namespace phi {

struct GraphSession {
  const phi_model *model;
  DeviceSession device;
  phi_frame frame;
  uint8_t **slots; ///< frame.bindings; the caller sets those of inputs and results
  SessionOptions options;
};

inline const phi_entry_desc &entryOf(const phi_model &model) { return model.entries[0]; }

/// Takes the session's memory, without that of inputs and results. Of the options, threads, hook and pool count.
/// Measuring and placing must be given the same.
void layoutGraph(GraphSession *session, Layout *layout, const LoadedCode &code, const SessionOptions &options);
/// Starts the threads, with states of zeros. PHI_OK or PHI_NO_THREADS.
phi_status startGraph(GraphSession *session);
void stopGraph(GraphSession *session);
/// One run on what the slots of inputs point to, into what those of results do.
void runGraph(GraphSession *session);
/// Whether the indices that an input's slot holds are within its limit; else which is not, and what it is.
bool hasIndices(const phi_binding &input, const uint8_t *data, uint64_t *wrong, int64_t *value);
/// The sentence about it, without an end.
void writeWrongIndex(const phi_binding &input, uint64_t wrong, int64_t value, Writer &out);
/// All states are zero again.
void resetGraph(GraphSession *session);

} // namespace phi

#endif // PHI_RUNTIME_GRAPHSESSION_H
