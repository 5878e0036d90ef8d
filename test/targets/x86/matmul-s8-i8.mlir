// RUN: phic-opt --phic-emit-kernels --phic-emit-entry-points --phic-lower-to-llvm --phic-emit-code %s -o /dev/null | FileCheck %s

// The register tile of one row: integer dot products by multiply-add of bytes, scales widened from f16; no gather,
// no division, nothing on the stack.
// CHECK-LABEL: {{^}}phi_matmul_s8b32_{{.*}}_1x8x32_k32__x86_64_v3:
// CHECK-NOT: {{%rsp|gather|div|call}}
// CHECK: vcvtph2ps
// CHECK-NOT: {{%rsp|gather|div|call}}
// CHECK: vpsignb
// CHECK: vpmaddubsw
// CHECK-NOT: {{%rsp|gather|div|call}}
// CHECK: vpmaddwd
// CHECK-NOT: {{%rsp|gather|div|call}}
// CHECK: vfmadd
// CHECK-NOT: {{%rsp|gather|div|call}}
// CHECK: retq
!s8 = !phiq.block<s8, 32, scale = f32>
!w = !phiq.block<s8, 32, scale = f16>
module attributes {plan.memory = #plan.memory<chunk_rows = 64, arena_bytes = 65536, scratch_bytes = 0, kv_bytes_per_token = 0, weights_bytes = 16384>} {
  func.func @model(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
    %w = phiq.weight "w" layout = "gguf_q8_0" [#phiq.range<file = 0, offset = 0, length = 2176, hash = 0x0>]
      {plan.packed = #plan.packed<"panel8x32_s8_f16", offset = 0, bytes = 2176>} : tensor<64x32x!w>
    %x = plan.stage "embed" (%ids, %w) {buffers = [#plan.buffer<"arena", offset = 0, row_bytes = 64>]} : (tensor<?xi32>, tensor<64x32x!w>) -> tensor<?x32x!s8> {
    ^bb0(%i: tensor<?xi32>, %t: tensor<64x32x!w>):
      %0 = phiq.embed %i, %t : tensor<?xi32>, tensor<64x32x!w> -> tensor<?x32xf32>
      %1 = phiq.quantize %0 : tensor<?x32xf32> -> tensor<?x32x!s8>
      plan.yield %1 : tensor<?x32x!s8>
    }
    %y = plan.stage "head" (%x, %w) {buffers = [#plan.buffer<"logits", offset = 0, row_bytes = 256>]} : (tensor<?x32x!s8>, tensor<64x32x!w>) -> tensor<?x64xf32> {
    ^bb0(%i: tensor<?x32x!s8>, %t: tensor<64x32x!w>):
      %0 = phiq.matmul %i, %t {compute = "i8"} : tensor<?x32x!s8>, tensor<64x32x!w> -> tensor<?x64xf32>
      plan.yield %0 : tensor<?x64xf32>
    }
    return %y : tensor<?x64xf32>
  }
}
