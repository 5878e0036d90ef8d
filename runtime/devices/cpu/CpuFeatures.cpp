//===- CpuFeatures.cpp - What this processor can do --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A feature counts when the processor has the instructions and the system saves
// the registers they use (XCR0); without the second they fault just the same. An
// ARM program may not ask the processor: the system tells (HWCAP).
//===----------------------------------------------------------------------===//
#include "CpuFeatures.h"
#include "runtime/Os.h"

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
#define PHI_CPU_FEATURE(BIT, NAME, LLVM) {BIT, NAME},
#include "phi/cpu_features.def"
};

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
  const uint32_t saved = ecx & bit_OSXSAVE ? savedRegisters() : 0;
  constexpr uint32_t kAvxState = 0x06, kAvx512State = 0xe6;
  auto add = [&](uint64_t feature, uint32_t reported, uint32_t state) {
    if (reported && (saved & state) == state)
      features |= feature;
  };
  add(PHI_CPU_FMA, ecx & bit_FMA, kAvxState);
  add(PHI_CPU_F16C, ecx & bit_F16C, kAvxState);
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
    add(PHI_CPU_AVX2, ebx & bit_AVX2, kAvxState);
    add(PHI_CPU_BMI2, ebx & bit_BMI2, 0);
    add(PHI_CPU_AVX512F, ebx & bit_AVX512F, kAvx512State);
    add(PHI_CPU_AVX512BW, ebx & bit_AVX512BW, kAvx512State);
    add(PHI_CPU_AVX512CD, ebx & bit_AVX512CD, kAvx512State);
    add(PHI_CPU_AVX512DQ, ebx & bit_AVX512DQ, kAvx512State);
    add(PHI_CPU_AVX512VL, ebx & bit_AVX512VL, kAvx512State);
    add(PHI_CPU_AVX512_VNNI, ecx & bit_AVX512VNNI, kAvx512State);
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

} // namespace phi
