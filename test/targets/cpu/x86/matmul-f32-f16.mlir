// RUN: phic-opt %s --phic-emit-kernels --phic-emit-entry-points --phic-lower-to-llvm --phic-emit-code -o /dev/null | FileCheck %s
// RUN: phic-opt %s --phic-emit-kernels=target=x86-64-v4 --phic-emit-entry-points=target=x86-64-v4 --phic-lower-to-llvm --phic-emit-code=target=x86-64-v4 -o /dev/null | FileCheck %s --check-prefix=V4

// Float rows times f16 panels: widened by F16C as they are loaded, accumulators in registers. K is taken four at a time.

// Four panels side by side, then one by one.
// CHECK-LABEL: phi_matmul_f32_f16_f32_none_1x32x1_k256__x86_64_v3:
// CHECK-NOT:   {{gather|call|rsp|vcvtps}}
// CHECK-COUNT-16: vfmadd
// CHECK-NOT:   {{gather|call|rsp|vcvtps}}
// CHECK-COUNT-4: vfmadd
// CHECK-NOT:   {{vfmadd|gather|call|rsp|vcvtps}}
// CHECK:       retq

// Four rows x two panels: eight accumulators.
// CHECK-LABEL: phi_matmul_f32_f16_f32_none_4x16x1_k256__x86_64_v3:
// CHECK-NOT:   {{gather|call}}
// CHECK-COUNT-32: vfmadd
// CHECK:       retq

// With AVX-512: 8 rows x 2 vectors of two panels, sixteen accumulators.
// V4-LABEL: phi_matmul_f32_f16_f32_none_8x32x1_k256__x86_64_v4:
// V4-NOT:   {{gather|call|rsp}}
// V4:       vcvtph2ps {{.*}}%zmm
// V4-COUNT-64: vfmadd{{.*}}%zmm
// V4-NOT:   {{gather|call|rsp}}
// V4:       retq
module {
  func.func @model(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
    %e = phiq.weight "e" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 65536, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8_f32">, offset = 32768, bytes = 65536>} : tensor<64x256xf32>
    %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 32768, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8_f16">, offset = 0, bytes = 32768>} : tensor<64x256xf16>
    %x = plan.stage "embed" (%ids, %e) {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 1024>]} : (tensor<?xi32>, tensor<64x256xf32>) -> tensor<?x256xf32> {
    ^bb0(%i: tensor<?xi32>, %t: tensor<64x256xf32>):
      %0 = phiq.embed %i, %t : tensor<?xi32>, tensor<64x256xf32> -> tensor<?x256xf32>
      plan.yield %0 : tensor<?x256xf32>
    }
    %y = plan.stage "head" (%x, %w) {buffers = [#plan.buffer<binding, offset = 1, row_bytes = 256>]} : (tensor<?x256xf32>, tensor<64x256xf16>) -> tensor<?x64xf32> {
    ^bb0(%i: tensor<?x256xf32>, %t: tensor<64x256xf16>):
      %0 = phiq.matmul %i, %t compute = f32 : tensor<?x256xf32>, tensor<64x256xf16> -> tensor<?x64xf32>
      plan.yield %0 : tensor<?x64xf32>
    }
    return %y : tensor<?x64xf32>
  }
}
