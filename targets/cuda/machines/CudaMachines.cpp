//===- CudaMachines.cpp - GPUs that people have ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cuda/machines/CudaMachines.h"
#include <cassert>

namespace phic {
namespace {

struct Row {
  std::string_view name, description;
  uint32_t capability;
  uint64_t gibibytes;
  double bytes, integers, reals;
};
constexpr Row kRows[] = {
#define PHIC_CUDA_MACHINE(NAME, DESCRIPTION, CAPABILITY, GIB, BYTES, INTEGER, REAL)                                    \
  {NAME, DESCRIPTION, CAPABILITY, GIB, BYTES, INTEGER, REAL},
#include "targets/cuda/machines/Machines.def"
};

/// From one kernel to the next: what phic's programs are to reach, nobody has measured it.
constexpr double kLaunchSeconds = 2e-6;

MachineRates ratesOf(const Row &row) {
  return {std::string(row.description) + ", by its data sheet",
          /*measured=*/false,
          /*threads=*/0,
          row.bytes,
          row.integers,
          row.reals,
          kLaunchSeconds,
          row.gibibytes << 30};
}

} // namespace

std::vector<KnownMachine> cudaMachines() {
  std::vector<KnownMachine> machines;
  for (const Row &row : kRows) {
    machines.push_back({row.name, {}, ratesOf(row)});
    for (const CudaLevel &level : cudaLevels())
      if (level.capability <= row.capability)
        machines.back().levels.push_back(&level);
  }
  return machines;
}

MachineRates referenceGpu(const CudaLevel &level) {
  const Row *least = nullptr;
  for (const Row &row : kRows)
    if (row.capability >= level.capability && (!least || row.capability < least->capability))
      least = &row;
  assert(least && "a machine runs every level");
  return ratesOf(*least);
}

} // namespace phic
