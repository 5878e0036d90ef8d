//===- Passes.td - Passes that make CUDA code ----------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_CUDA_PASSES
#define PHIC_CUDA_PASSES

include "mlir/Pass/PassBase.td"

def LowerToNvvmPass : Pass<"phic-lower-to-nvvm", "mlir::ModuleOp"> {
  let summary = "take gpu ops of kernels to nvvm";
  let description = [{
    Ids, barriers and shuffles, and what the driver must know of a kernel:

    ```mlir
    llvm.func @kernel(%p: !llvm.ptr<1>) attributes {phic.threads = 256 : i32} {
      %0 = gpu.thread_id x
    ->
    llvm.func @kernel(%p: !llvm.ptr<1>) attributes {nvvm.kernel, nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: 256>, ...} {
      %0 = nvvm.read.ptx.sreg.tid.x : i32
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect", "::mlir::arith::ArithDialect"];
}

def EmitPtxPass : Pass<"phic-emit-ptx", "mlir::ModuleOp"> {
  let summary = "print the PTX of a module that has been through `target`";
  let description = [{
    Prints to standard output what the link phase will put into the program. The IR stays as it is.

    ```
    .visible .entry phi_rows_n96__sm_80(...)
    ```
  }];
  let options = [Option<"level", "level", "std::string", "\"sm_80\"", "a row of targets/cuda/Levels.def">,
                 Option<"kind", "kind", "std::string", "\"ptx\"", "ptx or llvm">];
}

#endif
