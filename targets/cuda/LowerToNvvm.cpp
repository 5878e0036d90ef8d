//===- LowerToNvvm.cpp - gpu ops of kernels to nvvm ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's own conversion takes gpu.func only; a kernel is an llvm.func here, and has five of the dialect's ops.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "targets/cuda/Passes.h"
#include "targets/gpu/GpuBuilder.h"
#include "targets/gpu/GpuCode.h"

using namespace mlir;

namespace phic {
#define GEN_PASS_DEF_LOWERTONVVMPASS
#include "targets/cuda/Passes.h.inc"

namespace {

void replaceId(OpBuilder &b, Operation *op, Value id) {
  op->getResult(0).replaceAllUsesWith(arith::IndexCastUIOp::create(b, op->getLoc(), b.getIndexType(), id));
}

void lowerShuffle(OpBuilder &b, gpu::ShuffleOp op) {
  const bool isXor = op.getMode() == gpu::ShuffleMode::XOR;
  auto constant = [&](int32_t value) -> Value {
    return arith::ConstantOp::create(b, op.getLoc(), b.getI32IntegerAttr(value));
  };
  constexpr int32_t kAllLanes = -1, kClamp = gpu_code::kWarp - 1;
  Value result =
      NVVM::ShflOp::create(b, op.getLoc(), op.getValue().getType(), constant(kAllLanes), op.getValue(), op.getOffset(),
                           constant(kClamp), isXor ? NVVM::ShflKind::bfly : NVVM::ShflKind::idx, UnitAttr());
  op.getShuffleResult().replaceAllUsesWith(result);
}

void lower(Operation *op) {
  OpBuilder b(op);
  const Location loc = op->getLoc();
  if (isa<gpu::ThreadIdOp>(op))
    replaceId(b, op, NVVM::ThreadIdXOp::create(b, loc, b.getI32Type()));
  else if (auto block = dyn_cast<gpu::BlockIdOp>(op))
    replaceId(b, op,
              block.getDimension() == gpu::Dimension::x ? Value(NVVM::BlockIdXOp::create(b, loc, b.getI32Type()))
                                                        : Value(NVVM::BlockIdYOp::create(b, loc, b.getI32Type())));
  else if (isa<gpu::BarrierOp>(op))
    NVVM::Barrier0Op::create(b, loc);
  else if (auto shuffle = dyn_cast<gpu::ShuffleOp>(op))
    lowerShuffle(b, shuffle);
  else
    return;
  op->erase();
}

struct LowerToNvvm : impl::LowerToNvvmPassBase<LowerToNvvm> {
  void runOnOperation() override {
    for (auto kernel : getOperation().getOps<LLVM::LLVMFuncOp>()) {
      if (!gpu_code::isKernel(kernel))
        continue;
      Builder b(&getContext());
      const auto threads = int32_t(kernel->getAttrOfType<IntegerAttr>(gpu_code::kThreads).getInt());
      kernel->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
      kernel->setAttr(NVVM::NVVMDialect::getReqntidAttrName(), b.getDenseI32ArrayAttr({threads}));
      // Else ptxas spills a register or two for room for another block.
      kernel->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), b.getI32IntegerAttr(1));
      kernel.walk([](Operation *op) { lower(op); });
    }
  }
};

} // namespace
} // namespace phic
