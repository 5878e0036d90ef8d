//===- CudaSession.h - A session on a GPU ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One block of the GPU's memory, one of pinned host memory, and a stream in which all is done in order. The first thing
// that the driver refuses stays: nothing more is asked of it, and explainFailure says what it was.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_DEVICES_CUDA_CUDASESSION_H
#define PHI_RUNTIME_DEVICES_CUDA_CUDASESSION_H

#include "runtime/devices/cuda/CudaGraph.h"
#include "runtime/devices/cuda/CudaMemory.h"

namespace phi::cuda {

/// Pinned memory by which bytes go up: what the GPU still takes from one half is not written to while the other is filled.
struct Staging {
  static constexpr uint64_t kHalf = 256 << 10;
  uint8_t *memory; ///< [2 * kHalf]
  Event taken[2]; ///< all of that half
  bool isFull[2]; ///< not known to be taken
  uint64_t side, used;
};

struct CudaSession {
  StageHook hook;
  Stream stream;
  Staging up;
  uint8_t *down; ///< [kDownBytes] pinned
  SessionBlock block;
  Address memory; ///< [block.bytes] of the GPU; 0: not there
  uint8_t *pinned; ///< results, then staging; nullptr: not there
  uint64_t resultBytes;
  uint64_t changed, changedEnd; ///< bytes of results that the host does not have yet
  Shortage shortage;

  StepGraphs graphs;
  const DeviceSession *self; ///< while a step runs
  phi_frame frame; ///< of the step, as its entry point sees it
  uint32_t entry; ///< of the step
  int32_t stage; ///< that was launched last; -1: none
  int32_t called; ///< stages of the step that the hook was called after

  Result failed; ///< the first result that was none
  int32_t failedStage; ///< which was launched then; -1: none was
  bool isExact; ///< nothing was under way but that stage
};

constexpr uint64_t kDownBytes = 256 << 10;

inline CudaSession &stateOf(const DeviceSession &session) { return *reinterpret_cast<CudaSession *>(session.state); }

/// Remembers the first failure. False: there is one, now or before.
bool succeeds(CudaSession &state, Result result, int32_t stage = -1);
/// By way of pinned memory: `from` is the caller's again at once. The GPU is current, as for all below.
void sendBytes(const DeviceSession &session, Address to, const void *from, uint64_t bytes);
/// Until all that was asked for is done. False: something failed.
bool synchronize(const DeviceSession &session);

// As phi_device has them.
phi_status startSession(DeviceSession *session, const SessionOptions &options);
void stopSession(DeviceSession *session);
bool reserveMemory(DeviceSession *session, uint64_t workBytes, uint64_t resultBytes);
void announceUse(const DeviceSession &session, Writer &out);
void uploadBytes(const DeviceSession &session, void *to, const void *from, uint64_t bytes);
HostBytes downloadBytes(const DeviceSession &session, const void *from, uint64_t bytes);
void copyBytes(const DeviceSession &session, void *to, const void *from, uint64_t bytes);
void runStep(const DeviceSession &session, uint32_t entry, phi_frame *frame);
bool waitForResults(const DeviceSession &session);
void explainFailure(const DeviceSession &session, Writer &errors);

} // namespace phi::cuda

#endif // PHI_RUNTIME_DEVICES_CUDA_CUDASESSION_H
