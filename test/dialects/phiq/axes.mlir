// Ops along axes print and parse; each rule of their verifiers.
// RUN: phic-opt %s -split-input-file -verify-diagnostics | FileCheck %s

// CHECK-LABEL: @axes
func.func @axes(%x: tensor<2x3x4xf32>, %q: tensor<2x3xui8>, %s: tensor<4xf32>) {
  // CHECK-NEXT: phiq.reduce mean %{{.*}} over [0, 2] : tensor<2x3x4xf32> -> tensor<3xf32>
  %0 = phiq.reduce mean %x over [0, 2] : tensor<2x3x4xf32> -> tensor<3xf32>
  // CHECK-NEXT: phiq.reduce max %{{.*}} over [1] : tensor<2x3xui8> -> tensor<2xui8>
  %1 = phiq.reduce max %q over [1] : tensor<2x3xui8> -> tensor<2xui8>
  // CHECK-NEXT: phiq.arg min %{{.*}} over 1 last : tensor<2x3x4xf32> -> tensor<2x4xi64>
  %2 = phiq.arg min %x over 1 last : tensor<2x3x4xf32> -> tensor<2x4xi64>
  // CHECK-NEXT: phiq.softmax %{{.*}} : tensor<2x3x4xf32> -> tensor<2x3x4xf32>
  %3 = phiq.softmax %x : tensor<2x3x4xf32> -> tensor<2x3x4xf32>
  // CHECK-NEXT: phiq.softmax log %{{.*}} : tensor<2x3x4xf32> -> tensor<2x3x4xf32>
  %4 = phiq.softmax log %x : tensor<2x3x4xf32> -> tensor<2x3x4xf32>
  // CHECK-NEXT: phiq.normalize %{{.*}}, %{{.*}}, %{{.*}} {epsilon = 1.000000e+00 : f32} : (tensor<2x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  %5 = phiq.normalize %x, %s, %s {epsilon = 1.0 : f32} : (tensor<2x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

func.func @reduce_c1(%x: tensor<2x3xf32>) {
  // expected-error@below {{requires axes of x that ascend}}
  %0 = phiq.reduce sum %x over [1, 0] : tensor<2x3xf32> -> tensor<f32>
  return
}

// -----

func.func @reduce_c1_range(%x: tensor<2x3xf32>) {
  // expected-error@below {{requires axes of x that ascend}}
  %0 = phiq.reduce sum %x over [2] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @reduce_c2(%x: tensor<2x3xf32>) {
  // expected-error@below {{does not make 'tensor<3xf32>' of 'tensor<2x3xf32>'}}
  %0 = phiq.reduce sum %x over [1] : tensor<2x3xf32> -> tensor<3xf32>
  return
}

// -----

func.func @reduce_c3(%x: tensor<2x3xi32>) {
  // expected-error@below {{takes the mean of f32 only}}
  %0 = phiq.reduce mean %x over [1] : tensor<2x3xi32> -> tensor<2xi32>
  return
}

// -----

func.func @reduce_static(%x: tensor<?x3xi32>) {
  // expected-error@below {{requires tensors of static shape, found 'tensor<?x3xi32>'}}
  %0 = phiq.reduce sum %x over [1] : tensor<?x3xi32> -> tensor<?xi32>
  return
}

// -----

func.func @arg_c1(%x: tensor<2x0xf32>) {
  // expected-error@below {{requires an axis of x with an element}}
  %0 = phiq.arg max %x over 1 : tensor<2x0xf32> -> tensor<2xi64>
  return
}

// -----

func.func @arg_c2(%x: tensor<2x3xf32>) {
  // expected-error@below {{does not make 'tensor<2xi32>' of 'tensor<2x3xf32>'}}
  %0 = phiq.arg max %x over 1 : tensor<2x3xf32> -> tensor<2xi32>
  return
}

// -----

func.func @arg_c3(%x: tensor<2x3xf32>) {
  // expected-error@below {{requires the kind max or min}}
  %0 = phiq.arg sum %x over 1 : tensor<2x3xf32> -> tensor<2xi64>
  return
}

// -----

func.func @softmax_c1(%x: tensor<f32>) {
  // expected-error@below {{requires x and result of one shape of f32, of rank 1 or more}}
  %0 = phiq.softmax %x : tensor<f32> -> tensor<f32>
  return
}

// -----

func.func @normalize_c1(%x: tensor<2x3xf32>, %s: tensor<3xf32>) {
  // expected-error@below {{requires x and result of one shape of f32, of rank 1 or more}}
  %0 = phiq.normalize %x, %s, %s {epsilon = 1.0 : f32} : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @normalize_c2(%x: tensor<2x3xf32>, %s: tensor<2xf32>) {
  // expected-error@below {{requires scale and bias 'tensor<3xf32>'}}
  %0 = phiq.normalize %x, %s, %s {epsilon = 1.0 : f32} : (tensor<2x3xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}
