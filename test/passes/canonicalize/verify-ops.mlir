// RUN: phic-opt %s --phic-verify-ops --split-input-file --verify-diagnostics

// Everything a decoder is made of passes.
func.func @model(%ids: tensor<?xi32>) -> tensor<?x32xf32> {
  %w = phiq.weight "embed" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 4096, hash = 0x1>] : tensor<32x32xf32>
  %0 = phiq.embed %ids, %w : tensor<?xi32>, tensor<32x32xf32> -> tensor<?x32xf32>
  %1 = arith.addf %0, %0 : tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// -----

// expected-error@below {{operations of the model that phic has no kernel for: 2}}
func.func @model(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // expected-note@below {{'arith.negf' is no operation that phic compiles}}
  %0 = arith.negf %x : tensor<?x32xf32>
  // expected-note@below {{'arith.subf' is no operation that phic compiles}}
  %1 = arith.subf %0, %x : tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// -----

// expected-error@below {{operations of the model that phic has no kernel for: 1}}
func.func @model(%x: tensor<?x32xf32>, %a: tensor<32xf32>) -> tensor<?x32xf32> {
  // expected-note@below {{'arith.addf' is not on rows of floats}}
  %0 = arith.addf %a, %a : tensor<32xf32>
  return %x : tensor<?x32xf32>
}

// -----

// expected-error@below {{requires the model as one function @model of one block}}
module {
  func.func @another(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
    return %x : tensor<?x32xf32>
  }
}

// -----

phiq.cache @kv0 {heads = 1, head_dim = 32, element = f32}
// expected-error@below {{operations of the model that phic has no kernel for: 2}}
func.func @model(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // expected-note@below {{'phiq.attend' reads its cache before this step's keys are appended}}
  %0 = phiq.attend @kv0, %x {heads = 1 : i64, scale = 0.25 : f32} : tensor<?x32xf32>
  phiq.cache_append @kv0, %x, %x : tensor<?x32xf32>, tensor<?x32xf32>
  // expected-note@below {{'phiq.cache_append' appends to its cache a second time}}
  phiq.cache_append @kv0, %x, %x : tensor<?x32xf32>, tensor<?x32xf32>
  return %0 : tensor<?x32xf32>
}
