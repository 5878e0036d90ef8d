//===- RooflineLoops.cpp - The measuring loops compute ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A static program for test/emulators/avx512: the loops of every x86 level read each
// vector once and do the multiply-adds that they say. How fast is not its question.
//===----------------------------------------------------------------------===//
#include "phi/format.h"
#include "targets/cpu/machines/Roofline.h"
#include <cstdio>
#include <vector>

using namespace phic;

namespace {

int failures = 0;

void expect(const char *level, const char *what, uint64_t got, uint64_t expected) {
  std::printf("%s %s: %s\n", got == expected ? "ok" : "FAILED", level, what);
  if (got != expected)
    std::printf("  got %llx, expected %llx\n", static_cast<unsigned long long>(got),
                static_cast<unsigned long long>(expected));
  failures += got != expected;
}

/// `pattern` in all lanes of `bits`.
uint64_t lanes(uint64_t pattern, int bits) {
  uint64_t all = 0;
  for (int at = 0; at < 64; at += bits)
    all |= (pattern & ((uint64_t(1) << bits) - 1)) << at;
  return all;
}

/// Products are 3 * -5, `perLane` of them a round in each lane of `laneBits`; f32 ones are 1/8.
void check(const char *level, uint64_t features, uint64_t vectorBytes, int perLane, int laneBits) {
  const RooflineLoops *loops = rooflineLoops(features);
  if (!loops)
    return expect(level, "there are loops", 0, 1);
  // Ones everywhere: what is summed is the number of vectors. The loops may leave out what follows the last whole one.
  constexpr uint64_t kBytes = 64 * 8 * 100, kRest = 63;
  std::vector<uint64_t> ones((kBytes + 2 * 64) / 8, 1);
  auto *begin = reinterpret_cast<const uint8_t *>(ones.data());
  begin += (64 - reinterpret_cast<uintptr_t>(begin) % 64) % 64;
  expect(level, "every vector is read", loops->read({begin, kBytes + kRest}), kBytes / vectorBytes);
  constexpr int64_t kRounds = 1000;
  const auto accumulators = uint64_t(loops->integersPerRound) / vectorBytes;
  expect(level, "integers", loops->multiplyIntegers(kRounds),
         accumulators * lanes(uint64_t(-15 * perLane * kRounds), laneBits));
  expect(level, "multiply-adds of a round", uint64_t(loops->realsPerRound) * 4, accumulators * vectorBytes);
  expect(level, "reals", loops->multiplyReals(kRounds), accumulators * kRounds / 8);
}

} // namespace

int main() {
  check("x86-64-v3", PHI_CPU_AVX2 | PHI_CPU_FMA, 32, 2, 16);
  check("x86-64-v4", PHI_CPU_AVX2 | PHI_CPU_FMA | PHI_CPU_AVX512F | PHI_CPU_AVX512BW, 64, 2, 16);
  check("x86-64-v4+vnni", PHI_CPU_AVX2 | PHI_CPU_FMA | PHI_CPU_AVX512F | PHI_CPU_AVX512BW | PHI_CPU_AVX512_VNNI, 64, 4,
        32);
  return failures != 0;
}
