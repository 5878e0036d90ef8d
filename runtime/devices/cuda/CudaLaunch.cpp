//===- CudaLaunch.cpp - Steps and their launches -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A step copies its frame to the GPU's memory and calls the entry point, which launches its stages' kernels one after the
// other. Parameters are resolved here, so that no kernel follows a pointer to find its data.
//===----------------------------------------------------------------------===//
#include "phi/hash.h"
#include "runtime/Bindings.h"
#include "runtime/devices/cuda/CudaSession.h"

namespace phi::cuda {
namespace {

Address addressOf(const void *memory) { return reinterpret_cast<Address>(memory); }

Address resolve(const CudaSession &state, const phi_gpu_argument &argument) {
  const phi_frame &frame = state.frame;
  switch (argument.space) {
  case PHI_GPU_WEIGHTS:
    return addressOf(frame.weights) + argument.offset;
  case PHI_GPU_ARENA:
    return addressOf(frame.arena) + argument.offset;
  case PHI_GPU_BINDING:
    return addressOf(frame.bindings[argument.slot]) + argument.offset;
  case PHI_GPU_CONTEXT:
    return addressOf(frame.bindings[argument.slot]) + argument.offset * uint64_t(frame.context);
  default:
    return state.memory + state.block.workspace + argument.offset;
  }
}

/// The kernel's parameters: the frame, then the stage's arguments.
struct Parameters {
  Address values[1 + kMostArguments];
  void *places[1 + kMostArguments];
};

void resolveAll(const CudaSession &state, const phi_gpu_argument *arguments, uint32_t count, Parameters *parameters) {
  parameters->values[0] = state.memory + state.block.frame;
  for (uint32_t i = 0; i < count; ++i)
    parameters->values[1 + i] = resolve(state, arguments[i]);
  for (uint32_t i = 0; i < 1 + count; ++i)
    parameters->places[i] = &parameters->values[i];
}

/// With a hook: the stages before `end` are done, and it sees each.
void finishStages(const DeviceSession &session, int32_t end) {
  CudaSession &state = stateOf(session);
  if (!state.hook.call || state.called >= end || !synchronize(session))
    return;
  for (; state.called < end; ++state.called)
    state.hook.call(state.hook.state, &state.frame, state.called);
}

/// Kernels read of the frame what is no pointer.
void sendFrame(const DeviceSession &session) {
  const CudaSession &state = stateOf(session);
  phi_frame frame = state.frame;
  frame.bindings = nullptr;
  frame.scheduler = nullptr;
  sendBytes(session, state.memory + state.block.frame, &frame, sizeof(frame));
}

/// The results of the step are not the host's yet.
void noteResults(const DeviceSession &session, const phi_entry_desc &entry) {
  CudaSession &state = stateOf(session);
  for (uint32_t i = 0; i < entry.binding_count; ++i) {
    const phi_binding &binding = entry.bindings[i];
    const uint64_t at = addressOf(state.frame.bindings[binding.slot]) - addressOf(session.results);
    if (binding.kind != PHI_RESULT || at >= state.resultBytes)
      continue;
    const uint64_t end = at + bytesInStep(binding, state.frame);
    const bool isFirst = state.changed == state.changedEnd;
    state.changed = isFirst || at < state.changed ? at : state.changed;
    state.changedEnd = isFirst || end > state.changedEnd ? end : state.changedEnd;
  }
}

StepKey keyOf(const CudaSession &state, const phi_entry_desc &entry) {
  const uint64_t bytes = entry.slot_count * sizeof(*state.frame.bindings);
  const uint64_t slots = phi_bytes_hash(0, reinterpret_cast<const unsigned char *>(state.frame.bindings), bytes);
  return {state.entry, state.frame.rows, state.frame.logit_row0, slots};
}

void launchStages(CudaSession &state) { state.self->code->variant->entries[state.entry](&state.frame, /*thread=*/0); }

} // namespace

void runStep(const DeviceSession &session, uint32_t entry, phi_frame *frame) {
  CudaSession &state = stateOf(session);
  if (state.failed != kSuccess)
    return;
  const LoadedCode &code = *session.code;
  Current current(codeOf(code));
  state.self = &session;
  state.frame = *frame;
  state.frame.scheduler = reinterpret_cast<phi_scheduler *>(&state);
  state.stage = -1;
  state.called = 0;
  state.entry = entry;
  sendFrame(session);
  if (state.hook.begin)
    state.hook.begin(state.hook.state);
  if (state.hook.call)
    launchStages(state);
  else
    runAsGraph(state, codeOf(code).driver, keyOf(state, code.model->entries[entry]), launchStages);
  finishStages(session, int32_t(code.plan().stage_count));
  noteResults(session, code.model->entries[entry]);
}

} // namespace phi::cuda

using namespace phi;
using namespace phi::cuda;

extern "C" void phi_launch_cuda(phi_frame *frame, int32_t stage, int32_t kernel, int32_t argument, int32_t columns,
                                int32_t rows) {
  auto &state = *reinterpret_cast<CudaSession *>(frame->scheduler);
  finishStages(*state.self, stage);
  state.stage = stage;
  if (rows <= 0 || columns <= 0 || state.failed != kSuccess)
    return;
  const CudaCode &code = codeOf(*state.self->code);
  const phi_gpu_kernel &its = code.kernels[kernel];
  Parameters parameters;
  resolveAll(state, code.arguments + argument, its.argument_count, &parameters);
  succeeds(state,
           code.driver.launchKernel(code.functions[kernel], unsigned(columns), unsigned(rows), 1, its.threads, 1, 1,
                                    /*sharedBytes=*/0, state.stream, parameters.places, /*extra=*/nullptr),
           stage);
}
