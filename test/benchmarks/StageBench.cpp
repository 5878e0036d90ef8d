//===- StageBench.cpp - What a stage costs besides its work ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps of 200 stages whose tiles do nothing: the time of one is what claiming its
// tiles and meeting the other threads takes. Without tiles, only the latter is left.
//
//     StageBench --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true
//===----------------------------------------------------------------------===//
#include "runtime/Os.h"
#include "runtime/devices/cpu/Threads.h"
#include <benchmark/benchmark.h>

using namespace phi;

namespace {

constexpr int32_t kStages = 200;

void emptyKernel(const phi_frame *, const int64_t *, int64_t, int64_t, uint8_t *) {}

void emptyStages(phi_frame *frame, int32_t thread) {
  for (int32_t stage = 0; stage < kStages; ++stage)
    phi_run_stage(frame, thread, stage, emptyKernel, nullptr, frame->rows);
}

void stage(benchmark::State &state) {
  auto threads = int32_t(state.range(0));
  phi_frame frame = {};
  frame.rows = state.range(1); // read as the number of tiles
  const uint64_t bytes = schedulerBytes(threads);
  uint8_t *memory = os::reserve(bytes);
  phi_scheduler *scheduler = startScheduler(memory, threads, /*scratchBytes=*/0, /*hook=*/{});
  for (auto _ : state)
    runStep(scheduler, emptyStages, &frame);
  stopScheduler(scheduler);
  os::release(memory, bytes);
  state.counters["stage"] =
      benchmark::Counter(kStages, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(stage)->ArgNames({"threads", "tiles"})->ArgsProduct({{1, 2}, {0, 1, 2, 12, 100}})->UseRealTime();

} // namespace

BENCHMARK_MAIN();
