// RUN: phic-opt %s | phic-opt | FileCheck %s

// CHECK: module attributes {plan.memory = #plan.memory<chunk_rows = 8, arena_bytes = 1024, scratch_bytes = 64, kv_bytes_per_token = 0, weights_bytes = 128>}
module attributes {plan.memory = #plan.memory<chunk_rows = 8, arena_bytes = 1024, scratch_bytes = 64, kv_bytes_per_token = 0, weights_bytes = 128>} {
  // CHECK-LABEL: @model
  func.func @model(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
    // CHECK: plan.packed = #plan.packed<#panels.layout<"dense_f32">, offset = 64, bytes = 64>
    %g = phiq.weight "g" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 64, hash = 0x1>]
      {plan.packed = #plan.packed<#panels.layout<"dense_f32">, offset = 64, bytes = 64>} : tensor<16xf32>
    // CHECK: plan.stage "norm"(%{{.*}}, %{{.*}}) {buffers = [#plan.buffer<binding, offset = 1, row_bytes = 64>], kernels = {decode = @f}, logit_rows} : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32> {
    // CHECK: plan.yield %{{.*}} : tensor<?x16xf32>
    %0 = plan.stage "norm" (%x, %g) {buffers = [#plan.buffer<binding, offset = 1, row_bytes = 64>], kernels = {decode = @f}, logit_rows} : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32> {
    ^bb0(%a: tensor<?x16xf32>, %b: tensor<16xf32>):
      %n = phiq.rms_norm %a, %b {epsilon = 1.0e-5 : f32} : tensor<?x16xf32>, tensor<16xf32>
      plan.yield %n : tensor<?x16xf32>
    }
    return %0 : tensor<?x16xf32>
  }
}
