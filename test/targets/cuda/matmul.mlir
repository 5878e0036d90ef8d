// RUN: phic-opt %s --phic-emit-gpu-kernels="level=sm_80 isa=sm_80 matrices" --phic-lower-to-nvvm --phic-lower-to-llvm --phic-emit-ptx -o /dev/null | FileCheck %s --implicit-check-not=.local --implicit-check-not=div.u64 --implicit-check-not=div.s64 --implicit-check-not=rem.u64 --implicit-check-not=rem.s64 --implicit-check-not=.approx

// One row: a lane loads the 32 activations of a block 16 bytes at a time, its column's nibbles by the word, and sums their products in s32; lanes of
// a column are then added by halves.
// CHECK-LABEL: .visible .entry phi_matmul_s8b32_panel8x32_u4_f16_z8_m1n16k64__sm_80(
// CHECK-DAG:     ld.global.nc.v4.b32
// CHECK-DAG:     ld.global.nc.b32
// CHECK-COUNT-8: dp4a.{{[su]}}32.s32
// CHECK-NOT:     dp4a
// CHECK:         fma.rn.f32
// CHECK-COUNT-2: shfl.sync.bfly.b32
// CHECK:         bar.sync
// CHECK:         st.global.b32

// Many rows: a nibble is masked and shifted into its place in the fragment.
// CHECK-LABEL: .visible .entry phi_matmul_s8b32_panel8x32_u4_f16_z8_m64n16k64__sm_80(
// CHECK-NOT:     dp4a
// CHECK:         and.b32 {{.*}}, 252645135;
// CHECK:         mma.sync.aligned.m16n8k32.row.col.s32.s8.u8.s32
// CHECK-NOT:     dp4a
// CHECK:         st.global.b32
module {
  func.func @model(%f: tensor<?x64xf32>, %r: tensor<?x16xf32>) -> tensor<?x16xf32> {
    %w = phiq.weight "w" layout = "nbits" [#phiq.range<file = 0, offset = 0, length = 512, hash = 0x0>, #phiq.range<file = 0, offset = 512, length = 64, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8x32_u4_f16_z8">, offset = 0, bytes = 576>} : tensor<16x64x!phiq.block<u4, 32, scale = f16, zero = 8>>
    %x = plan.stage "quantize" (%f) {buffers = [#plan.buffer<arena, offset = 131072, row_bytes = 128>]} : (tensor<?x64xf32>) -> tensor<?x64x!phiq.block<s8, 32, scale = f32>> {
    ^bb0(%a: tensor<?x64xf32>):
      %0 = phiq.quantize %a : tensor<?x64xf32> -> tensor<?x64x!phiq.block<s8, 32, scale = f32>>
      plan.yield %0 : tensor<?x64x!phiq.block<s8, 32, scale = f32>>
    }
    %y = plan.stage "down" (%x, %w, %r) {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 64>]} : (tensor<?x64x!phiq.block<s8, 32, scale = f32>>, tensor<16x64x!phiq.block<u4, 32, scale = f16, zero = 8>>, tensor<?x16xf32>) -> tensor<?x16xf32> {
    ^bb0(%a: tensor<?x64x!phiq.block<s8, 32, scale = f32>>, %b: tensor<16x64x!phiq.block<u4, 32, scale = f16, zero = 8>>, %c: tensor<?x16xf32>):
      %0 = phiq.matmul %a, %b compute = i8 : tensor<?x64x!phiq.block<s8, 32, scale = f32>>, tensor<16x64x!phiq.block<u4, 32, scale = f16, zero = 8>> -> tensor<?x16xf32>
      %1 = arith.addf %0, %c : tensor<?x16xf32>
      plan.yield %1 : tensor<?x16xf32>
    }
    return %y : tensor<?x16xf32>
  }
}
