// RUN: phic-opt %s | phic-opt | FileCheck %s

!q4 = !phiq.block<u4, 32, scale = f16, zero = 8>
!q8 = !phiq.block<s8, 32, scale = f32>

// CHECK: phiq.cache @kv0 {element = f16, head_dim = 16 : i64, heads = 1 : i64}
phiq.cache @kv0 {heads = 1, head_dim = 16, element = f16}

// CHECK-LABEL: @sources
func.func @sources() {
  // CHECK: phiq.weight "w" layout = "gguf_q4_0" [#phiq.range<file = 0, offset = 64, length = 144, hash = 0x0123456789abcdef>] : tensor<8x32x!phiq.block
  %0 = phiq.weight "w" layout = "gguf_q4_0" [#phiq.range<file = 0, offset = 64, length = 144, hash = 0x0123456789abcdef>] : tensor<8x32x!q4>
  // CHECK: phiq.rope_table cos {base = 1.000000e+04 : f64, factors = array<f32: 1.000000e+00, 2.000000e+00>, mscale = 1.000000e+00 : f64, rotary_dim = 4 : i64} : tensor<9x2xf32>
  %1 = phiq.rope_table cos {base = 1.0e4 : f64, mscale = 1.0 : f64, rotary_dim = 4 : i64, factors = array<f32: 1.0, 2.0>} : tensor<9x2xf32>
  return
}

// CHECK-LABEL: @decoder
func.func @decoder(%ids: tensor<?xi32>, %x: tensor<?x32xf32>, %w: tensor<32x32x!q4>, %g: tensor<32xf16>, %cos: tensor<9x4xf32>) {
  // CHECK: phiq.embed %{{.*}}, %{{.*}} : tensor<?xi32>, tensor<32x32x{{.*}} -> tensor<?x32xf32>
  %0 = phiq.embed %ids, %w : tensor<?xi32>, tensor<32x32x!q4> -> tensor<?x32xf32>
  // CHECK: phiq.rms_norm %{{.*}}, %{{.*}} {epsilon = 9.99999974E-6 : f32} : tensor<?x32xf32>, tensor<32xf16>
  %1 = phiq.rms_norm %x, %g {epsilon = 1.0e-5 : f32} : tensor<?x32xf32>, tensor<32xf16>
  // CHECK: phiq.layer_norm
  %2 = phiq.layer_norm %x, %g, %g {epsilon = 1.0e-5 : f32} : tensor<?x32xf32>, tensor<32xf16>, tensor<32xf16>
  // CHECK: phiq.bias
  %3 = phiq.bias %x, %g : tensor<?x32xf32>, tensor<32xf16>
  // CHECK: phiq.matmul %{{.*}}, %{{.*}} compute = i8
  %4 = phiq.matmul %x, %w compute = i8 : tensor<?x32xf32>, tensor<32x32x!q4> -> tensor<?x32xf32>
  // CHECK: phiq.rope %{{.*}}, %{{.*}}, %{{.*}} long %{{.*}}, %{{.*}} {head_dim = 16 : i64, threshold = 4096 : i64} : tensor<?x32xf32>, tensor<9x4xf32>, tensor<9x4xf32> long tensor<9x4xf32>, tensor<9x4xf32>
  %5 = phiq.rope %x, %cos, %cos long %cos, %cos {head_dim = 16 : i64, threshold = 4096 : i64} : tensor<?x32xf32>, tensor<9x4xf32>, tensor<9x4xf32> long tensor<9x4xf32>, tensor<9x4xf32>
  // CHECK: phiq.columns %{{.*}} from 16 : tensor<?x32xf32> -> tensor<?x16xf32>
  %6 = phiq.columns %x from 16 : tensor<?x32xf32> -> tensor<?x16xf32>
  // CHECK: phiq.cache_append @kv0, %{{.*}}, %{{.*}} : tensor<?x16xf32>, tensor<?x16xf32>
  phiq.cache_append @kv0, %6, %6 : tensor<?x16xf32>, tensor<?x16xf32>
  // CHECK: phiq.attend @kv0, %{{.*}} {heads = 2 : i64, scale = 2.500000e-01 : f32, softcap = 5.000000e+01 : f32, window = 16 : i64} : tensor<?x32xf32>
  %7 = phiq.attend @kv0, %x {heads = 2 : i64, scale = 0.25 : f32, window = 16 : i64, softcap = 50.0 : f32} : tensor<?x32xf32>
  return
}

// CHECK-LABEL: @shape_and_format
func.func @shape_and_format(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>, %s: tensor<1xf32>) {
  // CHECK: phiq.sigmoid
  // CHECK-NEXT: phiq.silu
  // CHECK-NEXT: phiq.gelu
  // CHECK-NEXT: phiq.gelu_tanh
  // CHECK-NEXT: phiq.relu
  %0 = phiq.sigmoid %x : tensor<?x32xf32>
  %1 = phiq.silu %x : tensor<?x32xf32>
  %2 = phiq.gelu %x : tensor<?x32xf32>
  %3 = phiq.gelu_tanh %x : tensor<?x32xf32>
  %relu = phiq.relu %x : tensor<?x32xf32>
  // CHECK-NEXT: phiq.logit_rows %{{.*}} {pruned}
  %4 = phiq.logit_rows %x {pruned} : tensor<?x32xf32>
  // CHECK-NEXT: phiq.transpose %{{.*}} : tensor<8x32xf32> -> tensor<32x8xf32>
  %5 = phiq.transpose %w : tensor<8x32xf32> -> tensor<32x8xf32>
  // CHECK-NEXT: phiq.quantize %{{.*}} : tensor<?x32xf32> -> tensor<?x32x!phiq.block<s8, 32, scale = f32>>
  %6 = phiq.quantize %x : tensor<?x32xf32> -> tensor<?x32x!q8>
  // CHECK-NEXT: phiq.quantize %{{.*}}, %{{.*}} {zero = 3 : i64} : tensor<?x32xf32>, tensor<1xf32> ->
  %7 = phiq.quantize %x, %s {zero = 3 : i64} : tensor<?x32xf32>, tensor<1xf32> -> tensor<?x32x!q8>
  // CHECK-NEXT: phiq.dequantize
  %8 = phiq.dequantize %6 : tensor<?x32x!q8> -> tensor<?x32xf32>
  // CHECK-NEXT: phiq.snap %{{.*}}, %{{.*}} {greatest = 155 : i64, least = -100 : i64} : tensor<?x32xf32>, tensor<1xf32>
  %9 = phiq.snap %x, %s {greatest = 155 : i64, least = -100 : i64} : tensor<?x32xf32>, tensor<1xf32>
  return
}

// CHECK-LABEL: @converted
func.func @converted() {
  // CHECK: phiq.weight "w" layout = "dense_nk" [{{.*}}] {conversion = #phiq.conversion<from = f32, method = "rtn">} : tensor<16x32x!phiq.block<u4, 32, scale = f16, zero = 8>>
  %0 = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 2048, hash = 0x1>]
      {conversion = #phiq.conversion<from = f32, method = "rtn">} : tensor<16x32x!phiq.block<u4, 32, scale = f16, zero = 8>>
  return
}

// CHECK-LABEL: @grids
func.func @grids(%x: tensor<1x2x6x5xf32>, %s: tensor<2x1x1xf32>, %table: tensor<256xi32>) -> tensor<2x12xf32> {
  // CHECK-NEXT: phiq.constant dense<128> : tensor<ui8>
  %z = phiq.constant dense<128> : tensor<ui8>
  // CHECK-NEXT: phiq.map quantize %{{.*}}, %{{.*}}, %{{.*}} : (tensor<1x2x6x5xf32>, tensor<2x1x1xf32>, tensor<ui8>) -> tensor<1x2x6x5xui8>
  %q = phiq.map quantize %x, %s, %z : (tensor<1x2x6x5xf32>, tensor<2x1x1xf32>, tensor<ui8>) -> tensor<1x2x6x5xui8>
  // CHECK-NEXT: phiq.map dequantize %{{.*}}, %{{.*}}, %{{.*}} : (tensor<1x2x6x5xui8>, tensor<2x1x1xf32>, tensor<ui8>) -> tensor<1x2x6x5xf32>
  %d = phiq.map dequantize %q, %s, %z : (tensor<1x2x6x5xui8>, tensor<2x1x1xf32>, tensor<ui8>) -> tensor<1x2x6x5xf32>
  // CHECK-NEXT: phiq.map lookup %{{.*}}, %{{.*}} : (tensor<1x2x6x5xui8>, tensor<256xi32>) -> tensor<1x2x6x5xi8>
  %l = phiq.map lookup %q, %table : (tensor<1x2x6x5xui8>, tensor<256xi32>) -> tensor<1x2x6x5xi8>
  // CHECK-NEXT: phiq.reshape %{{.*}} : tensor<1x2x6x5xf32> -> tensor<2x30xf32>
  %r = phiq.reshape %d : tensor<1x2x6x5xf32> -> tensor<2x30xf32>
  %c = phiq.columns %r from 18 : tensor<2x30xf32> -> tensor<2x12xf32>
  return %c : tensor<2x12xf32>
}

// CHECK-LABEL: @contractions
func.func @contractions(%x: tensor<1x5x6x8xui8>, %z: tensor<ui8>, %f: tensor<2x3x8xf32>, %g: tensor<2x4x8xf32>) -> tensor<2x3x4xf32> {
  // CHECK-NEXT: phiq.weight "k" layout = "dense_oihw" [{{.*}}] : tensor<4x3x3x8xi8>
  %k = phiq.weight "k" layout = "dense_oihw" [#phiq.range<file = 0, offset = 0, length = 288, hash = 0x1>] : tensor<4x3x3x8xi8>
  // CHECK-NEXT: phiq.contract %{{.*}}, %{{.*}} zero %{{.*}} {dilations = array<i64: 1, 1>, kernel = array<i64: 3, 3>, pads = array<i64: 1, 0, 1, 0>, strides = array<i64: 2, 1>} : (tensor<1x5x6x8xui8>, tensor<4x3x3x8xi8>, tensor<ui8>) -> tensor<1x3x4x4xi32>
  %c = phiq.contract %x, %k zero %z {kernel = array<i64: 3, 3>, strides = array<i64: 2, 1>, pads = array<i64: 1, 0, 1, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x5x6x8xui8>, tensor<4x3x3x8xi8>, tensor<ui8>) -> tensor<1x3x4x4xi32>
  // CHECK-NEXT: phiq.contract %{{.*}}, %{{.*}} {batched} : (tensor<2x3x8xf32>, tensor<2x4x8xf32>) -> tensor<2x3x4xf32>
  %b = phiq.contract %f, %g {batched} : (tensor<2x3x8xf32>, tensor<2x4x8xf32>) -> tensor<2x3x4xf32>
  return %b : tensor<2x3x4xf32>
}

// CHECK-LABEL: @derived
func.func @derived() {
  // CHECK: phiq.weight "w" layout = "phic_rows" [{{.*}}] {derived = #phiq.derived<from = f32, method = "rtn", layout = "dense_nk", ranges = [#phiq.range<file = 0, offset = 0, length = 2048, hash = 0x{{0+}}1>]>} : tensor<16x32x!phiq.block<u4, 32, scale = f16, zero = 8>>
  %0 = phiq.weight "w" layout = "phic_rows" [#phiq.range<file = 1, offset = 64, length = 288, hash = 0x2>]
      {derived = #phiq.derived<from = f32, method = "rtn", layout = "dense_nk", ranges = [#phiq.range<file = 0, offset = 0, length = 2048, hash = 0x1>]>}
      : tensor<16x32x!phiq.block<u4, 32, scale = f16, zero = 8>>
  return
}
