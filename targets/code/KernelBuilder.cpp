//===- KernelBuilder.cpp - Short spellings for kernel bodies ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One or two ops behind each name.
//===----------------------------------------------------------------------===//
#include "targets/code/KernelBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numeric>

using namespace mlir;

namespace phic {

Value KernelBuilder::i64(int64_t value) { return arith::ConstantOp::create(*this, getI64IntegerAttr(value)); }
Value KernelBuilder::i32(int32_t value) { return arith::ConstantOp::create(*this, getI32IntegerAttr(value)); }
Value KernelBuilder::f32(float value) { return arith::ConstantOp::create(*this, getF32FloatAttr(value)); }
Value KernelBuilder::splat(int64_t n, float value) {
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(vec(n, getF32Type()), value));
}
Value KernelBuilder::like(Value x, float value) {
  if (auto vector = dyn_cast<VectorType>(x.getType()))
    return arith::ConstantOp::create(*this,
                                     DenseElementsAttr::get(vector, getFloatAttr(vector.getElementType(), value)));
  return arith::ConstantOp::create(*this, getFloatAttr(x.getType(), value));
}
Value KernelBuilder::like(Value x, int64_t value) {
  if (auto vector = dyn_cast<VectorType>(x.getType()))
    return splat(vector.getNumElements(), vector.getElementTypeBitWidth(), value);
  return arith::ConstantOp::create(*this, getIntegerAttr(x.getType(), value));
}
Value KernelBuilder::splat(int64_t n, unsigned bits, int64_t value) {
  VectorType type = vec(n, getIntegerType(bits));
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(type, APInt(bits, value, /*isSigned=*/true)));
}

Value KernelBuilder::add(Value a, Value b) { return arith::AddIOp::create(*this, a, b); }
Value KernelBuilder::sub(Value a, Value b) { return arith::SubIOp::create(*this, a, b); }
Value KernelBuilder::mul(Value a, Value b) { return arith::MulIOp::create(*this, a, b); }
Value KernelBuilder::divide(Value a, int64_t b) { return arith::DivUIOp::create(*this, a, like(a, b)); }
Value KernelBuilder::minimum(Value a, Value b) { return arith::MinSIOp::create(*this, a, b); }
Value KernelBuilder::maximum(Value a, Value b) { return arith::MaxSIOp::create(*this, a, b); }
Value KernelBuilder::less(Value a, Value b) { return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, a, b); }
Value KernelBuilder::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(*this, condition, a, b);
}

Value KernelBuilder::fadd(Value a, Value b) { return arith::AddFOp::create(*this, a, b); }
Value KernelBuilder::fsub(Value a, Value b) { return arith::SubFOp::create(*this, a, b); }
Value KernelBuilder::fmul(Value a, Value b) { return arith::MulFOp::create(*this, a, b); }
Value KernelBuilder::fdiv(Value a, Value b) { return arith::DivFOp::create(*this, a, b); }
Value KernelBuilder::fma(Value a, Value b, Value c) { return LLVM::FMAOp::create(*this, a.getType(), a, b, c); }
Value KernelBuilder::fmax(Value a, Value b) {
  return select(arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, a, b), a, b);
}
Value KernelBuilder::fmaxOrNan(Value a, Value b) {
  return select(arith::CmpFOp::create(*this, arith::CmpFPredicate::UNO, a, a), a, fmax(a, b));
}
Value KernelBuilder::toFloat(Value a) {
  Type type = getF32Type();
  if (auto vector = dyn_cast<VectorType>(a.getType()))
    type = vector.clone(type);
  return arith::SIToFPOp::create(*this, type, a);
}

Value KernelBuilder::bitcast(Type type, Value a) { return LLVM::BitcastOp::create(*this, type, a); }
Value KernelBuilder::broadcast(int64_t n, Value scalar) {
  return vector::BroadcastOp::create(*this, vec(n, scalar.getType()), scalar);
}
Value KernelBuilder::extract(Value vector, int64_t index) {
  return LLVM::ExtractElementOp::create(*this, vector, i64(index));
}
Value KernelBuilder::insert(Value vector, Value scalar, int64_t index) {
  return LLVM::InsertElementOp::create(*this, vector, scalar, i64(index));
}

Value KernelBuilder::concat(Value a, Value b) {
  llvm::SmallVector<int32_t> mask(2 * cast<VectorType>(a.getType()).getNumElements());
  std::iota(mask.begin(), mask.end(), 0);
  return LLVM::ShuffleVectorOp::create(*this, a, b, mask);
}
Value KernelBuilder::iota(int64_t n) {
  llvm::SmallVector<int32_t> indices(n);
  std::iota(indices.begin(), indices.end(), 0);
  return arith::ConstantOp::create(*this, getI32VectorAttr(indices));
}
Value KernelBuilder::lanes(Value vector, int64_t begin, int64_t count) {
  llvm::SmallVector<int32_t> mask(count);
  std::iota(mask.begin(), mask.end(), int32_t(begin));
  return LLVM::ShuffleVectorOp::create(*this, vector, vector, mask);
}
Value KernelBuilder::reduceLanes(Value vector, Value (KernelBuilder::*combine)(Value, Value)) {
  for (int64_t half = cast<VectorType>(vector.getType()).getNumElements() / 2; half > 0; half /= 2)
    vector = (this->*combine)(lanes(vector, 0, half), lanes(vector, half, half));
  return extract(vector, 0);
}
Value KernelBuilder::sumLanes(Value vector) {
  const bool isFloat = isa<FloatType>(cast<VectorType>(vector.getType()).getElementType());
  return isFloat ? reduceLanes(vector, &KernelBuilder::fadd) : reduceLanes(vector, &KernelBuilder::add);
}
Value KernelBuilder::maxLanesOrNan(Value vector) { return reduceLanes(vector, &KernelBuilder::fmaxOrNan); }

// With n = round(x / ln 2) and r = x - n ln 2, |r| <= 0.35: e^x = 2^n e^r. ln 2 is subtracted in two parts
// so that r is exact to an ulp; the polynomial's error on that range is below 2^-24, its evaluation adds
// less than 2^-23.
Value KernelBuilder::expNegative(Value x) {
  const Type type = x.getType();
  auto constant = [&](float value) { return like(x, value); };
  x = fmax(x, constant(-86.0f));
  Value power = LLVM::RoundEvenOp::create(*this, type, fmul(x, constant(0x1.715476p+0f)));
  Value r = fma(power, constant(-0x1.62e4p-1f), x);
  r = fma(power, constant(-0x1.7f7d1cp-20f), r);
  Value p = constant(1.9875691500e-4f);
  for (float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f})
    p = fma(p, r, constant(c));
  p = fadd(fma(p, fmul(r, r), r), constant(1.0f));
  auto vector = dyn_cast<VectorType>(type);
  const Type integers = vector ? Type(vector.clone(getI32Type())) : Type(getI32Type());
  Value whole = arith::FPToSIOp::create(*this, integers, power);
  Value exponent = arith::ShLIOp::create(*this, whole, like(whole, int64_t(23)));
  return bitcast(type, add(bitcast(integers, p), exponent));
}

Value KernelBuilder::offset(Value pointer, Value bytes) {
  return LLVM::GEPOp::create(*this, pointer.getType(), getI8Type(), pointer, ArrayRef<LLVM::GEPArg>{bytes});
}
Value KernelBuilder::offset(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  // A constant of a GEP has 32 bits; larger ones come as values.
  if (bytes != int32_t(bytes))
    return offset(pointer, i64(bytes));
  return LLVM::GEPOp::create(*this, pointer.getType(), getI8Type(), pointer, ArrayRef<LLVM::GEPArg>{int32_t(bytes)});
}
Value KernelBuilder::load(Type type, Value pointer, int64_t bytes) {
  return LLVM::LoadOp::create(*this, type, offset(pointer, bytes), /*alignment=*/1);
}
void KernelBuilder::store(Value value, Value pointer, int64_t bytes) {
  LLVM::StoreOp::create(*this, value, offset(pointer, bytes), /*alignment=*/1);
}
void KernelBuilder::update(Type type, Value pointer, int64_t bytes, function_ref<Value(Value)> change) {
  Value place = offset(pointer, bytes),
        value = LLVM::LoadOp::create(*this, type, place, /*alignment=*/1, /*isVolatile=*/true);
  LLVM::StoreOp::create(*this, change(value), place, /*alignment=*/1, /*isVolatile=*/true);
}
Value KernelBuilder::loadBroadcast(int64_t n, Type element, Value pointer, int64_t bytes) {
  return broadcast(n, load(element, pointer, bytes));
}
Value KernelBuilder::widen(Value stored) {
  auto type = cast<VectorType>(stored.getType());
  const int64_t n = type.getNumElements();
  if (type.getElementType().isF32())
    return stored;
  if (!type.getElementType().isBF16())
    return arith::ExtFOp::create(*this, vec(n, getF32Type()), stored);
  // The bits of a bf16 are the upper half of an f32's.
  Value bits = arith::ExtUIOp::create(*this, vec(n, getI32Type()), bitcast(vec(n, getI16Type()), stored));
  return bitcast(vec(n, getF32Type()), arith::ShLIOp::create(*this, bits, splat(n, 32, 16)));
}
Value KernelBuilder::loadFloats(int64_t n, Type stored, Value pointer, int64_t bytes) {
  return widen(load(vec(n, stored), pointer, bytes));
}
void KernelBuilder::copyBytes(Value to, Value from, Value bytes) {
  LLVM::MemcpyOp::create(*this, to, from, bytes, /*isVolatile=*/false);
}
void KernelBuilder::prefetch(Value pointer, int64_t bytes, int level) {
  LLVM::Prefetch::create(*this, offset(pointer, bytes), /*rw=*/0, /*hint=*/4 - level, /*cache=*/1);
}

KernelBuilder::Values KernelBuilder::loop(Value begin, Value end, int64_t step, ValueRange carried, LoopBody body) {
  auto loop = scf::ForOp::create(*this, begin, end, like(begin, step), carried,
                                 [&](OpBuilder &, Location, Value index, ValueRange arguments) {
                                   // The nested builder is this one's state inside the body.
                                   InsertionGuard guard(*this);
                                   setInsertionPointToEnd(index.getParentBlock());
                                   scf::YieldOp::create(*this, body(index, arguments));
                                 });
  return Values(loop.getResults());
}
void KernelBuilder::loop(Value begin, Value end, int64_t step, function_ref<void(Value)> body) {
  loop(begin, end, step, ValueRange{}, [&](Value index, ValueRange) {
    body(index);
    return Values{};
  });
}
void KernelBuilder::when(Value condition, function_ref<void()> then, function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/bool(otherwise));
  InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  then();
  if (otherwise) {
    setInsertionPointToStart(branch.elseBlock());
    otherwise();
  }
}

Value KernelBuilder::opaque(Value a) {
  auto type = cast<VectorType>(a.getType());
  const int64_t floats = type.getNumElements() * type.getElementTypeBitWidth() / 32;
  VectorType fenced = vec(floats, getF32Type());
  return bitcast(type,
                 intrinsic("llvm.arithmetic.fence.v" + std::to_string(floats) + "f32", fenced, {bitcast(fenced, a)}));
}

Value KernelBuilder::intrinsic(StringRef name, Type result, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(*this, result, getStringAttr(name), operands).getResult(0);
}
void KernelBuilder::call(StringRef callee, ValueRange operands) {
  LLVM::CallOp::create(*this, TypeRange{}, callee, operands);
}

LLVM::LLVMFuncOp beginFunction(KernelBuilder &b, Block &functions, StringRef name, TypeRange arguments,
                               LLVM::Linkage linkage) {
  b.setInsertionPointToEnd(&functions);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), llvm::to_vector(arguments));
  auto function = LLVM::LLVMFuncOp::create(b, name, type, linkage);
  b.setInsertionPointToStart(function.addEntryBlock(b));
  return function;
}

} // namespace phic
