// RUN: phic-opt %s --split-input-file --phic-tabulate-codes | FileCheck %s

// A sigmoid of codes with a scale of 1, in 255ths: of -8 and what follows.
// CHECK-LABEL: func.func @model
// CHECK-SAME: %[[Q:.*]]: tensor<2x3xi4>
// CHECK: %[[T:.*]] = phiq.constant dense<[0, 0, 1, 2, 5, 12, 30, 69, 127, 186, 225, 243, 250, 253, 254, 255]> : tensor<16xi32>
// CHECK: %[[R:.*]] = phiq.map lookup %[[Q]], %[[T]] : (tensor<2x3xi4>, tensor<16xi32>) -> tensor<2x3xui8>
// CHECK-NOT: sigmoid
// CHECK: return %[[R]]
func.func @model(%q: tensor<2x3xi4>) -> tensor<2x3xui8> {
  %one = phiq.constant dense<1.0> : tensor<f32>
  %none = phiq.constant dense<0> : tensor<i4>
  %step = phiq.constant dense<0.00392156886> : tensor<1x1xf32>
  %zero = phiq.constant dense<0> : tensor<ui8>
  %f = phiq.map dequantize %q, %one, %none : (tensor<2x3xi4>, tensor<f32>, tensor<i4>) -> tensor<2x3xf32>
  %s = phiq.map sigmoid %f : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %r = phiq.map quantize %s, %step, %zero : (tensor<2x3xf32>, tensor<1x1xf32>, tensor<ui8>) -> tensor<2x3xui8>
  return %r : tensor<2x3xui8>
}

// -----

// Codes between are looked up in the first ones, not in each other; floats that a convolution reads are dequantized behind.
// CHECK-LABEL: func.func @model
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>
// CHECK: %[[Q:.*]] = phiq.map quantize %[[X]]
// CHECK: %[[C:.*]] = phiq.map lookup %[[Q]]
// CHECK: %[[F:.*]] = phiq.map dequantize %[[C]]
// CHECK-NOT: phiq.map
// CHECK: return %[[F]]
func.func @model(%x: tensor<4xf32>) -> tensor<4xf32> {
  %s = phiq.constant dense<0.5> : tensor<f32>
  %z = phiq.constant dense<3> : tensor<ui8>
  %q = phiq.map quantize %x, %s, %z : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  %f = phiq.map dequantize %q, %s, %z : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
  %a = phiq.map mul %f, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %b = phiq.map quantize %a, %s, %z : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  %c = phiq.map dequantize %b, %s, %z : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
  %d = phiq.map mul %c, %f : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %e = phiq.map quantize %d, %s, %z : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  %g = phiq.map dequantize %e, %s, %z : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
  return %g : tensor<4xf32>
}

// -----

// What is made of two tensors of codes is not, nor what is soon made.
// CHECK-LABEL: func.func @model
// CHECK-NOT: lookup
// CHECK: return
func.func @model(%p: tensor<4xui8>, %q: tensor<4xui8>) -> (tensor<4xui8>, tensor<4xf32>) {
  %s = phiq.constant dense<0.5> : tensor<f32>
  %z = phiq.constant dense<3> : tensor<ui8>
  %a = phiq.map dequantize %p, %s, %z : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
  %b = phiq.map dequantize %q, %s, %z : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
  %c = phiq.map mul %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %d = phiq.map sigmoid %c : (tensor<4xf32>) -> tensor<4xf32>
  %e = phiq.map quantize %d, %s, %z : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  %f = phiq.map relu %a : (tensor<4xf32>) -> tensor<4xf32>
  return %e, %f : tensor<4xui8>, tensor<4xf32>
}
