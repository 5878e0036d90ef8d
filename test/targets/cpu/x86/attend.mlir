// RUN: phic-opt %s --phic-emit-kernels --phic-emit-entry-points --phic-lower-to-llvm --phic-emit-code -o /dev/null | FileCheck %s
// RUN: phic-opt %s --phic-emit-kernels=target=x86-64-v4 --phic-emit-entry-points=target=x86-64-v4 --phic-lower-to-llvm --phic-emit-code=target=x86-64-v4 -o /dev/null | FileCheck %s --check-prefix=V4

// Attention over an f16 cache: keys and values are widened as they are loaded; no gathers, no library calls for e^x,
// no divisions but one a row. In a step of one token the two heads that share the cache are computed together, and what they
// read is asked for ahead.

// CHECK-LABEL: phi_attend_f32_f16_f32_none_m1d16g2__x86_64_v3:
// CHECK-NOT:   {{gather|call|vdivps}}
// CHECK:       prefetcht0
// CHECK:       vcvtph2ps
// CHECK:       vfmadd
// CHECK-NOT:   {{gather|call|vdivps}}
// CHECK:       vroundps
// CHECK-NOT:   {{gather|call|vdivps}}
// CHECK:       vdivss
// CHECK-NOT:   {{gather|call|vdivps|vdivss}}
// CHECK:       retq

// With AVX-512: 16 keys, or columns, a vector.
// V4-LABEL: phi_attend_f32_f16_f32_none_m1d16g2__x86_64_v4:
// V4-NOT:   {{gather|call|vdivps}}
// V4:       vcvtph2ps {{.*}}%zmm
// V4:       vfmadd{{.*}}%zmm
// V4-NOT:   {{gather|call|vdivps}}
// V4:       vrndscaleps {{.*}}%zmm
// V4-NOT:   {{gather|call|vdivps}}
// V4:       vdivss
// V4:       retq
module {
  phiq.cache @kv0 {heads = 1 : i64, head_dim = 16 : i64, element = f16, plan.key_offset = 0 : i64, plan.value_offset = 32 : i64}
  func.func @model(%ids: tensor<?xi32>) -> tensor<?x32xf32> {
    %e = phiq.weight "e" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 8192, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8_f32">, offset = 0, bytes = 8192>} : tensor<64x32xf32>
    %x = plan.stage "embed" (%ids, %e) {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 128>]} : (tensor<?xi32>, tensor<64x32xf32>) -> tensor<?x32xf32> {
    ^bb0(%i: tensor<?xi32>, %t: tensor<64x32xf32>):
      %0 = phiq.embed %i, %t : tensor<?xi32>, tensor<64x32xf32> -> tensor<?x32xf32>
      plan.yield %0 : tensor<?x32xf32>
    }
    %y = plan.stage "attend" (%x) {buffers = [#plan.buffer<binding, offset = 1, row_bytes = 128>]} : (tensor<?x32xf32>) -> tensor<?x32xf32> {
    ^bb0(%i: tensor<?x32xf32>):
      %0 = phiq.attend @kv0, %i {heads = 2 : i64, scale = 0.25 : f32} : tensor<?x32xf32>
      plan.yield %0 : tensor<?x32xf32>
    }
    return %y : tensor<?x32xf32>
  }
}
