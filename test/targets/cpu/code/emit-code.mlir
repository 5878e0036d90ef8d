// RUN: phic-opt --phic-lower-to-llvm --phic-emit-code %s -o /dev/null | FileCheck %s --implicit-check-not=unused
// RUN: phic-opt --phic-lower-to-llvm --phic-emit-code=kind=llvm %s -o /dev/null | FileCheck %s --check-prefix=LLVM --implicit-check-not=@region --implicit-check-not=alloca --implicit-check-not=halide

// One region, called by two kernels: inlined into both, without buffers, frame or calls.
// CHECK-LABEL: {{^}}norm:
// CHECK-NOT: {{call|%rsp}}
// CHECK: vfmadd231ps
// CHECK-NOT: {{call|%rsp}}
// CHECK: vsqrtss
// CHECK: vcvtps2dq
// CHECK: vpackssdw
// CHECK: vpacksswb
// CHECK: retq
// CHECK-LABEL: {{^}}phi_decode_x86_64_v3:
// CHECK: leaq norm(%rip)
// CHECK: phi_run_stage

// LLVM: define internal {{.*}}void @norm(
// LLVM: call {{.*}}<8 x float> @llvm.fma.v8f32
func.func private @rows_norm(%x: tensor<1x576xf32>, %gamma: tensor<576xf32>) -> tensor<1x576x!phiq.block<s8, 32, scale = f32>> {
  %0 = phiq.rms_norm %x, %gamma {epsilon = 1.0e-5 : f32} : tensor<1x576xf32>, tensor<576xf32>
  %1 = phiq.quantize %0 : tensor<1x576xf32> -> tensor<1x576x!phiq.block<s8, 32, scale = f32>>
  return %1 : tensor<1x576x!phiq.block<s8, 32, scale = f32>>
}
llvm.func @region_norm(!llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr) attributes {phic.region = @rows_norm}
llvm.func @phi_run_stage(!llvm.ptr, i32, i32, !llvm.ptr, !llvm.ptr, i64)

llvm.func @norm(%frame: !llvm.ptr, %args: !llvm.ptr, %begin: i64, %end: i64, %scratch: !llvm.ptr) {
  %arena_at = llvm.getelementptr %frame[8] : (!llvm.ptr) -> !llvm.ptr, i8
  %arena = llvm.load %arena_at : !llvm.ptr -> !llvm.ptr
  %gamma = llvm.getelementptr %arena[65536] : (!llvm.ptr) -> !llvm.ptr, i8
  %c1 = arith.constant 1 : i64
  scf.for %row = %begin to %end step %c1 : i64 {
    %bytes = arith.constant 4096 : i64
    %offset = arith.muli %row, %bytes : i64
    %x = llvm.getelementptr %arena[%offset] : (!llvm.ptr, i64) -> !llvm.ptr, i8
    %codes = llvm.getelementptr %x[2304] : (!llvm.ptr) -> !llvm.ptr, i8
    %scales = llvm.getelementptr %x[2880] : (!llvm.ptr) -> !llvm.ptr, i8
    %sums = llvm.getelementptr %x[2952] : (!llvm.ptr) -> !llvm.ptr, i8
    llvm.call @region_norm(%x, %gamma, %codes, %scales, %sums) : (!llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr) -> ()
  }
  llvm.return
}

llvm.func @unused(%p: !llvm.ptr) {
  llvm.return
}

llvm.func @phi_decode_x86_64_v3(%frame: !llvm.ptr, %thread: i32) {
  %stage = arith.constant 0 : i32
  %tiles = arith.constant 1 : i64
  %kernel = llvm.mlir.addressof @norm : !llvm.ptr
  %args = llvm.mlir.zero : !llvm.ptr
  llvm.call @phi_run_stage(%frame, %thread, %stage, %kernel, %args, %tiles) : (!llvm.ptr, i32, i32, !llvm.ptr, !llvm.ptr, i64) -> ()
  llvm.return
}
