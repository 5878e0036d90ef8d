/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* AVX-512 results against scalar code. Without AVX-512 at compile time it only
 * prints the scalar results, so that they can be had from a real CPU. */
#define _GNU_SOURCE
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
static uint32_t seed = 1;
static uint32_t next(void) { return seed = seed * 1664525u + 1013904223u; }
static int bad;
static void expect(const char *what, int ok) {
  printf("%s %s\n", ok ? "ok" : "FAILED", what);
  bad += !ok;
}
int main(void) {
  enum { N = 4096 };
  static uint8_t u[N];
  static int8_t s[N];
  static float x[N], y[N];
  for (int i = 0; i < N; i++) {
    u[i] = next() >> 24, s[i] = (int8_t)(next() >> 24);
    x[i] = (int)(next() >> 16) / 65536.0f - 0.5f, y[i] = (int)(next() >> 16) / 65536.0f - 0.5f;
  }
  int32_t dot = 0;
  float lanes[16] = {0};
  for (int i = 0; i < N; i++)
    dot += u[i] * s[i];
  for (int i = 0; i < N; i++)
    lanes[i % 16] = fmaf(x[i], y[i], lanes[i % 16]);
  printf("scalar dot %d fma lanes", dot);
  for (int i = 0; i < 16; i++)
    printf(" %.9g", lanes[i]);
  putchar('\n');
#ifdef __AVX512F__
  __m512i acc = _mm512_setzero_si512();
  for (int i = 0; i < N; i += 64)
    acc = _mm512_dpbusd_epi32(acc, _mm512_loadu_si512(u + i), _mm512_loadu_si512(s + i));
  int32_t got = _mm512_reduce_add_epi32(acc);
  expect("vpdpbusd dot product", got == dot);

  float simd[16];
  __m512 f = _mm512_setzero_ps();
  for (int i = 0; i < N; i += 16)
    f = _mm512_fmadd_ps(_mm512_loadu_ps(x + i), _mm512_loadu_ps(y + i), f);
  _mm512_storeu_ps(simd, f);
  expect("vfmadd231ps, bit for bit", !memcmp(lanes, simd, sizeof lanes));

  __m512i a = _mm512_loadu_si512(u), b = _mm512_loadu_si512(s);
  uint8_t out[64], want[64];
  _mm512_storeu_si512(out, _mm512_maskz_sub_epi8(0xf0f0f0f00f0f0f0full, a, b)); /* BW */
  for (int i = 0; i < 64; i++)
    want[i] = 0xf0f0f0f00f0f0f0full >> i & 1 ? (uint8_t)(u[i] - s[i]) : 0;
  expect("vpsubb with a mask (BW)", !memcmp(out, want, 64));
  _mm512_storeu_si512(out, _mm512_permutexvar_epi8(a, b)); /* VBMI */
  for (int i = 0; i < 64; i++)
    want[i] = (uint8_t)s[u[i] & 63];
  expect("vpermb (VBMI)", !memcmp(out, want, 64));
  int64_t q[8], p[8], r[8];
  for (int i = 0; i < 8; i++)
    q[i] = (int64_t)next() << 30 ^ next(), p[i] = (int64_t)next() << 29 ^ next();
  _mm512_storeu_si512(r, _mm512_mullo_epi64(_mm512_loadu_si512(q), _mm512_loadu_si512(p))); /* DQ */
  int same = 1;
  for (int i = 0; i < 8; i++)
    same &= r[i] == (int64_t)((uint64_t)q[i] * (uint64_t)p[i]);
  expect("vpmullq (DQ)", same);
  int32_t v[8];
  _mm256_storeu_si256(
      (void *)v, _mm256_maskz_add_epi32(0x5a, _mm256_loadu_si256((void *)u), _mm256_loadu_si256((void *)s))); /* VL */
  same = 1;
  for (int i = 0; i < 8; i++) {
    int32_t m, n;
    memcpy(&m, u + 4 * i, 4), memcpy(&n, s + 4 * i, 4);
    same &= v[i] == (0x5a >> i & 1 ? (int32_t)((uint32_t)m + (uint32_t)n) : 0);
  }
  expect("vpaddd ymm with a mask (VL)", same);
  _mm512_storeu_si512(out, _mm512_maskz_compress_epi8(0x123456789abcdef0ull, a)); /* VBMI2 */
  memset(want, 0, 64);
  for (int i = 0, k = 0; i < 64; i++)
    if (0x123456789abcdef0ull >> i & 1)
      want[k++] = u[i];
  expect("vpcompressb (VBMI2)", !memcmp(out, want, 64));

  int32_t index[16], gathered[16];
  static int32_t table[256];
  for (int i = 0; i < 256; i++)
    table[i] = (int32_t)next();
  for (int i = 0; i < 16; i++)
    index[i] = next() >> 24;
  _mm512_storeu_si512(gathered,
                      _mm512_mask_i32gather_epi32(_mm512_set1_epi32(7), 0xa5c3, _mm512_loadu_si512(index), table, 4));
  same = 1;
  for (int i = 0; i < 16; i++)
    same &= gathered[i] == (0xa5c3 >> i & 1 ? table[index[i]] : 7);
  expect("vpgatherdd with a mask", same);

    /* a masked load may reach past the end of mapped memory */
  char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(page + 4096, 4096);
  memcpy(page + 4096 - 20, table, 20);
  _mm512_storeu_si512(gathered, _mm512_maskz_loadu_epi32(0x1f, page + 4096 - 20));
  _mm512_mask_storeu_epi32(page + 4096 - 20, 0x1f, _mm512_set1_epi32(9));
  same = 1;
  for (int i = 0; i < 16; i++)
    same &= gathered[i] == (i < 5 ? table[i] : 0);
  expect("masked-out elements do not fault", same);

  float down[16], up[16];
  __m512 third = _mm512_div_round_ps(_mm512_set1_ps(1), _mm512_set1_ps(3), _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  _mm512_storeu_ps(down, third);
  third = _mm512_div_round_ps(_mm512_set1_ps(1), _mm512_set1_ps(3), _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
  _mm512_storeu_ps(up, third);
  expect("embedded rounding", (double)down[3] < 1.0 / 3 && (double)up[3] > 1.0 / 3 && nextafterf(down[3], 1) == up[3]);

  int16_t w[32], z[32];
  int32_t sums[16];
  for (int i = 0; i < 32; i++)
    w[i] = (int16_t)(next() >> 16), z[i] = (int16_t)(next() >> 16);
  _mm512_storeu_si512(sums, _mm512_dpwssd_epi32(_mm512_set1_epi32(5), _mm512_loadu_si512(w), _mm512_loadu_si512(z)));
  same = 1;
  for (int i = 0; i < 16; i++)
    same &= sums[i] == (int32_t)(5 + (uint32_t)(w[2 * i] * z[2 * i]) + (uint32_t)(w[2 * i + 1] * z[2 * i + 1]));
  expect("vpdpwssd (VNNI)", same);
  int8_t narrow[32];
  _mm256_storeu_si256((void *)narrow, _mm512_cvtsepi16_epi8(_mm512_loadu_si512(w)));
  same = 1;
  for (int i = 0; i < 32; i++)
    same &= narrow[i] == (w[i] > 127 ? 127 : w[i] < -128 ? -128 : w[i]);
  expect("vpmovswb (BW)", same);
  int64_t wide[8];
  _mm512_storeu_si512(wide, _mm512_cvttpd_epi64(_mm512_set1_pd(-1e15)));
  expect("vcvttpd2qq (DQ)", wide[0] == -1000000000000000 && wide[7] == wide[0]);
#endif
  return bad != 0;
}
