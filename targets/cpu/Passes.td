//===- Passes.td - Passes that make CPU code -----------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The phases `kernels` and `target` of the CPU backend, in pipeline order. A pass's flag is its name after `phic-`.
//===----------------------------------------------------------------------===//
#ifndef PHIC_CPU_PASSES
#define PHIC_CPU_PASSES

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// kernels
//===----------------------------------------------------------------------===//

def EmitKernelsPass : Pass<"phic-emit-kernels", "mlir::ModuleOp"> {
  let summary = "generate each stage's code for decode, verify and prefill";
  let description = [{
    Functions of llvm, scf, arith and vector ops with the ABI of phi_kernel (phi/format.h); stages that differ in
    offsets only share them. What is done to single rows is a call of a region, declared here and made by Halide in
    the target phase:

    ```mlir
    plan.stage "layers.0.mlp.down" (...) : ...
    ->
    plan.stage "layers.0.mlp.down" (...) {
        kernels = {decode = @phi_matmul_s8b32_u4f16b32_f32_add_1x8x32_m1n96k256__x86_64_v3, verify = ..., prefill = ...},
        tiles = {decode = #plan.tiles<columns = 3, rows = 1>, verify = ..., prefill = ...}} : ...
    llvm.func @phi_matmul_...(%frame: !llvm.ptr, %args: !llvm.ptr, %begin: i64, %end: i64, %scratch: !llvm.ptr) {...}
    func.func private @rows_add_f32_32_...(%x: tensor<1x32xf32>, %y: tensor<1x32xf32>) -> tensor<1x32xf32> {
      %0 = arith.addf %x, %y ...
    }
    llvm.func @region_add_f32_32_...(!llvm.ptr, !llvm.ptr, !llvm.ptr) attributes {phic.region = @rows_add_f32_32_...}
    ```
    `tiles`: the stage has columns * ceil(rows of the step / rows) tiles. `plan.memory` learns the scratch that the
    kernels need. Requires `layout`'s attributes. A stage that generic or scalar code is made for is a remark with the
    kernel, the reason and its share of the weight bytes of a decode step.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"x86-64-v3\"", "CPU level, a row of targets/cpu/Targets.def">,
    Option<"tiles", "tiles", "std::string", "\"\"", "sizes of tiles, decode:32x1x1/verify:64x64x16/prefill:64x64x16 (targets/Tiles.h); empty: the level's own">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

//===----------------------------------------------------------------------===//
// target
//===----------------------------------------------------------------------===//

def EmitEntryPointsPass : Pass<"phic-emit-entry-points", "mlir::ModuleOp"> {
  let summary = "write the native functions that run the stages, one per M class";
  let description = [{
    A stage carries the symbol of its kernel and its tiles per M class; its constants become one table.

    ```mlir
    plan.stage "embed" (%ids, %table) {kernels = {decode = @phi_embed, ...}, tiles = {decode = #plan.tiles<columns = 1, rows = 1>, ...}}
    ->
    llvm.mlir.global internal constant @phi_args_0(dense<[0, 64, 0]> : tensor<3xi64>)
    llvm.func @phi_decode_x86_64_v3(%frame: !llvm.ptr, %thread: i32) {
      %tiles = columns * ceil(frame.rows / rows)
      llvm.call @phi_run_stage(%frame, %thread, 0, @phi_embed, @phi_args_0, %tiles)
      ...
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", "\"x86-64-v3\"", "CPU level, a row of Targets.def">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::scf::SCFDialect", "::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"];
}

def EmitCodePass : Pass<"phic-emit-code", "mlir::ModuleOp"> {
  let summary = "print the assembly or LLVM IR of a module that has been through `target`";
  let description = [{
    Prints to standard output what the link phase will put into the program: row regions are compiled and
    inlined, only entry points keep their names. The IR stays as it is.

    ```
    phi_decode_x86_64_v3:
        pushq   %rbp ...
    ```
  }];
  let options = [
    Option<"kind", "kind", "std::string", "\"assembly\"", "assembly or llvm">,
    Option<"target", "target", "std::string", "\"x86-64-v3\"", "CPU level, a row of Targets.def">
  ];
}

#endif
