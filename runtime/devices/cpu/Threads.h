//===- Threads.h - Runs stages on all threads ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All threads call the same entry point; `phi_run_stage` divides each stage's
// tiles among them. A thread takes its own share in a few runs, then helps
// others; then all meet at a barrier. The last one to come runs what follows in one
// tile, such as a norm of one row, before it lets the others on. Everything is laid out before the first
// step: no queue, no allocation, and with one thread no atomic and no pthread.
// The threads are the scheduler's own, or those of a pool that the caller brings.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_DEVICES_CPU_THREADS_H
#define PHI_RUNTIME_DEVICES_CPU_THREADS_H

#include "phi/format.h"
#include "runtime/Os.h"
#include "runtime/devices/Device.h"

namespace phi {

/// One thread's part of a stage: how many tiles of its share are taken. Two
/// of them, so that the one for the next stage can be cleared during this one.
/// A cache line each: a thread works on its own most of the time.
struct alignas(64) Share {
  int64_t taken[2];
};

struct alignas(64) Worker {
  os::Thread thread;
  phi_scheduler *scheduler;
  int32_t index;
  uint32_t stages;       ///< run so far; its lowest bit chooses Share::taken
  uint32_t barriers;     ///< passed so far; what `phase` must become for the next
  int32_t core;          ///< where it was last seen
  bool isLast;           ///< to arrive at the barrier that it is to pass next
};

} // namespace phi

/// Lives in memory that the session provides: schedulerBytes(threads).
struct phi_scheduler {
  int32_t threads;
  uint64_t scratchBytes;  ///< per thread
  phi::StageHook hook;    ///< call is null when nobody looks
  phi_pool pool;          ///< parallel is null: the threads are our own
  phi::Share *shares;     ///< [threads]
  phi::Worker *workers;   ///< [threads]; [0] is the caller's

  // The step to run, published by `step`.
  phi_entry entry;
  phi_frame *frame;
  bool stopping;
  phi::os::Gate gate;     ///< where threads sleep

  alignas(64) uint32_t step;      ///< steps begun; workers sleep on it
  alignas(64) uint32_t arrived;   ///< threads at the barrier
  alignas(64) uint32_t phase;     ///< barriers completed; threads sleep on it
  uint32_t shortSpins;            ///< barriers left at which not to spin for long
  uint32_t penalty;               ///< how many such barriers the last vain spin was worth
  alignas(64) uint32_t sleepers;  ///< threads asleep on `step` or `phase`, or about to be
  bool vain;                      ///< a thread has spun for long at this barrier, and gone to sleep
};

namespace phi {

uint64_t schedulerBytes(int32_t threads);
/// Builds a scheduler in `memory` (64-byte aligned) and, without a pool, starts threads - 1 workers. nullptr: no thread to be had.
phi_scheduler *startScheduler(uint8_t *memory, int32_t threads, uint64_t scratchBytes, StageHook hook,
                              phi_pool pool = {});
/// Ends and joins the workers.
void stopScheduler(phi_scheduler *scheduler);
/// Runs one entry point on all threads; returns when its last stage is done.
void runStep(phi_scheduler *scheduler, phi_entry entry, phi_frame *frame);

} // namespace phi

#endif // PHI_RUNTIME_DEVICES_CPU_THREADS_H
