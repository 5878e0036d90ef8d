// RUN: phic-opt %s --phic-emit-kernels --phic-emit-entry-points --phic-lower-to-llvm --phic-emit-code -o /dev/null | FileCheck %s
// RUN: phic-opt %s --phic-emit-kernels=target=x86-64-v4 --phic-emit-entry-points=target=x86-64-v4 --phic-lower-to-llvm --phic-emit-code=target=x86-64-v4 -o /dev/null | FileCheck %s --check-prefix=V4
// RUN: phic-opt %s --phic-emit-kernels=target=x86-64-v4+vnni --phic-emit-entry-points=target=x86-64-v4+vnni --phic-lower-to-llvm --phic-emit-code=target=x86-64-v4+vnni -o /dev/null | FileCheck %s --check-prefix=VNNI

// Signed codes: |w| times the activation with w's sign, so that vpmaddubsw cannot saturate; pairs widen at once.

!s8 = !phiq.block<s8, 32, scale = f32>
!q8 = !phiq.block<s8, 32, scale = f16>

// CHECK-LABEL: phi_matmul_s8b32_s8f16b32_f32_none_1x8x32_k256__x86_64_v3:
// CHECK-NOT:   {{gather|call|div|rsp}}
// CHECK:       vcvtph2ps
// CHECK-NOT:   {{gather|call|div|rsp}}
// CHECK:       vpsignb
// CHECK-COUNT-8: vpmaddubsw
// CHECK-NOT:   {{vpmaddubsw|gather|call|div|rsp}}
// CHECK:       retq

// CHECK-LABEL: phi_matmul_s8b32_s8f16b32_f32_none_4x8x32_k256__x86_64_v3:
// CHECK-NOT:   {{gather|call}}
// CHECK-COUNT-8: vpabsb
// CHECK-NOT:   {{vpabsb|gather|call}}
// CHECK:       retq

// AVX-512 has no vpsignb: activations are negated under a mask.
// V4-LABEL: phi_matmul_s8b32_s8f16b32_f32_none_2x16x32_k256__x86_64_v4:
// V4-NOT:   {{gather|call|rsp|vpsign.*zmm}}
// V4:       vpmovb2m
// V4:       vpsubb {{.*}}%zmm{{.*}}{%k
// V4:       vpmaddubsw {{.*}}%zmm
// V4-NOT:   {{gather|call|rsp}}
// V4:       retq

// vpdpbusd: the activation's top bit is turned after it is broadcast from memory, the codes' sum is taken once for all rows.
// VNNI-LABEL: phi_matmul_s8b32_s8f16b32_f32_none_1x8x32_k256__x86_64_v4_vnni:
// VNNI-NOT:   {{gather|call|rsp|vpmadd|vmovd |zmm}}
// VNNI:       vpbroadcastd {{.*}}(%{{.*}}), %ymm
// VNNI:       vpxor{{[dq]?}} %ymm{{.*}}%ymm
// VNNI:       vpdpbusd {{.*}}%ymm
// VNNI-NOT:   {{gather|call|rsp|vpmadd|vmovd |zmm}}
// VNNI:       retq
// VNNI-LABEL: phi_matmul_s8b32_s8f16b32_f32_none_8x16x32_k256__x86_64_v4_vnni:
// VNNI-NOT:   {{gather|call|rsp|vmovd }}
// VNNI-COUNT-72: vpdpbusd {{.*}}%zmm
// VNNI-NOT:   {{vpdpbusd .*zmm|gather|call|rsp|vmovd }}
// VNNI:       retq
module {
  func.func @model(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
    %e = phiq.weight "e" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 65536, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8_f32">, offset = 32768, bytes = 65536>} : tensor<64x256xf32>
    %w = phiq.weight "w" layout = "gguf_q8_0" [#phiq.range<file = 0, offset = 0, length = 17408, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8x32_s8_f16">, offset = 0, bytes = 17408>} : tensor<64x256x!q8>
    %x = plan.stage "embed" (%ids, %e) {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 320>]} : (tensor<?xi32>, tensor<64x256xf32>) -> tensor<?x256x!s8> {
    ^bb0(%i: tensor<?xi32>, %t: tensor<64x256xf32>):
      %0 = phiq.embed %i, %t : tensor<?xi32>, tensor<64x256xf32> -> tensor<?x256xf32>
      %1 = phiq.quantize %0 : tensor<?x256xf32> -> tensor<?x256x!s8>
      plan.yield %1 : tensor<?x256x!s8>
    }
    %y = plan.stage "head" (%x, %w) {buffers = [#plan.buffer<binding, offset = 1, row_bytes = 256>]} : (tensor<?x256x!s8>, tensor<64x256x!q8>) -> tensor<?x64xf32> {
    ^bb0(%i: tensor<?x256x!s8>, %t: tensor<64x256x!q8>):
      %0 = phiq.matmul %i, %t compute = i8 : tensor<?x256x!s8>, tensor<64x256x!q8> -> tensor<?x64xf32>
      plan.yield %0 : tensor<?x64xf32>
    }
    return %y : tensor<?x64xf32>
  }
}
