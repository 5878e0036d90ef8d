// RUN: phic-opt --phic-lower-to-nvvm %s | FileCheck %s --implicit-check-not=gpu.

// CHECK:      llvm.func @kernel(%{{.*}}: !llvm.ptr<1>) attributes {
// CHECK-SAME: nvvm.kernel, nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: 64>
// CHECK:      nvvm.read.ptx.sreg.tid.x : i32
// CHECK:      nvvm.read.ptx.sreg.ctaid.x : i32
// CHECK:      nvvm.read.ptx.sreg.ctaid.y : i32
// CHECK:      nvvm.shfl.sync bfly %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : f32 -> f32
// CHECK:      nvvm.shfl.sync idx
// CHECK:      nvvm.barrier0
// CHECK:      llvm.func @host(%{{.*}}: !llvm.ptr) {
module {
  llvm.func @kernel(%p: !llvm.ptr<1>) attributes {phic.threads = 64 : i32} {
    %thread = gpu.thread_id x
    %column = gpu.block_id x
    %row = gpu.block_id y
    %sum = arith.addi %thread, %column : index
    %all = arith.addi %sum, %row : index
    %i = arith.index_castui %all : index to i32
    %f = arith.sitofp %i : i32 to f32
    %width = arith.constant 32 : i32
    %one = arith.constant 1 : i32
    %x, %valid = gpu.shuffle xor %f, %one, %width : f32
    %y, %valid2 = gpu.shuffle idx %x, %one, %width : f32
    gpu.barrier
    llvm.store %y, %p {alignment = 4 : i64} : f32, !llvm.ptr<1>
    llvm.return
  }
  llvm.func @host(%p: !llvm.ptr) {
    llvm.return
  }
}
