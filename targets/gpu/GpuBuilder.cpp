//===- GpuBuilder.cpp - Short spellings for kernels of GPUs ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One or two ops behind each name.
//===----------------------------------------------------------------------===//
#include "targets/gpu/GpuBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace phic::gpu_code {
namespace {

Value narrow(GpuBuilder &b, Value index) { return arith::IndexCastUIOp::create(b, b.getI32Type(), index); }

unsigned alignmentOf(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return unsigned(vector.getNumElements() * vector.getElementTypeBitWidth() / 8);
  return isa<LLVM::LLVMPointerType>(type) ? 8 : std::max(1u, type.getIntOrFloatBitWidth() / 8);
}

} // namespace

Value GpuBuilder::thread() { return narrow(*this, gpu::ThreadIdOp::create(*this, gpu::Dimension::x)); }
Value GpuBuilder::blockColumn() { return narrow(*this, gpu::BlockIdOp::create(*this, gpu::Dimension::x)); }
Value GpuBuilder::blockRow() { return narrow(*this, gpu::BlockIdOp::create(*this, gpu::Dimension::y)); }
void GpuBuilder::meet() { NVVM::SyncWarpOp::create(*this, i32(-1)); }
void GpuBuilder::barrier() { gpu::BarrierOp::create(*this); }

Value GpuBuilder::countArrival(Value counter) {
  constexpr StringLiteral kDevice = "device";
  LLVM::FenceOp::create(*this, LLVM::AtomicOrdering::acq_rel, kDevice);
  Value before = LLVM::AtomicRMWOp::create(*this, LLVM::AtomicBinOp::add, counter, i32(1),
                                           LLVM::AtomicOrdering::monotonic, kDevice, /*alignment=*/4);
  LLVM::FenceOp::create(*this, LLVM::AtomicOrdering::acq_rel, kDevice);
  return before;
}

Value GpuBuilder::shuffleXor(Value x, int64_t mask) {
  return gpu::ShuffleOp::create(*this, x, i32(int32_t(mask)), i32(kWarp), gpu::ShuffleMode::XOR).getShuffleResult();
}
Value GpuBuilder::shuffleFrom(Value x, Value lane) {
  return gpu::ShuffleOp::create(*this, x, lane, i32(kWarp), gpu::ShuffleMode::IDX).getShuffleResult();
}
Value GpuBuilder::sumOfLanes(Value x, int64_t lanes, int64_t from) {
  for (int64_t mask = lanes / 2; mask >= from; mask /= 2)
    x = isa<FloatType>(x.getType()) ? fadd(x, shuffleXor(x, mask)) : add(x, shuffleXor(x, mask));
  return x;
}
Value GpuBuilder::greatestOfLanes(Value x, int64_t lanes) {
  for (int64_t mask = lanes / 2; mask >= 1; mask /= 2)
    x = fmax(x, shuffleXor(x, mask));
  return x;
}
Value GpuBuilder::overBlock(Value x, int64_t threads, Value parts, function_ref<Value(Value, Value)> join) {
  for (int64_t mask = kWarp / 2; mask >= 1; mask /= 2)
    x = join(x, shuffleXor(x, mask));
  const int64_t warps = threads / kWarp;
  if (warps == 1)
    return x;
  when(equal(lane(), 0), [&] { store(x, offset(parts, mul(warp(), 4))); });
  barrier();
  Value joined = load(x.getType(), parts);
  for (int64_t warp = 1; warp < warps; ++warp)
    joined = join(joined, load(x.getType(), parts, 4 * warp));
  return joined;
}

Value GpuBuilder::bitAnd(Value a, int64_t mask) { return arith::AndIOp::create(*this, a, like(a, mask)); }
Value GpuBuilder::shiftRight(Value a, int64_t bits) {
  return bits == 0 ? a : Value(arith::ShRUIOp::create(*this, a, like(a, bits)));
}
Value GpuBuilder::extend(Value a) { return arith::ExtSIOp::create(*this, getI64Type(), a); }
Value GpuBuilder::truncate(Value a) { return arith::TruncIOp::create(*this, getI32Type(), a); }
Value GpuBuilder::equal(Value a, int64_t b) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, a, like(a, b));
}
Value GpuBuilder::both(Value a, Value b) { return arith::AndIOp::create(*this, a, b); }
std::pair<Value, Value> GpuBuilder::divideRest(Value a, int64_t b) {
  if (b == 1)
    return {a, like(a, int64_t(0))};
  Value quotient = divide(a, b);
  return {quotient, sub(a, mul(quotient, b))};
}
Value GpuBuilder::dot4(Value a, bool aSigned, Value b, bool bSigned, Value acc) {
  const VectorType bytes = vec(4, getI8Type());
  auto kind = [](bool isSigned) {
    return isSigned ? NVVM::DotAccumulateType::SIGNED : NVVM::DotAccumulateType::UNSIGNED;
  };
  return NVVM::DotAccumulate4WayOp::create(*this, getI32Type(), bitcast(bytes, a), kind(aSigned), bitcast(bytes, b),
                                           kind(bSigned), acc);
}

KernelBuilder::Values GpuBuilder::multiplyMatrices(ValueRange a, ValueRange b, bool bSigned) {
  const SmallVector<Value> zeros(4, i32(0));
  auto type = LLVM::LLVMStructType::getLiteral(getContext(), SmallVector<Type>(zeros.size(), getI32Type()));
  const std::array types = {NVVM::MMATypes::s8, bSigned ? NVVM::MMATypes::s8 : NVVM::MMATypes::u8};
  const std::array layouts = {NVVM::MMALayout::row, NVVM::MMALayout::col};
  Value product = NVVM::MmaOp::create(*this, type, a, b, zeros, ArrayRef<int64_t>{16, 8, 32}, std::nullopt,
                                      NVVM::MMAIntOverflow::wrapped, types, layouts);
  Values results;
  for (int64_t i = 0; i < int64_t(zeros.size()); ++i)
    results.push_back(LLVM::ExtractValueOp::create(*this, product, i));
  return results;
}

Value GpuBuilder::load(Type type, Value pointer, int64_t bytes, bool constant) {
  auto load = LLVM::LoadOp::create(*this, type, offset(pointer, bytes), alignmentOf(type));
  load.setInvariant(constant);
  return load;
}
void GpuBuilder::store(Value value, Value pointer, int64_t bytes) {
  LLVM::StoreOp::create(*this, value, offset(pointer, bytes), alignmentOf(value.getType()));
}

Value GpuBuilder::loadNumber(Scalar stored, Value pointer, int64_t bytes, bool constant) {
  switch (stored) {
  case Scalar::F32:
    return load(getF32Type(), pointer, bytes, constant);
  case Scalar::F16:
    return arith::ExtFOp::create(*this, getF32Type(), load(getF16Type(), pointer, bytes, constant));
  case Scalar::BF16: {
    // The bits of a bf16 are the upper half of an f32's.
    Value bits = arith::ExtUIOp::create(*this, getI32Type(), load(getI16Type(), pointer, bytes, constant));
    return bitcast(getF32Type(), arith::ShLIOp::create(*this, bits, i32(16)));
  }
  case Scalar::I8:
    return toFloat(arith::ExtSIOp::create(*this, getI32Type(), load(getI8Type(), pointer, bytes, constant)));
  case Scalar::U8:
    return toFloat(arith::ExtUIOp::create(*this, getI32Type(), load(getI8Type(), pointer, bytes, constant)));
  default:
    break;
  }
  llvm_unreachable("no number of its own in memory");
}

Value GpuBuilder::shared(int64_t bytes, StringRef name) {
  auto function = getInsertionBlock()->getParentOp();
  if (!isa<LLVM::LLVMFuncOp>(function))
    function = function->getParentOfType<LLVM::LLVMFuncOp>();
  const std::string symbol = (cast<LLVM::LLVMFuncOp>(function).getName() + "_" + name).str();
  auto type = LLVM::LLVMArrayType::get(getI8Type(), unsigned(bytes));
  {
    InsertionGuard guard(*this);
    setInsertionPoint(function);
    constexpr uint64_t kAlignment = 16;
    LLVM::GlobalOp::create(*this, type, /*isConstant=*/false, LLVM::Linkage::Internal, symbol, Attribute(), kAlignment,
                           kShared);
  }
  return LLVM::AddressOfOp::create(*this, ptrType(kShared), symbol);
}

} // namespace phic::gpu_code
