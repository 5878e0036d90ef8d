//===- AbacusDevice.cpp - What runs an abacus's programs ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// As far from a processor as a device can be: its memory is a space of its own, and a
// step is done as late as it may be, so that a host that does not wait reads what was.
//===----------------------------------------------------------------------===//
#include "runtime/Os.h"
#include "runtime/devices/Device.h"
#include "test/targets/abacus/AbacusMachine.h"
#include "test/targets/abacus/AbacusMemory.h"
#include "test/targets/abacus/Program.h"

#include <string.h>

namespace phi {
namespace {

using phic::AbacusHeader;

/// A session's own.
struct AbacusSession {
  StageHook hook;
  uint64_t resultBytes;  ///< at DeviceSession::results
  uint64_t lackingBytes; ///< that could not be had
  uint8_t *scratch;
  bool isPending; ///< `frame` is a step to do
  phi_frame frame;
  int64_t failed; ///< the stage, or -1
  uint8_t staging[4096];
};

AbacusSession &stateOf(const DeviceSession &session) { return *reinterpret_cast<AbacusSession *>(session.state); }

const AbacusHeader &headerOf(const LoadedCode &code) {
  return *reinterpret_cast<const AbacusHeader *>(code.variant->blob);
}

bool lacks(const phi_variant &, int32_t, Writer &) { return false; }

bool load(LoadedCode *code, const uint8_t *weights, const SessionNeed &, const Notes &, Writer &errors) {
  const AbacusHeader &header = headerOf(*code);
  const uint64_t bytes = code->variant->blob_bytes;
  if (bytes < sizeof(header) || header.magic != phic::kAbacusMagic || header.words != bytes / sizeof(uint64_t) ||
      header.stages != code->plan().stage_count) {
    errors << "this model's code for the abacus is damaged";
    return false;
  }
  uint8_t *copy = reserveAbacus(code->plan().weights_bytes, "weights");
  if (!copy) {
    errors << "the abacus has no memory for weights of " << code->plan().weights_bytes << " bytes";
    return false;
  }
  memcpy(abacusBytes(copy), weights, code->plan().weights_bytes);
  code->weights = copy;
  return true;
}

void unload(LoadedCode *code) { releaseAbacus(code->weights); }

uint64_t stateBytes(const LoadedCode &, const SessionOptions &) { return sizeof(AbacusSession); }

phi_status start(DeviceSession *session, const SessionOptions &options) {
  AbacusSession &state = stateOf(*session);
  memset(&state, 0, sizeof(state));
  state.hook = options.hook;
  state.failed = -1;
  return PHI_OK;
}

void stop(DeviceSession *session) {
  AbacusSession &state = stateOf(*session);
  const uint8_t *reserved[] = {session->work, session->results, state.scratch};
  for (const uint8_t *memory : reserved)
    if (memory)
      releaseAbacus(memory);
  if (session->resultsHost)
    os::release(session->resultsHost, state.resultBytes);
}

bool reserve(DeviceSession *session, uint64_t workBytes, uint64_t resultBytes) {
  AbacusSession &state = stateOf(*session);
  const uint64_t scratchBytes = headerOf(*session->code).scratchBytes;
  state.lackingBytes = workBytes;
  state.resultBytes = resultBytes;
  session->work = reserveAbacus(workBytes, "work memory");
  session->results = reserveAbacus(resultBytes, "results");
  state.scratch = reserveAbacus(scratchBytes, "scratch memory");
  session->resultsHost = os::reserve(resultBytes);
  return session->work && session->results && state.scratch && session->resultsHost;
}

void settle(const DeviceSession &, const phi_frame &, const SessionOptions &) {}

/// Does what `run` was asked for.
void finish(const DeviceSession &session) {
  AbacusSession &state = stateOf(session);
  if (!state.isPending)
    return;
  state.isPending = false;
  const AbacusStep step = {reinterpret_cast<const uint64_t *>(session.code->variant->blob), &state.frame,
                           state.scratch};
  if (state.hook.begin)
    state.hook.begin(state.hook.state);
  for (uint32_t stage = 0; stage < session.code->plan().stage_count && state.failed < 0; ++stage) {
    if (!runAbacusStage(step, stage))
      state.failed = stage;
    else if (state.hook.call)
      state.hook.call(state.hook.state, &state.frame, int32_t(stage));
  }
}

void upload(const DeviceSession &session, void *to, const void *from, uint64_t bytes) {
  finish(session);
  memcpy(abacusBytes(static_cast<uint8_t *>(to)), from, bytes);
}

HostBytes download(const DeviceSession &session, const void *from, uint64_t bytes) {
  finish(session);
  AbacusSession &state = stateOf(session);
  const uint64_t count = bytes < sizeof(state.staging) ? bytes : sizeof(state.staging);
  memcpy(state.staging, abacusBytes(static_cast<const uint8_t *>(from)), count);
  return {state.staging, count};
}

void copy(const DeviceSession &session, void *to, const void *from, uint64_t bytes) {
  upload(session, to, abacusBytes(static_cast<const uint8_t *>(from)), bytes);
}

void run(const DeviceSession &session, uint32_t, phi_frame *frame) {
  finish(session);
  AbacusSession &state = stateOf(session);
  state.frame = *frame;
  state.isPending = true;
}

bool wait(const DeviceSession &session) {
  finish(session);
  const AbacusSession &state = stateOf(session);
  memcpy(session.resultsHost, abacusBytes(session.results), state.resultBytes);
  return state.failed < 0;
}

void explain(const DeviceSession &session, Writer &errors) {
  const AbacusSession &state = stateOf(session);
  if (state.failed >= 0)
    errors << "the abacus met an instruction that it does not have, in stage '"
           << session.code->plan().stages[state.failed].name << "'";
  else
    errors << "the abacus has no " << state.lackingBytes
           << " bytes of memory for a session; a smaller --ctx takes less";
}

} // namespace
} // namespace phi

extern "C" const phi_device phi_device_abacus;
const phi_device phi_device_abacus = {
    "abacus",
    "abacus",
    /*isHost=*/false,
    /*count=*/nullptr,
    /*describe=*/nullptr,
    phi::lacks,
    phi::load,
    phi::unload,
    phi::stateBytes,
    phi::start,
    phi::stop,
    phi::reserve,
    /*announce=*/nullptr,
    phi::settle,
    phi::upload,
    phi::download,
    phi::copy,
    phi::run,
    phi::wait,
    phi::explain,
};
