// RUN: phic-opt --phic-lower-to-llvm %s | FileCheck %s --implicit-check-not=arith. --implicit-check-not=scf. --implicit-check-not=vector.

// CHECK-LABEL: llvm.func internal @scale(
// CHECK: llvm.cond_br
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> vector<8xf32>
// CHECK: llvm.fmul %{{.*}}, %{{.*}} : vector<8xf32>
// CHECK: llvm.return
llvm.func internal @scale(%p: !llvm.ptr, %n: i64, %s: f32) {
  %c0 = arith.constant 0 : i64
  %c8 = arith.constant 8 : i64
  %v = vector.broadcast %s : f32 to vector<8xf32>
  scf.for %i = %c0 to %n step %c8 : i64 {
    %a = llvm.getelementptr %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %x = llvm.load %a : !llvm.ptr -> vector<8xf32>
    %y = arith.mulf %x, %v : vector<8xf32>
    llvm.store %y, %a : vector<8xf32>, !llvm.ptr
  }
  llvm.return
}

// The model stays.
// CHECK-LABEL: func.func @model
// CHECK: phiq.silu
func.func @model(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = phiq.silu %x : tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
