// RUN: phic-opt %s --phic-emit-gpu-kernels="level=sm_80 isa=sm_80" | FileCheck %s
// RUN: phic-opt %s --phic-emit-gpu-kernels="level=sm_80 isa=sm_80 matrices" | FileCheck %s --check-prefix=MATRIX

// By products of matrices: 64 rows a block, whose warps have two strips of 16 rows and a panel or two.
// MATRIX:      prefill = @phi_matmul_s8b32_panel8x32_u4_f16_z8_m64n16k64__sm_80
// MATRIX:      llvm.func @phi_matmul_s8b32_panel8x32_u4_f16_z8_m64n16k64__sm_80
// MATRIX-NOT:  dot.accumulate
// MATRIX-COUNT-4: nvvm.mma.sync A[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] B[%{{.*}}, %{{.*}}] C[{{.*}}] {{{.*}}shape = #nvvm.shape<m = 16, n = 8, k = 32>
// MATRIX-NOT:  nvvm.mma

// A matmul of codes whose result is added to a row: a block has a panel of 8 columns, whose K eight warps share, for one row or
// eight. Sums of a warp's lanes are exchanged, those of warps go through the block's memory, then a thread an element.
// CHECK-DAG:   plan.level = "sm_80"
// CHECK:       kernels = {decode = @[[ONE:phi_matmul_s8b32_panel8x32_u4_f16_z8_m1n16k64__sm_80]], prefill = @[[EIGHT:phi_matmul_s8b32_panel8x32_u4_f16_z8_m8n16k64__sm_80]], verify = @[[EIGHT]]}
// CHECK-SAME:  tiles = {decode = #plan.tiles<columns = 2, rows = 1>, prefill = #plan.tiles<columns = 2, rows = 8>
// CHECK:       llvm.mlir.global internal @[[ONE]]_sums() {addr_space = 3 : i32, {{.*}}} : !llvm.array<256 x i8>
// CHECK:       llvm.func @[[ONE]](%{{.*}}: !llvm.ptr<1>, %{{.*}}: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, %{{.*}}: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, %{{.*}}: !llvm.ptr<1>, %{{.*}}: !llvm.ptr<1>, %{{.*}}: !llvm.ptr<1>) attributes {
// CHECK-SAME:  phic.threads = 256 : i32
// CHECK-COUNT-8: nvvm.dot.accumulate.4way
// CHECK-NOT:   nvvm.dot.accumulate.4way
// CHECK-COUNT-2: gpu.shuffle xor
// CHECK:       gpu.barrier
// CHECK:       arith.addf
// CHECK:       llvm.mlir.global internal @[[EIGHT]]_sums() {addr_space = 3 : i32, {{.*}}} : !llvm.array<2048 x i8>
// CHECK:       llvm.func @[[EIGHT]]
// CHECK-COUNT-32: nvvm.dot.accumulate.4way
// CHECK-NOT:   nvvm.dot.accumulate.4way

// A block a row: the sum of squares first, then elements, quantized by the warp.
// CHECK:       llvm.func @phi_rows_n16__sm_80
// CHECK-SAME:  phic.threads = 32 : i32
// CHECK:       scf.for
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK:       scf.for
// CHECK:       math.sqrt
// CHECK:       llvm.store {{.*}} : i8
module {
  func.func @model(%f: tensor<?x64xf32>, %r: tensor<?x16xf32>) -> tensor<?x16x!phiq.block<s8, 16, scale = f32>> {
    %w = phiq.weight "w" layout = "nbits" [#phiq.range<file = 0, offset = 0, length = 512, hash = 0x0>, #phiq.range<file = 0, offset = 512, length = 64, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8x32_u4_f16_z8">, offset = 0, bytes = 576>} : tensor<16x64x!phiq.block<u4, 32, scale = f16, zero = 8>>
    %g = phiq.weight "g" layout = "dense_nk" [#phiq.range<file = 0, offset = 576, length = 64, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"dense_f32">, offset = 576, bytes = 64>} : tensor<16xf32>
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
    %n = plan.stage "norm" (%y, %g) {buffers = [#plan.buffer<arena, offset = 65536, row_bytes = 64>]} : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16x!phiq.block<s8, 16, scale = f32>> {
    ^bb0(%a: tensor<?x16xf32>, %b: tensor<16xf32>):
      %0 = phiq.rms_norm %a, %b {epsilon = 1.0e-5 : f32} : tensor<?x16xf32>, tensor<16xf32>
      %1 = phiq.quantize %0 : tensor<?x16xf32> -> tensor<?x16x!phiq.block<s8, 16, scale = f32>>
      plan.yield %1 : tensor<?x16x!phiq.block<s8, 16, scale = f32>>
    }
    return %n : tensor<?x16x!phiq.block<s8, 16, scale = f32>>
  }
}
