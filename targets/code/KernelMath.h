//===- KernelMath.h - Functions of vectors of floats -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels of plain MLIR compute functions with: expressions of RowExpr.h, and those that need more than its
// arithmetic. Each takes and gives an f32, or a vector of them lane by lane, the same bits on every machine; NaN gives NaN.
// MapFunctions.cpp states how exact they are.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CODE_KERNELMATH_H
#define PHIC_TARGETS_CODE_KERNELMATH_H

#include "dialects/phiq/RowExpr.h"
#include "targets/code/KernelBuilder.h"

namespace phic::kernel_math {
using mlir::Value;

/// The sum of a term over the row, from whoever has the row.
using RowSumOf = llvm::function_ref<Value(const phiq::RowExpr &term)>;
/// The expression of operands; without `rowSum` none of a whole row.
Value evaluate(KernelBuilder &b, const phiq::RowExpr &expression, llvm::ArrayRef<Value> operands,
               RowSumOf rowSum = nullptr);

Value exponential(KernelBuilder &b, Value x);
Value logarithm(KernelBuilder &b, Value x);
/// |x| < 2^50.
Value sine(KernelBuilder &b, Value x);
Value cosine(KernelBuilder &b, Value x);
Value power(KernelBuilder &b, Value x, Value y);

} // namespace phic::kernel_math

#endif // PHIC_TARGETS_CODE_KERNELMATH_H
