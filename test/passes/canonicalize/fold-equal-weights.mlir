// RUN: phic-opt %s --phic-fold-equal-weights | FileCheck %s

// CHECK-LABEL: @tied
func.func @tied(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  // CHECK: %[[EMBED:.*]] = phiq.weight "embed"
  // CHECK-NOT: phiq.weight
  // CHECK: phiq.embed %{{.*}}, %[[EMBED]]
  // CHECK: phiq.matmul %{{.*}}, %[[EMBED]]
  %a = phiq.weight "embed" layout = "dense_nk" [#phiq.range<file = 0, offset = 64, length = 8192, hash = 0x1>] : tensor<64x32xf32>
  %b = phiq.weight "lm_head" layout = "dense_nk" [#phiq.range<file = 0, offset = 64, length = 8192, hash = 0x1>] : tensor<64x32xf32>
  %0 = phiq.embed %ids, %a : tensor<?xi32>, tensor<64x32xf32> -> tensor<?x32xf32>
  %1 = phiq.matmul %0, %b : tensor<?x32xf32>, tensor<64x32xf32> -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}

// Another offset, and the same bytes read in another order, are other weights.
// CHECK-LABEL: @untied
func.func @untied(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // CHECK-COUNT-3: phiq.weight
  %a = phiq.weight "a" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 4096, hash = 0x1>] : tensor<32x32xf32>
  %b = phiq.weight "b" layout = "dense_nk" [#phiq.range<file = 0, offset = 4096, length = 4096, hash = 0x1>] : tensor<32x32xf32>
  %c = phiq.weight "c" layout = "dense_kn" [#phiq.range<file = 0, offset = 0, length = 4096, hash = 0x1>] : tensor<32x32xf32>
  %0 = phiq.matmul %x, %a : tensor<?x32xf32>, tensor<32x32xf32> -> tensor<?x32xf32>
  %1 = phiq.matmul %0, %b : tensor<?x32xf32>, tensor<32x32xf32> -> tensor<?x32xf32>
  %2 = phiq.matmul %1, %c : tensor<?x32xf32>, tensor<32x32xf32> -> tensor<?x32xf32>
  return %2 : tensor<?x32xf32>
}
