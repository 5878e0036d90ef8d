//===- Numerics.h - Where all rounding is decided --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The only definition of quantize, dequantize and requantize, and of the
// conversions between float types: the interpreter, constant folding, the
// packers and the tests call these; kernels are held against them. Rounding is
// half to even, then saturating, everywhere. docs/numerics.md explains.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_NUMERICS_H
#define PHIC_DIALECTS_PHIQ_NUMERICS_H

#include "dialects/phiq/Formats.h"
#include <cstdint>

namespace phic {

//===----------------------------------------------------------------------===//
// Float types
//===----------------------------------------------------------------------===//

/// Exact. A signalling NaN becomes quiet, as the F16C instructions do it.
float halfToFloat(uint16_t bits);
/// Half to even; overflow gives infinity, a NaN stays one (quiet, upper payload kept).
uint16_t floatToHalf(float value);
float bfloatToFloat(uint16_t bits);
uint16_t floatToBfloat(float value);

/// `count` stored floats (f32, f16 or bf16; any alignment) as f32.
void widen(Scalar type, const void *stored, int64_t count, float *values);

/// `value` after a trip through a stored float type.
float roundTo(Scalar type, float value);

//===----------------------------------------------------------------------===//
// Integer codes
//===----------------------------------------------------------------------===//

/// Least and greatest value of a code type: 0..15 for u4, -8..7 for s4.
int32_t leastCode(CodeType codes);
int32_t greatestCode(CodeType codes);

/// Nearest integer, ties to even, saturated to the code type after `zero` is added. NaN gives
/// `zero`.
int32_t roundToCode(float value, int32_t zero, CodeType codes);

/// saturate(round_half_even(f32(x / scale)) + zero), as ONNX QuantizeLinear.
int32_t quantize(float x, float scale, int32_t zero, CodeType codes);

/// f32(f32(scale * (q - zero)) + min); without a minimum the sum is not taken (it would turn -0
/// into 0).
float dequantize(int32_t q, float scale, float zero);
float dequantize(int32_t q, float scale, float zero, float min);

/// f32(scale * clamp(round_half_even(f32(x / scale)), least, greatest)): dequantize(quantize(x)) with codes in
/// [least + zero, greatest + zero]. NaN counts as 0.
float snap(float x, float scale, int32_t least, int32_t greatest);

/// saturate(round_half_even(f32(scale * accumulator)) + zero), scale = f32(f32(lhs * rhs) /
/// result).
int32_t requantize(int32_t accumulator, float scale, int32_t zero, CodeType codes);

//===----------------------------------------------------------------------===//
// Blocks of a row
//===----------------------------------------------------------------------===//

/// The floats that one row of a weight stands for: values [row.codes.size()].
void dequantizeRow(const BlockRow &row, const BlockFormat &format, float *values);

/// Round to nearest of one row of a weight: what `method = "rtn"` of a `#phiq.conversion` means. With b bits, codes
/// in [least, greatest], R(.) rounding to the scale's stored type, and per block lo = min(0, min x), hi = max(0, max x):
///
///     symmetric    s = R(e / -2^(b-1)), e the x of greatest magnitude (the first of equals), z the format's constant
///     zero point   s = R((hi - lo) / (2^b - 1))      z = saturate(round_half_even(f32(least - f32(lo / s))))
///     minimum      s = R((max x - m) / (2^b - 1))    m = R(min x), in the minimum's stored type
///     code         q = saturate(round_half_even(f32(x / s)) + z), with a minimum f32(f32(x - m) / s)
///
/// so codes fit the scale that is stored. A scale of 0 (all zeros, or below what its type holds) has codes z, or 0.
/// False, with NaN for the scale of each block concerned, where an x or a scale is not finite. `format` is one that
/// checkRoundToNearest accepts; the last block may be short; `row`'s vectors are resized.
bool quantizeWeightRow(const float *x, int64_t columns, const BlockFormat &format, BlockRow &row);

/// How far what quantizeWeightRow stores may be from x in a block of that scale and minimum: half a step (symmetric:
/// a whole one, for that end of the range which has one code less), the range times the rounding of s, the rounding
/// of m, and f32 roundings.
double roundToNearestBound(const BlockFormat &format, float scale, float min);

/// A block whose greatest magnitude is below this counts as zeros; 127 / absmax must not overflow.
inline constexpr float kLeastBlockMagnitude = 0x1p-100f;

/// |x - scale * code| <= kDynamicQuantizeError * scale for every finite x of a dynamically
/// quantized block: half a step, and three roundings (of 127 / absmax, of x * that, of absmax /
/// 127) of at most 127 * 2^-24 each.
inline constexpr double kDynamicQuantizeError = 0.5 + 3.01 * 127 * 0x1p-24;

/// Dynamic quantization of a row to s8 per block, what `phiq.quantize` without a scale means.
/// Per block, absmax = max |x|:
///
///     scale = f32(absmax / 127)    inverse = f32(127 / absmax)    code = round_half_even(f32(x *
///     inverse)) sum   = f32(scale * sum of codes)
///
/// Multiplying by the inverse is what SIMD code does cheaply, so that is the definition; |code| <= 127 holds without
/// saturation. A block below kLeastBlockMagnitude gets scale 0, codes 0; one with a NaN or infinity scale and sum NaN and
/// codes 0 (a kernel: any), so that no number comes out of it. The last block may be short. codes [columns],
/// scales and sums [ceil(columns / block)]; sums may be null.
void quantizeRow(const float *x, int64_t columns, int64_t block, int8_t *codes, float *scales, float *sums);

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_NUMERICS_H
