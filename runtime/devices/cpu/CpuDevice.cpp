//===- CpuDevice.cpp - This machine's processor ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Entry points are native code, and memory is the host's: reaching it copies nothing
// but what is to be in two places.
//===----------------------------------------------------------------------===//
#include "runtime/Bindings.h"
#include "runtime/devices/cpu/CpuFeatures.h"
#include "runtime/devices/cpu/Threads.h"

#include <string.h>

namespace phi {
namespace {

phi_scheduler *schedulerOf(const DeviceSession &session) { return reinterpret_cast<phi_scheduler *>(session.state); }

bool lacks(const phi_variant &variant, int32_t, Writer &what) {
  const uint64_t missing = variant.features & ~cpuFeatures();
  if (missing)
    what << cpuFeatureName(missing);
  return missing != 0;
}

bool load(LoadedCode *code, const uint8_t *weights, const SessionNeed &, const Notes &, Writer &) {
  code->weights = weights;
  return true;
}

void unload(LoadedCode *) {}

uint64_t stateBytes(const LoadedCode &, const SessionOptions &options) { return schedulerBytes(options.threads); }

phi_status start(DeviceSession *session, const SessionOptions &options) {
  const uint64_t scratch = session->code->plan().scratch_bytes;
  bool started = startScheduler(session->state, options.threads, scratch, options.hook, options.pool);
  return started ? PHI_OK : PHI_NO_THREADS;
}

void stop(DeviceSession *session) { stopScheduler(schedulerOf(*session)); }

void settle(const DeviceSession &session, const phi_frame &frame, const SessionOptions &options) {
  // Positions lie in many strips: a huge page each would take memory for tokens that never come.
  if (options.onSparse)
    options.onSparse(cachesOf(*session.code->model, frame),
                     session.code->plan().state_bytes_per_token * uint64_t(frame.context));
}

void upload(const DeviceSession &, void *to, const void *from, uint64_t bytes) { memcpy(to, from, bytes); }

HostBytes download(const DeviceSession &, const void *from, uint64_t bytes) {
  return {static_cast<const uint8_t *>(from), bytes};
}

void run(const DeviceSession &session, uint32_t entry, phi_frame *frame) {
  runStep(schedulerOf(session), session.code->variant->entries[entry], frame);
}

bool wait(const DeviceSession &) { return true; }

void explain(const DeviceSession &, Writer &errors) { errors << "the system starts no more threads"; }

} // namespace
} // namespace phi

const phi_device phi_device_cpu = {
    "cpu",
    "processor",
    /*isHost=*/true,
    /*count=*/nullptr,
    /*describe=*/nullptr,
    phi::lacks,
    phi::load,
    phi::unload,
    phi::stateBytes,
    phi::start,
    phi::stop,
    /*reserve=*/nullptr,
    /*announce=*/nullptr,
    phi::settle,
    phi::upload,
    phi::download,
    /*copy=*/phi::upload,
    phi::run,
    phi::wait,
    phi::explain,
};
