// RUN: phic-opt %s --phic-emit-kernels --phic-emit-entry-points --phic-lower-to-llvm --phic-emit-code -o /dev/null | FileCheck %s
// RUN: phic-opt %s --phic-emit-kernels=target=x86-64-v4 --phic-emit-entry-points=target=x86-64-v4 --phic-lower-to-llvm --phic-emit-code=target=x86-64-v4 -o /dev/null | FileCheck %s --check-prefix=V4
// RUN: phic-opt %s --phic-emit-kernels=target=x86-64-v4+vnni --phic-emit-entry-points=target=x86-64-v4+vnni --phic-lower-to-llvm --phic-emit-code=target=x86-64-v4+vnni -o /dev/null | FileCheck %s --check-prefix=VNNI

// Activations quantized at run time times nibbles. Of one activation block (32 elements) and one panel: four vectors
// of codes, eight vpmaddubsw a row whose sums stay in 16 bits, one vpmaddwd, one vfmadd of the sum.

!s8 = !phiq.block<s8, 32, scale = f32>
!u4 = !phiq.block<u4, 32, scale = f16, zero = 8>

// One row: the 144 bytes of a tile are asked for 6 KB ahead. Eight products, added in 16 bits before the one vpmaddwd; scales are
// converted, sums stay in registers.
// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_1x8x32_k256__x86_64_v3:
// CHECK-NOT:   {{gather|call|div|rsp|prefetch}}
// CHECK:       vcvtph2ps
// CHECK-NOT:   {{gather|call|div|rsp|prefetch}}
// CHECK-COUNT-3: prefetcht0 6{{[0-9]+}}(
// CHECK-NOT:   {{gather|call|div|rsp|prefetch}}
// CHECK-COUNT-8: vpmaddubsw
// CHECK-NOT:   {{vpmaddubsw|gather|call|div|rsp}}
// CHECK:       vpmaddwd
// CHECK-NOT:   {{vpmaddubsw|vpmaddwd|gather|call|div|rsp}}
// CHECK-COUNT-2: vfmadd
// CHECK-NOT:   {{vpmaddubsw|vpmaddwd|gather|call|div|rsp}}
// CHECK:       retq

// Many rows, two panels: codes come unpacked from scratch memory. Integer sums fill the registers, those in f32 are added to where
// they lie: no spill.
// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_4x16x32_k256__x86_64_v3:
// CHECK-NOT:   {{gather|call|rsp}}
// CHECK-COUNT-8: vpsrlw
// CHECK-NOT:   {{gather|call|rsp|vpsrlw}}
// CHECK-COUNT-64: vpmaddubsw
// CHECK-NOT:   {{vpmaddubsw|gather|call|rsp}}
// CHECK:       vfmadd213ps {{[0-9]*}}(%r{{.*}}), %ymm
// CHECK:       vmovups %ymm{{.*}}(%r
// CHECK-NOT:   {{vpmaddubsw|gather|call|rsp}}
// CHECK:       retq

// Four rows share the unpacked codes: four vectors of codes are split once, for 32 products.
// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_4x8x32_k256__x86_64_v3:
// CHECK-NOT:   {{gather|call}}
// CHECK-COUNT-4: vpsrlw
// CHECK-NOT:   {{vpsrlw|gather|call}}
// CHECK-COUNT-4: vpmaddwd
// CHECK-NOT:   {{vpmaddubsw|vpmaddwd|gather|call}}
// CHECK:       retq

// With AVX-512: one row takes a panel, in 256 bits, and asks for weights two pages ahead.
// V4-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_1x8x32_k256__x86_64_v4:
// V4-NOT:   {{gather|call|rsp|prefetch|zmm}}
// V4-COUNT-3: prefetcht0 8{{[0-9]+}}(
// V4-NOT:   {{gather|call|rsp|prefetch|zmm}}
// V4-COUNT-8: vpmaddubsw {{.*}}%ymm
// V4-NOT:   {{vpmaddubsw|gather|call|rsp|zmm}}
// V4:       vpmaddwd {{.*}}%ymm
// V4-NOT:   {{gather|call|rsp|zmm}}
// V4:       retq

// Many rows: an activation is loaded once for two vectors of unpacked codes, and nothing is kept on the stack.
// V4-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_8x32x32_k256__x86_64_v4:
// V4-NOT:   {{gather|call|rsp|vpmaddubsw}}
// V4:       vpbroadcastd {{.*}}(%{{.*}}), %zmm
// V4-COUNT-128: vpmaddubsw {{.*}}%zmm
// V4-NOT:   {{vpmaddubsw|gather|call|rsp}}
// V4:       retq

// More rows: two panels in a register; whatever a panel has left is computed in 256 bits.
// V4-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_8x16x32_k256__x86_64_v4:
// V4-NOT:   {{gather|call|rsp}}
// V4-COUNT-64: vpmaddubsw {{.*}}%zmm
// V4-NOT:   {{gather|call|rsp}}
// V4:       retq

// vpdpbusd takes the activations from memory, broadcast; nothing but the codes is moved into registers.
// VNNI-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_1x8x32_k256__x86_64_v4_vnni:
// VNNI-NOT:   {{gather|call|rsp|vpmadd|zmm|prefetch}}
// VNNI:       prefetcht0 8{{[0-9]+}}(
// VNNI-NOT:   {{gather|call|rsp|vpmadd|zmm}}
// VNNI-COUNT-4: vpdpbusd {{.*}}(%{{.*}}){1to8}, %ymm
// VNNI-NOT:   {{gather|call|rsp|vpmadd|zmm}}
// VNNI:       retq
// VNNI-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_6x32x32_k256__x86_64_v4_vnni:
// VNNI-NOT:   {{gather|call|rsp|vpdpbusd}}
// VNNI:       vpbroadcastd {{.*}}(%{{.*}}), %zmm
// VNNI-COUNT-96: vpdpbusd %zmm{{.*}}%zmm
// VNNI-NOT:   {{vpdpbusd|gather|call|rsp}}
// VNNI:       retq
// VNNI-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_8x16x32_k256__x86_64_v4_vnni:
// VNNI-NOT:   {{gather|call|rsp|vpmadd}}
// VNNI:       vinserti64x4
// VNNI-COUNT-64: vpdpbusd {{.*}}{1to16}, %zmm
// VNNI-NOT:   {{gather|call|rsp|vpmadd}}
// VNNI:       retq
module {
  func.func @model(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
    %e = phiq.weight "e" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 65536, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8_f32">, offset = 16384, bytes = 65536>} : tensor<64x256xf32>
    %w = phiq.weight "w" layout = "nbits" [#phiq.range<file = 0, offset = 0, length = 8192, hash = 0x0>, #phiq.range<file = 0, offset = 8192, length = 1024, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8x32_u4_f16_z8">, offset = 0, bytes = 9216>} : tensor<64x256x!u4>
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
