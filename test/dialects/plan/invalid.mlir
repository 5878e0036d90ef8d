// RUN: phic-opt %s --split-input-file --verify-diagnostics

func.func @stage_c1_inputs(%x: tensor<?x16xf32>) {
  // expected-error@below {{requires block arguments of the types of its inputs}}
  %0 = plan.stage "s" (%x) : (tensor<?x16xf32>) -> tensor<?x32xf32> {
  ^bb0(%a: tensor<?x32xf32>):
    plan.yield %a : tensor<?x32xf32>
  }
  return
}

// -----

func.func @stage_c1_results(%x: tensor<?x16xf32>) {
  // expected-error@below {{requires a plan.yield of the types of its results}}
  %0 = plan.stage "s" (%x) : (tensor<?x16xf32>) -> tensor<?x32xf32> {
  ^bb0(%a: tensor<?x16xf32>):
    plan.yield %a : tensor<?x16xf32>
  }
  return
}

// -----

func.func @stage_c2(%x: tensor<?x32xf32>, %w: tensor<8x32x!phiq.block<s8, 32, scale = f32>>) {
  %0 = plan.stage "s" (%x, %w) : (tensor<?x32xf32>, tensor<8x32x!phiq.block<s8, 32, scale = f32>>) -> tensor<?x8xf32> {
  ^bb0(%a: tensor<?x32xf32>, %b: tensor<8x32x!phiq.block<s8, 32, scale = f32>>):
    // expected-error@below {{dequantizes a weight outside the kernel that uses it}}
    %d = phiq.dequantize %b : tensor<8x32x!phiq.block<s8, 32, scale = f32>> -> tensor<8x32xf32>
    %m = phiq.matmul %a, %d : tensor<?x32xf32>, tensor<8x32xf32> -> tensor<?x8xf32>
    plan.yield %m : tensor<?x8xf32>
  }
  return
}

// -----

func.func @stage_buffers(%x: tensor<?x16xf32>) {
  // expected-error@below {{has 0 buffers for 1 results}}
  %0 = plan.stage "s" (%x) {buffers = []} : (tensor<?x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%a: tensor<?x16xf32>):
    plan.yield %a : tensor<?x16xf32>
  }
  return
}

// -----

func.func @stage_isolated(%x: tensor<?x16xf32>, %y: tensor<?x16xf32>) {
  // expected-note@below {{required by region isolation constraints}}
  %0 = plan.stage "s" (%x) : (tensor<?x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%a: tensor<?x16xf32>):
    // expected-error@below {{using value defined outside the region}}
    plan.yield %y : tensor<?x16xf32>
  }
  return
}

// -----

func.func @yield_outside(%x: tensor<?x16xf32>) {
  // expected-error@below {{expects parent op 'plan.stage'}}
  plan.yield %x : tensor<?x16xf32>
}

// -----

func.func @stage_tiles(%x: tensor<?x16xf32>) {
  // expected-error@below {{requires a #plan.tiles for each entry point}}
  %0 = plan.stage "s" (%x) {tiles = {decode = 1 : i64}} : (tensor<?x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%a: tensor<?x16xf32>):
    plan.yield %a : tensor<?x16xf32>
  }
  return
}

// -----

// expected-error@below {{requires positive numbers, found 0 and 1}}
module attributes {test.attribute = #plan.tiles<columns = 0, rows = 1>} {}

// -----

// expected-error@below {{requires a context of whole groups: 32 is no multiple of 8 and 5}}
module attributes {test.attribute = #plan.cache_layout<strips = 1, key_group = 8, value_group = 5, context_step = 32>} {}

// -----

// expected-error@below {{'panel9_f32' is no packed layout}}
module attributes {test.attribute = #panels.layout<"panel9_f32">} {}
