// RUN: phic-opt %s --phic-verify-ops --split-input-file --verify-diagnostics

// Everything a decoder is made of passes.
func.func @model(%ids: tensor<?xi32>) -> tensor<?x32xf32> {
  %w = phiq.weight "embed" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 4096, hash = 0x1>] : tensor<32x32xf32>
  %0 = phiq.embed %ids, %w : tensor<?xi32>, tensor<32x32xf32> -> tensor<?x32xf32>
  %1 = arith.addf %0, %0 : tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// -----

// expected-error@below {{the model has 2 operations that phic has no kernel for}}
func.func @model(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // expected-note@below {{'arith.negf'}}
  %0 = arith.negf %x : tensor<?x32xf32>
  // expected-note@below {{'arith.subf'}}
  %1 = arith.subf %0, %x : tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// -----

// expected-error@below {{the model has 1 operations that phic has no kernel for}}
func.func @model(%x: tensor<?x32xf32>, %a: f32) -> tensor<?x32xf32> {
  // expected-note@below {{'arith.addf' on 'f32', 'f32'}}
  %0 = arith.addf %a, %a : f32
  return %x : tensor<?x32xf32>
}

// -----

// expected-error@below {{requires the model as one function @model of one block}}
module {
  func.func @another(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
    return %x : tensor<?x32xf32>
  }
}
