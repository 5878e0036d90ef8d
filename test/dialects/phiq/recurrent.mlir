// The LSTM prints and parses; each rule of its verifier.
// RUN: phic-opt %s -split-input-file -verify-diagnostics | FileCheck %s

// CHECK-LABEL: @lstm
func.func @lstm(%g: tensor<7x2x12xf32>, %r: tensor<12x3xf32>, %s: tensor<2x3xf32>, %p: tensor<9xf32>) {
  // CHECK-NEXT: phiq.lstm %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : (tensor<7x2x12xf32>, tensor<12x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<7x2x2x3xf32>
  %0 = phiq.lstm %g, %r, %s, %s : (tensor<7x2x12xf32>, tensor<12x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<7x2x2x3xf32>
  // CHECK-NEXT: phiq.lstm %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} peepholes %{{.*}} {clip = 2.000000e+00 : f32, input_forget, reverse} : (tensor<7x2x12xf32>, tensor<12x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<9xf32>) -> tensor<7x2x2x3xf32>
  %1 = phiq.lstm %g, %r, %s, %s peepholes %p {clip = 2.0 : f32, input_forget, reverse} : (tensor<7x2x12xf32>, tensor<12x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<9xf32>) -> tensor<7x2x2x3xf32>
  return
}

// CHECK-LABEL: @codes
func.func @codes(%g: tensor<7x2x12xf32>, %r: tensor<12x3xui8>, %s: tensor<2x3xf32>, %f: tensor<12xf32>) {
  // CHECK-NEXT: phiq.lstm %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} scales %{{.*}} {zero = 128 : i64} : (tensor<7x2x12xf32>, tensor<12x3xui8>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<12xf32>) -> tensor<7x2x2x3xf32>
  %0 = phiq.lstm %g, %r, %s, %s scales %f {zero = 128 : i64} : (tensor<7x2x12xf32>, tensor<12x3xui8>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<12xf32>) -> tensor<7x2x2x3xf32>
  return
}

// -----

func.func @lstm_c1(%g: tensor<7x2x13xf32>, %r: tensor<12x3xf32>, %s: tensor<2x3xf32>) {
  // expected-error@below {{requires gates [T, B, 4H] and states [B, H], each at least 1}}
  %0 = phiq.lstm %g, %r, %s, %s : (tensor<7x2x13xf32>, tensor<12x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<7x2x2x3xf32>
  return
}

// -----

func.func @lstm_c1_recurrence(%g: tensor<7x2x12xf32>, %r: tensor<3x12xf32>, %s: tensor<2x3xf32>) {
  // expected-error@below {{requires states f32 [B, H], a recurrence [4H, H], peepholes f32 [3H] and a result f32 [T, 2, B, H]}}
  %0 = phiq.lstm %g, %r, %s, %s : (tensor<7x2x12xf32>, tensor<3x12xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<7x2x2x3xf32>
  return
}

// -----

func.func @lstm_c2(%g: tensor<7x2x12xf32>, %r: tensor<12x3xi8>, %s: tensor<2x3xf32>) {
  // expected-error@below {{requires a recurrence of f32, or of 8-bit codes with scales f32 [4H]}}
  %0 = phiq.lstm %g, %r, %s, %s : (tensor<7x2x12xf32>, tensor<12x3xi8>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<7x2x2x3xf32>
  return
}

// -----

func.func @lstm_c3(%g: tensor<7x2x12xf32>, %r: tensor<12x3xf32>, %s: tensor<2x3xf32>) {
  // expected-error@below {{requires a positive clip}}
  %0 = phiq.lstm %g, %r, %s, %s {clip = 0.0 : f32} : (tensor<7x2x12xf32>, tensor<12x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<7x2x2x3xf32>
  return
}
