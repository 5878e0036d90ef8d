//===- Grid.cpp - The order in which CTAs and warps run ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Grid.h"
#include <algorithm>
#include <numeric>

namespace ptx {
namespace {

/// Instructions that a warp executes before another one may go on: mostly many, sometimes few.
uint32_t quantum(Random &random) { return random.below(4) ? 1024 : 1 + random.below(16); }

void shuffle(std::vector<uint32_t> &order, Random &random) {
  for (size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[random.below(i)]);
}

} // namespace

Grid::Grid(Launch its, Memory &memory, Counts &counts)
    : launch(std::move(its)), memory(memory), counts(counts),
      sharedAtStart(launch.kernel->dynamicAt + launch.dynamicShared),
      sharedBytes(launch.kernel->dynamicAt + launch.dynamicShared) {
  random.state = (launch.seed + 1) * 0x9E3779B97F4A7C15ull ^ launch.id * 0xD1B54A32D192ED03ull;
  random.state |= 1;
  auto mark = [&](uint64_t at, uint64_t bytes, bool isNobodys) {
    sharedAtStart.each(at, bytes, [&](Touched &touched) { touched.isNobodys = isNobodys; });
  };
  mark(0, launch.kernel->dynamicAt, true);
  for (const Variable &variable : launch.kernel->shared)
    mark(variable.address, variable.bytes, false);
}

void Grid::run() {
  ++counts.launches;
  memory.beginLaunch();
  std::vector<uint32_t> waiting(launch.grid[0] * launch.grid[1] * launch.grid[2]);
  std::iota(waiting.begin(), waiting.end(), 0);
  shuffle(waiting, random);
  size_t most = launch.isCooperative ? waiting.size() : std::max(1u, launch.resident);
  std::vector<std::unique_ptr<Cta>> atWork;
  while (!waiting.empty() || !atWork.empty()) {
    while (!waiting.empty() && atWork.size() < most) {
      atWork.push_back(std::make_unique<Cta>(*this, waiting.back()));
      waiting.pop_back();
    }
    turn(atWork);
  }
}

/// Every warp that can run gets a turn, in a random order.
void Grid::turn(std::vector<std::unique_ptr<Cta>> &atWork) {
  std::vector<Warp *> ready;
  for (auto &cta : atWork)
    for (Warp &warp : cta->warps)
      if (warp.live && !warp.isWaiting)
        ready.push_back(&warp);
  if (ready.empty())
    stuck(atWork);
  for (size_t i = ready.size(); i > 1; --i)
    std::swap(ready[i - 1], ready[random.below(i)]);
  for (Warp *warp : ready) {
    counts.instructions += warp->run(quantum(random));
    if (warp->executed > launch.mostInstructions)
      warp->fault(Fault::launchFailed, __builtin_ctz(warp->started),
                  "does not end: more than " + std::to_string(launch.mostInstructions) + " instructions");
  }
  std::erase_if(atWork, [](const std::unique_ptr<Cta> &cta) {
    return std::all_of(cta->warps.begin(), cta->warps.end(), [](const Warp &warp) { return !warp.live; });
  });
}

void Grid::stuck(const std::vector<std::unique_ptr<Cta>> &atWork) {
  for (auto &cta : atWork)
    for (Warp &warp : cta->warps)
      if (warp.live && warp.isWaiting)
        warp.fault(Fault::launchFailed, __builtin_ctz(warp.live), "a barrier that not all of its threads reach");
}

} // namespace ptx
