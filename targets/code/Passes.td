//===- Passes.td - Passes that every family's code needs -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PHIC_CODE_PASSES
#define PHIC_CODE_PASSES

include "mlir/Pass/PassBase.td"

def LowerToLlvmPass : Pass<"phic-lower-to-llvm", "mlir::ModuleOp"> {
  let summary = "take kernel bodies to the llvm dialect";
  let description = [{
    Loops, vectors and arithmetic become branches and LLVM instructions; the phiq and plan ops beside the
    kernels stay, as data for the link phase:

    ```mlir
    llvm.func @kernel(%p: !llvm.ptr) {            llvm.func @kernel(%p: !llvm.ptr) {
      %0 = arith.addf %a, %b : f32        ->        %0 = llvm.fadd %a, %b : f32
    ```
  }];
}

#endif
