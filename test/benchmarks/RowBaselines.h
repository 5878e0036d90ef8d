//===- RowBaselines.h - Row kernels by hand --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Halide's regions are measured against: the same results written with AVX2
// intrinsics. Lengths are constants of the templates, as they are of regions.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_BENCHMARKS_ROWBASELINES_H
#define PHIC_TEST_BENCHMARKS_ROWBASELINES_H

#include <cstdint>

namespace phic::baseline {

struct QuantizedOutput {
  int8_t *codes;
  float *scales, *sums;
};

void quantize64(const float *x, QuantizedOutput out);
void rmsNormQuantize576(const float *x, const float *gamma, float epsilon, QuantizedOutput out);
void rmsNormQuantize3072(const float *x, const float *gamma, float epsilon, QuantizedOutput out);
void rmsNorm576(const float *x, const float *gamma, float epsilon, float *out);
void swiglu64(const float *gate, const float *up, float *out);
void swigluQuantize64(const float *gate, const float *up, QuantizedOutput out);
void rope64(const float *x, const float *cos, const float *sin, float *out);
void ropeAppend64(const float *x, const float *cos, const float *sin, uint16_t *out);
void ropeInterleaved64(const float *x, const float *cos, const float *sin, float *out);
void add64(const float *x, const float *y, float *out);

} // namespace phic::baseline

#endif // PHIC_TEST_BENCHMARKS_ROWBASELINES_H
