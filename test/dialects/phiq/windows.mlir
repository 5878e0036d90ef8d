// Ops on windows print and parse; each rule of their verifiers.
// RUN: phic-opt %s -split-input-file -verify-diagnostics | FileCheck %s

// CHECK-LABEL: @windows
func.func @windows(%x: tensor<1x6x5x2xf32>, %q: tensor<1x8x4xui8>, %w: tensor<3x2x2xf32>, %c: tensor<3x4xi8>, %z: tensor<ui8>,
                   %y: tensor<4xi8>, %t: tensor<3x3x2x7xf32>, %i: tensor<9x2xi32>, %s: tensor<9x2xf32>) {
  // CHECK-NEXT: phiq.pool mean %{{.*}} {count_pads, dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 1>, strides = array<i64: 2, 1>} : tensor<1x6x5x2xf32> -> tensor<1x3x5x2xf32>
  %0 = phiq.pool mean %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 1>, pads = array<i64: 0, 0, 0, 1>, dilations = array<i64: 1, 1>, count_pads} : tensor<1x6x5x2xf32> -> tensor<1x3x5x2xf32>
  // CHECK-NEXT: phiq.pool max %{{.*}} {dilations = array<i64: 1>, kernel = array<i64: 3>, pads = array<i64: 0, 0>, strides = array<i64: 1>} : tensor<1x8x4xui8> -> tensor<1x6x4xui8>
  %1 = phiq.pool max %q {kernel = array<i64: 3>, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : tensor<1x8x4xui8> -> tensor<1x6x4xui8>
  // CHECK-NEXT: phiq.depthwise %{{.*}}, %{{.*}} {dilations = array<i64: 1, 1>, pads = array<i64: 1, 0, 1, 0>, strides = array<i64: 1, 1>} : tensor<1x6x5x2xf32>, tensor<3x2x2xf32> -> tensor<1x6x4x2xf32>
  %2 = phiq.depthwise %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 0, 1, 0>, dilations = array<i64: 1, 1>} : tensor<1x6x5x2xf32>, tensor<3x2x2xf32> -> tensor<1x6x4x2xf32>
  // CHECK-NEXT: phiq.depthwise %{{.*}}, %{{.*}} x_zero %{{.*}} : tensor<ui8> w_zero %{{.*}} : tensor<4xi8> {dilations = array<i64: 1>, pads = array<i64: 0, 0>, strides = array<i64: 1>} : tensor<1x8x4xui8>, tensor<3x4xi8> -> tensor<1x6x4xi32>
  %3 = phiq.depthwise %q, %c x_zero %z : tensor<ui8> w_zero %y : tensor<4xi8> {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : tensor<1x8x4xui8>, tensor<3x4xi8> -> tensor<1x6x4xi32>
  // CHECK-NEXT: phiq.conv_transpose %{{.*}}, %{{.*}} {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 1, 0>, strides = array<i64: 2, 2>} : tensor<1x6x5x2xf32>, tensor<3x3x2x7xf32> -> tensor<1x12x11x7xf32>
  %4 = phiq.conv_transpose %x, %t {strides = array<i64: 2, 2>, pads = array<i64: 1, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : tensor<1x6x5x2xf32>, tensor<3x3x2x7xf32> -> tensor<1x12x11x7xf32>
  // CHECK-NEXT: phiq.resample %{{.*}}, %{{.*}}, %{{.*}} {axis = 2 : i64} : (tensor<1x6x5x2xf32>, tensor<9x2xi32>, tensor<9x2xf32>) -> tensor<1x6x9x2xf32>
  %5 = phiq.resample %x, %i, %s {axis = 2 : i64} : (tensor<1x6x5x2xf32>, tensor<9x2xi32>, tensor<9x2xf32>) -> tensor<1x6x9x2xf32>
  return
}

// -----

func.func @pool_c1(%x: tensor<1x6xf32>) {
  // expected-error@below {{requires x and result [N, S..., C] with one to three axes S}}
  %0 = phiq.pool max %x {kernel = array<i64>, strides = array<i64>, pads = array<i64>, dilations = array<i64>} : tensor<1x6xf32> -> tensor<1x6xf32>
  return
}

// -----

func.func @pool_c1_numbers(%x: tensor<1x6x2xf32>) {
  // expected-error@below {{requires positive kernel, strides and dilations and pads from 0 on, for 1 axes}}
  %0 = phiq.pool max %x {kernel = array<i64: 2>, strides = array<i64: 0>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : tensor<1x6x2xf32> -> tensor<1x5x2xf32>
  return
}

// -----

func.func @pool_c1_channels(%x: tensor<1x6x2xf32>) {
  // expected-error@below {{requires x and result of one type and as many channels}}
  %0 = phiq.pool max %x {kernel = array<i64: 2>, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : tensor<1x6x2xf32> -> tensor<1x5x3xf32>
  return
}

// -----

func.func @pool_c2(%x: tensor<1x6x2xf32>) {
  // expected-error@below {{has a window without an element along axis 1}}
  %0 = phiq.pool max %x {kernel = array<i64: 2>, strides = array<i64: 1>, pads = array<i64: 2, 0>, dilations = array<i64: 1>} : tensor<1x6x2xf32> -> tensor<1x5x2xf32>
  return
}

// -----

func.func @pool_c3(%x: tensor<1x6x2xi8>) {
  // expected-error@below {{requires the kind max, or mean of f32}}
  %0 = phiq.pool mean %x {kernel = array<i64: 2>, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : tensor<1x6x2xi8> -> tensor<1x5x2xi8>
  return
}

// -----

func.func @depthwise_c1(%x: tensor<1x6x2xf32>, %w: tensor<3x4xf32>) {
  // expected-error@below {{requires x, w and result of as many channels}}
  %0 = phiq.depthwise %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : tensor<1x6x2xf32>, tensor<3x4xf32> -> tensor<1x4x2xf32>
  return
}

// -----

func.func @depthwise_c2(%x: tensor<1x6x2xi8>, %w: tensor<3x2xf32>) {
  // expected-error@below {{requires f32, or integers of 8 bits with zero points of their types that give i32}}
  %0 = phiq.depthwise %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : tensor<1x6x2xi8>, tensor<3x2xf32> -> tensor<1x4x2xi32>
  return
}

// -----

func.func @conv_transpose_c1(%x: tensor<1x6x2xf32>, %w: tensor<2xf32>) {
  // expected-error@below {{requires w [K..., C, M / groups]}}
  %0 = phiq.conv_transpose %x, %w {strides = array<i64: 1>, pads = array<i64: 0>, dilations = array<i64: 1>, groups = 1 : i64} : tensor<1x6x2xf32>, tensor<2xf32> -> tensor<1x4x2xf32>
  return
}

// -----

func.func @conv_transpose_c2(%x: tensor<1x6x2xf32>, %w: tensor<3x2x4xf32>) {
  // expected-error@below {{requires f32, C channels of x and w that groups divide, and groups of the result's channels}}
  %0 = phiq.conv_transpose %x, %w {strides = array<i64: 1>, pads = array<i64: 0>, dilations = array<i64: 1>, groups = 2 : i64} : tensor<1x6x2xf32>, tensor<3x2x4xf32> -> tensor<1x8x4xf32>
  return
}

// -----

func.func @resample_c1(%x: tensor<6x2xf32>, %i: tensor<9x2xi32>, %s: tensor<9x2xf32>) {
  // expected-error@below {{does not make 'tensor<9x3xf32>' of 'tensor<6x2xf32>'}}
  %0 = phiq.resample %x, %i, %s {axis = 0 : i64} : (tensor<6x2xf32>, tensor<9x2xi32>, tensor<9x2xf32>) -> tensor<9x3xf32>
  return
}

// -----

func.func @resample_c1_axis(%x: tensor<6x2xf32>, %i: tensor<9x2xi32>, %s: tensor<9x2xf32>) {
  // expected-error@below {{requires f32 and an axis of x with an element}}
  %0 = phiq.resample %x, %i, %s {axis = 2 : i64} : (tensor<6x2xf32>, tensor<9x2xi32>, tensor<9x2xf32>) -> tensor<9x2xf32>
  return
}

// -----

func.func @resample_c2(%x: tensor<6x2xf32>, %i: tensor<9x2xi64>, %s: tensor<9x2xf32>) {
  // expected-error@below {{requires i32 indices and f32 weights [9, T]}}
  %0 = phiq.resample %x, %i, %s {axis = 0 : i64} : (tensor<6x2xf32>, tensor<9x2xi64>, tensor<9x2xf32>) -> tensor<9x2xf32>
  return
}
