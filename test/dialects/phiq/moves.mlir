// Moves print and parse; each rule of their verifiers.
// RUN: phic-opt %s -split-input-file -verify-diagnostics | FileCheck %s

// CHECK-LABEL: @moves
func.func @moves(%x: tensor<2x3x4xf32>, %i: tensor<5xi64>, %e: tensor<1x3x4xi32>, %n: tensor<2x7x1xi64>, %u: tensor<2x7x3x4xf32>) {
  // CHECK-NEXT: phiq.permute %{{.*}} {order = array<i64: 2, 0, 1>} : tensor<2x3x4xf32> -> tensor<4x2x3xf32>
  %0 = phiq.permute %x {order = array<i64: 2, 0, 1>} : tensor<2x3x4xf32> -> tensor<4x2x3xf32>
  // CHECK-NEXT: phiq.slice %{{.*}} {starts = array<i64: 0, 2, 3>, steps = array<i64: 1, -2, -1>} : tensor<2x3x4xf32> -> tensor<2x2x4xf32>
  %1 = phiq.slice %x {starts = array<i64: 0, 2, 3>, steps = array<i64: 1, -2, -1>} : tensor<2x3x4xf32> -> tensor<2x2x4xf32>
  // CHECK-NEXT: phiq.concat %{{.*}}, %{{.*}} {axis = 1 : i64} : (tensor<2x3x4xf32>, tensor<2x2x4xf32>) -> tensor<2x5x4xf32>
  %2 = phiq.concat %x, %1 {axis = 1 : i64} : (tensor<2x3x4xf32>, tensor<2x2x4xf32>) -> tensor<2x5x4xf32>
  // CHECK-NEXT: phiq.broadcast %{{.*}} : tensor<2x3x4xf32> -> tensor<6x2x3x4xf32>
  %3 = phiq.broadcast %x : tensor<2x3x4xf32> -> tensor<6x2x3x4xf32>
  // CHECK-NEXT: phiq.pad reflect %{{.*}} {before = array<i64: 0, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<2x5x5xf32>
  %4 = phiq.pad reflect %x {before = array<i64: 0, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<2x5x5xf32>
  %v = phiq.constant dense<0.0> : tensor<f32>
  // CHECK: phiq.pad constant %{{.*}}, %{{.*}} {before = array<i64: 0, 2, 0>} : (tensor<2x3x4xf32>, tensor<f32>) -> tensor<2x5x5xf32>
  %5 = phiq.pad constant %x, %v {before = array<i64: 0, 2, 0>} : (tensor<2x3x4xf32>, tensor<f32>) -> tensor<2x5x5xf32>
  // CHECK-NEXT: phiq.gather %{{.*}}, %{{.*}} {axis = 1 : i64} : (tensor<2x3x4xf32>, tensor<5xi64>) -> tensor<2x5x4xf32>
  %6 = phiq.gather %x, %i {axis = 1 : i64} : (tensor<2x3x4xf32>, tensor<5xi64>) -> tensor<2x5x4xf32>
  // CHECK-NEXT: phiq.gather_elements %{{.*}}, %{{.*}} {axis = 0 : i64} : (tensor<2x3x4xf32>, tensor<1x3x4xi32>) -> tensor<1x3x4xf32>
  %7 = phiq.gather_elements %x, %e {axis = 0 : i64} : (tensor<2x3x4xf32>, tensor<1x3x4xi32>) -> tensor<1x3x4xf32>
  // CHECK-NEXT: phiq.gather_nd %{{.*}}, %{{.*}} {batch_dims = 1 : i64} : (tensor<2x3x4xf32>, tensor<2x7x1xi64>) -> tensor<2x7x4xf32>
  %8 = phiq.gather_nd %x, %n {batch_dims = 1 : i64} : (tensor<2x3x4xf32>, tensor<2x7x1xi64>) -> tensor<2x7x4xf32>
  // CHECK-NEXT: phiq.scatter_nd %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x3x4xf32>, tensor<2x7x1xi64>, tensor<2x7x3x4xf32>) -> tensor<2x3x4xf32>
  %9 = phiq.scatter_nd %x, %n, %u : (tensor<2x3x4xf32>, tensor<2x7x1xi64>, tensor<2x7x3x4xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

func.func @element_type(%x: tensor<2x3xf32>) {
  // expected-error@below {{cannot make 'tensor<3x2xi8>' of 'tensor<2x3xf32>'}}
  %0 = phiq.permute %x {order = array<i64: 1, 0>} : tensor<2x3xf32> -> tensor<3x2xi8>
  return
}

// -----

func.func @permute_c1(%x: tensor<2x2xf32>) {
  // expected-error@below {{requires each of 2 axes once}}
  %0 = phiq.permute %x {order = array<i64: 1, 1>} : tensor<2x2xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @permute_c2(%x: tensor<2x3xf32>) {
  // expected-error@below {{does not make 'tensor<2x3xf32>' of 'tensor<2x3xf32>'}}
  %0 = phiq.permute %x {order = array<i64: 1, 0>} : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @slice_c1(%x: tensor<2x3xf32>) {
  // expected-error@below {{requires a start and a step for each of 2 axes}}
  %0 = phiq.slice %x {starts = array<i64: 1>, steps = array<i64: 1, 1>} : tensor<2x3xf32> -> tensor<1x3xf32>
  return
}

// -----

func.func @slice_c2(%x: tensor<2x3xf32>) {
  // expected-error@below {{leaves x along axis 1}}
  %0 = phiq.slice %x {starts = array<i64: 1, 1>, steps = array<i64: 1, -1>} : tensor<2x3xf32> -> tensor<1x3xf32>
  return
}

// -----

func.func @slice_of_nothing(%x: tensor<2x0xf32>) {
  %0 = phiq.slice %x {starts = array<i64: 1, 7>, steps = array<i64: 1, -1>} : tensor<2x0xf32> -> tensor<1x0xf32>
  return
}

// -----

func.func @concat_c1() {
  // expected-error@below {{requires an operand}}
  %0 = phiq.concat {axis = 0 : i64} : () -> tensor<0xf32>
  return
}

// -----

func.func @concat_c1_shape(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) {
  // expected-error@below {{cannot put 'tensor<2x4xf32>' into 'tensor<4x3xf32>'}}
  %0 = phiq.concat %x, %y {axis = 0 : i64} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @concat_c1_axis(%x: tensor<2x3xf32>) {
  // expected-error@below {{requires an axis below 2, found 2}}
  %0 = phiq.concat %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @concat_c2(%x: tensor<2x3xf32>) {
  // expected-error@below {{has 5 along axis 0 of 4}}
  %0 = phiq.concat %x, %x {axis = 0 : i64} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<5x3xf32>
  return
}

// -----

func.func @broadcast_c1(%x: tensor<2x3xf32>) {
  // expected-error@below {{cannot broadcast 'tensor<2x3xf32>' to 'tensor<3x2xf32>'}}
  %0 = phiq.broadcast %x : tensor<2x3xf32> -> tensor<3x2xf32>
  return
}

// -----

func.func @pad_c1(%x: tensor<2x3xf32>) {
  // expected-error@below {{requires what is before each of 2 axes}}
  %0 = phiq.pad edge %x {before = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @pad_c1_room(%x: tensor<2x3xf32>) {
  // expected-error@below {{has no room for x along axis 1}}
  %0 = phiq.pad edge %x {before = array<i64: 0, 2>} : (tensor<2x3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @pad_c2(%x: tensor<2x3xf32>) {
  // expected-error@below {{requires a value of x's type and of rank 0 where it is constant, else none}}
  %0 = phiq.pad constant %x {before = array<i64: 0, 1>} : (tensor<2x3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @pad_c3(%x: tensor<2x0xf32>) {
  // expected-error@below {{has no element to repeat along axis 1}}
  %0 = phiq.pad edge %x {before = array<i64: 0, 1>} : (tensor<2x0xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @gather_c1(%x: tensor<2x0xf32>, %i: tensor<5xi64>) {
  // expected-error@below {{has nothing to choose from along axis 1}}
  %0 = phiq.gather %x, %i {axis = 1 : i64} : (tensor<2x0xf32>, tensor<5xi64>) -> tensor<2x5xf32>
  return
}

// -----

func.func @gather_c2(%x: tensor<2x3xf32>, %i: tensor<5xi64>) {
  // expected-error@below {{does not make 'tensor<5x2xf32>' of 'tensor<2x3xf32>' and 'tensor<5xi64>'}}
  %0 = phiq.gather %x, %i {axis = 1 : i64} : (tensor<2x3xf32>, tensor<5xi64>) -> tensor<5x2xf32>
  return
}

// -----

func.func @gather_elements_c1(%x: tensor<2x3xf32>, %i: tensor<2x2xi64>) {
  // expected-error@below {{requires indices of the result's shape, and x of their rank}}
  %0 = phiq.gather_elements %x, %i {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2x2xi64>) -> tensor<2x3xf32>
  return
}

// -----

func.func @gather_elements_c2(%x: tensor<2x3xf32>, %i: tensor<3x2xi64>) {
  // expected-error@below {{has only 2 to choose from along axis 0}}
  %0 = phiq.gather_elements %x, %i {axis = 1 : i64} : (tensor<2x3xf32>, tensor<3x2xi64>) -> tensor<3x2xf32>
  return
}

// -----

func.func @gather_nd_c1(%x: tensor<2x3xf32>, %i: tensor<5x3xi64>) {
  // expected-error@below {{requires indices [batch..., i..., n], n of at most as many as x has axes after the batch's}}
  %0 = phiq.gather_nd %x, %i {batch_dims = 0 : i64} : (tensor<2x3xf32>, tensor<5x3xi64>) -> tensor<5xf32>
  return
}

// -----

func.func @gather_nd_c1_batch(%x: tensor<2x3xf32>, %i: tensor<5x1xi64>) {
  // expected-error@below {{requires x and indices to begin with the same 1 axes}}
  %0 = phiq.gather_nd %x, %i {batch_dims = 1 : i64} : (tensor<2x3xf32>, tensor<5x1xi64>) -> tensor<5xf32>
  return
}

// -----

func.func @gather_nd_c2(%x: tensor<2x3xf32>, %i: tensor<5x1xi64>) {
  // expected-error@below {{does not make 'tensor<5xf32>' of 'tensor<2x3xf32>' and 'tensor<5x1xi64>'}}
  %0 = phiq.gather_nd %x, %i {batch_dims = 0 : i64} : (tensor<2x3xf32>, tensor<5x1xi64>) -> tensor<5xf32>
  return
}

// -----

func.func @gather_nd_c3(%x: tensor<0x3xf32>, %i: tensor<5x1xi64>) {
  // expected-error@below {{has nothing to choose from along axis 0}}
  %0 = phiq.gather_nd %x, %i {batch_dims = 0 : i64} : (tensor<0x3xf32>, tensor<5x1xi64>) -> tensor<5x3xf32>
  return
}

// -----

func.func @scatter_nd_c1(%x: tensor<2x3xf32>, %i: tensor<5x3xi64>, %u: tensor<5xf32>) {
  // expected-error@below {{requires indices [i..., n], n of at most as many as x has axes, and a result like x}}
  %0 = phiq.scatter_nd %x, %i, %u : (tensor<2x3xf32>, tensor<5x3xi64>, tensor<5xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @scatter_nd_c2(%x: tensor<2x3xf32>, %i: tensor<5x1xi64>, %u: tensor<5xf32>) {
  // expected-error@below {{cannot put 'tensor<5xf32>' into 'tensor<2x3xf32>' by 'tensor<5x1xi64>'}}
  %0 = phiq.scatter_nd %x, %i, %u : (tensor<2x3xf32>, tensor<5x1xi64>, tensor<5xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @scatter_nd_c3(%x: tensor<0x3xf32>, %i: tensor<5x1xi64>, %u: tensor<5x3xf32>) {
  // expected-error@below {{has no place along axis 0}}
  %0 = phiq.scatter_nd %x, %i, %u : (tensor<0x3xf32>, tensor<5x1xi64>, tensor<5x3xf32>) -> tensor<0x3xf32>
  return
}
