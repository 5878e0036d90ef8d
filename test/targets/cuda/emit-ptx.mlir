// RUN: phic-opt %s --phic-lower-to-nvvm --phic-lower-to-llvm --phic-emit-ptx=level=sm_75 -o /dev/null | FileCheck %s --check-prefixes=CHECK,SM75 --implicit-check-not=host
// RUN: phic-opt %s --phic-lower-to-nvvm --phic-lower-to-llvm --phic-emit-ptx=level=sm_80 -o /dev/null | FileCheck %s --check-prefixes=CHECK,SM80
// RUN: phic-opt %s --phic-lower-to-nvvm --phic-lower-to-llvm --phic-emit-ptx="level=sm_80 kind=llvm" -o /dev/null | FileCheck %s --check-prefix=LLVM
// RUN: not phic-opt %s --phic-emit-ptx=level=sm_1 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// Kernels alone, each at its level. Products and sums round one by one.
// SM75:  .version 6.5
// SM75:  .target sm_75
// SM80:  .version 7.0
// SM80:  .target sm_80
// CHECK: .visible .entry kernel(
// CHECK: .reqntid 64
// CHECK: .minnctapersm 1
// CHECK: ld.global.nc
// CHECK: shfl.sync.bfly.b32
// CHECK: mul.rn.f32
// CHECK: add.rn.f32
// CHECK: st.global
// LLVM: define ptx_kernel void @kernel(
// UNKNOWN: no CUDA level 'sm_1', or no kind of code 'ptx'
module {
  llvm.func @kernel(%p: !llvm.ptr<1>, %q: !llvm.ptr<1>) attributes {phic.threads = 64 : i32} {
    %f = llvm.load %q invariant {alignment = 4 : i64} : !llvm.ptr<1> -> f32
    %width = arith.constant 32 : i32
    %one = arith.constant 1 : i32
    %x, %valid = gpu.shuffle xor %f, %one, %width : f32
    %y = arith.mulf %x, %f : f32
    %z = arith.addf %y, %x : f32
    llvm.store %z, %p {alignment = 4 : i64} : f32, !llvm.ptr<1>
    llvm.return
  }
  llvm.func @host(%p: !llvm.ptr) {
    llvm.return
  }
}
