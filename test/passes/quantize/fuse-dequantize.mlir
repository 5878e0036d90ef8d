// RUN: phic-opt %s --phic-fuse-dequantize | FileCheck %s

!q4 = !phiq.block<u4, 32, scale = f32, zero = 8>
!q8 = !phiq.block<s8, 32, scale = f32>

// CHECK-LABEL: @weights
func.func @weights(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  // CHECK: %[[W:.*]] = phiq.weight "w"
  // CHECK-NOT: phiq.dequantize
  // CHECK: phiq.embed %{{.*}}, %[[W]]
  // CHECK: phiq.matmul %{{.*}}, %[[W]]
  %w = phiq.weight "w" layout = "nbits" [#phiq.range<file = 0, offset = 0, length = 1024, hash = 0x1>, #phiq.range<file = 0, offset = 1024, length = 256, hash = 0x2>]
    : tensor<64x32x!q4>
  %0 = phiq.dequantize %w : tensor<64x32x!q4> -> tensor<64x32xf32>
  %1 = phiq.embed %ids, %0 : tensor<?xi32>, tensor<64x32xf32> -> tensor<?x32xf32>
  %2 = phiq.matmul %1, %0 : tensor<?x32xf32>, tensor<64x32xf32> -> tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}

// Quantized activations that the graph states keep their rounding.
// CHECK-LABEL: @activations
func.func @activations(%x: tensor<?x32xf32>, %w: tensor<64x32xf32>) -> tensor<?x64xf32> {
  // CHECK: %[[Q:.*]] = phiq.quantize
  // CHECK: %[[D:.*]] = phiq.dequantize %[[Q]]
  // CHECK: phiq.matmul %[[D]]
  %0 = phiq.quantize %x : tensor<?x32xf32> -> tensor<?x32x!q8>
  %1 = phiq.dequantize %0 : tensor<?x32x!q8> -> tensor<?x32xf32>
  %2 = phiq.matmul %1, %w : tensor<?x32xf32>, tensor<64x32xf32> -> tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}
