//===- CudaMachinesTest.cpp - GPUs that people have ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cuda/machines/CudaMachines.h"
#include "gtest/gtest.h"

using namespace phic;

namespace {

const KnownMachine *machineNamed(const std::vector<KnownMachine> &machines, std::string_view name) {
  for (const KnownMachine &machine : machines)
    if (machine.name == name)
      return &machine;
  return nullptr;
}

TEST(CudaMachines, RunTheLevelsUpToTheirCapability) {
  const std::vector<KnownMachine> machines = cudaMachines();
  for (auto [name, capability] :
       {std::pair("t4", 75), std::pair("rtx3060", 86), std::pair("rtx4090", 89), std::pair("a100", 80),
        std::pair("h100", 90), std::pair("h200", 90), std::pair("rtx5090", 120)}) {
    const KnownMachine *machine = machineNamed(machines, name);
    ASSERT_TRUE(machine) << name;
    for (const CudaLevel &level : cudaLevels())
      EXPECT_EQ(std::count(machine->levels.begin(), machine->levels.end(), &level), int(level.capability) <= capability)
          << name << " and " << level.name;
  }
}

/// A slip of a power of ten in the table.
TEST(CudaMachines, HaveNumbersOfGpus) {
  for (const KnownMachine &machine : cudaMachines()) {
    const MachineRates &rates = machine.rates;
    EXPECT_GT(rates.bytesPerSecond, 2e11) << machine.name;
    EXPECT_LT(rates.bytesPerSecond, 1e13) << machine.name;
    EXPECT_GT(rates.integerPerSecond, 4 * rates.realPerSecond) << machine.name;
    EXPECT_GT(rates.realPerSecond, rates.bytesPerSecond) << machine.name;
    EXPECT_GE(rates.memoryBytes, uint64_t(12) << 30) << machine.name;
    EXPECT_LE(rates.memoryBytes, uint64_t(256) << 30) << machine.name;
    EXPECT_EQ(rates.threads, 0);
  }
}

TEST(CudaMachines, TheReferenceIsTheLeastCapable) {
  for (const CudaLevel &level : cudaLevels()) {
    const std::string source = referenceGpu(level).source;
    if (level.capability == 75)
      EXPECT_EQ(source, "NVIDIA T4, by its data sheet");
    if (level.capability == 80)
      EXPECT_EQ(source, "NVIDIA A100 of 40 GB, by its data sheet");
  }
}

/// A megabyte on 4.8 TB/s.
TEST(CudaMachines, AStageCostsItsLaunch) {
  const std::vector<KnownMachine> machines = cudaMachines();
  const MachineRates &h200 = machineNamed(machines, "h200")->rates;
  EXPECT_NEAR(h200.seconds(1e6, {}), 2e-6 + 1e6 / 4.8e12, 1e-12);
}

} // namespace
