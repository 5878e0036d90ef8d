// RUN: phic-opt %s --phic-emit-kernels=target=neon --phic-emit-entry-points=target=neon --phic-lower-to-llvm --phic-emit-code=target=neon -o /dev/null | FileCheck %s

// f32 activations times nibbles: a code becomes a float by shift, mask and conversion, and an fma takes the activation from a
// lane. Tiles are as wide as leaves nothing on the stack.

!u4 = !phiq.block<u4, 32, scale = f16, zero = 8>

// CHECK-LABEL: phi_matmul_f32_u4f16z8b32_f32_none_1x16x1_k256__neon:
// CHECK-COUNT-3: {{^}}.LBB
// CHECK-NOT:   {{\[sp|div|bl |ld1r}}
// CHECK-COUNT-32: fmla	v{{[0-9]+}}.4s, v{{[0-9]+}}.4s, v{{[0-9]+}}.s[{{[0-3]}}]
// CHECK-NOT:   {{\[sp|div|bl |ld1r|fmla}}
// CHECK:       b.ne
// CHECK:       ret
// CHECK-LABEL: phi_matmul_f32_u4f16z8b32_f32_none_4x8x1_k256__neon:
// CHECK-COUNT-3: {{^}}.LBB
// CHECK-NOT:   {{\[sp|div|bl |ld1r}}
// CHECK-COUNT-64: fmla	v{{[0-9]+}}.4s, v{{[0-9]+}}.4s, v{{[0-9]+}}.s[{{[0-3]}}]
// CHECK-NOT:   {{\[sp|div|bl |ld1r|fmla}}
// CHECK:       b.ne
// CHECK:       ret
module {
  func.func @model(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
    %e = phiq.weight "e" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 65536, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8_f32">, offset = 16384, bytes = 65536>} : tensor<64x256xf32>
    %w = phiq.weight "w" layout = "nbits" [#phiq.range<file = 0, offset = 0, length = 8192, hash = 0x0>, #phiq.range<file = 0, offset = 8192, length = 1024, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8x32_u4_f16_z8">, offset = 0, bytes = 9216>} : tensor<64x256x!u4>
    %x = plan.stage "embed" (%ids, %e) {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 1024>]} : (tensor<?xi32>, tensor<64x256xf32>) -> tensor<?x256xf32> {
    ^bb0(%i: tensor<?xi32>, %t: tensor<64x256xf32>):
      %0 = phiq.embed %i, %t : tensor<?xi32>, tensor<64x256xf32> -> tensor<?x256xf32>
      plan.yield %0 : tensor<?x256xf32>
    }
    %y = plan.stage "head" (%x, %w) {buffers = [#plan.buffer<binding, offset = 1, row_bytes = 256>]} : (tensor<?x256xf32>, tensor<64x256x!u4>) -> tensor<?x64xf32> {
    ^bb0(%i: tensor<?x256xf32>, %t: tensor<64x256x!u4>):
      %0 = phiq.matmul %i, %t compute = f32 : tensor<?x256xf32>, tensor<64x256x!u4> -> tensor<?x64xf32>
      plan.yield %0 : tensor<?x64xf32>
    }
    return %y : tensor<?x64xf32>
  }
}
