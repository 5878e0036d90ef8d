//===- ErrorBounds.h - How far a kernel may be from the meaning *- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For each op, a bound on |kernel's value - interpreter's value|, computed from
// the formats, K and the magnitudes that actually occur, in the standard model of
// f32 arithmetic; nothing is fitted to a measurement. What a kernel has to keep
// to is said here, once:
//
//   - every f32 operation is correctly rounded (u = 2^-24); sums are taken in any
//     order, contracted to fma or not;
//   - weights are dequantized as Numerics does, or (quantized rows) never: integer
//     sums are exact and the scales are applied to them;
//   - exp has relative error kExpError, erf absolute error kErfError, tanh is made
//     of exp; 1 / sqrt has relative error kRsqrtError;
//   - results below kUnderflow may be flushed to zero.
//
// ErrorBounds.cpp has the algebra beside each function.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_ERRORBOUNDS_H
#define PHIC_DIALECTS_PHIQ_ERRORBOUNDS_H

#include "dialects/phiq/Meanings.h"

namespace phic {

/// Unit roundoff of f32.
inline constexpr double kUnit = 0x1p-24;
/// Relative error of a kernel's exp, in the range where its result is above kUnderflow.
inline constexpr double kExpError = 0x1p-21;
/// Absolute error of a kernel's erf.
inline constexpr double kErfError = 0x1p-20;
/// Relative error of a kernel's 1 / sqrt(x).
inline constexpr double kRsqrtError = 4 * kUnit;
/// Below this a kernel may give zero, or clamp the argument of exp.
inline constexpr double kUnderflow = 0x1p-100;
/// Least number of keys that attention scores between two rescalings of its running sums; its blocks of keys
/// begin at multiples of their size.
inline constexpr int64_t kAttendKeys = 32;

/// Relative error of n successive roundings: n u / (1 - n u).
double gammaOf(double n);

/// Bound after a trip through a stored float type: rounding is monotone, so a kernel's value lies
/// between the roundings of value - error and value + error.
double boundOfStored(Scalar type, double value, double error);

namespace phiq::bound {

// Of arith's ops (ArithRowOps.cpp); those of phiq's are members of the ops.
void add(mlir::arith::AddFOp op, Scope &scope, Rows &result);
void multiply(mlir::arith::MulFOp op, Scope &scope, Rows &result);
/// Of meaning::layerNorm.
void layerNorm(const Rows &x, llvm::ArrayRef<float> gamma, llvm::ArrayRef<float> beta, double epsilon, Rows &result);

} // namespace phiq::bound
} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_ERRORBOUNDS_H
