// RUN: phic-opt %s --phic-fold-transposes | FileCheck %s

// CHECK-LABEL: @dense
func.func @dense(%x: tensor<?x32xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[W:.*]] = phiq.weight "w" layout = "dense_kn" [{{.*}}length = 1024{{.*}}] : tensor<8x32xf32>
  // CHECK-NOT: phiq.transpose
  // CHECK: phiq.matmul %{{.*}}, %[[W]]
  %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 1024, hash = 0x1>] : tensor<32x8xf32>
  %0 = phiq.transpose %w : tensor<32x8xf32> -> tensor<8x32xf32>
  %1 = phiq.matmul %x, %0 : tensor<?x32xf32>, tensor<8x32xf32> -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// A tied float embedding stored [K, N] is read in its own order by both.
// CHECK-LABEL: @tied
func.func @tied(%ids: tensor<?xi32>) -> tensor<?x8xf32> {
  // CHECK: %[[W:.*]] = phiq.weight "w" layout = "dense_nk" {{.*}} : tensor<8x32xf16>
  // CHECK: phiq.embed %{{.*}}, %[[W]]
  %w = phiq.weight "w" layout = "dense_kn" [#phiq.range<file = 0, offset = 0, length = 512, hash = 0x1>] : tensor<32x8xf16>
  %0 = phiq.transpose %w : tensor<32x8xf16> -> tensor<8x32xf16>
  %1 = phiq.embed %ids, %0 : tensor<?xi32>, tensor<8x32xf16> -> tensor<?x32xf32>
  %2 = phiq.matmul %1, %0 : tensor<?x32xf32>, tensor<8x32xf16> -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}

// Blocks would run along N.
// CHECK-LABEL: @blocks_stay
func.func @blocks_stay() -> tensor<32x8xf32> {
  // CHECK: phiq.transpose
  %w = phiq.weight "w" layout = "qdq_nk" [#phiq.range<file = 0, offset = 0, length = 128, hash = 0x1>, #phiq.range<file = 0, offset = 128, length = 32, hash = 0x2>]
    : tensor<8x32x!phiq.block<s4, 32, scale = f32>>
  %0 = phiq.dequantize %w : tensor<8x32x!phiq.block<s4, 32, scale = f32>> -> tensor<8x32xf32>
  %1 = phiq.transpose %0 : tensor<8x32xf32> -> tensor<32x8xf32>
  return %1 : tensor<32x8xf32>
}
