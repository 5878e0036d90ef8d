//===- CpuRatesTest.cpp - What processors can do at most -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/machines/CpuRates.h"
#include "targets/cpu/CpuLevels.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

using namespace phic;

namespace {

TEST(CpuRates, EveryTargetHasAReference) {
  for (const CpuTarget &target : cpuLevels()) {
    MachineRates machine = referenceProcessor(target);
    EXPECT_GT(machine.bytesPerSecond, 1e9) << target.name;
    EXPECT_GT(machine.integerPerSecond, machine.bytesPerSecond) << target.name;
    EXPECT_GT(machine.threads, 0);
  }
}

// AVX-512 computes twice as much: its levels are not predicted by a machine without it.
TEST(CpuRates, Avx512HasARowOfItsOwn) {
  EXPECT_NE(referenceProcessor(*cpuLevelByName("x86-64-v4+vnni")).source,
            referenceProcessor(*cpuLevelByName("x86-64-v3")).source);
}

TEST(CpuRates, MeasuresWhatLooksLikeAMachine) {
  if (!canRunHere(defaultCpuLevel()))
    GTEST_SKIP() << "[SKIP] this machine lacks instructions of " << defaultCpuLevel().name;
  std::optional<MachineRates> machine = measureProcessor(defaultCpuLevel(), 1, 8 << 20);
  ASSERT_TRUE(machine);
  EXPECT_TRUE(machine->measured);
  // Nobody has 0.5 GB/s or 10 TB/s; an integer instruction multiplies four times as many pairs as an f32 one.
  EXPECT_GT(machine->bytesPerSecond, 5e8);
  EXPECT_LT(machine->bytesPerSecond, 1e13);
  EXPECT_GT(machine->realPerSecond, 1e9);
  EXPECT_GT(machine->integerPerSecond, machine->realPerSecond);
  llvm::errs() << "measured: " << machine->bytesPerSecond / 1e9 << " GB/s, " << machine->integerPerSecond / 1e9
               << " G int8, " << machine->realPerSecond / 1e9 << " G f32 multiply-adds/s\n";
}

} // namespace
