//===- Roofline.cpp - Loops that only read, or only multiply ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/machines/Roofline.h"
#include "phi/format.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace phic {

#if defined(__x86_64__)
namespace {

/// The loops' accumulators: enough for two instructions a cycle of four cycles each.
constexpr int kAccumulators = 10;

__attribute__((target("avx2"))) uint64_t readAvx2(llvm::ArrayRef<uint8_t> bytes) {
  __m256i sums[8] = {};
  auto *p = reinterpret_cast<const __m256i *>((reinterpret_cast<uintptr_t>(bytes.data()) + 31) & ~uintptr_t(31));
  const size_t vectors = bytes.size() < 64 ? 0 : (bytes.size() - 31) / 32;
  for (size_t i = 0; i + 8 <= vectors; i += 8)
    for (int j = 0; j < 8; ++j)
      sums[j] = _mm256_add_epi64(sums[j], _mm256_load_si256(p + i + j));
  uint64_t total = 0;
  for (const __m256i &sum : sums)
    total += uint64_t(_mm256_extract_epi64(sum, 0));
  return total;
}

/// The kernels' integer step: unsigned by signed bytes into pairs of 16 bits, and a sum.
__attribute__((target("avx2"))) uint64_t multiplyIntegersAvx2(int64_t count) {
  __m256i sums[kAccumulators] = {};
  __m256i codes = _mm256_set1_epi8(3), activations = _mm256_set1_epi8(-5);
  for (int64_t i = 0; i < count; ++i)
    for (__m256i &sum : sums) {
      __asm__ volatile("" : "+x"(codes)); // not the same product every time
      sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(codes, activations));
    }
  uint64_t total = 0;
  for (const __m256i &sum : sums)
    total += uint64_t(_mm256_extract_epi64(sum, 0));
  return total;
}

__attribute__((target("avx2,fma"))) uint64_t multiplyRealsAvx2(int64_t count) {
  __m256 sums[kAccumulators] = {};
  __m256 weights = _mm256_set1_ps(0.5f), activations = _mm256_set1_ps(0.25f);
  for (int64_t i = 0; i < count; ++i)
    for (__m256 &sum : sums) {
      __asm__ volatile("" : "+x"(weights));
      sum = _mm256_fmadd_ps(weights, activations, sum);
    }
  uint64_t total = 0;
  for (const __m256 &sum : sums)
    total += uint64_t(_mm256_cvtss_f32(sum));
  return total;
}

constexpr RooflineLoops kAvx2 = {readAvx2, multiplyIntegersAvx2, multiplyRealsAvx2, 32 * kAccumulators,
                                 8 * kAccumulators};

/// As many for registers of 64 bytes, of which there are twice as many; a load of them takes a whole cache line.
__attribute__((target("avx512f"))) uint64_t readAvx512(llvm::ArrayRef<uint8_t> bytes) {
  __m512i sums[8] = {};
  auto *p = reinterpret_cast<const __m512i *>((reinterpret_cast<uintptr_t>(bytes.data()) + 63) & ~uintptr_t(63));
  const size_t vectors = bytes.size() < 128 ? 0 : (bytes.size() - 63) / 64;
  for (size_t i = 0; i + 8 <= vectors; i += 8)
    for (int j = 0; j < 8; ++j)
      sums[j] = _mm512_add_epi64(sums[j], _mm512_load_si512(p + i + j));
  uint64_t total = 0;
  for (const __m512i &sum : sums)
    total += uint64_t(_mm_cvtsi128_si64(_mm512_castsi512_si128(sum)));
  return total;
}

__attribute__((target("avx512f,avx512bw"))) uint64_t multiplyIntegersAvx512(int64_t count) {
  __m512i sums[kAccumulators] = {};
  __m512i codes = _mm512_set1_epi8(3), activations = _mm512_set1_epi8(-5);
  for (int64_t i = 0; i < count; ++i)
    for (__m512i &sum : sums) {
      __asm__ volatile("" : "+v"(codes));
      sum = _mm512_add_epi16(sum, _mm512_maddubs_epi16(codes, activations));
    }
  uint64_t total = 0;
  for (const __m512i &sum : sums)
    total += uint64_t(_mm_cvtsi128_si64(_mm512_castsi512_si128(sum)));
  return total;
}

/// vpdpbusd: products and sum in one.
__attribute__((target("avx512f,avx512vnni"))) uint64_t multiplyIntegersVnni(int64_t count) {
  __m512i sums[kAccumulators] = {};
  __m512i codes = _mm512_set1_epi8(3), activations = _mm512_set1_epi8(-5);
  for (int64_t i = 0; i < count; ++i)
    for (__m512i &sum : sums) {
      __asm__ volatile("" : "+v"(codes));
      sum = _mm512_dpbusd_epi32(sum, codes, activations);
    }
  uint64_t total = 0;
  for (const __m512i &sum : sums)
    total += uint64_t(_mm_cvtsi128_si64(_mm512_castsi512_si128(sum)));
  return total;
}

__attribute__((target("avx512f"))) uint64_t multiplyRealsAvx512(int64_t count) {
  __m512 sums[kAccumulators] = {};
  __m512 weights = _mm512_set1_ps(0.5f), activations = _mm512_set1_ps(0.25f);
  for (int64_t i = 0; i < count; ++i)
    for (__m512 &sum : sums) {
      __asm__ volatile("" : "+v"(weights));
      sum = _mm512_fmadd_ps(weights, activations, sum);
    }
  uint64_t total = 0;
  for (const __m512 &sum : sums)
    total += uint64_t(_mm512_cvtss_f32(sum));
  return total;
}

constexpr RooflineLoops kAvx512 = {readAvx512, multiplyIntegersAvx512, multiplyRealsAvx512, 64 * kAccumulators,
                                   16 * kAccumulators};
constexpr RooflineLoops kVnni = {readAvx512, multiplyIntegersVnni, multiplyRealsAvx512, 64 * kAccumulators,
                                 16 * kAccumulators};

} // namespace

const RooflineLoops *rooflineLoops(uint64_t cpuFeatures) {
  if (cpuFeatures & PHI_CPU_AVX512_VNNI)
    return &kVnni;
  if (cpuFeatures & PHI_CPU_AVX512BW)
    return &kAvx512;
  return cpuFeatures & PHI_CPU_AVX2 ? &kAvx2 : nullptr;
}
#else
const RooflineLoops *rooflineLoops(uint64_t) { return nullptr; }
#endif

} // namespace phic
