// RUN: phic-opt %s --phic-emit-precision-report -o /dev/null | FileCheck %s

!q4 = !phiq.block<u4, 32, scale = f16, zero = 8>
phiq.cache @kv0 {heads = 2, head_dim = 16, element = f16}
// CHECK: weight shape stored as format bits/weight rms error greatest compute
// CHECK-NEXT: embed 64x32 u4, 32, scale = f16, zero = 8 4.50 embed, i8
// CHECK-NEXT: norm 32 f32 32.00 rows
// CHECK-NEXT: up 32x32 f32 s8, 32, scale = f16 8.50 0.00500 1.00e-02 i8
// CHECK-NEXT: matrices: 5.83 bits per weight, stored with 13.67; 1 weight converted, relative rms error 0.00500, up to 0.00500 ('up'); KV cache: f16

func.func @model(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  %w = phiq.weight "embed" layout = "gguf_q4_0" [#phiq.range<file = 0, offset = 0, length = 1152, hash = 0x1>] : tensor<64x32x!q4>
  %g = phiq.weight "norm" layout = "dense_nk" [#phiq.range<file = 0, offset = 1152, length = 128, hash = 0x3>] : tensor<32xf32>
  %0 = phiq.embed %ids, %w : tensor<?xi32>, tensor<64x32x!q4> -> tensor<?x32xf32>
  %1 = phiq.rms_norm %0, %g {epsilon = 1.0e-5 : f32} : tensor<?x32xf32>, tensor<32xf32>
  %u = phiq.weight "up" layout = "dense_nk" [#phiq.range<file = 0, offset = 1280, length = 4096, hash = 0x4>]
      {conversion = #phiq.conversion<from = f32, method = "rtn">, phiq.error = {relative_rms = 5.0e-3, greatest = 1.0e-2, norm = 3.0}}
      : tensor<32x32x!phiq.block<s8, 32, scale = f16>>
  %m = phiq.matmul %1, %u compute = i8 : tensor<?x32xf32>, tensor<32x32x!phiq.block<s8, 32, scale = f16>> -> tensor<?x32xf32>
  %2 = phiq.matmul %m, %w compute = i8 : tensor<?x32xf32>, tensor<64x32x!q4> -> tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}
