// RUN: phic-opt %s --phic-materialize-quantization | FileCheck %s

!q32 = !phiq.block<u4, 32, scale = f32, zero = 8>
!q16 = !phiq.block<s8, 16, scale = f16 * s8>

// CHECK-LABEL: @shared
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>,
func.func @shared(%x: tensor<?x64xf32>, %v: tensor<8x64x!q32>, %w: tensor<8x64x!q32>) {
  // CHECK-NEXT: %[[Q:.*]] = phiq.quantize %[[X]] : tensor<?x64xf32> -> tensor<?x64x!phiq.block<s8, 32, scale = f32>>
  // CHECK-NEXT: phiq.matmul %[[Q]]
  // CHECK-NEXT: phiq.matmul %[[Q]]
  %0 = phiq.matmul %x, %v compute = i8 : tensor<?x64xf32>, tensor<8x64x!q32> -> tensor<?x8xf32>
  %1 = phiq.matmul %x, %w compute = i8 : tensor<?x64xf32>, tensor<8x64x!q32> -> tensor<?x8xf32>
  return
}

// CHECK-LABEL: @smallest_block
func.func @smallest_block(%x: tensor<?x64xf32>, %v: tensor<8x64x!q32>, %w: tensor<8x64x!q16>) {
  // CHECK: phiq.quantize {{.*}}!phiq.block<s8, 16, scale = f32>>
  // CHECK-NOT: phiq.quantize
  %0 = phiq.matmul %x, %v compute = i8 : tensor<?x64xf32>, tensor<8x64x!q32> -> tensor<?x8xf32>
  %1 = phiq.matmul %x, %w compute = i8 : tensor<?x64xf32>, tensor<8x64x!q16> -> tensor<?x8xf32>
  return
}

// CHECK-LABEL: @float
func.func @float(%x: tensor<?x64xf32>, %v: tensor<8x64x!q32>) {
  // CHECK-NOT: phiq.quantize
  %0 = phiq.matmul %x, %v compute = f32 : tensor<?x64xf32>, tensor<8x64x!q32> -> tensor<?x8xf32>
  return
}
