// RUN: phic-opt %s --phic-emit-kernels=tiles=decode:16x1x1/verify:64x64x16/prefill:32x8x16 | FileCheck %s
// RUN: not phic-opt %s --phic-emit-kernels=tiles=decode:16 2>&1 | FileCheck %s --check-prefix=ERROR

// Sizes of tiles in place of the level's own: 64 columns are four tiles of 16, two of 32.

!u4 = !phiq.block<u4, 32, scale = f16, zero = 8>

// ERROR: error: the option 'tiles' of phic-emit-kernels is no table of tiles: 'decode:16'
module {
  // CHECK: tiles = {decode = #plan.tiles<columns = 4, rows = 1>, prefill = #plan.tiles<columns = 2, rows = 8>, verify = #plan.tiles<columns = 1, rows = 64>}
  func.func @model(%x: tensor<?x32xf32>) -> tensor<?x64xf32> {
    %w = phiq.weight "w" layout = "nbits" [#phiq.range<file = 0, offset = 0, length = 1024, hash = 0x0>, #phiq.range<file = 0, offset = 1024, length = 128, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8x32_u4_f16_z8">, offset = 0, bytes = 1152>} : tensor<64x32x!u4>
    %y = plan.stage "head" (%x, %w) {buffers = [#plan.buffer<binding, offset = 1, row_bytes = 256>]} : (tensor<?x32xf32>, tensor<64x32x!u4>) -> tensor<?x64xf32> {
    ^bb0(%i: tensor<?x32xf32>, %t: tensor<64x32x!u4>):
      %0 = phiq.matmul %i, %t compute = f32 : tensor<?x32xf32>, tensor<64x32x!u4> -> tensor<?x64xf32>
      plan.yield %0 : tensor<?x64xf32>
    }
    return %y : tensor<?x64xf32>
  }
}
