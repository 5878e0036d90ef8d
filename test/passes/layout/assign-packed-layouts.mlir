// RUN: phic-opt %s --split-input-file --phic-assign-packed-layouts | FileCheck %s
// RUN: phic-opt %s --split-input-file --phic-assign-packed-layouts=alignment=4096 | FileCheck %s --check-prefix=PAGES

!q4 = !phiq.block<u4, 32, scale = f16, zero = 8>
func.func @model(%x: tensor<?x64xf32>) -> tensor<?x24xf32> {
  // Vectors and tables are rows of f32, matrices panels, in the order of the stages and not of the ops.
  // CHECK-LABEL: func.func @model
  // CHECK: phiq.weight "head" {{.*}} {plan.packed = #plan.packed<#panels.layout<"panel8_f16">, offset = 1600, bytes = 3072>}
  // CHECK: phiq.weight "norm" {{.*}} {plan.packed = #plan.packed<#panels.layout<"dense_f32">, offset = 0, bytes = 256>}
  // CHECK: phiq.weight "up" {{.*}} {plan.packed = #plan.packed<#panels.layout<"panel8x32_u4_f16_z8">, offset = 256, bytes = 1152>}
  // CHECK: phiq.rope_table cos {{.*}}plan.packed = #plan.packed<#panels.layout<"dense_f32">, offset = 1408, bytes = 144>
  // PAGES: "head" {{.*}} offset = 12288, bytes = 3072>
  // PAGES: "norm" {{.*}} offset = 0, bytes = 256>
  // PAGES: "up" {{.*}} offset = 4096, bytes = 1152>
  // PAGES: rope_table cos {{.*}} offset = 8192, bytes = 144>
  %head = phiq.weight "head" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 3072, hash = 0x1>] : tensor<24x64xf16>
  %norm = phiq.weight "norm" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 128, hash = 0x2>] : tensor<64xf16>
  %up = phiq.weight "up" layout = "gguf_q4_0" [#phiq.range<file = 0, offset = 0, length = 1152, hash = 0x3>] : tensor<32x64x!q4>
  %cos = phiq.rope_table cos {base = 1.0e4 : f64, mscale = 1.0 : f64, rotary_dim = 8 : i64} : tensor<9x4xf32>
  %0 = plan.stage "norm" (%x, %norm) : (tensor<?x64xf32>, tensor<64xf16>) -> tensor<?x64xf32> {
  ^bb0(%a: tensor<?x64xf32>, %g: tensor<64xf16>):
    %n = phiq.rms_norm %a, %g {epsilon = 1.0e-5 : f32} : tensor<?x64xf32>, tensor<64xf16>
    plan.yield %n : tensor<?x64xf32>
  }
  %1 = plan.stage "up" (%0, %up, %cos) : (tensor<?x64xf32>, tensor<32x64x!q4>, tensor<9x4xf32>) -> tensor<?x32xf32> {
  ^bb0(%a: tensor<?x64xf32>, %w: tensor<32x64x!q4>, %c: tensor<9x4xf32>):
    %m = phiq.matmul %a, %w compute = f32 : tensor<?x64xf32>, tensor<32x64x!q4> -> tensor<?x32xf32>
    %r = phiq.rope %m, %c, %c {head_dim = 8 : i64} : tensor<?x32xf32>, tensor<9x4xf32>, tensor<9x4xf32>
    plan.yield %r : tensor<?x32xf32>
  }
  %2 = plan.stage "head" (%0, %head) : (tensor<?x64xf32>, tensor<24x64xf16>) -> tensor<?x24xf32> {
  ^bb0(%a: tensor<?x64xf32>, %w: tensor<24x64xf16>):
    %m = phiq.matmul %a, %w compute = f32 : tensor<?x64xf32>, tensor<24x64xf16> -> tensor<?x24xf32>
    plan.yield %m : tensor<?x24xf32>
  }
  return %2 : tensor<?x24xf32>
}

// -----

// A constant is packed as rows where only contractions multiply by it.
// CHECK-LABEL: func.func @model
// CHECK: phiq.constant {plan.packed = #plan.packed<#panels.layout<"dense_f32">, offset = 0, bytes = 60>} dense<{{.*}}[7.5
// CHECK: phiq.constant {plan.packed = #plan.packed<#panels.layout<"panel8_f32">, offset = 64, bytes = 96>, rows} dense<{{.*}}[7.0
func.func @model(%x: tensor<5x3xf32>) -> (tensor<5x5xf32>, tensor<5x5xf32>) {
  %both = phiq.constant dense<[[1.5, 2.5, 3.5], [4.5, 5.5, 6.5], [7.5, 8.5, 9.5], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<5x3xf32>
  %w = phiq.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0], [1.5, 2.5, 3.5], [4.5, 5.5, 6.5]]> : tensor<5x3xf32>
  %0 = plan.stage "add" (%x, %both) : (tensor<5x3xf32>, tensor<5x3xf32>) -> tensor<5x3xf32> {
  ^bb0(%a: tensor<5x3xf32>, %v: tensor<5x3xf32>):
    %s = phiq.map add %a, %v : (tensor<5x3xf32>, tensor<5x3xf32>) -> tensor<5x3xf32>
    plan.yield %s : tensor<5x3xf32>
  }
  %1 = plan.stage "first" (%0, %w) : (tensor<5x3xf32>, tensor<5x3xf32>) -> tensor<5x5xf32> {
  ^bb0(%a: tensor<5x3xf32>, %f: tensor<5x3xf32>):
    %y = phiq.contract %a, %f : (tensor<5x3xf32>, tensor<5x3xf32>) -> tensor<5x5xf32>
    plan.yield %y : tensor<5x5xf32>
  }
  %2 = plan.stage "second" (%0, %both) : (tensor<5x3xf32>, tensor<5x3xf32>) -> tensor<5x5xf32> {
  ^bb0(%a: tensor<5x3xf32>, %f: tensor<5x3xf32>):
    %y = phiq.contract %a, %f : (tensor<5x3xf32>, tensor<5x3xf32>) -> tensor<5x5xf32>
    plan.yield %y : tensor<5x5xf32>
  }
  return %1, %2 : tensor<5x5xf32>, tensor<5x5xf32>
}
