// RUN: phic-opt %s --phic-fold-activation-quantization --split-input-file | FileCheck %s

!u8 = !phiq.block<u8, 32, scale = f32, zero = 100>
!s8 = !phiq.block<s8, 32, scale = f32>

// CHECK-LABEL: @unsigned
func.func @unsigned(%x: tensor<?x32xf32>, %s: tensor<1xf32>) -> tensor<?x32xf32> {
  // CHECK-NOT: phiq.quantize
  // CHECK: phiq.snap %{{.*}}, %{{.*}} {greatest = 155 : i64, least = -100 : i64} : tensor<?x32xf32>, tensor<1xf32>
  // CHECK-NOT: phiq.dequantize
  %0 = phiq.quantize %x, %s {zero = 100 : i64} : tensor<?x32xf32>, tensor<1xf32> -> tensor<?x32x!u8>
  %1 = phiq.dequantize %0 : tensor<?x32x!u8> -> tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// One scale a column, no zero point.
// CHECK-LABEL: @signed
func.func @signed(%x: tensor<?x32xf32>, %s: tensor<32xf32>) -> tensor<?x32xf32> {
  // CHECK: phiq.snap %{{.*}}, %{{.*}} {greatest = 127 : i64, least = -128 : i64} : tensor<?x32xf32>, tensor<32xf32>
  %0 = phiq.quantize %x, %s : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32x!s8>
  %1 = phiq.dequantize %0 : tensor<?x32x!s8> -> tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// -----

!s8 = !phiq.block<s8, 32, scale = f32>

// Dynamic quantization is no rounding to steps that a graph states, and 200 is no code of s8.
// CHECK-LABEL: @others
func.func @others(%x: tensor<?x32xf32>, %s: tensor<1xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  // CHECK-NOT: phiq.snap
  %0 = phiq.quantize %x : tensor<?x32xf32> -> tensor<?x32x!s8>
  %1 = phiq.dequantize %0 : tensor<?x32x!s8> -> tensor<?x32xf32>
  %2 = phiq.quantize %x, %s {zero = 200 : i64} : tensor<?x32xf32>, tensor<1xf32> -> tensor<?x32x!s8>
  %3 = phiq.dequantize %2 : tensor<?x32x!s8> -> tensor<?x32xf32>
  return %1, %3 : tensor<?x32xf32>, tensor<?x32xf32>
}
