// RUN: phic-opt %s --phic-emit-precision-report -o /dev/null | FileCheck %s
// RUN: phic-opt %s --phic-emit-precision-report=json -o /dev/null | FileCheck %s --check-prefix=JSON

!q4 = !phiq.block<u4, 32, scale = f16, zero = 8>
phiq.cache @kv0 {heads = 2, head_dim = 16, element = f16}
// CHECK: weight format shape bits/weight compute
// CHECK-NEXT: embed u4, 32, scale = f16, zero = 8 64x32 4.50 embed, i8
// CHECK-NEXT: norm f32 32 32.00 rows
// CHECK-NEXT: matrices: 4.50 bits per weight; KV cache: f16

// JSON: "bits_per_weight": 4.5,
// JSON-NEXT: "kv_cache": "f16",
// JSON: "compute": "embed, i8",
// JSON-NEXT: "format": "u4, 32, scale = f16, zero = 8",
// JSON-NEXT: "name": "embed",
func.func @model(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  %w = phiq.weight "embed" layout = "gguf_q4_0" [#phiq.range<file = 0, offset = 0, length = 1152, hash = 0x1>] : tensor<64x32x!q4>
  %g = phiq.weight "norm" layout = "dense_nk" [#phiq.range<file = 0, offset = 1152, length = 128, hash = 0x3>] : tensor<32xf32>
  %0 = phiq.embed %ids, %w : tensor<?xi32>, tensor<64x32x!q4> -> tensor<?x32xf32>
  %1 = phiq.rms_norm %0, %g {epsilon = 1.0e-5 : f32} : tensor<?x32xf32>, tensor<32xf32>
  %2 = phiq.matmul %1, %w {compute = "i8"} : tensor<?x32xf32>, tensor<64x32x!q4> -> tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}
