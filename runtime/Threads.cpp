//===- Threads.cpp - Runs stages on all threads ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Claims, stealing and the barrier. There are about 180 stages in a token of a
// small model, so that each costs two cache-line transfers where it can: one to
// say "I have arrived", one to learn that all have.
//===----------------------------------------------------------------------===//
#include "Threads.h"

#include <string.h>

namespace phi {
namespace {

/// A thread takes its share in about so many runs: enough for others to take
/// the rest over when it is slow, few enough that claiming costs nothing.
constexpr int64_t kClaimsPerShare = 6;

/// How long to spin before sleeping, in cycles. Long enough for the imbalance
/// of a stage (about 40 us) or the sampling of a token (about 150 us); short enough
/// that another process on this core gets it.
constexpr uint64_t kBarrierSpin = 1u << 17, kStepSpin = 1u << 19, kShortSpin = 1u << 11;

/// A vain spin often means that fewer cores are free than there are threads, so
/// that the one waited for does not run while this one spins. Then sleep at once
/// at the next barriers, more of them each time, before trying again.
constexpr uint32_t kFirstPenalty = 4, kMostPenalty = 64;

inline uint64_t cycles() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  // The cycle counter is the kernel's; the timer everyone may read runs at 24 MHz to 1 GHz.
  uint64_t ticks, hertz;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  __asm__("mrs %0, cntfrq_el0" : "=r"(hertz));
  constexpr uint64_t kCyclesPerSecond = 3000000000;
  return hertz ? ticks * (kCyclesPerSecond / hertz) : ticks;
#endif
}

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// True once the word differs from `old`, false after `spin` cycles.
bool spinForChange(const uint32_t *word, uint32_t old, uint64_t spin) {
  uint64_t start = cycles();
  do {
    for (int i = 0; i < 16; ++i) {
      if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != old)
        return true;
      relax();
    }
  } while (cycles() - start < spin);
  return false;
}

void sleepForChange(phi_scheduler *scheduler, const uint32_t *word, uint32_t old) {
  // Say so before looking once more: either the other side sees a sleeper and
  // wakes it, or this load sees the new value (both sides sequentially consistent).
  __atomic_fetch_add(&scheduler->sleepers, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == old)
    os::sleepOn(&scheduler->gate, word, old);
  __atomic_fetch_sub(&scheduler->sleepers, 1, __ATOMIC_RELAXED);
}

void publish(phi_scheduler *scheduler, uint32_t *word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&scheduler->sleepers, __ATOMIC_SEQ_CST))
    os::wakeAll(&scheduler->gate, word);
}

void waitAtBarrier(phi_scheduler *scheduler, Worker &worker, uint32_t before) {
  bool shortly = worker.shortSpins > 0;
  worker.shortSpins -= shortly;
  bool seen = spinForChange(&scheduler->phase, before, shortly ? kShortSpin : kBarrierSpin);
  if (!seen)
    sleepForChange(scheduler, &scheduler->phase, before);
  if (shortly)
    return;
  uint32_t more = worker.penalty ? worker.penalty * 2 : kFirstPenalty;
  worker.penalty = seen ? 0 : more < kMostPenalty ? more : kMostPenalty;
  worker.shortSpins = worker.penalty;
}

void barrier(phi_scheduler *scheduler, Worker &worker) {
  uint32_t before = worker.barriers++;
  if (__atomic_add_fetch(&scheduler->arrived, 1, __ATOMIC_ACQ_REL) != uint32_t(scheduler->threads)) {
    waitAtBarrier(scheduler, worker, before);
    return;
  }
  // The others wait for `phase`: nobody looks at `arrived` until it is published.
  __atomic_store_n(&scheduler->arrived, 0, __ATOMIC_RELAXED);
  publish(scheduler, &scheduler->phase, before + 1);
}

struct TileRange {
  int64_t begin, end;
};

/// Rounded up, so that a stage of one tile is thread 0's, which has its inputs in cache.
TileRange shareOf(int32_t thread, int32_t threads, int64_t tiles) {
  return {(thread * tiles + threads - 1) / threads, ((thread + 1) * tiles + threads - 1) / threads};
}

/// Takes runs of `range` until none is left.
void runShare(int64_t *taken, TileRange range, phi_kernel kernel, const phi_frame *frame,
              const int64_t *args, uint8_t *scratch) {
  int64_t count = range.end - range.begin;
  int64_t run = (count + kClaimsPerShare - 1) / kClaimsPerShare;
  // Looking is cheaper than adding where nothing is left to take.
  while (__atomic_load_n(taken, __ATOMIC_RELAXED) < count) {
    int64_t first = __atomic_fetch_add(taken, run, __ATOMIC_RELAXED);
    if (first >= count)
      return;
    int64_t last = first + run < count ? first + run : count;
    kernel(frame, args, range.begin + first, range.begin + last, scratch);
  }
}

void workerMain(void *argument) {
  auto *worker = static_cast<Worker *>(argument);
  phi_scheduler *scheduler = worker->scheduler;
  for (uint32_t seen = 0;;) {
    if (!spinForChange(&scheduler->step, seen, kStepSpin))
      sleepForChange(scheduler, &scheduler->step, seen);
    seen = __atomic_load_n(&scheduler->step, __ATOMIC_ACQUIRE);
    if (scheduler->stopping)
      return;
    scheduler->entry(scheduler->frame, worker->index);
  }
}

/// What a pool's thread does in a step.
void runEntry(void *argument, int32_t thread) {
  auto *scheduler = static_cast<phi_scheduler *>(argument);
  scheduler->entry(scheduler->frame, thread);
}

uint64_t roundUp64(uint64_t bytes) { return (bytes + 63) & ~uint64_t(63); }

} // namespace

uint64_t schedulerBytes(int32_t threads) {
  return roundUp64(sizeof(phi_scheduler)) + uint64_t(threads) * (sizeof(Share) + sizeof(Worker));
}

phi_scheduler *startScheduler(uint8_t *memory, int32_t threads, uint64_t scratchBytes, StageHook hook, phi_pool pool) {
  memset(memory, 0, schedulerBytes(threads));
  auto *scheduler = reinterpret_cast<phi_scheduler *>(memory);
  scheduler->threads = threads;
  scheduler->scratchBytes = scratchBytes;
  scheduler->hook = hook;
  scheduler->pool = pool;
  os::openGate(&scheduler->gate);
  scheduler->shares = reinterpret_cast<Share *>(memory + roundUp64(sizeof(phi_scheduler)));
  scheduler->workers = reinterpret_cast<Worker *>(scheduler->shares + threads);
  for (int32_t i = 0; i < threads; ++i) {
    Worker &worker = scheduler->workers[i];
    worker.scheduler = scheduler;
    worker.index = i;
    worker.thread.body = workerMain;
    worker.thread.argument = &worker;
    if (i > 0 && !pool.parallel && !os::startThread(&worker.thread)) {
      scheduler->threads = i;
      stopScheduler(scheduler);
      return nullptr;
    }
  }
  return scheduler;
}

void stopScheduler(phi_scheduler *scheduler) {
  if (scheduler->threads > 1 && !scheduler->pool.parallel) {
    scheduler->stopping = true;
    publish(scheduler, &scheduler->step, scheduler->step + 1);
    for (int32_t i = 1; i < scheduler->threads; ++i)
      os::joinThread(&scheduler->workers[i].thread);
  }
  os::closeGate(&scheduler->gate);
}

void runStep(phi_scheduler *scheduler, phi_entry entry, phi_frame *frame) {
  frame->scheduler = scheduler;
  if (scheduler->hook.begin)
    scheduler->hook.begin(scheduler->hook.state);
  if (scheduler->threads == 1)
    return entry(frame, 0);
  // Workers are past the last stage's barrier and touch neither field until `step` changes.
  scheduler->entry = entry;
  scheduler->frame = frame;
  if (scheduler->pool.parallel)
    return scheduler->pool.parallel(scheduler->pool.state, scheduler->threads, runEntry, scheduler);
  publish(scheduler, &scheduler->step, scheduler->step + 1);
  entry(frame, 0);
}

} // namespace phi

using namespace phi;

void phi_run_stage(phi_frame *frame, int32_t thread, int32_t stage, phi_kernel kernel,
                   const int64_t *args, int64_t tiles) {
  phi_scheduler *scheduler = frame->scheduler;
  int32_t threads = scheduler->threads;
  if (threads == 1) {
    if (tiles > 0)
      kernel(frame, args, 0, tiles, frame->scratch);
    if (scheduler->hook.call)
      scheduler->hook.call(scheduler->hook.state, frame, stage);
    return;
  }

  Worker &worker = scheduler->workers[thread];
  uint32_t set = worker.stages++ & 1;
  // Nobody takes from the other set during this stage: clear it for the next one.
  __atomic_store_n(&scheduler->shares[thread].taken[set ^ 1], 0, __ATOMIC_RELAXED);
  uint8_t *scratch = frame->scratch + uint64_t(thread) * scheduler->scratchBytes;
  for (int32_t i = 0; i < threads; ++i) {
    int32_t owner = thread + i < threads ? thread + i : thread + i - threads;
    runShare(&scheduler->shares[owner].taken[set], shareOf(owner, threads, tiles), kernel, frame, args, scratch);
  }
  barrier(scheduler, worker);

  if (!scheduler->hook.call)
    return;
  if (thread == 0)
    scheduler->hook.call(scheduler->hook.state, frame, stage);
  barrier(scheduler, worker);
}
