//===- KernelBuilder.h - Short spellings for kernel bodies -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A builder for llvm.func bodies made of scf, arith, vector and llvm ops, so that
// an emitter reads like the loop it emits. Pointers are !llvm.ptr of any address
// space, integers of any width, offsets bytes; nothing here knows an instruction set.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CODE_KERNELBUILDER_H
#define PHIC_TARGETS_CODE_KERNELBUILDER_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace phic {

class KernelBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using mlir::ImplicitLocOpBuilder::ImplicitLocOpBuilder;
  using Value = mlir::Value;
  using Values = llvm::SmallVector<mlir::Value, 8>;

  // Types.
  mlir::Type ptrType() { return mlir::LLVM::LLVMPointerType::get(getContext()); }
  mlir::Type ptrType(unsigned space) { return mlir::LLVM::LLVMPointerType::get(getContext(), space); }
  mlir::VectorType vec(int64_t n, mlir::Type element) { return mlir::VectorType::get({n}, element); }

  // Constants. A vector constant is a splat.
  Value i64(int64_t value);
  Value i32(int32_t value);
  Value f32(float value);
  Value splat(int64_t n, float value);
  /// Constants of that value's type; a vector's is a splat.
  Value like(Value x, float value);
  Value like(Value x, int64_t value);
  /// Integer splat with elements of `bits` bits.
  Value splat(int64_t n, unsigned bits, int64_t value);

  // Integers.
  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value mul(Value a, int64_t b) { return b == 1 ? a : mul(a, like(a, b)); }
  Value add(Value a, int64_t b) { return b == 0 ? a : add(a, like(a, b)); }
  Value divide(Value a, int64_t b);
  Value minimum(Value a, Value b);
  Value maximum(Value a, Value b);
  Value less(Value a, Value b);
  Value select(Value condition, Value a, Value b);

  // Floats, scalar or vector.
  Value fadd(Value a, Value b);
  Value fsub(Value a, Value b);
  Value fmul(Value a, Value b);
  Value fdiv(Value a, Value b);
  Value fma(Value a, Value b, Value c);
  /// a > b ? a : b, so b where one is NaN: what vmaxps does.
  Value fmax(Value a, Value b);
  /// The greater, or NaN where one is.
  Value fmaxOrNan(Value a, Value b);
  /// Signed integers to f32.
  Value toFloat(Value a);

  // Vectors.
  Value bitcast(mlir::Type type, Value a);
  Value broadcast(int64_t n, Value scalar);
  Value extract(Value vector, int64_t index);
  Value insert(Value vector, Value scalar, int64_t index);
  /// Lanes [begin, begin + count).
  Value lanes(Value vector, int64_t begin, int64_t count);
  /// The lanes of `a`, then those of `b`, which has as many.
  Value concat(Value a, Value b);
  /// 0, 1, 2, ... as i32.
  Value iota(int64_t n);
  /// Sum or maximum of all lanes, halving the vector each time: one fixed order.
  Value sumLanes(Value vector);
  Value maxLanesOrNan(Value vector);
  /// e^x for x <= 0 (f32, one or a vector); below -86 it is e^-86, 4e-38. Relative error at most 2^-22.
  Value expNegative(Value x);

  // Memory, unaligned.
  Value offset(Value pointer, Value bytes);
  Value offset(Value pointer, int64_t bytes);
  Value load(mlir::Type type, Value pointer, int64_t bytes = 0);
  void store(Value value, Value pointer, int64_t bytes = 0);
  /// `change` is done to the vector in memory, which LLVM is not to keep in a register from one time to the next.
  void update(mlir::Type type, Value pointer, int64_t bytes, llvm::function_ref<Value(Value)> change);
  /// One element from memory into every lane.
  Value loadBroadcast(int64_t n, mlir::Type element, Value pointer, int64_t bytes = 0);
  /// A vector of a stored type (f32, f16, bf16) as f32.
  Value widen(Value stored);
  /// The same from memory.
  Value loadFloats(int64_t n, mlir::Type stored, Value pointer, int64_t bytes = 0);
  void copyBytes(Value to, Value from, Value bytes);
  /// Into the cache of that level.
  void prefetch(Value pointer, int64_t bytes, int level = 1);

  // Control flow.
  using LoopBody = llvm::function_ref<Values(Value index, mlir::ValueRange carried)>;
  /// for (index = begin; index < end; index += step) carried = body(index, carried)
  Values loop(Value begin, Value end, int64_t step, mlir::ValueRange carried, LoopBody body);
  void loop(Value begin, Value end, int64_t step, llvm::function_ref<void(Value index)> body);
  void when(Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise = nullptr);

  /// `a`, of which LLVM is not to know where it comes from: it neither reorders the sum nor folds the constant that it is.
  Value opaque(Value a);

  // Functions. Calls and intrinsics return their result, or null.
  Value intrinsic(llvm::StringRef name, mlir::Type result, mlir::ValueRange operands);
  void call(llvm::StringRef callee, mlir::ValueRange operands);

private:
  Value reduceLanes(Value vector, Value (KernelBuilder::*combine)(Value, Value));
};

/// Starts an llvm.func returning nothing at the end of `functions` and moves the builder into it;
/// its arguments are the entry block's. The caller adds the return.
mlir::LLVM::LLVMFuncOp beginFunction(KernelBuilder &b, mlir::Block &functions, llvm::StringRef name,
                                     mlir::TypeRange arguments, mlir::LLVM::Linkage linkage);

} // namespace phic

#endif // PHIC_TARGETS_CODE_KERNELBUILDER_H
