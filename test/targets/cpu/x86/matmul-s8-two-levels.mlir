// RUN: phic-opt %s --phic-emit-kernels --phic-emit-entry-points --phic-lower-to-llvm --phic-emit-code -o /dev/null | FileCheck %s
// RUN: phic-opt %s --phic-emit-kernels=target=x86-64-v4+vnni --phic-emit-entry-points=target=x86-64-v4+vnni --phic-lower-to-llvm --phic-emit-code=target=x86-64-v4+vnni -o /dev/null | FileCheck %s --check-prefix=VNNI

// Scales in two levels: a super-block's f16 are converted once, a block's bytes multiplied by them in a loop over its blocks.
// Codes of six bits are a nibble and two bits of a byte that holds those of four elements.

!s8 = !phiq.block<s8, 16, scale = f32>
!q4_k = !phiq.block<u4, 32, scale = f16 * u6, min = f16 * u6>
!q6_k = !phiq.block<u6, 16, scale = f16 * s8, zero = 32>

// Two activation blocks of 16 share a block's scale and minimum.
// CHECK-LABEL: phi_matmul_s8b16_u4f16u6mf16u6b32_f32_none_1x8x16_k256__x86_64_v3:
// CHECK-COUNT-2: vcvtph2ps
// CHECK-NOT:   {{gather|call|div|rsp|vpmaddubsw|vcvtph2ps}}
// CHECK-COUNT-3: prefetcht0
// CHECK-COUNT-2: vpmovzxbd
// CHECK-NOT:   {{gather|call|div|rsp|vcvtph2ps|vpmovzxbd|prefetch}}
// CHECK-COUNT-8: vpmaddubsw
// CHECK-NOT:   {{gather|call|div|rsp|vpmaddubsw|vcvtph2ps|vpmovzxbd}}
// CHECK:       retq

// Three vectors of 32 bytes hold 16 elements of eight columns.
// CHECK-LABEL: phi_matmul_s8b16_u6f16s8z32b16_f32_none_1x8x16_k256__x86_64_v3:
// CHECK:       vcvtph2ps
// CHECK-NOT:   {{gather|call|div|rsp|vpmaddubsw|vcvtph2ps}}
// CHECK-COUNT-2: prefetcht0
// CHECK:       vpmovsxbd
// CHECK-NOT:   {{gather|call|div|rsp|vpmaddubsw|vcvtph2ps|prefetch}}
// CHECK-COUNT-3: vmovdqu {{.*}}(%r{{.*}}), %ymm
// CHECK-COUNT-4: vpmaddubsw
// CHECK-NOT:   {{gather|call|div|rsp|vpmaddubsw|vcvtph2ps|vpmovsxbd}}
// CHECK:       retq

// A mask and the or of both parts are one instruction.
// VNNI-LABEL: phi_matmul_s8b16_u6f16s8z32b16_f32_none_1x8x16_k256__x86_64_v4_vnni:
// VNNI:       vpternlog{{[dq]}} {{.*}}%ymm
// VNNI-COUNT-4: vpdpbusd {{.*}}(%{{.*}}){1to8}, %ymm
// VNNI-NOT:   {{gather|call|rsp}}
// VNNI:       retq

// Many rows take codes of 6 bits too.
// VNNI-LABEL: phi_matmul_s8b16_u6f16s8z32b16_f32_none_6x32x16_k256__x86_64_v4_vnni:
// VNNI-NOT:   {{gather|call|rsp|vpdpbusd}}
// VNNI-COUNT-48: vpdpbusd %zmm{{.*}}%zmm
// VNNI-NOT:   {{vpdpbusd|gather|call|rsp}}
// VNNI:       retq
module {
  func.func @model(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
    %e = phiq.weight "e" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 65536, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8_f32">, offset = 32768, bytes = 65536>} : tensor<64x256xf32>
    %u = phiq.weight "u" layout = "gguf_q4_k" [#phiq.range<file = 0, offset = 0, length = 9216, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8x32_u4_f16u6_mf16u6">, offset = 0, bytes = 9472>} : tensor<64x256x!q4_k>
    %w = phiq.weight "w" layout = "gguf_q6_k" [#phiq.range<file = 0, offset = 9216, length = 13440, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8x16_u6_f16s8_z32">, offset = 9472, bytes = 13440>} : tensor<64x256x!q6_k>
    %x = plan.stage "embed" (%ids, %e) {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 384>]} : (tensor<?xi32>, tensor<64x256xf32>) -> tensor<?x256x!s8> {
    ^bb0(%i: tensor<?xi32>, %t: tensor<64x256xf32>):
      %0 = phiq.embed %i, %t : tensor<?xi32>, tensor<64x256xf32> -> tensor<?x256xf32>
      %1 = phiq.quantize %0 : tensor<?x256xf32> -> tensor<?x256x!s8>
      plan.yield %1 : tensor<?x256x!s8>
    }
    %y = plan.stage "head" (%x, %u, %w) {buffers = [#plan.buffer<binding, offset = 1, row_bytes = 256>]} : (tensor<?x256x!s8>, tensor<64x256x!q4_k>, tensor<64x256x!q6_k>) -> tensor<?x64xf32> {
    ^bb0(%i: tensor<?x256x!s8>, %s: tensor<64x256x!q4_k>, %t: tensor<64x256x!q6_k>):
      %0 = phiq.matmul %i, %s compute = i8 : tensor<?x256x!s8>, tensor<64x256x!q4_k> -> tensor<?x64xf32>
      %1 = phiq.matmul %i, %t compute = i8 : tensor<?x256x!s8>, tensor<64x256x!q6_k> -> tensor<?x64xf32>
      %2 = arith.addf %0, %1 : tensor<?x64xf32>
      plan.yield %2 : tensor<?x64xf32>
    }
    return %y : tensor<?x64xf32>
  }
}
