//===- CpuFeatures.cpp - What this processor can do --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A feature counts when the processor has the instructions and the system saves
// the registers they use (XCR0); without the second they fault just the same. An
// ARM program may not ask the processor: the system tells (HWCAP).
//===----------------------------------------------------------------------===//
#include "CpuFeatures.h"
#include "Os.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace phi {
namespace {

struct FeatureName {
  uint64_t bit;
  const char *name;
};

constexpr FeatureName kNames[] = {
    {PHI_CPU_AVX2, "AVX2"}, {PHI_CPU_FMA, "FMA"}, {PHI_CPU_F16C, "F16C"}, {PHI_CPU_BMI2, "BMI2"},
    {PHI_CPU_NEON, "NEON"}, {PHI_CPU_DOTPROD, "DOTPROD (sdot)"}, {PHI_CPU_I8MM, "I8MM (smmla)"}};

#if defined(__x86_64__)
/// XCR0: which register files the system saves on a switch.
uint32_t savedRegisters() {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}
#endif

} // namespace

uint64_t cpuFeatures() {
  uint64_t features = os::reportedCpuFeatures();
#if defined(__x86_64__)
  uint32_t eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx))
    return 0;
  constexpr uint32_t kSseAndAvxState = 6;
  bool avxUsable = (ecx & bit_OSXSAVE) && (savedRegisters() & kSseAndAvxState) == kSseAndAvxState;
  if (avxUsable && (ecx & bit_FMA))
    features |= PHI_CPU_FMA;
  if (avxUsable && (ecx & bit_F16C))
    features |= PHI_CPU_F16C;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
    if (avxUsable && (ebx & bit_AVX2))
      features |= PHI_CPU_AVX2;
    if (ebx & bit_BMI2)
      features |= PHI_CPU_BMI2;
  }
#endif
  return features;
}

const char *cpuFeatureName(uint64_t features) {
  for (const FeatureName &feature : kNames)
    if (features & feature.bit)
      return feature.name;
  return "an unknown feature";
}

const phi_variant *chooseVariant(const phi_model &model, uint64_t features) {
  for (uint32_t i = 0; i < model.variant_count; ++i)
    if ((model.variants[i].features & ~features) == 0)
      return &model.variants[i];
  return nullptr;
}

} // namespace phi
