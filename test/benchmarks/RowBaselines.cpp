//===- RowBaselines.cpp - Row kernels by hand ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// exp: 2^n times a polynomial of degree 6 on [-ln 2 / 2, ln 2 / 2], relative error 2^-22.
//===----------------------------------------------------------------------===//
#include "RowBaselines.h"
#include <cmath>
#include <immintrin.h>
#include <initializer_list>

namespace phic::baseline {
namespace {

using V = __m256;

V load(const float *p) { return _mm256_loadu_ps(p); }
V splat(float v) { return _mm256_set1_ps(v); }

float sumOf(V v) {
  __m128 a = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  a = _mm_add_ps(a, _mm_movehl_ps(a, a));
  return _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)));
}

float greatestOf(V v) {
  __m128 a = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  a = _mm_max_ps(a, _mm_movehl_ps(a, a));
  return _mm_cvtss_f32(_mm_max_ss(a, _mm_movehdup_ps(a)));
}

int sumOf(__m256i v) {
  __m128i a = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  a = _mm_add_epi32(a, _mm_shuffle_epi32(a, 0xee));
  return _mm_cvtsi128_si32(_mm_add_epi32(a, _mm_shuffle_epi32(a, 0x55)));
}

V exponential(V x) {
  x = _mm256_min_ps(_mm256_max_ps(x, splat(-87.3f)), splat(88.3f));
  V n = _mm256_round_ps(_mm256_mul_ps(x, splat(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  x = _mm256_fnmadd_ps(n, splat(6.93145751953125e-1f), x);
  x = _mm256_fnmadd_ps(n, splat(1.428606765330187e-6f), x);
  V p = splat(1.0f / 720);
  for (float c : {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
    p = _mm256_fmadd_ps(p, x, splat(c));
  __m256i exponent = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_mul_ps(p, _mm256_castsi256_ps(exponent));
}

V swiglu(V gate, V up) {
  V e = exponential(_mm256_sub_ps(_mm256_setzero_ps(), gate));
  return _mm256_mul_ps(_mm256_div_ps(gate, _mm256_add_ps(splat(1), e)), up);
}

/// One block of 32 values.
void quantizeBlock(V a, V b, V c, V d, int64_t block, QuantizedOutput out) {
  V sign = splat(-0.0f);
  V most = _mm256_max_ps(_mm256_max_ps(_mm256_andnot_ps(sign, a), _mm256_andnot_ps(sign, b)),
                         _mm256_max_ps(_mm256_andnot_ps(sign, c), _mm256_andnot_ps(sign, d)));
  float absmax = greatestOf(most);
  float scale = absmax < 0x1p-100f ? 0 : absmax / 127, inverse = absmax < 0x1p-100f ? 0 : 127 / absmax;
  V i = splat(inverse);
  __m256i qa = _mm256_cvtps_epi32(_mm256_mul_ps(a, i)), qb = _mm256_cvtps_epi32(_mm256_mul_ps(b, i));
  __m256i qc = _mm256_cvtps_epi32(_mm256_mul_ps(c, i)), qd = _mm256_cvtps_epi32(_mm256_mul_ps(d, i));
  int sum = sumOf(_mm256_add_epi32(_mm256_add_epi32(qa, qb), _mm256_add_epi32(qc, qd)));
  __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(qa, qb), _mm256_packs_epi32(qc, qd));
  packed = _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(out.codes + 32 * block), packed);
  out.scales[block] = scale;
  out.sums[block] = scale * float(sum);
}

template <int N> float inverseRms(const float *x, float epsilon) {
  V s[4] = {splat(0), splat(0), splat(0), splat(0)};
  for (int i = 0; i < N; i += 32)
    for (int j = 0; j < 4; ++j)
      s[j] = _mm256_fmadd_ps(load(x + i + 8 * j), load(x + i + 8 * j), s[j]);
  return 1 / std::sqrt(sumOf(_mm256_add_ps(_mm256_add_ps(s[0], s[1]), _mm256_add_ps(s[2], s[3]))) / N + epsilon);
}

template <int N> void rmsNormQuantize(const float *x, const float *gamma, float epsilon, QuantizedOutput out) {
  V r = splat(inverseRms<N>(x, epsilon));
  auto at = [&](int i) { return _mm256_mul_ps(_mm256_mul_ps(load(x + i), r), load(gamma + i)); };
  for (int i = 0; i < N; i += 32)
    quantizeBlock(at(i), at(i + 8), at(i + 16), at(i + 24), i / 32, out);
}

} // namespace

void quantize64(const float *x, QuantizedOutput out) {
  for (int i = 0; i < 64; i += 32)
    quantizeBlock(load(x + i), load(x + i + 8), load(x + i + 16), load(x + i + 24), i / 32, out);
}

void rmsNormQuantize576(const float *x, const float *gamma, float epsilon, QuantizedOutput out) {
  rmsNormQuantize<576>(x, gamma, epsilon, out);
}
void rmsNormQuantize3072(const float *x, const float *gamma, float epsilon, QuantizedOutput out) {
  rmsNormQuantize<3072>(x, gamma, epsilon, out);
}

void rmsNorm576(const float *x, const float *gamma, float epsilon, float *out) {
  V r = splat(inverseRms<576>(x, epsilon));
  for (int i = 0; i < 576; i += 8)
    _mm256_storeu_ps(out + i, _mm256_mul_ps(_mm256_mul_ps(load(x + i), r), load(gamma + i)));
}

void swiglu64(const float *gate, const float *up, float *out) {
  for (int i = 0; i < 64; i += 8)
    _mm256_storeu_ps(out + i, swiglu(load(gate + i), load(up + i)));
}

void swigluQuantize64(const float *gate, const float *up, QuantizedOutput out) {
  auto at = [&](int i) { return swiglu(load(gate + i), load(up + i)); };
  for (int i = 0; i < 64; i += 32)
    quantizeBlock(at(i), at(i + 8), at(i + 16), at(i + 24), i / 32, out);
}

void rope64(const float *x, const float *cos, const float *sin, float *out) {
  for (int i = 0; i < 32; i += 8) {
    V a = load(x + i), b = load(x + i + 32), c = load(cos + i), s = load(sin + i);
    _mm256_storeu_ps(out + i, _mm256_fmsub_ps(a, c, _mm256_mul_ps(b, s)));
    _mm256_storeu_ps(out + i + 32, _mm256_fmadd_ps(b, c, _mm256_mul_ps(a, s)));
  }
}

void ropeAppend64(const float *x, const float *cos, const float *sin, uint16_t *out) {
  float turned[64];
  rope64(x, cos, sin, turned);
  for (int i = 0; i < 64; i += 8) {
    alignas(16) uint16_t halves[8];
    _mm_store_si128(reinterpret_cast<__m128i *>(halves), _mm256_cvtps_ph(load(turned + i), 0));
    for (int j = 0; j < 8; ++j)
      out[8 * (i + j)] = halves[j];
  }
}

void ropeInterleaved64(const float *x, const float *cos, const float *sin, float *out) {
  for (int i = 0; i < 64; i += 8) {
    // (c0 c0 c1 c1 c2 c2 c3 c3), the same for sin; x with the elements of each pair exchanged.
    const __m256i twice = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
    V c = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(cos + i / 2)), twice);
    V s = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(sin + i / 2)), twice);
    V v = load(x + i);
    _mm256_storeu_ps(out + i, _mm256_fmaddsub_ps(v, c, _mm256_mul_ps(_mm256_permute_ps(v, 0xb1), s)));
  }
}

void add64(const float *x, const float *y, float *out) {
  for (int i = 0; i < 64; i += 8)
    _mm256_storeu_ps(out + i, _mm256_add_ps(load(x + i), load(y + i)));
}

} // namespace phic::baseline
