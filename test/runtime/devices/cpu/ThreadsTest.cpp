//===- ThreadsTest.cpp - Stages on one and many threads ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/devices/cpu/Threads.h"
#include "gtest/gtest.h"
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

using namespace phi;

namespace {

constexpr int kStages = 50;

/// What a step works on: reached from kernels through frame->arena.
struct Work {
  std::vector<uint64_t> values;           ///< one a tile
  std::vector<std::atomic<int>> visits;   ///< of each tile in this step
  std::atomic<bool> outOfOrder = false;   ///< a tile saw an earlier stage unfinished
  std::atomic<int> slowThread = -1;
  std::atomic<int64_t> tilesOfSlow = 0;
  int64_t tiles;
  explicit Work(int64_t tiles) : values(tiles), visits(tiles), tiles(tiles) {}
};

Work &workOf(const phi_frame *frame) { return *reinterpret_cast<Work *>(frame->arena); }

/// Stage s adds to each tile what a neighbour had after stage s - 1, so that order matters.
void mix(const phi_frame *frame, const int64_t *args, int64_t begin, int64_t end, uint8_t *scratch) {
  Work &work = workOf(frame);
  int64_t stage = args[0];
  scratch[0] = uint8_t(stage);
  for (int64_t tile = begin; tile < end; ++tile) {
    if (work.visits[tile].fetch_add(1) != stage || work.visits[(tile + 1) % work.tiles] < stage)
      work.outOfOrder = true;
    work.values[tile] = work.values[tile] * 6364136223846793005u + uint64_t(stage + tile);
  }
}

/// Every stage number, as the constants of a stage.
const int64_t *stageArgs(int stage) {
  static const std::vector<int64_t> numbers = [] {
    std::vector<int64_t> all(kStages);
    std::iota(all.begin(), all.end(), 0);
    return all;
  }();
  return &numbers[stage];
}

void mixEntry(phi_frame *frame, int32_t thread) {
  for (int stage = 0; stage < kStages; ++stage)
    phi_run_stage(frame, thread, stage, mix, stageArgs(stage), workOf(frame).tiles);
}

/// A scheduler and the memory it lives in.
struct Running {
  uint64_t bytes;
  uint8_t *memory;
  std::vector<uint8_t> scratch;
  phi_scheduler *scheduler;
  phi_frame frame = {};

  Running(int32_t threads, void *work, StageHook hook = {})
      : bytes(schedulerBytes(threads)), memory(os::reserve(bytes)), scratch(64 * threads) {
    scheduler = startScheduler(memory, threads, 64, hook);
    frame.scratch = scratch.data();
    frame.arena = static_cast<uint8_t *>(work);
  }
  ~Running() {
    stopScheduler(scheduler);
    os::release(memory, bytes);
  }
};

std::vector<uint64_t> runMix(int32_t threads, int64_t tiles, int steps) {
  Work work(tiles);
  Running running(threads, &work);
  for (int step = 0; step < steps; ++step) {
    for (auto &visits : work.visits)
      visits = 0;
    runStep(running.scheduler, mixEntry, &running.frame);
    for (auto &visits : work.visits)
      EXPECT_EQ(visits, kStages);
  }
  EXPECT_FALSE(work.outOfOrder);
  return work.values;
}

TEST(Threads, ResultsDoNotDependOnTheirNumber) {
  for (int64_t tiles : {1, 2, 3, 7, 100}) {
    std::vector<uint64_t> alone = runMix(1, tiles, 2);
    for (int32_t threads : {2, 3, 6})
      EXPECT_EQ(runMix(threads, tiles, 2), alone) << threads << " threads, " << tiles << " tiles";
  }
}

TEST(Threads, ManyStepsWithPausesBetween) {
  Work work(5);
  Running running(2, &work);
  for (int step = 0; step < 20; ++step) {
    for (auto &visits : work.visits)
      visits = 0;
    // Long enough for the workers to fall asleep now and then.
    if (step % 5 == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    runStep(running.scheduler, mixEntry, &running.frame);
  }
  EXPECT_FALSE(work.outOfOrder);
}

struct Counts {
  std::atomic<int> stages = 0;
  std::vector<int32_t> order;
  std::atomic<int64_t> tiles = 0;
  std::atomic<bool> early = false;
};

void countTiles(const phi_frame *frame, const int64_t *args, int64_t begin, int64_t end, uint8_t *) {
  auto &counts = *reinterpret_cast<Counts *>(frame->arena);
  // The hook of stage s has run before any tile of stage s + 1.
  if (counts.stages != args[0])
    counts.early = true;
  counts.tiles += end - begin;
}

void countEntry(phi_frame *frame, int32_t thread) {
  for (int stage = 0; stage < 50; ++stage)
    phi_run_stage(frame, thread, stage, countTiles, stageArgs(stage), stage % 4);
}

TEST(Threads, TheHookRunsBetweenStages) {
  for (int32_t threads : {1, 4}) {
    Counts counts;
    StageHook hook = {[](void *state, const phi_frame *, int32_t stage) {
                        auto &seen = *static_cast<Counts *>(state);
                        seen.order.push_back(stage);
                        ++seen.stages;
                      },
                      &counts};
    Running running(threads, &counts, hook);
    runStep(running.scheduler, countEntry, &running.frame);
    EXPECT_FALSE(counts.early);
    EXPECT_EQ(counts.order.size(), 50u);
    EXPECT_TRUE(std::is_sorted(counts.order.begin(), counts.order.end()));
    EXPECT_EQ(counts.tiles, 12 * (0 + 1 + 2 + 3) + 0 + 1);
  }
}

/// The first run waits until all other tiles are done: only stealing can do them.
void stall(const phi_frame *frame, const int64_t *, int64_t begin, int64_t end, uint8_t *) {
  auto &work = workOf(frame);
  if (begin == 0)
    while (work.tilesOfSlow < work.tiles - end)
      std::this_thread::yield();
  work.tilesOfSlow += begin == 0 ? 0 : end - begin;
}

void stallEntry(phi_frame *frame, int32_t thread) {
  phi_run_stage(frame, thread, 0, stall, nullptr, workOf(frame).tiles);
}

TEST(Threads, OthersTakeOverFromASlowThread) {
  Work work(60);
  Running running(2, &work);
  runStep(running.scheduler, stallEntry, &running.frame);
  EXPECT_EQ(work.tilesOfSlow, 55);
}

/// Notes who runs each stage. The first stage has a tile for each thread: the second waits until the first has begun.
void noteThread(const phi_frame *frame, const int64_t *args, int64_t begin, int64_t, uint8_t *) {
  auto &seen = *reinterpret_cast<std::thread::id(*)[3]>(frame->arena);
  static std::atomic<bool> begun;
  if (args[0] == 0 && begin == 0)
    begun = true;
  while (args[0] == 0 && !begun)
    std::this_thread::yield();
  if (args[0] == 0 && begin == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  if (begin == 0)
    seen[args[0]] = std::this_thread::get_id();
}

TEST(Threads, TheLastToArriveRunsStagesOfOneTile) {
  std::thread::id seen[3];
  Running running(2, seen);
  runStep(
      running.scheduler,
      [](phi_frame *frame, int32_t thread) {
        for (int stage = 0; stage < 3; ++stage)
          phi_run_stage(frame, thread, stage, noteThread, stageArgs(stage), stage ? 1 : 2);
      },
      &running.frame);
  // Tile 0 of the first stage ends long after tile 1.
  EXPECT_EQ(seen[1], seen[0]);
  EXPECT_EQ(seen[2], seen[0]);
}

TEST(Threads, OneThreadIsTheCallers) {
  Running running(1, nullptr);
  static std::thread::id seen;
  runStep(
      running.scheduler,
      [](phi_frame *frame, int32_t thread) {
        phi_run_stage(
            frame, thread, 0,
            [](const phi_frame *, const int64_t *, int64_t begin, int64_t end, uint8_t *) {
              EXPECT_EQ(end - begin, 9);
              seen = std::this_thread::get_id();
            },
            nullptr, 9);
      },
      &running.frame);
  EXPECT_EQ(seen, std::this_thread::get_id());
}

} // namespace
