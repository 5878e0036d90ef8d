//===- GraphSession.cpp - Runs of a graph ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GraphSession.h"

#include <string.h>

namespace phi {
namespace {

template <typename Function> void forEachState(const GraphSession &session, Function function) {
  const phi_entry_desc &entry = entryOf(*session.model);
  for (uint32_t i = 0; i < entry.binding_count; ++i)
    if (entry.bindings[i].kind == PHI_STATE)
      function(entry.bindings[i]);
}

const phi_device &deviceOf(const GraphSession &session) { return session.device.code->device(); }

} // namespace

void layoutGraph(GraphSession *session, Layout *layout, const LoadedCode &code, const SessionOptions &options) {
  const phi_model &model = *code.model;
  const phi_plan &plan = code.plan();
  session->model = &model;
  session->device = {&code, nullptr, nullptr, nullptr, nullptr};
  session->options = options;
  phi_frame &frame = session->frame;
  frame.weights = code.weights;
  frame.rows = frame.total = 1;
  session->device.state = layout->take(1, code.device().stateBytes(code, options));
  frame.scratch = layout->take(uint64_t(options.threads), plan.scratch_bytes);
  frame.arena = layout->take(1, plan.arena_bytes);
  uint8_t **slots = session->slots = layout->take<uint8_t *>(entryOf(model).slot_count);
  frame.bindings = slots;
  forEachState(*session, [&](const phi_binding &state) {
    uint8_t *now = layout->take(1, bytesOf(state)), *next = layout->take(1, bytesOf(state));
    if (!slots)
      return; // measuring
    slots[state.slot] = now;
    slots[state.next_slot] = next;
  });
}

phi_status startGraph(GraphSession *session) {
  resetGraph(session);
  return deviceOf(*session).start(&session->device, session->options);
}

void stopGraph(GraphSession *session) { deviceOf(*session).stop(&session->device); }

void runGraph(GraphSession *session) {
  deviceOf(*session).run(session->device, /*entry=*/0, &session->frame);
  forEachState(*session, [&](const phi_binding &state) {
    uint8_t *read = session->slots[state.slot];
    session->slots[state.slot] = session->slots[state.next_slot];
    session->slots[state.next_slot] = read;
  });
}

bool hasIndices(const phi_binding &input, const uint8_t *data, uint64_t *wrong, int64_t *value) {
  const int64_t limit = input.index_limit;
  const uint64_t count = limit ? elementsOf(input) : 0;
  for (uint64_t i = 0; i < count; ++i) {
    const int64_t index = input.element == PHI_I64 ? reinterpret_cast<const int64_t *>(data)[i]
                                                   : reinterpret_cast<const int32_t *>(data)[i];
    if (index >= -limit && index < limit)
      continue;
    *wrong = i;
    *value = index;
    return false;
  }
  return true;
}

void writeWrongIndex(const phi_binding &input, uint64_t wrong, int64_t value, Writer &out) {
  out << "input '" << input.name << "' has " << value << " as element " << wrong << ", which must be from "
      << -int64_t(input.index_limit) << " to " << int64_t(input.index_limit) - 1;
}

void resetGraph(GraphSession *session) {
  forEachState(*session,
               [&](const phi_binding &state) { memset(session->slots[state.slot], 0, size_t(bytesOf(state))); });
}

} // namespace phi
