//===- LowerToLlvm.cpp - Kernels to the llvm dialect -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's own conversions, applied to kernels (llvm.func) only: the model's func.func
// has phiq ops, none of which they know.
//===----------------------------------------------------------------------===//
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Pass/PassManager.h"
#include "targets/code/Passes.h"

using namespace mlir;

namespace phic {
#define GEN_PASS_DEF_LOWERTOLLVMPASS
#include "targets/code/Passes.h.inc"

namespace {

OpPassManager conversions() {
  OpPassManager passes(ModuleOp::getOperationName());
  OpPassManager &kernels = passes.nest<LLVM::LLVMFuncOp>();
  kernels.addPass(createSCFToControlFlowPass());
  kernels.addPass(createConvertVectorToLLVMPass());
  kernels.addPass(createConvertMathToLLVMPass());
  kernels.addPass(createArithToLLVMConversionPass());
  passes.addPass(createConvertControlFlowToLLVMPass()); // takes modules only
  passes.nest<LLVM::LLVMFuncOp>().addPass(createReconcileUnrealizedCastsPass());
  return passes;
}

struct LowerToLlvmPass : impl::LowerToLlvmPassBase<LowerToLlvmPass> {
  using LowerToLlvmPassBase::LowerToLlvmPassBase;

  void getDependentDialects(DialectRegistry &registry) const override { conversions().getDependentDialects(registry); }

  void runOnOperation() override {
    OpPassManager passes = conversions();
    if (failed(runPipeline(passes, getOperation())))
      signalPassFailure();
  }
};

} // namespace
} // namespace phic
