// RUN: phic-opt %s --phic-assign-precision --split-input-file | FileCheck %s --check-prefix=ASIS --implicit-check-not=conversion
// RUN: phic-opt %s --phic-assign-precision="precision=int4" --split-input-file | FileCheck %s --check-prefix=INT4
// RUN: phic-opt %s --phic-assign-precision="precision=int8 scheme=asym block=row" --split-input-file | FileCheck %s --check-prefix=ROW
// RUN: phic-opt %s --phic-assign-precision="precision=fp16 embeddings=fp32 lm-head=int8" --split-input-file | FileCheck %s --check-prefix=ROLES
// RUN: phic-opt %s --phic-assign-precision="precision=int4 rules=lm_head=int8,layers=fp16,l.*up=int4" --split-input-file | FileCheck %s --check-prefix=RULES
// RUN: not phic-opt %s --phic-assign-precision="precision=int5" 2>&1 | FileCheck %s --check-prefix=WORD
// RUN: not phic-opt %s --phic-assign-precision="rules=norm=int8" 2>&1 | FileCheck %s --check-prefix=UNUSED
// RUN: not phic-opt %s --phic-assign-precision="precision='u4, 24, scale = f16, zero = 8'" 2>&1 | FileCheck %s --check-prefix=PACK

// ASIS: phiq.weight "embed" {{.*}} : tensor<64x32xf32>
// ASIS: phiq.weight "lm_head" {{.*}} : tensor<64x32xf32>

// WORD: error: --precision: unknown format 'int5'; use as-is, fp32, fp16, bf16, int8, int4 or a block format
// UNUSED: error: --precision-rule 'norm=int8' matches none of the 4 matrices of this model; their names are
// UNUSED: note: 64x32, 'f32'
// PACK: error: 96x32 cannot be '!phiq.block<u4, 24, scale = f16, zero = 8>': blocks of 24 elements have no packed layout

// Embeddings and LM head of int4 models take 8 bits; vectors stay; rows name their own K.
// INT4-LABEL: @model
// INT4: phiq.weight "embed" {{.*}} {conversion = #phiq.conversion<from = f32, method = "rtn">} : tensor<64x32x!phiq.block<s8, 32, scale = f16>>
// INT4: phiq.weight "norm" {{.*}}] : tensor<32xf32>
// INT4: phiq.weight "layers.0.up" {{.*}} : tensor<96x32x!phiq.block<u4, 32, scale = f16, zero = 8>>
// INT4: phiq.weight "layers.0.down" {{.*}} : tensor<32x96x!phiq.block<u4, 32, scale = f16, zero = 8>>
// INT4: phiq.weight "lm_head" {{.*}} : tensor<64x32x!phiq.block<s8, 32, scale = f16>>
// INT4: phiq.embed {{.*}} tensor<64x32x!phiq.block<s8, 32, scale = f16>> -> tensor<?x32xf32>

// ROW-LABEL: @model
// ROW: phiq.weight "layers.0.up" {{.*}} : tensor<96x32x!phiq.block<u8, 32, scale = f16, zero = u8>>
// ROW: phiq.weight "layers.0.down" {{.*}} : tensor<32x96x!phiq.block<u8, 96, scale = f16, zero = u8>>

// ROLES-LABEL: @model
// ROLES: phiq.weight "embed" {{.*}}] : tensor<64x32xf32>
// ROLES: phiq.weight "layers.0.up" {{.*}} : tensor<96x32xf16>
// ROLES: phiq.weight "lm_head" {{.*}} : tensor<64x32x!phiq.block<s8, 32, scale = f16>>

// The last rule that matches wins.
// RULES-LABEL: @model
// RULES: phiq.weight "layers.0.up" {{.*}} : tensor<96x32x!phiq.block<u4, 32, scale = f16, zero = 8>>
// RULES: phiq.weight "layers.0.down" {{.*}} : tensor<32x96xf16>
// RULES: phiq.weight "lm_head" {{.*}} : tensor<64x32x!phiq.block<s8, 32, scale = f16>>
func.func @model(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  %e = phiq.weight "embed" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 8192, hash = 0x1>] : tensor<64x32xf32>
  %g = phiq.weight "norm" layout = "dense_nk" [#phiq.range<file = 0, offset = 8192, length = 128, hash = 0x2>] : tensor<32xf32>
  %u = phiq.weight "layers.0.up" layout = "dense_kn" [#phiq.range<file = 0, offset = 8320, length = 12288, hash = 0x3>] : tensor<96x32xf32>
  %d = phiq.weight "layers.0.down" layout = "dense_nk" [#phiq.range<file = 0, offset = 20608, length = 12288, hash = 0x4>] : tensor<32x96xf32>
  %h = phiq.weight "lm_head" layout = "dense_nk" [#phiq.range<file = 0, offset = 32896, length = 8192, hash = 0x5>] : tensor<64x32xf32>
  %0 = phiq.embed %ids, %e : tensor<?xi32>, tensor<64x32xf32> -> tensor<?x32xf32>
  %1 = phiq.rms_norm %0, %g {epsilon = 1.0e-5 : f32} : tensor<?x32xf32>, tensor<32xf32>
  %2 = phiq.matmul %1, %u : tensor<?x32xf32>, tensor<96x32xf32> -> tensor<?x96xf32>
  %3 = phiq.silu %2 : tensor<?x96xf32>
  %4 = phiq.matmul %3, %d : tensor<?x96xf32>, tensor<32x96xf32> -> tensor<?x32xf32>
  %5 = phiq.matmul %4, %h : tensor<?x32xf32>, tensor<64x32xf32> -> tensor<?x64xf32>
  return %5 : tensor<?x64xf32>
}
