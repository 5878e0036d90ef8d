// RUN: phic-opt %s -phic-fold-dequantized-factors -split-input-file | FileCheck %s

// Codes of both: sums of integers, dequantized by the product of the scales. x's codes are moved as x was; zero points that
// are 0 are none.
// CHECK-LABEL: @codes
func.func @codes(%q: tensor<1x8x5x6xui8>, %c: tensor<4x3x3x8xi8>) -> tensor<1x3x4x4xf32> {
  // CHECK-DAG: %[[Z:.*]] = phiq.constant dense<128> : tensor<ui8>
  // CHECK-DAG: %[[P:.*]] = phiq.permute %{{.*}} : tensor<1x8x5x6xui8> -> tensor<1x5x6x8xui8>
  // CHECK: %[[I:.*]] = phiq.contract %[[P]], %{{.*}} zero %[[Z]] {{{.*}}kernel = array<i64: 3, 3>{{.*}}} : (tensor<1x5x6x8xui8>, tensor<4x3x3x8xi8>, tensor<ui8>) -> tensor<1x3x4x4xi32>
  // CHECK-DAG: %[[S:.*]] = phiq.constant dense<[5.000000e-01, 1.000000e+00, 1.500000e+00, 2.000000e+00]> : tensor<4xf32>
  // CHECK-DAG: %[[N:.*]] = phiq.constant dense<0> : tensor<i32>
  // CHECK: phiq.map dequantize %[[I]], %[[S]], %[[N]]
  %s = phiq.constant dense<0.5> : tensor<f32>
  %z = phiq.constant dense<128> : tensor<ui8>
  %x = phiq.map dequantize %q, %s, %z : (tensor<1x8x5x6xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x8x5x6xf32>
  %p = phiq.permute %x {order = array<i64: 0, 2, 3, 1>} : tensor<1x8x5x6xf32> -> tensor<1x5x6x8xf32>
  %t = phiq.constant dense<[[[[1.0]]], [[[2.0]]], [[[3.0]]], [[[4.0]]]]> : tensor<4x1x1x1xf32>
  %y = phiq.constant dense<0> : tensor<i8>
  %w = phiq.map dequantize %c, %t, %y : (tensor<4x3x3x8xi8>, tensor<4x1x1x1xf32>, tensor<i8>) -> tensor<4x3x3x8xf32>
  %r = phiq.contract %p, %w {kernel = array<i64: 3, 3>, strides = array<i64: 2, 1>, pads = array<i64: 1, 0, 1, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x5x6x8xf32>, tensor<4x3x3x8xf32>) -> tensor<1x3x4x4xf32>
  return %r : tensor<1x3x4x4xf32>
}

// -----

// A group of x's channels.
// CHECK-LABEL: @sliced
func.func @sliced(%q: tensor<3x8xui8>, %c: tensor<2x4xi8>, %s: tensor<f32>, %z: tensor<ui8>, %y: tensor<i8>) -> tensor<3x2xf32> {
  // CHECK: %[[P:.*]] = phiq.slice %{{.*}} : tensor<3x8xui8> -> tensor<3x4xui8>
  // CHECK: phiq.contract %[[P]], %{{.*}} -> tensor<3x2xi32>
  %x = phiq.map dequantize %q, %s, %z : (tensor<3x8xui8>, tensor<f32>, tensor<ui8>) -> tensor<3x8xf32>
  %p = phiq.slice %x {starts = array<i64: 0, 4>, steps = array<i64: 1, 1>} : tensor<3x8xf32> -> tensor<3x4xf32>
  %w = phiq.map dequantize %c, %s, %y : (tensor<2x4xi8>, tensor<f32>, tensor<i8>) -> tensor<2x4xf32>
  %r = phiq.contract %p, %w : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// -----

// Queries times keys of attention: both are made when the program runs, and moved.
// CHECK-LABEL: @attention
func.func @attention(%q: tensor<5x6xui8>, %k: tensor<1x7x2x3xi8>, %s: tensor<f32>, %z: tensor<ui8>, %t: tensor<f32>) -> tensor<1x2x5x7xf32> {
  // CHECK-DAG: %[[Y:.*]] = phiq.constant dense<-3> : tensor<i8>
  // CHECK-DAG: %[[R:.*]] = phiq.reshape %{{.*}} : tensor<5x6xui8> -> tensor<1x5x2x3xui8>
  // CHECK-DAG: %[[Q:.*]] = phiq.permute %[[R]] {{.*}} : tensor<1x5x2x3xui8> -> tensor<1x2x5x3xui8>
  // CHECK-DAG: %[[K:.*]] = phiq.permute %{{.*}} : tensor<1x7x2x3xi8> -> tensor<1x2x7x3xi8>
  // CHECK: %[[I:.*]] = phiq.contract %[[Q]], %[[K]] zero %{{.*}} weight_zero %[[Y]] {batched} : (tensor<1x2x5x3xui8>, tensor<1x2x7x3xi8>, tensor<ui8>, tensor<i8>) -> tensor<1x2x5x7xi32>
  // CHECK: %[[S:.*]] = phiq.map mul %{{.*}}, %{{.*}} : (tensor<f32>, tensor<f32>) -> tensor<f32>
  // CHECK: phiq.map dequantize %[[I]], %[[S]], %{{.*}} -> tensor<1x2x5x7xf32>
  // CHECK-NOT: phiq.contract
  %y = phiq.constant dense<-3> : tensor<i8>
  %x = phiq.map dequantize %q, %s, %z : (tensor<5x6xui8>, tensor<f32>, tensor<ui8>) -> tensor<5x6xf32>
  %r = phiq.reshape %x : tensor<5x6xf32> -> tensor<1x5x2x3xf32>
  %p = phiq.permute %r {order = array<i64: 0, 2, 1, 3>} : tensor<1x5x2x3xf32> -> tensor<1x2x5x3xf32>
  %w = phiq.map dequantize %k, %t, %y : (tensor<1x7x2x3xi8>, tensor<f32>, tensor<i8>) -> tensor<1x7x2x3xf32>
  %v = phiq.permute %w {order = array<i64: 0, 2, 1, 3>} : tensor<1x7x2x3xf32> -> tensor<1x2x7x3xf32>
  %c = phiq.contract %p, %v {batched} : (tensor<1x2x5x3xf32>, tensor<1x2x7x3xf32>) -> tensor<1x2x5x7xf32>
  return %c : tensor<1x2x5x7xf32>
}

// -----

// Floats times codes.
// CHECK-LABEL: @floats
func.func @floats(%x: tensor<3x8xf32>, %s: tensor<f32>, %z: tensor<4x1xui8>) -> tensor<3x4xf32> {
  %c = phiq.weight "c" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 32, hash = 0x1>] : tensor<4x8xui8>
  // CHECK: %[[Z:.*]] = phiq.reshape %{{.*}} : tensor<4x1xui8> -> tensor<4xui8>
  // CHECK: %[[Y:.*]] = phiq.contract %{{.*}}, %{{.*}} weight_zero %[[Z]] : (tensor<3x8xf32>, tensor<4x8xui8>, tensor<4xui8>) -> tensor<3x4xf32>
  // CHECK-NEXT: phiq.map mul %[[Y]], %{{.*}}
  %w = phiq.map dequantize %c, %s, %z : (tensor<4x8xui8>, tensor<f32>, tensor<4x1xui8>) -> tensor<4x8xf32>
  %r = phiq.contract %x, %w : (tensor<3x8xf32>, tensor<4x8xf32>) -> tensor<3x4xf32>
  return %r : tensor<3x4xf32>
}

// -----

// Floats times codes that are moved first stay floats.
// CHECK-LABEL: @floats_by_moved
func.func @floats_by_moved(%x: tensor<3x8xf32>, %c: tensor<8x4xui8>, %s: tensor<f32>, %z: tensor<ui8>) -> tensor<3x4xf32> {
  // CHECK: phiq.contract %{{.*}} : (tensor<3x8xf32>, tensor<4x8xf32>) -> tensor<3x4xf32>
  %w = phiq.map dequantize %c, %s, %z : (tensor<8x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<8x4xf32>
  %p = phiq.permute %w {order = array<i64: 1, 0>} : tensor<8x4xf32> -> tensor<4x8xf32>
  %r = phiq.contract %x, %p : (tensor<3x8xf32>, tensor<4x8xf32>) -> tensor<3x4xf32>
  return %r : tensor<3x4xf32>
}

// -----

// Scales along K stay where they are, and so does a contraction of rows so long that a sum could pass 32 bits.
// CHECK-LABEL: @declined
func.func @declined(%x: tensor<3x8xf32>, %c: tensor<4x8xui8>, %s: tensor<8xf32>, %z: tensor<ui8>, %q: tensor<1x33026xui8>, %t: tensor<f32>, %y: tensor<i8>) -> (tensor<3x4xf32>, tensor<1x2xf32>) {
  %d = phiq.weight "d" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 66052, hash = 0x1>] : tensor<2x33026xi8>
  // CHECK: phiq.contract %{{.*}} : (tensor<3x8xf32>, tensor<4x8xf32>) -> tensor<3x4xf32>
  // CHECK: phiq.contract %{{.*}} : (tensor<1x33026xf32>, tensor<2x33026xi8>, tensor<i8>) -> tensor<1x2xf32>
  %w = phiq.map dequantize %c, %s, %z : (tensor<4x8xui8>, tensor<8xf32>, tensor<ui8>) -> tensor<4x8xf32>
  %r = phiq.contract %x, %w : (tensor<3x8xf32>, tensor<4x8xf32>) -> tensor<3x4xf32>
  %l = phiq.map dequantize %q, %t, %z : (tensor<1x33026xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x33026xf32>
  %v = phiq.map dequantize %d, %t, %y : (tensor<2x33026xi8>, tensor<f32>, tensor<i8>) -> tensor<2x33026xf32>
  %m = phiq.contract %l, %v : (tensor<1x33026xf32>, tensor<2x33026xf32>) -> tensor<1x2xf32>
  return %r, %m : tensor<3x4xf32>, tensor<1x2xf32>
}

// -----

// A convolution of each channel by itself: scales and zero points of the weight are one a channel.
// CHECK-LABEL: @channels
func.func @channels(%q: tensor<1x2x5x6xi8>, %s: tensor<f32>, %z: tensor<i8>) -> tensor<1x5x6x2xf32> {
  %c = phiq.constant dense<[[[1, -2]], [[3, 4]]]> : tensor<2x1x2xi8>
  // CHECK-DAG: %[[C:.*]] = phiq.constant {{.*}} : tensor<2x1x2xi8>
  // CHECK-DAG: %[[Y:.*]] = phiq.constant dense<[5, 6]> : tensor<2xi8>
  // CHECK-DAG: %[[T:.*]] = phiq.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
  // CHECK-DAG: %[[P:.*]] = phiq.permute %{{.*}} : tensor<1x2x5x6xi8> -> tensor<1x5x6x2xi8>
  // CHECK: %[[I:.*]] = phiq.depthwise %[[P]], %[[C]] x_zero %{{.*}} : tensor<i8> w_zero %[[Y]] : tensor<2xi8> {{{.*}}pads = array<i64: 1, 0, 0, 0>{{.*}}} : tensor<1x5x6x2xi8>, tensor<2x1x2xi8> -> tensor<1x5x6x2xi32>
  // CHECK: %[[S:.*]] = phiq.map mul %{{.*}}, %[[T]]
  // CHECK: phiq.map dequantize %[[I]], %[[S]], %{{.*}}
  %x = phiq.map dequantize %q, %s, %z : (tensor<1x2x5x6xi8>, tensor<f32>, tensor<i8>) -> tensor<1x2x5x6xf32>
  %p = phiq.permute %x {order = array<i64: 0, 2, 3, 1>} : tensor<1x2x5x6xf32> -> tensor<1x5x6x2xf32>
  %t = phiq.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = phiq.constant dense<[5, 6]> : tensor<2xi8>
  %w = phiq.map dequantize %c, %t, %y : (tensor<2x1x2xi8>, tensor<2xf32>, tensor<2xi8>) -> tensor<2x1x2xf32>
  %r = phiq.depthwise %p, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 0, 0, 0>, dilations = array<i64: 1, 1>}
      : tensor<1x5x6x2xf32>, tensor<2x1x2xf32> -> tensor<1x5x6x2xf32>
  return %r : tensor<1x5x6x2xf32>
}

// -----

// Beside floats its weight is floats.
// CHECK-LABEL: @channels_of_floats
func.func @channels_of_floats(%x: tensor<1x5x2xf32>) -> tensor<1x4x2xf32> {
  // CHECK: %[[W:.*]] = phiq.constant dense<{{\[\[}}-4.000000e+00, -1.600000e+01], [-2.000000e+00, -4.000000e+00]]> : tensor<2x2xf32>
  // CHECK: phiq.depthwise %{{.*}}, %[[W]] {{{.*}}} : tensor<1x5x2xf32>, tensor<2x2xf32> -> tensor<1x4x2xf32>
  %c = phiq.constant dense<[[1, -2], [3, 4]]> : tensor<2x2xi8>
  %t = phiq.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = phiq.constant dense<[5, 6]> : tensor<2xi8>
  %w = phiq.map dequantize %c, %t, %y : (tensor<2x2xi8>, tensor<2xf32>, tensor<2xi8>) -> tensor<2x2xf32>
  %r = phiq.depthwise %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : tensor<1x5x2xf32>, tensor<2x2xf32> -> tensor<1x4x2xf32>
  return %r : tensor<1x4x2xf32>
}
