/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* vcvtps2ph (to nearest, ties to even) against integer arithmetic: every half of either sign, and below it the floats at,
 * beside and between the ties. Bochs 2.7 rounds a tie away from zero where zero's side is even: these are counted apart.
 * With an argument each differing input is printed: its bits, the result, and what it should be. */
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>

enum { COUNT = 16 };
static uint32_t inputs[COUNT];
static int filled, verbose;
static long tried, ties, others;

static int exponent_of(uint32_t bits) { return bits >> 23 & 255; }
/* Bits of the mantissa that a half of that size lacks: 13, or more where it is subnormal. */
static int dropped(uint32_t bits) { return exponent_of(bits) < 113 ? 126 - exponent_of(bits) : 13; }
/* Mantissa and, where the half is normal, its exponent above it: what is left of the dropped bits are the bits of the half. */
static uint32_t whole_of(uint32_t bits) {
  uint32_t mantissa = bits & 0x7fffff;
  return exponent_of(bits) < 113 ? mantissa | 0x800000 : mantissa | (uint32_t)(exponent_of(bits) - 112) << 23;
}
static int is_tie_above_even(uint32_t bits) {
  if (exponent_of(bits) < 102 || exponent_of(bits) > 142)
    return 0;
  return (whole_of(bits) & ((2u << dropped(bits)) - 1)) == 1u << (dropped(bits) - 1);
}
static uint16_t nearest_half(uint32_t bits) {
  uint32_t sign = bits >> 16 & 0x8000;
  if (exponent_of(bits) == 255)
    return sign | 0x7c00 | (bits & 0x7fffff ? 0x200 | (bits >> 13 & 0x3ff) : 0);
  if (exponent_of(bits) > 142)
    return sign | 0x7c00;
  if (exponent_of(bits) < 102) /* below the middle of 0 and the least subnormal */
    return sign;
  uint32_t drop = dropped(bits), kept = whole_of(bits) >> drop, rest = whole_of(bits) & ((1u << drop) - 1),
           tie = 1u << (drop - 1);
  return sign | (kept + (rest > tie || (rest == tie && kept & 1)));
}
static void judge(uint32_t bits, uint16_t got) {
  uint16_t expected = nearest_half(bits);
  tried++;
  if (got == expected)
    return;
  *(is_tie_above_even(bits) && got == expected + 1 ? &ties : &others) += 1;
  if (verbose)
    printf("%08x %04x %04x\n", bits, got, expected);
}
static void try(uint32_t bits) {
  uint16_t got[COUNT];
  inputs[filled++] = bits;
  if (filled < COUNT)
    return;
  filled = 0;
  for (int i = 0; i < COUNT; i += 8)
    _mm_storeu_si128((__m128i *)(got + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps((float *)inputs + i), _MM_FROUND_TO_NEAREST_INT));
  for (int i = 0; i < COUNT; i++)
    judge(inputs[i], got[i]);
#ifdef __AVX512F__
  _mm256_storeu_si256((__m256i *)got, _mm512_cvtps_ph(_mm512_loadu_ps(inputs), _MM_FROUND_TO_NEAREST_INT));
  for (int i = 0; i < COUNT; i++)
    judge(inputs[i], got[i]);
#endif
}
int main(int count, char **words) {
  (void)words;
  verbose = count > 1;
  uint32_t random = 1;
  for (uint32_t high = 0; high < 0x80000; high++) { /* sign, exponent, ten bits of mantissa */
    uint32_t bits = high << 13;
    if ((exponent_of(bits) > 3 && exponent_of(bits) < 100) || (exponent_of(bits) > 145 && exponent_of(bits) < 253))
      continue; /* like their neighbours: 0, or infinity */
    /* A subnormal half lacks more bits than 13. */
    int more = exponent_of(bits) > 102 && exponent_of(bits) < 113 ? dropped(bits) - 13 : 0;
    if (bits & ((1u << (13 + more)) - 1))
      continue;
    random = random * 1664525u + 1013904223u;
    uint32_t below[] = {0, 1, 0xfff, 0x1000, 0x1001, 0x1fff, random >> 20, 0x1000 + (1u << (random >> 29))};
    for (unsigned i = 0; i < sizeof below / sizeof *below; i++)
      try(bits | below[i] << more);
  }
  while (filled)
    try(0);
  printf("vcvtps2ph: %ld conversions, %ld ties to even rounded away from zero, %ld otherwise wrong\n", tried, ties,
         others);
  return others != 0;
}
