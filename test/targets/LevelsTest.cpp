//===- LevelsTest.cpp - From --target and --cpu to levels ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/Levels.h"
#include "phi/format.h"
#include "targets/Backend.h"
#include "targets/cpu/CpuLevels.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/AArch64TargetParser.h"
#include "llvm/TargetParser/X86TargetParser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace phic;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

std::vector<std::string> levelsOf(std::string_view cpus) {
  std::string reason;
  auto choices = chooseTargets("", cpus, "", &reason);
  if (!choices)
    return {reason};
  std::vector<std::string> names;
  for (const Target *level : choices->front().levels)
    names.emplace_back(level->name);
  return names;
}

std::string reasonOf(std::string_view systems, std::string_view cpus, std::string_view devices = "") {
  std::string reason;
  EXPECT_FALSE(chooseTargets(systems, cpus, devices, &reason));
  return reason;
}

TEST(Levels, BestFirstEachOnce) {
  EXPECT_THAT(levelsOf(""), ElementsAre("x86-64-v4+vnni", "x86-64-v3"));
  EXPECT_THAT(levelsOf("haswell,x86-64-v4,znver4,znver3,icelake-server"),
              ElementsAre("x86-64-v4+vnni", "x86-64-v4", "x86-64-v3"));
  EXPECT_THAT(levelsOf("skylake-avx512"), ElementsAre("x86-64-v4"));
  EXPECT_THAT(levelsOf("generic"), ElementsAre("x86-64-v3"));
}

TEST(Levels, FeaturesThatNoKernelUsesMayBeNamed) {
  std::string reason;
  auto choices = chooseTargets("aarch64-linux", "neon+fp16,neon+i8mm+fp16,neon", "", &reason);
  ASSERT_TRUE(choices) << reason;
  EXPECT_EQ(choices->front().levels,
            (std::vector<const Target *>{cpuLevelByName("neon+i8mm"), cpuLevelByName("neon")}));
  EXPECT_THAT(reasonOf("aarch64-linux", "neon+fp32"), HasSubstr("--cpu=neon+fp32 is no CPU level"));
}

TEST(Levels, MistakesAreNamedWithWhatIsKnown) {
  EXPECT_THAT(reasonOf("", "x86-64-v3,pentium4"), HasSubstr("--cpu=pentium4 is no CPU level or processor"));
  EXPECT_THAT(reasonOf("", "pentium4"),
              testing::AllOf(HasSubstr(" x86-64-v4+vnni"), HasSubstr(" znver4"), HasSubstr("'native'")));
  EXPECT_THAT(reasonOf("riscv64-linux", ""),
              testing::AllOf(HasSubstr("--target=riscv64-linux"), HasSubstr("x86_64-linux")));
  EXPECT_THAT(reasonOf("x86_64-linux,x86_64-linux", ""), HasSubstr("twice"));
}

TEST(Levels, DevicesAreBesideTheCpu) {
  std::string reason;
  auto choices = chooseTargets("", "", "cpu", &reason);
  ASSERT_TRUE(choices) << reason;
  EXPECT_EQ(choices->front().levels, chooseTargets("", "", "", &reason)->front().levels);
  EXPECT_THAT(
      reasonOf("", "", "cpu,sundial"),
      testing::AllOf(HasSubstr("--device=sundial is no device phic makes code for"), HasSubstr("known are cpu")));
  EXPECT_THAT(reasonOf("", "", "cpu:x86-64-v3"), HasSubstr("levels of the CPU are named by --cpu"));
  for (const System &system : allSystems())
    for (const Backend *backend : allBackends())
      if (backend != &hostBackend() && !backend->runsOn(*backend->levels().front(), system))
        EXPECT_EQ(reasonOf(system.name, "", std::string(backend->family())),
                  "--device=" + backend->family().str() + " is no device of --target=" + std::string(system.name));
  EXPECT_THAT(reasonOf("", "", "cpu:"), HasSubstr("--device=cpu: is no device"));
}

/// Of other families than the CPU's, in their order.
std::vector<const Target *> deviceLevels(const System &system, const std::string &devices) {
  std::string reason;
  auto choices = chooseTargets(system.name, "", devices, &reason);
  EXPECT_TRUE(choices) << reason;
  if (!choices)
    return {};
  std::vector<const Target *> levels = choices->front().levels;
  llvm::erase_if(levels, [](const Target *level) { return &backendOf(*level) == &hostBackend(); });
  return levels;
}

TEST(Levels, AWordOfADeviceIsOfTheFamilyBeforeIt) {
  const System &system = allSystems().front();
  for (const Backend *backend : allBackends()) {
    if (backend == &hostBackend())
      continue;
    const std::string family = backend->family().str();
    const std::vector<const Target *> worstFirst = backend->levels();
    const std::vector<const Target *> bestFirst(worstFirst.rbegin(), worstFirst.rend());
    std::string words = family + ":" + std::string(worstFirst.front()->name);
    for (const Target *level : worstFirst)
      words += "," + std::string(level->name);
    EXPECT_EQ(deviceLevels(system, words), bestFirst);
    EXPECT_EQ(deviceLevels(system, "cpu," + words), bestFirst);
    EXPECT_EQ(deviceLevels(system, family), backend->defaultLevels());
    for (const Target *level : worstFirst)
      EXPECT_EQ(deviceLevels(system, family + ":" + std::string(level->name)), std::vector<const Target *>{level});
    const std::string unknown = reasonOf("", "", words + ",sundial");
    EXPECT_THAT(unknown, HasSubstr("--device=sundial is no device phic makes code for; known are cpu, "));
    for (const Target *level : worstFirst)
      EXPECT_THAT(unknown, HasSubstr(family + ":" + std::string(level->name)));
    EXPECT_THAT(reasonOf("", "", family + ":sundial"), HasSubstr("--device=" + family + ":sundial is no device"));
    EXPECT_THAT(reasonOf("", "", "cpu," + std::string(worstFirst.front()->name)),
                HasSubstr("--device=" + std::string(worstFirst.front()->name) + " is no device"));
  }
}

TEST(Levels, NativeIsTheBestThatRunsHere) {
  const CpuTarget *best = nullptr;
  for (const CpuTarget &level : cpuLevels())
    if (canRunHere(level))
      best = &level;
  if (!best)
    GTEST_SKIP() << "[SKIP] this machine runs no level";
  EXPECT_THAT(levelsOf("native"), ElementsAre(std::string(best->name)));
}

struct Feature {
  uint64_t bit;
  const char *name;
};
const Feature kFeatures[] = {
#define PHI_CPU_FEATURE(BIT, NAME, LLVM) {BIT, LLVM},
#include "phi/cpu_features.def"
};

/// LLVM's names of what a processor of that architecture has; empty for a name that LLVM does not know.
llvm::SmallVector<std::string> featuresOf(const std::string &cpu, std::string_view architecture) {
  llvm::SmallVector<std::string> names;
  if (architecture == "x86_64") {
    llvm::SmallVector<llvm::StringRef> features;
    if (llvm::X86::parseArchX86(cpu) != llvm::X86::CK_None)
      llvm::X86::getFeaturesForCPU(cpu, features);
    // Of some processors LLVM lists only what implies the rest: "avxvnni" without "avx2".
    llvm::StringMap<bool> implied;
    for (llvm::StringRef feature : features) {
      implied[feature] = true;
      llvm::X86::updateImpliedFeatures(feature, /*Enabled=*/true, implied);
    }
    for (llvm::StringRef feature : implied.keys())
      names.push_back(feature.str());
  } else if (auto known = llvm::AArch64::parseCpu(cpu)) {
    std::vector<llvm::StringRef> features;
    llvm::AArch64::getExtensionFeatures(known->getImpliedExtensions(), features);
    for (llvm::StringRef feature : features)
      names.push_back(feature.drop_front().str()); // "+dotprod"
  }
  return names;
}

/// Whether a processor has all that a level asks for, in LLVM's opinion.
bool runs(llvm::ArrayRef<std::string> features, const CpuTarget &level) {
  return llvm::all_of(kFeatures, [&](const Feature &feature) {
    return !(level.features & feature.bit) || llvm::is_contained(features, feature.name);
  });
}

/// Each processor runs its level, and no better one.
TEST(Levels, ProcessorsAreAsLlvmKnowsThem) {
  const std::pair<const char *, const char *> cpus[] = {
#define PHIC_CPU(NAME, LEVEL) {NAME, LEVEL},
#include "targets/cpu/Cpus.def"
  };
  for (auto [cpu, name] : cpus) {
    const CpuTarget *level = cpuLevelByName(name);
    ASSERT_NE(level, nullptr) << cpu;
    auto features = featuresOf(cpu, level->architecture);
    EXPECT_FALSE(features.empty()) << cpu;
    for (const CpuTarget &other : cpuLevels())
      if (other.architecture == level->architecture)
        EXPECT_EQ(runs(features, other), &other <= level) << cpu << " and " << other.name;
  }
}

} // namespace
