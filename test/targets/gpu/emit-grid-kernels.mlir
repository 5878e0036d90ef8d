// RUN: phic-opt %s --phic-emit-gpu-kernels="level=sm_75 isa=sm_75" | FileCheck %s

// A model without steps has one entry point, whose grid has its blocks along x.
// CHECK:       kernels = {run = @[[CONTRACT:phi_contract_cast_mul_u8_f32_n600__sm_75]]}, {{.*}}tiles = {run = #plan.tiles<columns = 3, rows = 10>}
// CHECK:       kernels = {run = @[[SOFTMAX:phi_softmax_f32_f32_n600__sm_75]]}, {{.*}}tiles = {run = #plan.tiles<columns = 10, rows = 10>}

// CHECK:       kernels = {run = @[[TILES:phi_contract_f32_f32_n3360__sm_75]]}, {{.*}}tiles = {run = #plan.tiles<columns = 2, rows = 60>}

// A thread an element: words of four codes, and what the zero points take off; then the maps behind.
// CHECK:       llvm.func @[[CONTRACT]](
// CHECK-SAME:  phic.threads = 256 : i32
// CHECK:       arith.cmpi slt, {{.*}}
// CHECK:       scf.if
// CHECK:       scf.for
// CHECK:       nvvm.dot.accumulate.4way
// CHECK-NOT:   nvvm.dot.accumulate.4way
// CHECK:       arith.sitofp
// CHECK:       arith.mulf
// CHECK:       llvm.store

// A block a row: its greatest element, the sum, then what is made of it.
// CHECK:       llvm.func @[[SOFTMAX]](
// CHECK-SAME:  phic.threads = 64 : i32
// CHECK:       gpu.block_id x
// CHECK:       scf.for
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK:       gpu.barrier
// CHECK:       scf.for
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK:       gpu.barrier
// CHECK:       scf.for
// CHECK:       llvm.store

// Many rows and columns: a block has 32 by 64 of them, whose units of K it loads 16 at a time; a thread sums 2 by 4.
// CHECK:       llvm.mlir.global internal @[[TILES]]_tile() {addr_space = 3 : i32, {{.*}}} : !llvm.array<8192 x i8>
// CHECK:       llvm.func @[[TILES]](
// CHECK-SAME:  phic.threads = 256 : i32
// CHECK:       scf.for
// CHECK:       gpu.barrier
// CHECK-COUNT-6: llvm.store
// CHECK:       gpu.barrier
// CHECK:       scf.for
// CHECK:       llvm.load {{.*}} -> vector<2xf32>
// CHECK:       llvm.load {{.*}} -> vector<4xf32>
// CHECK-COUNT-8: llvm.intr.fma
// CHECK-NOT:   llvm.intr.fma
module {
  func.func @model(%x: tensor<10x64xui8>, %z: tensor<ui8>, %s: tensor<f32>, %u: tensor<60x70xf32>) -> (tensor<10x60xf32>, tensor<60x56xf32>) {
    %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 3840, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8_s8">, offset = 0, bytes = 8192>} : tensor<60x64xi8>
    %y = plan.stage "y" (%x, %w, %z, %s) {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 240>]} : (tensor<10x64xui8>, tensor<60x64xi8>, tensor<ui8>, tensor<f32>) -> tensor<10x60xf32> {
    ^bb0(%a: tensor<10x64xui8>, %b: tensor<60x64xi8>, %c: tensor<ui8>, %d: tensor<f32>):
      %0 = phiq.contract %a, %b zero %c : (tensor<10x64xui8>, tensor<60x64xi8>, tensor<ui8>) -> tensor<10x60xi32>
      %1 = phiq.map cast %0 : (tensor<10x60xi32>) -> tensor<10x60xf32>
      %2 = phiq.map mul %1, %d : (tensor<10x60xf32>, tensor<f32>) -> tensor<10x60xf32>
      plan.yield %2 : tensor<10x60xf32>
    }
    %p = plan.stage "p" (%y) {buffers = [#plan.buffer<arena, offset = 4096, row_bytes = 240>]} : (tensor<10x60xf32>) -> tensor<10x60xf32> {
    ^bb0(%a: tensor<10x60xf32>):
      %0 = phiq.softmax %a : tensor<10x60xf32> -> tensor<10x60xf32>
      plan.yield %0 : tensor<10x60xf32>
    }
    %v = phiq.weight "v" layout = "dense_nk" [#phiq.range<file = 0, offset = 3840, length = 15680, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8_f32">, offset = 8192, bytes = 15680>} : tensor<56x70xf32>
    %t = plan.stage "t" (%u, %v) {buffers = [#plan.buffer<arena, offset = 8192, row_bytes = 224>]} : (tensor<60x70xf32>, tensor<56x70xf32>) -> tensor<60x56xf32> {
    ^bb0(%a: tensor<60x70xf32>, %b: tensor<56x70xf32>):
      %0 = phiq.contract %a, %b : (tensor<60x70xf32>, tensor<56x70xf32>) -> tensor<60x56xf32>
      plan.yield %0 : tensor<60x56xf32>
    }
    return %p, %t : tensor<10x60xf32>, tensor<60x56xf32>
  }
}
