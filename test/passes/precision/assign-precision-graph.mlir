// RUN: phic-opt %s --phic-assign-precision="precision=int8 block=row" | FileCheck %s --check-prefix=ROW
// RUN: phic-opt %s --phic-assign-precision="precision=fp16 rules=fc=int4" | FileCheck %s --check-prefix=RULES
// RUN: not phic-opt %s --phic-assign-precision="rules=bias=int8" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not phic-opt %s --phic-assign-precision="lm-head=int8" 2>&1 | FileCheck %s --check-prefix=HEAD

// NONE: error: --precision-rule 'bias=int8' matches none of the 2 matrices of this model; their names are
// NONE: note: 8x3x3x4, 'f32'
// HEAD: error: --lm-head: this model has no LM head

// What a convolution or a matmul multiplies by, a row along all its axes; what is read as it is stays.
// ROW-LABEL: @model
// ROW: phiq.weight "conv" {{.*}} {conversion = #phiq.conversion<from = f32, method = "rtn">} : tensor<8x3x3x4x!phiq.block<s8, 36, scale = f16>>
// ROW: phiq.weight "fc" {{.*}} : tensor<5x8x!phiq.block<s8, 8, scale = f16>>
// ROW: phiq.weight "table" {{.*}}] : tensor<6x8xf32>
// ROW: phiq.contract {{.*}} (tensor<1x6x6x4xf32>, tensor<8x3x3x4x!phiq.block<s8, 36, scale = f16>>) -> tensor<1x4x4x8xf32>
// RULES-LABEL: @model
// RULES: phiq.weight "conv" {{.*}} : tensor<8x3x3x4xf16>
// RULES: phiq.weight "fc" {{.*}} : tensor<5x8x!phiq.block<u4, 32, scale = f16, zero = 8>>
func.func @model(%x: tensor<1x6x6x4xf32>, %ids: tensor<2xi32>) -> (tensor<1x4x4x5xf32>, tensor<2x8xf32>) {
  %k = phiq.weight "conv" layout = "dense_oihw" [#phiq.range<file = 0, offset = 0, length = 1152, hash = 0x1>] : tensor<8x3x3x4xf32>
  %f = phiq.weight "fc" layout = "dense_kn" [#phiq.range<file = 0, offset = 1152, length = 160, hash = 0x2>] : tensor<5x8xf32>
  %t = phiq.weight "table" layout = "dense_nk" [#phiq.range<file = 0, offset = 1312, length = 192, hash = 0x3>] : tensor<6x8xf32>
  %0 = phiq.contract %x, %k {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x6x6x4xf32>, tensor<8x3x3x4xf32>) -> tensor<1x4x4x8xf32>
  %1 = phiq.contract %0, %f : (tensor<1x4x4x8xf32>, tensor<5x8xf32>) -> tensor<1x4x4x5xf32>
  %2 = phiq.gather %t, %ids {axis = 0 : i64} : (tensor<6x8xf32>, tensor<2xi32>) -> tensor<2x8xf32>
  return %1, %2 : tensor<1x4x4x5xf32>, tensor<2x8xf32>
}
