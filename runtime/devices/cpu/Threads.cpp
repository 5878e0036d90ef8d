//===- Threads.cpp - Runs stages on all threads ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Claims, stealing and the barrier. There are about 210 stages in a token of a
// small model, so that each costs two cache-line transfers where it can: one to
// say "I have arrived", one to learn that all have. A third of them have one tile and cost none.
//===----------------------------------------------------------------------===//
#include "Threads.h"

#include <string.h>

namespace phi {
namespace {

/// A thread takes its share in about so many runs: enough for others to take
/// the rest over when it is slow, few enough that claiming costs nothing.
constexpr int64_t kClaimsPerShare = 6;

/// How long to spin before sleeping, in cycles: longer than the imbalance of a stage, than sampling a token, and than it
/// takes a thread that sleeps to be woken (100 us in a virtual machine), or those that wait for it would fall asleep in
/// turn, at every barrier from then on. Short enough that another process on this core gets it.
constexpr uint64_t kSpin = 1u << 19, kShortSpin = 1u << 11;

/// A vain spin often means that fewer cores are free than there are threads, so
/// that the one waited for does not run while this one spins. Then all sleep at once
/// at the next barriers, more of them each time, before trying again.
constexpr uint32_t kFirstPenalty = 4, kMostPenalty = 1024;

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

/// Whether another of our threads was last seen on the core that this one is on now.
bool sharesCore(const phi_scheduler *scheduler, Worker &worker) {
  const int32_t core = os::currentCore();
  __atomic_store_n(&worker.core, core, __ATOMIC_RELAXED);
  for (int32_t i = 0; i < scheduler->threads; ++i)
    if (i != worker.index && __atomic_load_n(&scheduler->workers[i].core, __ATOMIC_RELAXED) == core)
      return core >= 0;
  return false;
}

/// True once the word differs from `old`, false after `spin` cycles. Meanwhile, another of our threads that waits for this
/// core gets it: systems leave two threads on one core for long when they seldom run at the same time.
bool spinForChange(const phi_scheduler *scheduler, Worker &worker, const uint32_t *word, uint32_t old, uint64_t spin) {
  const uint64_t start = cycles();
  for (;;) {
    for (int i = 0; i < 16; ++i) {
      if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != old)
        return true;
      relax();
    }
    const uint64_t waited = cycles() - start;
    const bool isShared = waited > kShortSpin && sharesCore(scheduler, worker);
    if (waited > (isShared ? kSpin : spin))
      return false;
    if (isShared)
      os::offerCore();
  }
}

void sleepForChange(phi_scheduler *scheduler, Worker &worker, const uint32_t *word, uint32_t old) {
  // Say so before looking once more: either the other side sees a sleeper and
  // wakes it, or this load sees the new value (both sides sequentially consistent).
  __atomic_fetch_add(&scheduler->sleepers, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == old)
    os::sleepOn(&scheduler->gate, word, old);
  __atomic_fetch_sub(&scheduler->sleepers, 1, __ATOMIC_RELAXED);
  __atomic_store_n(&worker.core, os::currentCore(), __ATOMIC_RELAXED);
}

void publish(phi_scheduler *scheduler, uint32_t *word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&scheduler->sleepers, __ATOMIC_SEQ_CST))
    os::wakeAll(&scheduler->gate, word);
}

void waitForOthers(phi_scheduler *scheduler, Worker &worker, uint32_t before) {
  const bool shortly = __atomic_load_n(&scheduler->shortSpins, __ATOMIC_RELAXED) > 0;
  if (spinForChange(scheduler, worker, &scheduler->phase, before, shortly ? kShortSpin : kSpin))
    return;
  if (!shortly)
    __atomic_store_n(&scheduler->vain, true, __ATOMIC_RELAXED);
  sleepForChange(scheduler, worker, &scheduler->phase, before);
}

/// Decides how long to spin at the next barrier. By the last one to arrive.
void judgeSpins(phi_scheduler *scheduler) {
  uint32_t shortSpins = scheduler->shortSpins;
  if (__atomic_exchange_n(&scheduler->vain, false, __ATOMIC_RELAXED)) {
    const uint32_t more = scheduler->penalty ? scheduler->penalty * 2 : kFirstPenalty;
    shortSpins = scheduler->penalty = more < kMostPenalty ? more : kMostPenalty;
  } else if (shortSpins) {
    --shortSpins;
  } else {
    scheduler->penalty /= 2;
  }
  __atomic_store_n(&scheduler->shortSpins, shortSpins, __ATOMIC_RELAXED);
}

/// The first half of a barrier. The last thread to arrive has the step to itself until it calls `pass`.
void arrive(phi_scheduler *scheduler, Worker &worker) {
  worker.isLast = __atomic_add_fetch(&scheduler->arrived, 1, __ATOMIC_ACQ_REL) == uint32_t(scheduler->threads);
}

/// The last to arrive lets all others go on.
void open(phi_scheduler *scheduler, Worker &worker) {
  judgeSpins(scheduler);
  __atomic_store_n(&scheduler->arrived, 0, __ATOMIC_RELAXED);
  publish(scheduler, &scheduler->phase, ++worker.barriers);
}

/// The second half.
void pass(phi_scheduler *scheduler, Worker &worker) {
  if (worker.isLast)
    open(scheduler, worker);
  else
    waitForOthers(scheduler, worker, worker.barriers++);
}

struct TileRange {
  int64_t begin, end;
};

TileRange shareOf(int32_t thread, int32_t threads, int64_t tiles) {
  return {(thread * tiles + threads - 1) / threads, ((thread + 1) * tiles + threads - 1) / threads};
}

/// Takes runs of `range` until none is left.
void runShare(int64_t *taken, TileRange range, phi_kernel kernel, const phi_frame *frame, const int64_t *args,
              uint8_t *scratch) {
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

/// One thread's part of a stage of several tiles: its own share, then what others have left.
void runShares(phi_scheduler *scheduler, Worker &worker, const phi_frame *frame, phi_kernel kernel, const int64_t *args,
               int64_t tiles, uint8_t *scratch) {
  const int32_t threads = scheduler->threads;
  const uint32_t set = worker.stages++ & 1;
  // Nobody takes from the other set during this stage: clear it for the next one.
  __atomic_store_n(&scheduler->shares[worker.index].taken[set ^ 1], 0, __ATOMIC_RELAXED);
  for (int32_t i = 0; i < threads; ++i) {
    int32_t owner = worker.index + i < threads ? worker.index + i : worker.index + i - threads;
    runShare(&scheduler->shares[owner].taken[set], shareOf(owner, threads, tiles), kernel, frame, args, scratch);
  }
}

/// One thread's part of a step. It begins between the halves of a barrier at which thread 0 came last.
void runEntry(phi_scheduler *scheduler, int32_t thread) {
  Worker &worker = scheduler->workers[thread];
  worker.isLast = thread == 0;
  __atomic_store_n(&worker.core, os::currentCore(), __ATOMIC_RELAXED);
  scheduler->entry(scheduler->frame, thread);
  pass(scheduler, worker);
  // Stages of one tile do not wait for the others, which may still be looking at the frame.
  arrive(scheduler, worker);
  pass(scheduler, worker);
}

void workerMain(void *argument) {
  auto *worker = static_cast<Worker *>(argument);
  phi_scheduler *scheduler = worker->scheduler;
  for (uint32_t seen = 0;;) {
    if (!spinForChange(scheduler, *worker, &scheduler->step, seen, kSpin))
      sleepForChange(scheduler, *worker, &scheduler->step, seen);
    seen = __atomic_load_n(&scheduler->step, __ATOMIC_ACQUIRE);
    if (scheduler->stopping)
      return;
    runEntry(scheduler, worker->index);
  }
}

/// What a pool's thread does in a step.
void runInPool(void *argument, int32_t thread) { runEntry(static_cast<phi_scheduler *>(argument), thread); }

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
    worker.isLast = i == 0; // alone, it always is
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
    return scheduler->pool.parallel(scheduler->pool.state, scheduler->threads, runInPool, scheduler);
  publish(scheduler, &scheduler->step, scheduler->step + 1);
  runEntry(scheduler, 0);
}

} // namespace phi

using namespace phi;

void phi_run_stage(phi_frame *frame, int32_t thread, int32_t stage, phi_kernel kernel, const int64_t *args,
                   int64_t tiles) {
  phi_scheduler *scheduler = frame->scheduler;
  const StageHook &hook = scheduler->hook;
  int32_t threads = scheduler->threads;
  Worker &worker = scheduler->workers[thread];
  uint8_t *scratch = frame->scratch + uint64_t(thread) * scheduler->scratchBytes;
  if (threads == 1 || tiles <= 1) {
    // One tile is for whoever came last, and has the step to itself anyway.
    if (!worker.isLast)
      return;
    if (tiles > 0)
      kernel(frame, args, 0, tiles, scratch);
  } else {
    pass(scheduler, worker);
    runShares(scheduler, worker, frame, kernel, args, tiles, scratch);
    arrive(scheduler, worker);
  }
  if (hook.call && worker.isLast)
    hook.call(hook.state, frame, stage);
}
