//===- CpuRates.cpp - How fast processors can be at most -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/machines/CpuRates.h"
#include "targets/cpu/CpuLevels.h"
#include "targets/cpu/machines/Roofline.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace phic {
namespace {

struct ReferenceRow {
  std::string_view level, description;
  int threads;
  double bytes, integers, reals;
};
constexpr ReferenceRow kReferences[] = {
#define PHIC_MACHINE(LEVEL, DESCRIPTION, THREADS, BYTES, INTEGER, REAL)                                                \
  {LEVEL, DESCRIPTION, THREADS, BYTES, INTEGER, REAL},
#include "targets/cpu/machines/Machines.def"
};

constexpr uint64_t kLeastBytes = uint64_t(1) << 20, kMostBytes = uint64_t(256) << 20;
/// A measurement is the best of so many; each reads at least kReadBytes or computes for about 2 ms.
constexpr int kRepetitions = 5;
constexpr uint64_t kReadBytes = uint64_t(64) << 20;
constexpr int64_t kRounds = 400000;

/// Keeps what a loop returns alive.
std::atomic<uint64_t> sink;

/// Runs `body(thread)` on all threads at once, a few times; the shortest time from the common start to the last end.
double shortestSeconds(int threads, llvm::function_ref<uint64_t(int)> body) {
  using Clock = std::chrono::steady_clock;
  double shortest = 0;
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    std::atomic<int> waiting = threads;
    std::vector<std::thread> pool;
    std::vector<double> seconds(size_t(threads), 0.0);
    auto run = [&](int thread) {
      // Sleeping or starting is not part of what is measured.
      for (--waiting; waiting > 0;)
        std::this_thread::yield();
      auto start = Clock::now();
      sink += body(thread);
      seconds[size_t(thread)] = std::chrono::duration<double>(Clock::now() - start).count();
    };
    for (int thread = 1; thread < threads; ++thread)
      pool.emplace_back(run, thread);
    run(0);
    for (std::thread &thread : pool)
      thread.join();
    double longest = *std::max_element(seconds.begin(), seconds.end());
    shortest = repetition == 0 ? longest : std::min(shortest, longest);
  }
  return shortest;
}

double readBandwidth(const RooflineLoops &loops, int threads, uint64_t workingSet) {
  const uint64_t share = std::clamp(workingSet, kLeastBytes, kMostBytes) / uint64_t(threads);
  const uint64_t rounds = std::max<uint64_t>(1, kReadBytes / uint64_t(threads) / share);
  std::vector<std::vector<uint8_t>> buffers(size_t(threads), std::vector<uint8_t>(share, 1));
  double seconds = shortestSeconds(threads, [&](int thread) {
    uint64_t total = 0;
    for (uint64_t round = 0; round < rounds; ++round)
      total += loops.read(buffers[size_t(thread)]);
    return total;
  });
  return double(share * rounds * uint64_t(threads)) / seconds;
}

double multiplyRate(uint64_t (*loop)(int64_t), double perRound, int threads) {
  double seconds = shortestSeconds(threads, [&](int) { return loop(kRounds); });
  return perRound * double(kRounds) * threads / seconds;
}

} // namespace

MachineRates referenceProcessor(const CpuTarget &target) {
  const ReferenceRow *nearest = nullptr;
  for (const ReferenceRow &row : kReferences)
    if (const CpuTarget *level = cpuLevelByName(row.level);
        level->architecture == target.architecture && level <= &target)
      nearest = &row;
  std::string source = "reference machine";
  if (!nearest) {
    nearest = &kReferences[0];
    source = "for want of a machine of architecture " + std::string(target.architecture);
  }
  return {source + ", " + std::string(nearest->description),
          /*measured=*/false,
          nearest->threads,
          nearest->bytes,
          nearest->integers,
          nearest->reals};
}

std::optional<MachineRates> measureProcessor(const CpuTarget &target, int threads, uint64_t workingSet) {
  const RooflineLoops *loops = canRunHere(target) ? rooflineLoops(target.features) : nullptr;
  if (!loops)
    return std::nullopt;
  MachineRates machine{"measured on this machine", /*measured=*/true, threads, 0, 0, 0};
  machine.bytesPerSecond = readBandwidth(*loops, threads, workingSet);
  machine.integerPerSecond = multiplyRate(loops->multiplyIntegers, loops->integersPerRound, threads);
  machine.realPerSecond = multiplyRate(loops->multiplyReals, loops->realsPerRound, threads);
  return machine;
}

} // namespace phic
