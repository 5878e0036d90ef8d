//===- KernelMath.h - Functions of vectors of floats -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels of plain MLIR compute functions with: expressions of RowExpr.h, and those that need more than its
// arithmetic. Each takes and gives a vector of f32, lane by lane, the same bits on every machine; NaN gives NaN.
// MapFunctions.cpp states how exact they are.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_KERNELMATH_H
#define PHIC_TARGETS_CPU_KERNELS_KERNELMATH_H

#include "dialects/phiq/RowExpr.h"
#include "targets/cpu/kernels/KernelBuilder.h"

namespace phic::kernel_math {
using mlir::Value;

/// The expression of operands that are vectors of f32; none of a whole row.
Value evaluate(KernelBuilder &b, const phiq::RowExpr &expression, llvm::ArrayRef<Value> operands);

Value exponential(KernelBuilder &b, Value x);
Value logarithm(KernelBuilder &b, Value x);
/// |x| < 2^50.
Value sine(KernelBuilder &b, Value x);
Value cosine(KernelBuilder &b, Value x);
Value power(KernelBuilder &b, Value x, Value y);

} // namespace phic::kernel_math

#endif // PHIC_TARGETS_CPU_KERNELS_KERNELMATH_H
