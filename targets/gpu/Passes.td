//===- Passes.td - Passes that make code for GPUs ------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The phase `kernels` of every family of GPUs, and the entry points of `target`.
//===----------------------------------------------------------------------===//
#ifndef PHIC_GPU_PASSES
#define PHIC_GPU_PASSES

include "mlir/Pass/PassBase.td"

def EmitGpuKernelsPass : Pass<"phic-emit-gpu-kernels", "mlir::ModuleOp"> {
  let summary = "generate each stage's kernel for decode, verify and prefill on a GPU";
  let description = [{
    Functions of gpu, scf, arith and llvm ops on pointers to the device's memory: the step's frame, then an argument each for
    inputs, results and caches of the stage (phi/gpu.h). What is done to single rows is part of the kernel. Stages that differ
    in addresses only share one.

    ```mlir
    plan.stage "layers.0.mlp.down" (...) : ...
    ->
    plan.stage "layers.0.mlp.down" (...) {
        kernels = {decode = @phi_matmul_s8b32_panel8x32_u4_f16_z8_m1n96k256__sm_80, verify = ..., prefill = ...},
        tiles = {decode = #plan.tiles<columns = 12, rows = 1>, verify = #plan.tiles<columns = 12, rows = 8>, ...}} : ...
    llvm.func @phi_matmul_...(%frame: !llvm.ptr<1>, %x: !llvm.ptr<1>, ...) attributes {phic.threads = 256 : i32} {...}
    ```
    `tiles`: the grid has `columns` blocks along x, and ceil(rows of the step / `rows`) along y.
  }];
  let options = [Option<"level", "level", "std::string", "\"\"", "name of the level, for plan.level">,
                 Option<"isa", "isa", "std::string", "\"\"", "the same as the suffix of symbols">,
                 Option<"matrices", "matrices", "bool", "false", "whether it multiplies matrices of bytes">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::gpu::GPUDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect"];
}

def EmitLaunchesPass : Pass<"phic-emit-launches", "mlir::ModuleOp"> {
  let summary = "write the native functions that launch the stages, one per M class";
  let description = [{
    ```mlir
    llvm.func @phi_decode_sm_80(%frame: !llvm.ptr, %thread: i32) {
      llvm.call @phi_launch_cuda(%frame, %stage, %kernel, %argument, %columns, %rows)
      ...
    ```
    Kernels are numbered in the order of the module, arguments in that of the stages.
  }];
  let options = [Option<"family", "family", "std::string", "\"\"", "whose runtime launches">,
                 Option<"isa", "isa", "std::string", "\"\"", "suffix of symbols">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect"];
}

#endif
