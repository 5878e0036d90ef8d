// RUN: phic-opt %s --phic-emit-kernels=target=neon+dotprod --phic-emit-entry-points=target=neon+dotprod --phic-lower-to-llvm --phic-emit-code=target=neon+dotprod -o /dev/null | FileCheck %s
// RUN: phic-opt %s --phic-emit-kernels=target=neon --phic-emit-entry-points=target=neon --phic-lower-to-llvm --phic-emit-code=target=neon -o /dev/null | FileCheck %s --check-prefix=NEON

// Blocks of 128 with a zero point each: the four activation blocks of one are a loop, since side by side they would not fit the
// registers. Zero points meet negated sums, with one multiplication.

!s8 = !phiq.block<s8, 32, scale = f32>
!u4 = !phiq.block<u4, 128, scale = f32, zero = u4>

// CHECK-LABEL: phi_matmul_s8b32_u4f32zs8b128_f32_none_1x8x32_k256__neon_dotprod:
// CHECK-NOT:   {{\[sp|div|[^t]bl }}
// CHECK-COUNT-16: sdot
// CHECK-NOT:   {{\[sp|div|[^t]bl |sdot}}
// CHECK:       ret
// CHECK-LABEL: phi_matmul_s8b32_u4f32zs8b128_f32_none_8x4x32_k256__neon_dotprod:
// CHECK-COUNT-4: {{^}}.LBB
// CHECK-NOT:   {{\[sp|div|[^t]bl |fneg}}
// CHECK-COUNT-64: sdot
// CHECK-NOT:   {{\[sp|div|[^t]bl |fneg|sdot}}
// CHECK:       b.ne
// CHECK:       ret
// CHECK-LABEL: phi_matmul_s8b32_u4f32zs8b128_f32_none_4x8x32_k256__neon_dotprod:
// CHECK-COUNT-4: {{^}}.LBB
// CHECK-NOT:   {{\[sp|div|[^t]bl |fneg}}
// CHECK-COUNT-64: sdot
// CHECK-NOT:   {{\[sp|div|[^t]bl |fneg|sdot}}
// CHECK:       b.ne
// CHECK:       ret

// NEON-LABEL: phi_matmul_s8b32_u4f32zs8b128_f32_none_1x8x32_k256__neon:
// NEON-NOT:   {{\[sp|div|[^t]bl }}
// NEON:       saddlp
// NEON-NOT:   {{\[sp|div|[^t]bl }}
// NEON:       ret
// NEON-LABEL: phi_matmul_s8b32_u4f32zs8b128_f32_none_4x4x32_k256__neon:
// NEON-COUNT-4: {{^}}.LBB
// NEON-NOT:   {{\[sp|div|[^t]bl |fneg}}
// NEON-COUNT-4: saddlp
// NEON-NOT:   {{\[sp|div|[^t]bl |fneg|saddlp}}
// NEON:       b.ne
// NEON:       ret
module {
  func.func @model(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
    %e = phiq.weight "e" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 65536, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8_f32">, offset = 16384, bytes = 65536>} : tensor<64x256xf32>
    %w = phiq.weight "w" layout = "nbits" [#phiq.range<file = 0, offset = 0, length = 8192, hash = 0x0>, #phiq.range<file = 0, offset = 8192, length = 512, hash = 0x0>, #phiq.range<file = 0, offset = 8704, length = 64, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8x128_u4_f32_zs8">, offset = 0, bytes = 8832>} : tensor<64x256x!u4>
    %x = plan.stage "embed" (%ids, %e) {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 320>]} : (tensor<?xi32>, tensor<64x256xf32>) -> tensor<?x256x!s8> {
    ^bb0(%i: tensor<?xi32>, %t: tensor<64x256xf32>):
      %0 = phiq.embed %i, %t : tensor<?xi32>, tensor<64x256xf32> -> tensor<?x256xf32>
      %1 = phiq.quantize %0 : tensor<?x256xf32> -> tensor<?x256x!s8>
      plan.yield %1 : tensor<?x256x!s8>
    }
    %y = plan.stage "head" (%x, %w) {buffers = [#plan.buffer<binding, offset = 1, row_bytes = 256>]} : (tensor<?x256x!s8>, tensor<64x256x!u4>) -> tensor<?x64xf32> {
    ^bb0(%i: tensor<?x256x!s8>, %t: tensor<64x256x!u4>):
      %0 = phiq.matmul %i, %t compute = i8 : tensor<?x256x!s8>, tensor<64x256x!u4> -> tensor<?x64xf32>
      plan.yield %0 : tensor<?x64xf32>
    }
    return %y : tensor<?x64xf32>
  }
}
