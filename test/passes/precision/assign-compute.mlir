// RUN: phic-opt %s --phic-assign-compute --split-input-file --verify-diagnostics | FileCheck %s --check-prefixes=CHECK,AUTO
// RUN: phic-opt %s --phic-assign-compute=act=f32 --split-input-file | FileCheck %s --check-prefixes=CHECK,F32
// RUN: not phic-opt %s --phic-assign-compute=act=f16 2>&1 | FileCheck %s --check-prefix=F16
// RUN: not phic-opt %s --phic-assign-compute=act=i4 2>&1 | FileCheck %s --check-prefix=I4
// RUN: not phic-opt %s --phic-assign-compute=act=i8 --split-input-file 2>&1 | FileCheck %s --check-prefix=I8

// F16: error: activations f16 have no kernels in family 'cpu'; use auto, f32 or i8
// I4: error: unknown activations 'i4'; use auto, i8 or f32
// I8: error: activations i8 are for quantized weights, and no matmul of this model has one; use f32 or auto

// CHECK-LABEL: @by_weight
func.func @by_weight(%x: tensor<?x32xf32>, %y: tensor<?x32xf32>, %v: tensor<8x32x!phiq.block<u4, 32, scale = f32, zero = 8>>, %w: tensor<8x32xf16>) {
  // AUTO: phiq.matmul {{.*}} compute = i8 : {{.*}}!phiq.block
  // F32: phiq.matmul {{.*}} compute = f32 : {{.*}}!phiq.block
  %0 = phiq.matmul %x, %v : tensor<?x32xf32>, tensor<8x32x!phiq.block<u4, 32, scale = f32, zero = 8>> -> tensor<?x8xf32>
  // CHECK: phiq.matmul {{.*}} compute = f32 : {{.*}}tensor<8x32xf16>
  %1 = phiq.matmul %y, %w : tensor<?x32xf32>, tensor<8x32xf16> -> tensor<?x8xf32>
  return
}

// -----

// Blocks that i8 blocks of 16 would straddle compute in f32; one block for all of K cannot be straddled.
// CHECK-LABEL: @by_block
func.func @by_block(%x: tensor<?x48xf32>, %y: tensor<?x40xf32>, %v: tensor<8x48x!phiq.block<s8, 24, scale = f32>>, %w: tensor<8x40x!phiq.block<s8, 40, scale = f32>>) {
  // CHECK: phiq.matmul {{.*}} compute = f32
  %0 = phiq.matmul %x, %v : tensor<?x48xf32>, tensor<8x48x!phiq.block<s8, 24, scale = f32>> -> tensor<?x8xf32>
  // AUTO: phiq.matmul {{.*}} compute = i8
  %1 = phiq.matmul %y, %w : tensor<?x40xf32>, tensor<8x40x!phiq.block<s8, 40, scale = f32>> -> tensor<?x8xf32>
  return
}

// -----

// CHECK-LABEL: @same_rows
func.func @same_rows(%x: tensor<?x32xf32>, %v: tensor<8x32x!phiq.block<u4, 32, scale = f32, zero = 8>>, %w: tensor<8x32xf16>) {
  // CHECK-COUNT-2: phiq.matmul {{.*}} compute = f32
  // expected-remark@below {{computes in f32, since another matmul of the same rows has a weight that asks for it}}
  %0 = phiq.matmul %x, %v : tensor<?x32xf32>, tensor<8x32x!phiq.block<u4, 32, scale = f32, zero = 8>> -> tensor<?x8xf32>
  %1 = phiq.matmul %x, %w : tensor<?x32xf32>, tensor<8x32xf16> -> tensor<?x8xf32>
  return
}
