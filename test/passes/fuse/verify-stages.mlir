// RUN: phic-opt %s --phic-verify-stages --split-input-file --verify-diagnostics

func.func @model(%x: tensor<?x32xf32>, %g: tensor<32xf32>, %w: tensor<8x32xf32>) -> tensor<?x8xf32> {
  %0 = plan.stage "norm" (%x, %g) {logit_rows} : (tensor<?x32xf32>, tensor<32xf32>) -> tensor<?x32xf32> {
  ^bb0(%a: tensor<?x32xf32>, %b: tensor<32xf32>):
    %s = phiq.logit_rows %a : tensor<?x32xf32>
    %n = phiq.rms_norm %s, %b {epsilon = 1.0e-5 : f32} : tensor<?x32xf32>, tensor<32xf32>
    plan.yield %n : tensor<?x32xf32>
  }
  %1 = plan.stage "lm_head" (%0, %w) {logit_rows} : (tensor<?x32xf32>, tensor<8x32xf32>) -> tensor<?x8xf32> {
  ^bb0(%a: tensor<?x32xf32>, %b: tensor<8x32xf32>):
    %m = phiq.matmul %a, %b compute = f32 : tensor<?x32xf32>, tensor<8x32xf32> -> tensor<?x8xf32>
    plan.yield %m : tensor<?x8xf32>
  }
  return %1 : tensor<?x8xf32>
}

// -----

// expected-error@below {{operations of the model that make no stage: 2}}
func.func @model(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // expected-note@below {{'phiq.silu' is in no stage}}
  %0 = phiq.silu %x : tensor<?x32xf32>
  // expected-note@below {{'func.return' requires the logits: one result of a matmul stage on the rows of a phiq.logit_rows}}
  return %0 : tensor<?x32xf32>
}

// -----

// Rows and heads; epilogues of other stages; modes that do not fit their rows.
// expected-error@below {{operations of the model that make no stage: 6}}
func.func @model(%x: tensor<?x32xf32>, %g: tensor<32xf32>, %w: tensor<8x32xf32>, %cos: tensor<9x4xf32>) -> tensor<?x8xf32> {
  %0 = plan.stage "rows" (%x, %cos) : (tensor<?x32xf32>, tensor<9x4xf32>) -> tensor<?x32xf32> {
  ^bb0(%a: tensor<?x32xf32>, %c: tensor<9x4xf32>):
    // expected-note@below {{'phiq.rope' is not done on rows alone}}
    %s = phiq.rope %a, %c, %c {head_dim = 8 : i64} : tensor<?x32xf32>, tensor<9x4xf32>, tensor<9x4xf32>
    // expected-note@below {{'phiq.quantize' quantizes activations by a scale of the graph, and more than a dequantization reads the codes}}
    %q = phiq.quantize %a, %c : tensor<?x32xf32>, tensor<9x4xf32> -> tensor<?x32x!phiq.block<s8, 32, scale = f32>>
    plan.yield %s : tensor<?x32xf32>
  }
  %1 = plan.stage "mul" (%0, %x, %w) : (tensor<?x32xf32>, tensor<?x32xf32>, tensor<8x32xf32>) -> tensor<?x8xf32> {
  ^bb0(%a: tensor<?x32xf32>, %b: tensor<?x32xf32>, %c: tensor<8x32xf32>):
    // expected-note@below {{'phiq.matmul' requires quantized rows for i8 and float rows for f32}}
    %m = phiq.matmul %a, %c compute = i8 : tensor<?x32xf32>, tensor<8x32xf32> -> tensor<?x8xf32>
    // expected-note@below {{'phiq.matmul' reads other rows than the first matmul of its stage}}
    %n = phiq.matmul %b, %c compute = f32 : tensor<?x32xf32>, tensor<8x32xf32> -> tensor<?x8xf32>
    // expected-note@below {{'arith.mulf' requires a result of its stage's matmuls}}
    %o = arith.mulf %a, %b : tensor<?x32xf32>
    plan.yield %m : tensor<?x8xf32>
  }
  // expected-note@below {{'func.return' requires the logits}}
  return %1 : tensor<?x8xf32>
}

// -----

// expected-error@below {{operations of the model that make no stage: 1}}
func.func @model(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>) -> tensor<?x8xf32> {
  // expected-note@below {{'plan.stage' mixes logit rows with all rows}}
  %0 = plan.stage "lm_head" (%x, %w) {logit_rows} : (tensor<?x32xf32>, tensor<8x32xf32>) -> tensor<?x8xf32> {
  ^bb0(%a: tensor<?x32xf32>, %b: tensor<8x32xf32>):
    %m = phiq.matmul %a, %b compute = f32 : tensor<?x32xf32>, tensor<8x32xf32> -> tensor<?x8xf32>
    plan.yield %m : tensor<?x8xf32>
  }
  return %0 : tensor<?x8xf32>
}

// -----

// expected-error@below {{operations of the model that make no stage: 1}}
func.func @model(%x: tensor<?x48xf32>) -> tensor<?x8xf32> {
  // expected-note@below {{'phiq.weight' cannot be packed: blocks of 24 elements}}
  %w = phiq.weight "w" layout = "qdq_nk" [#phiq.range<file = 0, offset = 0, length = 384, hash = 0x1>, #phiq.range<file = 0, offset = 384, length = 64, hash = 0x2>]
    : tensor<8x48x!phiq.block<s8, 24, scale = f32>>
  %0 = plan.stage "norm" (%x) {logit_rows} : (tensor<?x48xf32>) -> tensor<?x48xf32> {
  ^bb0(%a: tensor<?x48xf32>):
    %r = phiq.logit_rows %a : tensor<?x48xf32>
    plan.yield %r : tensor<?x48xf32>
  }
  %1 = plan.stage "lm_head" (%0, %w) {logit_rows} : (tensor<?x48xf32>, tensor<8x48x!phiq.block<s8, 24, scale = f32>>) -> tensor<?x8xf32> {
  ^bb0(%a: tensor<?x48xf32>, %b: tensor<8x48x!phiq.block<s8, 24, scale = f32>>):
    %m = phiq.matmul %a, %b compute = f32 : tensor<?x48xf32>, tensor<8x48x!phiq.block<s8, 24, scale = f32>> -> tensor<?x8xf32>
    plan.yield %m : tensor<?x8xf32>
  }
  return %1 : tensor<?x8xf32>
}

// -----

// A graph without steps: results from stages, each once; a state at both ends, of one type.
// expected-error@below {{operations of the model that make no stage: 3}}
func.func @model(%x: tensor<1x4xf32> {plan.binding = #plan.binding<input, "x">},
                 %h: tensor<1x4xf32> {plan.binding = #plan.binding<state, "h">})
    -> (tensor<2x2xf32> {plan.binding = #plan.binding<state, "h">}, tensor<2x2xf32> {plan.binding = #plan.binding<result, "x">}) {
  %0 = plan.stage "reshape" (%x) : (tensor<1x4xf32>) -> tensor<2x2xf32> {
  ^bb0(%a: tensor<1x4xf32>):
    %r = phiq.reshape %a : tensor<1x4xf32> -> tensor<2x2xf32>
    plan.yield %r : tensor<2x2xf32>
  }
  // expected-note@below {{'func.return' requires results that stages make, each returned once}}
  // expected-note@below {{'func.return' binds 'x' twice}}
  // expected-note@below {{'func.return' requires a result for state 'h', of its type}}
  return %0, %0 : tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

// Dead code of an edited graph: no kernel computes nothing.
// expected-error@below {{operations of the model that make no stage: 1}}
func.func @model(%x: tensor<?x48xf32>) -> tensor<?x8xf32> {
  %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 1536, hash = 0x1>] : tensor<8x48xf32>
  %0 = plan.stage "norm" (%x) {logit_rows} : (tensor<?x48xf32>) -> tensor<?x48xf32> {
  ^bb0(%a: tensor<?x48xf32>):
    %r = phiq.logit_rows %a : tensor<?x48xf32>
    plan.yield %r : tensor<?x48xf32>
  }
  // expected-note@below {{'plan.stage' makes nothing that another stage reads}}
  plan.stage "dead" (%x, %w) : (tensor<?x48xf32>, tensor<8x48xf32>) -> () {
  ^bb0(%a: tensor<?x48xf32>, %b: tensor<8x48xf32>):
    %m = phiq.matmul %a, %b compute = f32 : tensor<?x48xf32>, tensor<8x48xf32> -> tensor<?x8xf32>
    plan.yield
  }
  %1 = plan.stage "lm_head" (%0, %w) {logit_rows} : (tensor<?x48xf32>, tensor<8x48xf32>) -> tensor<?x8xf32> {
  ^bb0(%a: tensor<?x48xf32>, %b: tensor<8x48xf32>):
    %m = phiq.matmul %a, %b compute = f32 : tensor<?x48xf32>, tensor<8x48xf32> -> tensor<?x8xf32>
    plan.yield %m : tensor<?x8xf32>
  }
  return %1 : tensor<?x8xf32>
}

// -----

// expected-error@below {{requires the model as one function @model of one block}}
module {
  func.func private @model(tensor<?x32xf32>) -> tensor<?x8xf32>
}

// -----

// expected-error@below {{requires tensors of known rank as what the model takes and returns}}
func.func @model(%x: tensor<*xf32>, %i: i32) {
  return
}

// -----

// A chain of rows ends in maps of its last contraction; rows that go two ways are none.
// expected-error@below {{operations of the model that make no stage: 4}}
func.func @model(%q: tensor<2x5x8xf32>, %k: tensor<2x7x8xf32>, %v: tensor<2x3x7xf32>) -> (tensor<2x5x3xf32>, tensor<2x5x3xf32>) {
  %0 = plan.stage "chain" (%q, %k, %v) : (tensor<2x5x8xf32>, tensor<2x7x8xf32>, tensor<2x3x7xf32>) -> tensor<2x5x3xf32> {
  ^bb0(%a: tensor<2x5x8xf32>, %b: tensor<2x7x8xf32>, %c: tensor<2x3x7xf32>):
    %s = phiq.contract %a, %b {batched} : (tensor<2x5x8xf32>, tensor<2x7x8xf32>) -> tensor<2x5x7xf32>
    %p = phiq.softmax %s : tensor<2x5x7xf32> -> tensor<2x5x7xf32>
    %y = phiq.contract %p, %c {batched} : (tensor<2x5x7xf32>, tensor<2x3x7xf32>) -> tensor<2x5x3xf32>
    %r = phiq.map relu %y : (tensor<2x5x3xf32>) -> tensor<2x5x3xf32>
    plan.yield %r : tensor<2x5x3xf32>
  }
  %1 = plan.stage "two ways" (%q, %k, %v) : (tensor<2x5x8xf32>, tensor<2x7x8xf32>, tensor<2x3x7xf32>) -> tensor<2x5x3xf32> {
  ^bb0(%a: tensor<2x5x8xf32>, %b: tensor<2x7x8xf32>, %c: tensor<2x3x7xf32>):
    // expected-note@below {{'phiq.contract' is not the first op of its grid}}
    %s = phiq.contract %a, %b {batched} : (tensor<2x5x8xf32>, tensor<2x7x8xf32>) -> tensor<2x5x7xf32>
    // expected-note@below {{'phiq.softmax' is not the one op of its grid}}
    %p = phiq.softmax %s : tensor<2x5x7xf32> -> tensor<2x5x7xf32>
    // expected-note@below {{'phiq.map' is not the one op of its grid}}
    %m = phiq.map mul %p, %s : (tensor<2x5x7xf32>, tensor<2x5x7xf32>) -> tensor<2x5x7xf32>
    // expected-note@below {{'phiq.contract' is not the first op of its grid}}
    %y = phiq.contract %m, %c {batched} : (tensor<2x5x7xf32>, tensor<2x3x7xf32>) -> tensor<2x5x3xf32>
    plan.yield %y : tensor<2x5x3xf32>
  }
  return %0, %1 : tensor<2x5x3xf32>, tensor<2x5x3xf32>
}
