// RUN: phic-opt %s --split-input-file --phic-sink-permutes | FileCheck %s

// Two convolutions with a map and a bias between them: the permutes meet, and the bias is a vector of channels.
// CHECK-LABEL: func.func @model
// CHECK: %[[B:.*]] = phiq.constant dense<[{{\[\[\[}}1.000000e+00, 2.000000e+00{{\]\]\]}}]> : tensor<1x1x1x2xf32>
// CHECK: %[[S:.*]] = phiq.map add %arg0, %[[B]] : (tensor<1x3x4x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x3x4x2xf32>
// CHECK: %[[R:.*]] = phiq.map relu %[[S]]
// CHECK: return %[[R]]
func.func @model(%x: tensor<1x3x4x2xf32>) -> tensor<1x3x4x2xf32> {
  %b = phiq.constant dense<[[[1.0]], [[2.0]]]> : tensor<2x1x1xf32>
  %p = phiq.permute %x {order = array<i64: 0, 3, 1, 2>} : tensor<1x3x4x2xf32> -> tensor<1x2x3x4xf32>
  %s = phiq.map add %p, %b : (tensor<1x2x3x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x3x4xf32>
  %r = phiq.map relu %s : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %q = phiq.permute %r {order = array<i64: 0, 2, 3, 1>} : tensor<1x2x3x4xf32> -> tensor<1x3x4x2xf32>
  return %q : tensor<1x3x4x2xf32>
}

// -----

// A tensor that is not permuted likewise would need a permute of its own: nothing is gained.
// CHECK-LABEL: func.func @model
// CHECK: %[[P:.*]] = phiq.permute %arg0
// CHECK: phiq.map add %[[P]], %arg1
func.func @model(%x: tensor<1x3x4x2xf32>, %y: tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32> {
  %p = phiq.permute %x {order = array<i64: 0, 3, 1, 2>} : tensor<1x3x4x2xf32> -> tensor<1x2x3x4xf32>
  %s = phiq.map add %p, %y : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  return %s : tensor<1x2x3x4xf32>
}

// -----

// What is pooled away leaves axes of size 1, which a gate can come back through for nothing.
// CHECK-LABEL: func.func @model
// CHECK: %[[M:.*]] = phiq.reduce mean %arg0 over [1, 2] : tensor<1x3x4x2xf32> -> tensor<1x2xf32>
// CHECK: %[[G:.*]] = phiq.reshape %[[M]] : tensor<1x2xf32> -> tensor<1x1x1x2xf32>
// CHECK: %[[Y:.*]] = phiq.map mul %arg0, %[[G]]
// CHECK: phiq.permute %[[Y]] {order = array<i64: 0, 3, 1, 2>}
func.func @model(%x: tensor<1x3x4x2xf32>) -> tensor<1x2x3x4xf32> {
  %p = phiq.permute %x {order = array<i64: 0, 3, 1, 2>} : tensor<1x3x4x2xf32> -> tensor<1x2x3x4xf32>
  %m = phiq.reduce mean %p over [2, 3] : tensor<1x2x3x4xf32> -> tensor<1x2xf32>
  %g = phiq.reshape %m : tensor<1x2xf32> -> tensor<1x2x1x1xf32>
  %y = phiq.map mul %p, %g : (tensor<1x2x3x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x3x4xf32>
  return %y : tensor<1x2x3x4xf32>
}

// -----

// Concatenation along channels, and an axis of size 1 that is dropped behind a permute.
// CHECK-LABEL: func.func @model
// CHECK: %[[C:.*]] = phiq.concat %arg0, %arg0 {axis = 3 : i64}
// CHECK: %[[R:.*]] = phiq.reshape %[[C]] : tensor<1x1x4x4xf32> -> tensor<1x4x4xf32>
// CHECK: phiq.permute %[[R]] {order = array<i64: 0, 2, 1>} : tensor<1x4x4xf32> -> tensor<1x4x4xf32>
func.func @model(%x: tensor<1x1x4x2xf32>) -> tensor<1x4x4xf32> {
  %p = phiq.permute %x {order = array<i64: 0, 3, 1, 2>} : tensor<1x1x4x2xf32> -> tensor<1x2x1x4xf32>
  %c = phiq.concat %p, %p {axis = 1 : i64} : (tensor<1x2x1x4xf32>, tensor<1x2x1x4xf32>) -> tensor<1x4x1x4xf32>
  %s = phiq.reshape %c : tensor<1x4x1x4xf32> -> tensor<1x4x4xf32>
  return %s : tensor<1x4x4xf32>
}

// -----

// CHECK-LABEL: func.func @model(%arg0: tensor<1x5x4x2xf32>
// CHECK: %[[P:.*]] = phiq.pad constant %arg0, %{{.*}} {before = array<i64: 0, 1, 0, 0>} : (tensor<1x5x4x2xf32>, tensor<f32>) -> tensor<1x7x4x2xf32>
// CHECK: phiq.permute %[[P]] {order = array<i64: 0, 3, 1, 2>} : tensor<1x7x4x2xf32> -> tensor<1x2x7x4xf32>
func.func @model(%x: tensor<1x5x4x2xf32>) -> tensor<1x2x7x4xf32> {
  %zero = phiq.constant dense<0.0> : tensor<f32>
  %p = phiq.permute %x {order = array<i64: 0, 3, 1, 2>} : tensor<1x5x4x2xf32> -> tensor<1x2x5x4xf32>
  %q = phiq.pad constant %p, %zero {before = array<i64: 0, 0, 1, 0>} : (tensor<1x2x5x4xf32>, tensor<f32>) -> tensor<1x2x7x4xf32>
  return %q : tensor<1x2x7x4xf32>
}

// -----

// A map of a contraction is computed with it, whatever shape the graph gives the result: one number, a tensor that is reshaped
// likewise, one along the last axis.
// CHECK-LABEL: func.func @model
// CHECK: %[[Y:.*]] = phiq.contract %arg0
// CHECK: %[[S:.*]] = phiq.map mul %[[Y]], %{{.*}} : (tensor<6x4xf32>, tensor<f32>) -> tensor<6x4xf32>
// CHECK: %[[B:.*]] = phiq.map add %[[S]], %{{.*}} : (tensor<6x4xf32>, tensor<4xf32>) -> tensor<6x4xf32>
// CHECK: %[[Z:.*]] = phiq.reshape %arg2 : tensor<2x3x4xf32> -> tensor<6x4xf32>
// CHECK: %[[R:.*]] = phiq.map add %[[B]], %[[Z]]
// CHECK: phiq.reshape %[[R]] : tensor<6x4xf32> -> tensor<2x3x4xf32>
func.func @model(%x: tensor<6x5xf32>, %w: tensor<4x5xf32>, %z: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %two = phiq.constant dense<2.0> : tensor<1x1x1xf32>
  %bias = phiq.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %y = phiq.contract %x, %w : (tensor<6x5xf32>, tensor<4x5xf32>) -> tensor<6x4xf32>
  %r = phiq.reshape %y : tensor<6x4xf32> -> tensor<2x3x4xf32>
  %s = phiq.map mul %r, %two : (tensor<2x3x4xf32>, tensor<1x1x1xf32>) -> tensor<2x3x4xf32>
  %b = phiq.map add %s, %bias : (tensor<2x3x4xf32>, tensor<1x4xf32>) -> tensor<2x3x4xf32>
  %a = phiq.map add %b, %z : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %a : tensor<2x3x4xf32>
}

// -----

// Columns that become pixels: a number a channel is repeated for each of them.
// CHECK-LABEL: func.func @model
// CHECK-DAG: %[[BIAS:.*]] = phiq.constant dense<[1.000000e+00, 2.000000e+00, 1.000000e+00, 2.000000e+00, 1.000000e+00, 2.000000e+00]> : tensor<6xf32>
// CHECK-DAG: %[[Y:.*]] = phiq.contract %arg0
// CHECK: %[[B:.*]] = phiq.map add %[[Y]], %[[BIAS]]
// CHECK: phiq.reshape %[[B]]
// CHECK: phiq.permute
func.func @model(%x: tensor<4x5xf32>, %w: tensor<6x5xf32>) -> tensor<3x4x2xf32> {
  %bias = phiq.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = phiq.contract %x, %w : (tensor<4x5xf32>, tensor<6x5xf32>) -> tensor<4x6xf32>
  %r = phiq.reshape %y : tensor<4x6xf32> -> tensor<4x3x2xf32>
  %p = phiq.permute %r {order = array<i64: 1, 0, 2>} : tensor<4x3x2xf32> -> tensor<3x4x2xf32>
  %b = phiq.map add %p, %bias : (tensor<3x4x2xf32>, tensor<2xf32>) -> tensor<3x4x2xf32>
  return %b : tensor<3x4x2xf32>
}

// -----

// Neither of two that maps join gives way: both would, again and again.
// CHECK-LABEL: func.func @model
// CHECK: %[[N:.*]] = phiq.map neg %arg1
// CHECK: phiq.map add %{{.*}}, %[[N]] : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
func.func @model(%x: tensor<6x4xf32>, %z: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %y = phiq.map neg %x : (tensor<6x4xf32>) -> tensor<6x4xf32>
  %n = phiq.map neg %z : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %r = phiq.reshape %y : tensor<6x4xf32> -> tensor<2x3x4xf32>
  %a = phiq.map add %r, %n : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %a : tensor<2x3x4xf32>
}
