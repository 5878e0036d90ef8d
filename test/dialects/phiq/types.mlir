// RUN: phic-opt %s | phic-opt | FileCheck %s

// Every form of the format algebra prints as it is written.
// CHECK-LABEL: @formats
func.func private @formats(
  // CHECK-SAME: !phiq.block<u4, 32, scale = f16, zero = 8>
  tensor<8x32x!phiq.block<u4, 32, scale = f16, zero = 8>>,
  // CHECK-SAME: !phiq.block<u4, 32, scale = f16, min = f16>
  tensor<8x32x!phiq.block<u4, 32, scale = f16, min = f16>>,
  // CHECK-SAME: !phiq.block<u4, 128, scale = f32, zero = u4>
  tensor<8x128x!phiq.block<u4, 128, scale = f32, zero = u4>>,
  // CHECK-SAME: !phiq.block<u4, 32, scale = f16 * u6, min = f16 * u6>
  tensor<8x256x!phiq.block<u4, 32, scale = f16 * u6, min = f16 * u6>>,
  // CHECK-SAME: !phiq.block<u6, 16, scale = f16 * s8, zero = 32>
  tensor<8x256x!phiq.block<u6, 16, scale = f16 * s8, zero = 32>>,
  // CHECK-SAME: !phiq.block<s8, 32, scale = f32>
  tensor<?x32x!phiq.block<s8, 32, scale = f32>>)
