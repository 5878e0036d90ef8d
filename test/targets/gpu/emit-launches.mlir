// RUN: phic-opt --phic-emit-launches="family=sundial isa=brass" %s | FileCheck %s

// A straight line of launches: stage, kernel, first argument, blocks along x; along y by the rows of the step, or by those whose
// logits are wanted.
// CHECK:     llvm.func @phi_launch_sundial(!llvm.ptr, i32, i32, i32, i32, i32)
// CHECK:     llvm.func @phi_decode_brass(%[[FRAME:.*]]: !llvm.ptr, %{{.*}}: i32)
// CHECK-NOT: arith.divui
// CHECK:     %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK:     llvm.call @phi_launch_sundial(%[[FRAME]], %[[ZERO]],
// CHECK:     %[[STAGE:.*]] = arith.constant 1 : i32
// CHECK-NEXT: %[[KERNEL:.*]] = arith.constant 2 : i32
// CHECK-NEXT: %[[ARGUMENT:.*]] = arith.constant 4 : i32
// CHECK-NEXT: %[[COLUMNS:.*]] = arith.constant 5 : i32
// CHECK-NEXT: llvm.call @phi_launch_sundial(%[[FRAME]], %[[STAGE]], %[[KERNEL]], %[[ARGUMENT]], %[[COLUMNS]], %{{.*}})
// CHECK-NEXT: llvm.return
// CHECK:     llvm.func @phi_verify_brass
// CHECK:     arith.divui
// CHECK:     llvm.func @phi_prefill_brass
module {
  llvm.func @embed1(!llvm.ptr<1>, !llvm.ptr<1>, !llvm.ptr<1>, !llvm.ptr<1>) attributes {phic.threads = 32 : i32}
  llvm.func @embed8(!llvm.ptr<1>, !llvm.ptr<1>, !llvm.ptr<1>, !llvm.ptr<1>) attributes {phic.threads = 32 : i32}
  llvm.func @last(!llvm.ptr<1>, !llvm.ptr<1>, !llvm.ptr<1>) attributes {phic.threads = 32 : i32}
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
        tiles = {decode = #plan.tiles<columns = 5, rows = 1>, verify = #plan.tiles<columns = 5, rows = 1>, prefill = #plan.tiles<columns = 5, rows = 1>}
      } : (tensor<?x8xf32>) -> tensor<?x8xf32> {
    ^bb0(%x: tensor<?x8xf32>):
      %r = phiq.logit_rows %x : tensor<?x8xf32>
      plan.yield %r : tensor<?x8xf32>
    }
    return %1 : tensor<?x8xf32>
  }
}
