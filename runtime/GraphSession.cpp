//===- GraphSession.cpp - Runs of a graph ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GraphSession.h"

#include <string.h>

namespace phi {
namespace {

/// Calls function(binding, its copy) for those of one kind.
template <typename Function> void forEach(const GraphSession &session, uint32_t kind, Function function) {
  HostCopy none = {};
  const phi_entry_desc &entry = entryOf(*session.model);
  for (uint32_t i = 0; i < entry.binding_count; ++i)
    if (entry.bindings[i].kind == kind)
      function(entry.bindings[i], session.copies ? session.copies[i] : none);
}

const phi_device &deviceOf(const GraphSession &session) { return session.device.code->device(); }

HostCopy &copyOf(const GraphSession &session, const phi_binding &binding) {
  return session.copies[&binding - entryOf(*session.model).bindings];
}

/// The memory that the device computes in; a layout of their own for what it leaves to the host.
void placeFrame(GraphSession *session, Layout *work, Layout *results) {
  phi_frame &frame = session->frame;
  const phi_plan &plan = session->device.code->plan();
  uint8_t **slots = session->slots;
  const bool isHost = deviceOf(*session).isHost;
  auto place = [&](uint32_t slot, Layout *layout, uint64_t bytes) {
    uint8_t *memory = layout->take(1, bytes);
    if (slots)
      slots[slot] = memory;
  };
  frame.scratch = work->take(isHost ? uint64_t(session->options.threads) : 1, plan.scratch_bytes);
  frame.arena = work->take(1, plan.arena_bytes);
  forEach(*session, PHI_STATE, [&](const phi_binding &state, HostCopy &) {
    place(state.slot, work, bytesOf(state));
    place(state.next_slot, work, bytesOf(state));
  });
  if (isHost)
    return;
  forEach(*session, PHI_INPUT, [&](const phi_binding &input, HostCopy &) { place(input.slot, work, bytesOf(input)); });
  forEach(*session, PHI_RESULT,
          [&](const phi_binding &result, HostCopy &) { place(result.slot, results, bytesOf(result)); });
}

/// Memory of a device that has its own, which is of zeros.
phi_status reserveFrame(GraphSession *session) {
  const SessionNeed need = needOfGraph(*session->device.code, session->options);
  DeviceSession &device = session->device;
  if (!deviceOf(*session).reserve(&device, need.workBytes, need.resultBytes)) {
    deviceOf(*session).stop(&device);
    return PHI_NO_MEMORY;
  }
  Layout work = {.base = device.work}, results = {.base = device.results};
  placeFrame(session, &work, &results);
  return PHI_OK;
}

} // namespace

SessionNeed needOfGraph(const LoadedCode &code, const SessionOptions &options) {
  if (code.device().isHost)
    return {};
  GraphSession measured = {};
  Layout unused, work, results;
  layoutGraph(&measured, &unused, code, options);
  placeFrame(&measured, &work, &results);
  return {work.overflow ? UINT64_MAX : work.size, results.size, 0};
}

void layoutGraph(GraphSession *session, Layout *layout, const LoadedCode &code, const SessionOptions &options) {
  const phi_model &model = *code.model;
  session->model = &model;
  session->device = {&code, nullptr, nullptr, nullptr, nullptr};
  session->options = options;
  session->copies = nullptr;
  phi_frame &frame = session->frame;
  frame.weights = code.weights;
  frame.rows = frame.total = 1;
  session->device.state = layout->take(1, code.device().stateBytes(code, options));
  frame.bindings = session->slots = layout->take<uint8_t *>(entryOf(model).slot_count);
  if (code.device().isHost)
    return placeFrame(session, layout, layout);
  session->copies = layout->take<HostCopy>(entryOf(model).binding_count);
  forEach(*session, PHI_STATE, [&](const phi_binding &state, HostCopy &copy) {
    uint8_t *memory = layout->take(1, bytesOf(state));
    if (session->copies)
      copy = {memory, false};
  });
}

phi_status startGraph(GraphSession *session) {
  const phi_device &device = deviceOf(*session);
  if (device.isHost)
    resetGraph(session);
  const phi_status status = device.start(&session->device, session->options);
  return status == PHI_OK && !device.isHost ? reserveFrame(session) : status;
}

void stopGraph(GraphSession *session) { deviceOf(*session).stop(&session->device); }

void giveInput(GraphSession *session, const phi_binding &input, const uint8_t *data) {
  if (session->copies)
    deviceOf(*session).upload(session->device, session->slots[input.slot], data, bytesOf(input));
  else
    session->slots[input.slot] = const_cast<uint8_t *>(data); // which a run only reads
}

void takeResult(GraphSession *session, const phi_binding &result, uint8_t *memory) {
  if (session->copies)
    copyOf(*session, result).bytes = memory;
  else
    session->slots[result.slot] = memory;
}

bool runGraph(GraphSession *session) {
  const phi_device &device = deviceOf(*session);
  uint8_t **slots = session->slots;
  forEach(*session, PHI_STATE, [&](const phi_binding &state, HostCopy &copy) {
    if (copy.isNewer)
      device.upload(session->device, slots[state.slot], copy.bytes, bytesOf(state));
    copy.isNewer = false;
  });
  device.run(session->device, /*entry=*/0, &session->frame);
  if (!device.wait(session->device))
    return false;
  forEach(*session, PHI_STATE, [&](const phi_binding &state, HostCopy &) {
    uint8_t *read = slots[state.slot];
    slots[state.slot] = slots[state.next_slot];
    slots[state.next_slot] = read;
  });
  if (session->copies)
    forEach(*session, PHI_RESULT, [&](const phi_binding &result, HostCopy &copy) {
      memcpy(copy.bytes, session->device.resultsHost + (slots[result.slot] - session->device.results),
             size_t(bytesOf(result)));
    });
  return true;
}

uint8_t *stateOf(GraphSession *session, const phi_binding &state) {
  uint8_t *memory = session->slots[state.slot];
  if (!session->copies)
    return memory;
  const phi_device &device = deviceOf(*session);
  HostCopy &copy = copyOf(*session, state);
  for (uint64_t done = 0; !copy.isNewer && done < bytesOf(state);) {
    const HostBytes part = device.download(session->device, memory + done, bytesOf(state) - done);
    memcpy(copy.bytes + done, part.begin, size_t(part.count));
    done += part.count;
  }
  copy.isNewer = true; // whoever has it may change it
  return device.wait(session->device) ? copy.bytes : nullptr;
}

void explainGraph(const GraphSession &session, Writer &errors) { deviceOf(session).explain(session.device, errors); }

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
  forEach(*session, PHI_STATE, [&](const phi_binding &state, HostCopy &copy) {
    memset(session->copies ? copy.bytes : session->slots[state.slot], 0, size_t(bytesOf(state)));
    copy.isNewer = session->copies != nullptr;
  });
}

} // namespace phi
