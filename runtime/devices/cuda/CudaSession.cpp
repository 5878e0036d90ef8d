//===- CudaSession.cpp - A session on a GPU ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/devices/cuda/CudaSession.h"

#include "runtime/devices/cuda/CudaMachine.h"

#include <string.h>

namespace phi::cuda {
namespace {

Address addressOf(const void *memory) { return reinterpret_cast<Address>(memory); }
uint8_t *pointerTo(Address address) { return reinterpret_cast<uint8_t *>(address); }

const CudaCode &codeOf(const DeviceSession &session) { return cuda::codeOf(*session.code); }

/// Pinned memory for what is staged next, and how much; waits where the GPU has not taken what was there.
uint8_t *takeStaging(const DeviceSession &session, uint64_t *bytes) {
  const Driver &driver = codeOf(session).driver;
  CudaSession &state = stateOf(session);
  Staging &up = state.up;
  if (up.used == Staging::kHalf) {
    succeeds(state, driver.eventRecord(up.taken[up.side], state.stream));
    up.isFull[up.side] = true;
    up.side ^= 1;
    up.used = 0;
    if (up.isFull[up.side])
      succeeds(state, driver.eventSynchronize(up.taken[up.side]));
    up.isFull[up.side] = false;
  }
  constexpr uint64_t kAlign = 16;
  const uint64_t left = Staging::kHalf - up.used;
  *bytes = *bytes < left ? *bytes : left;
  uint8_t *memory = up.memory + up.side * Staging::kHalf + up.used;
  up.used += (*bytes + kAlign - 1) / kAlign * kAlign;
  return memory;
}

/// Takes what a failed start has taken.
void giveBack(const CudaCode &code, CudaSession &state) {
  for (Event event : state.up.taken)
    if (event)
      code.driver.eventDestroy(event);
  if (state.stream)
    code.driver.streamDestroy(state.stream);
}

} // namespace

bool succeeds(CudaSession &state, Result result, int32_t stage) {
  if (result != kSuccess && state.failed == kSuccess) {
    state.failed = result;
    state.failedStage = stage;
    state.isExact = state.hook.call != nullptr;
  }
  return state.failed == kSuccess;
}

void sendBytes(const DeviceSession &session, Address to, const void *from, uint64_t bytes) {
  CudaSession &state = stateOf(session);
  auto *next = static_cast<const uint8_t *>(from);
  for (uint64_t done = 0, count; done < bytes && state.failed == kSuccess; done += count) {
    count = bytes - done;
    uint8_t *staged = takeStaging(session, &count);
    memcpy(staged, next + done, count);
    succeeds(state, codeOf(session).driver.copyUp(to + done, staged, count, state.stream));
  }
}

bool synchronize(const DeviceSession &session) {
  CudaSession &state = stateOf(session);
  if (state.failed == kSuccess &&
      succeeds(state, codeOf(session).driver.streamSynchronize(state.stream), state.stage)) {
    state.up.isFull[0] = state.up.isFull[1] = false;
    state.up.used = 0;
  }
  return state.failed == kSuccess;
}

phi_status startSession(DeviceSession *session, const SessionOptions &options) {
  const CudaCode &code = codeOf(*session);
  CudaSession &state = stateOf(*session);
  memset(static_cast<void *>(&state), 0, sizeof(state));
  state.hook = options.hook;
  state.stage = -1;
  const int64_t step = session->code->plan().context_step;
  state.frame.context = (options.context + step - 1) / step * step;
  Current current(code);
  succeeds(state, code.driver.streamCreate(&state.stream, kNonBlocking));
  for (Event &event : state.up.taken)
    succeeds(state, code.driver.eventCreate(&event, kUntimed));
  if (state.failed == kSuccess)
    return PHI_OK;
  giveBack(code, state);
  return PHI_DEVICE_FAILED;
}

void stopSession(DeviceSession *session) {
  const CudaCode &code = codeOf(*session);
  CudaSession &state = stateOf(*session);
  Current current(code);
  code.driver.streamSynchronize(state.stream);
  dropGraphs(state.graphs, code.driver);
  if (state.memory)
    code.driver.memFree(state.memory);
  if (state.pinned)
    code.driver.memFreeHost(state.pinned);
  giveBack(code, state);
}

bool reserveMemory(DeviceSession *session, uint64_t workBytes, uint64_t resultBytes) {
  const CudaCode &code = codeOf(*session);
  CudaSession &state = stateOf(*session);
  const SessionNeed need = {workBytes, resultBytes, state.frame.context};
  Current current(code);
  state.shortage = findShortage(*session->code, /*weightBytes=*/0, need);
  if (state.shortage)
    return false;
  state.block = blockFor(*code.gpu, need);
  state.resultBytes = resultBytes;
  constexpr uint64_t kLine = 64;
  const uint64_t results = (resultBytes + kLine - 1) / kLine * kLine;
  void *pinned = nullptr;
  if (succeeds(state, code.driver.memAlloc(&state.memory, state.block.bytes)) &&
      succeeds(state, code.driver.memsetBytes(state.memory, 0, state.block.bytes, state.stream)) &&
      succeeds(state, code.driver.memHostAlloc(&pinned, results + 2 * Staging::kHalf + kDownBytes, kPortable))) {
    state.pinned = session->resultsHost = static_cast<uint8_t *>(pinned);
    memset(state.pinned, 0, results);
    state.up.memory = state.pinned + results;
    state.down = state.up.memory + 2 * Staging::kHalf;
    session->work = pointerTo(state.memory);
    session->results = pointerTo(state.memory + state.block.results);
  }
  return state.failed == kSuccess;
}

void announceUse(const DeviceSession &session, Writer &out) {
  const CudaCode &code = codeOf(session);
  constexpr uint64_t kGiB = 1 << 30;
  const uint64_t used = session.code->plan().weights_bytes + stateOf(session).block.bytes;
  if (used >= kGiB) // the unit is said once
    (out << "on " << code.name << ", ").fixed(double(used) / double(kGiB), 1) << " of ";
  else
    writeBytes(used, out << "on " << code.name << ", "), out << " of ";
  writeBytes(code.totalBytes, out);
}

void uploadBytes(const DeviceSession &session, void *to, const void *from, uint64_t bytes) {
  Current current(codeOf(session));
  sendBytes(session, addressOf(to), from, bytes);
}

HostBytes downloadBytes(const DeviceSession &session, const void *from, uint64_t bytes) {
  const CudaCode &code = codeOf(session);
  CudaSession &state = stateOf(session);
  const uint64_t count = bytes < kDownBytes ? bytes : kDownBytes;
  Current current(code);
  if (state.failed == kSuccess &&
      succeeds(state, code.driver.copyDown(state.down, addressOf(from), count, state.stream)))
    synchronize(session);
  return {state.down, count};
}

void copyBytes(const DeviceSession &session, void *to, const void *from, uint64_t bytes) {
  const CudaCode &code = codeOf(session);
  CudaSession &state = stateOf(session);
  Current current(code);
  if (bytes && state.failed == kSuccess)
    succeeds(state, code.driver.copyAcross(addressOf(to), addressOf(from), bytes, state.stream));
}

bool waitForResults(const DeviceSession &session) {
  const CudaCode &code = codeOf(session);
  CudaSession &state = stateOf(session);
  Current current(code);
  const uint64_t from = state.changed;
  if (from < state.changedEnd && state.failed == kSuccess)
    succeeds(state, code.driver.copyDown(session.resultsHost + from, addressOf(session.results + from),
                                         state.changedEnd - from, state.stream));
  state.changed = state.changedEnd = 0;
  return synchronize(session);
}

void explainFailure(const DeviceSession &session, Writer &errors) {
  const CudaCode &code = codeOf(session);
  const CudaSession &state = stateOf(session);
  if (state.shortage)
    return writeShortage(code, state.shortage, errors);
  errors << code.name << " failed";
  if (state.failedStage >= 0)
    errors << " in stage '" << session.code->plan().stages[state.failedStage].name << "'"
           << (state.isExact ? "" : " or before it");
  writeResult(code.driver, state.failed, errors << ": ");
}

} // namespace phi::cuda
