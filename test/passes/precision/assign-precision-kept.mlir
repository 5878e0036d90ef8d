// What is quantized already, and weights with two roles.
// RUN: phic-opt %s --phic-assign-precision="precision=int4" | FileCheck %s --check-prefix=WIDTH
// RUN: not phic-opt %s --phic-assign-precision="precision=int8" 2>&1 | FileCheck %s --check-prefix=KEPT
// RUN: not phic-opt %s --phic-assign-precision="precision=int4 block=64" 2>&1 | FileCheck %s --check-prefix=BLOCK
// RUN: phic-opt %s --phic-assign-precision="precision=int8 allow-requantize" | FileCheck %s --check-prefix=AGAIN
// RUN: phic-opt %s --phic-assign-precision="precision=int8 rules=up=as-is" | FileCheck %s --check-prefix=ASIS
// RUN: not phic-opt %s --phic-assign-precision="embeddings=fp16 lm-head=int8" 2>&1 | FileCheck %s --check-prefix=TIED
// RUN: phic-opt %s --phic-assign-precision="embeddings=fp16" | FileCheck %s --check-prefix=ONE

// int4 is satisfied by any 4-bit codes; the tied table follows the LM head, 8 bits.
// WIDTH: phiq.weight "embed" {{.*}} {conversion = #phiq.conversion<from = f32, method = "rtn">} : tensor<64x32x!phiq.block<s8, 32, scale = f16>>
// WIDTH: phiq.weight "up" {{.*}}] : tensor<32x32x!phiq.block<u4, 32, scale = f16, zero = 8>>

// KEPT: error: 1 weights are quantized already; quantizing them again adds to their error. Use --allow-requantize, or keep them with --precision-rule 'REGEX=as-is'
// KEPT: note: 32x32, '!phiq.block<u4, 32, scale = f16, zero = 8>'
// BLOCK: note: 32x32, '!phiq.block<u4, 32, scale = f16, zero = 8>'

// AGAIN: phiq.weight "up" {{.*}} {conversion = #phiq.conversion<from = !phiq.block<u4, 32, scale = f16, zero = 8>, method = "rtn">} : tensor<32x32x!phiq.block<s8, 32, scale = f16>>

// ASIS: phiq.weight "embed" {{.*}} : tensor<64x32x!phiq.block<s8, 32, scale = f16>>
// ASIS: phiq.weight "up" {{.*}}] : tensor<32x32x!phiq.block<u4, 32, scale = f16, zero = 8>>

// TIED: error: is both embeddings and LM head of this model, and --embeddings asks for 'f16', --lm-head for '!phiq.block<s8, 32, scale = f16>'; give them one format, or only one of the flags
// ONE: phiq.weight "embed" {{.*}} : tensor<64x32xf16>
!q4 = !phiq.block<u4, 32, scale = f16, zero = 8>
func.func @model(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  %e = phiq.weight "embed" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 8192, hash = 0x1>] : tensor<64x32xf32>
  %u = phiq.weight "up" layout = "gguf_q4_0" [#phiq.range<file = 0, offset = 8192, length = 576, hash = 0x2>] : tensor<32x32x!q4>
  %0 = phiq.embed %ids, %e : tensor<?xi32>, tensor<64x32xf32> -> tensor<?x32xf32>
  %1 = phiq.matmul %0, %u : tensor<?x32xf32>, tensor<32x32x!q4> -> tensor<?x32xf32>
  %2 = phiq.matmul %1, %e : tensor<?x32xf32>, tensor<64x32xf32> -> tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}

// -----

// A weight that somebody pinned is left alone, and nobody asks whether it was quantized.
// INT8-LABEL: @model
// INT8: phiq.weight "w" {{.*}} {phiq.pinned} : tensor<96x32xf32>
func.func @model(%x: tensor<?x32xf32>) -> tensor<?x96xf32> {
  %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 12288, hash = 0x1>] {phiq.pinned} : tensor<96x32xf32>
  %0 = phiq.matmul %x, %w : tensor<?x32xf32>, tensor<96x32xf32> -> tensor<?x96xf32>
  return %0 : tensor<?x96xf32>
}
