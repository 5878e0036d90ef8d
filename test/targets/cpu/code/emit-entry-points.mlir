// RUN: phic-opt --phic-emit-entry-points %s | FileCheck %s

// Offsets in order of inputs (ids, in slot 0, weight), results (the logits, in slot 1); tiles of logit rows count from logit_row0.
// CHECK: llvm.func @phi_run_stage
// CHECK: llvm.mlir.global internal constant @phi_args_0(dense<[0, 64, 128]> : tensor<3xi64>)
// CHECK: llvm.mlir.global internal constant @phi_args_1(dense<[128, 8]> : tensor<2xi64>)
// CHECK: llvm.func @phi_decode_x86_64_v3(%[[FRAME:.*]]: !llvm.ptr, %[[THREAD:.*]]: i32)
// CHECK: %[[BODY:.*]] = llvm.mlir.addressof @embed1 : !llvm.ptr
// CHECK: %[[ARGS:.*]] = llvm.mlir.addressof @phi_args_0 : !llvm.ptr
// CHECK: llvm.call @phi_run_stage(%[[FRAME]], %[[THREAD]], %{{.*}}, %[[BODY]], %[[ARGS]], %{{.*}})
// CHECK: llvm.mlir.addressof @last
// CHECK: llvm.func @phi_verify_x86_64_v3
// CHECK: llvm.mlir.addressof @embed8
// CHECK: arith.divui
// CHECK: llvm.func @phi_prefill_x86_64_v3
module {
  llvm.func @embed1(!llvm.ptr, !llvm.ptr, i64, i64, !llvm.ptr)
  llvm.func @embed8(!llvm.ptr, !llvm.ptr, i64, i64, !llvm.ptr)
  llvm.func @last(!llvm.ptr, !llvm.ptr, i64, i64, !llvm.ptr)
  func.func @model(%ids: tensor<?xi32>) -> tensor<?x8xf32> {
    %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 256, hash = 0x0>] {plan.packed = #plan.packed<#panels.layout<"panel8_f32">, offset = 64, bytes = 256>} : tensor<8x8xf32>
    %0 = plan.stage "embed" (%ids, %w) {
        buffers = [#plan.buffer<arena, offset = 128, row_bytes = 64>],
        kernels = {decode = @embed1, verify = @embed8, prefill = @embed8},
        tiles = {decode = #plan.tiles<columns = 1, rows = 1>, verify = #plan.tiles<columns = 1, rows = 8>, prefill = #plan.tiles<columns = 1, rows = 8>}
      } : (tensor<?xi32>, tensor<8x8xf32>) -> tensor<?x8xf32> {
    ^bb0(%i: tensor<?xi32>, %t: tensor<8x8xf32>):
      %e = phiq.embed %i, %t : tensor<?xi32>, tensor<8x8xf32> -> tensor<?x8xf32>
      plan.yield %e : tensor<?x8xf32>
    }
    %1 = plan.stage "last" (%0) {
        logit_rows,
        buffers = [#plan.buffer<binding, offset = 1, row_bytes = 32>],
        kernels = {decode = @last, verify = @last, prefill = @last},
        tiles = {decode = #plan.tiles<columns = 1, rows = 1>, verify = #plan.tiles<columns = 1, rows = 1>, prefill = #plan.tiles<columns = 1, rows = 1>}
      } : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    ^bb0(%x: tensor<?x8xf32>):
      %r = phiq.logit_rows %x : tensor<?x8xf32>
      plan.yield %r : tensor<?x8xf32>
    }
    return %1 : tensor<?x8xf32>
  }
}
