// RUN: phic-opt %s --phic-plan-memory=chunk-rows=8 --split-input-file | FileCheck %s
// RUN: not phic-opt %s --phic-plan-memory=chunk-rows=12 2>&1 | FileCheck %s --check-prefix=ROWS

// ROWS: error: chunk-rows must be a positive multiple of 8, found 12

// The first and the third result share bytes; the second, live with both, does not.
// CHECK: #plan.memory<chunk_rows = 8, arena_bytes = 4096, scratch_bytes = 0, kv_bytes_per_token = 192, weights_bytes = 320>
module {
  // CHECK: @kv0 {{.*}}plan.cache_layout = #plan.cache_layout<strips = 2, key_group = 8, value_group = 1, context_step = 32>, plan.key_offset = 0 : i64, plan.value_offset = 64 : i64
  // CHECK: @kv1 {{.*}}plan.key_offset = 128 : i64, plan.value_offset = 160 : i64
  phiq.cache @kv0 {heads = 2, head_dim = 16, element = f16}
  phiq.cache @kv1 {heads = 1, head_dim = 8, element = f32}
  // CHECK-LABEL: @model
  func.func @model(%x: tensor<?x33xf32>) -> tensor<?x33xf32> {
    %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 132, hash = 0x1>]
      {plan.packed = #plan.packed<#panels.layout<"dense_f32">, offset = 188, bytes = 132>} : tensor<33xf32>
    // Rows of 33 floats take three cache lines; quantized ones 64 codes, 2 scales and 2 sums take two.
    // CHECK: plan.stage "a"{{.*}} {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 192>]}
    %a = plan.stage "a" (%x) : (tensor<?x33xf32>) -> tensor<?x33xf32> {
    ^bb0(%i: tensor<?x33xf32>):
      %0 = phiq.silu %i : tensor<?x33xf32>
      plan.yield %0 : tensor<?x33xf32>
    }
    // CHECK: plan.stage "b"{{.*}} {buffers = [#plan.buffer<arena, offset = 1536, row_bytes = 192>, #plan.buffer<arena, offset = 3072, row_bytes = 128>]}
    %b:2 = plan.stage "b" (%a) : (tensor<?x33xf32>) -> (tensor<?x33xf32>, tensor<?x33x!phiq.block<s8, 32, scale = f32>>) {
    ^bb0(%i: tensor<?x33xf32>):
      %0 = phiq.silu %i : tensor<?x33xf32>
      %1 = phiq.quantize %0 : tensor<?x33xf32> -> tensor<?x33x!phiq.block<s8, 32, scale = f32>>
      plan.yield %0, %1 : tensor<?x33xf32>, tensor<?x33x!phiq.block<s8, 32, scale = f32>>
    }
    // CHECK: plan.stage "c"{{.*}} {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 192>]}
    %c = plan.stage "c" (%b#0, %b#1) : (tensor<?x33xf32>, tensor<?x33x!phiq.block<s8, 32, scale = f32>>) -> tensor<?x33xf32> {
    ^bb0(%i: tensor<?x33xf32>, %j: tensor<?x33x!phiq.block<s8, 32, scale = f32>>):
      %0 = phiq.silu %i : tensor<?x33xf32>
      plan.yield %0 : tensor<?x33xf32>
    }
    // CHECK: plan.stage "d"{{.*}} {buffers = [#plan.buffer<binding, offset = 1, row_bytes = 132>]}
    %d = plan.stage "d" (%c) : (tensor<?x33xf32>) -> tensor<?x33xf32> {
    ^bb0(%i: tensor<?x33xf32>):
      %0 = phiq.silu %i : tensor<?x33xf32>
      plan.yield %0 : tensor<?x33xf32>
    }
    return %d : tensor<?x33xf32>
  }
}

// -----

// A graph without steps: shapes times elements, whatever the chunk. 1x3x5x7 codes take 105 bytes, two cache lines of the arena; a
// state is read from one slot and written to another.
// CHECK: #plan.memory<chunk_rows = 1, arena_bytes = 128,
module {
  func.func @model(%x: tensor<1x3x5x7xf32> {plan.binding = #plan.binding<input, "x">},
                   %h: tensor<1x105xf32> {plan.binding = #plan.binding<state, "h">}, %s: tensor<f32>, %z: tensor<ui8>)
      -> (tensor<1x105xf32> {plan.binding = #plan.binding<state, "h">}) {
    // CHECK: plan.stage "q"{{.*}} {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 105>]}
    %q = plan.stage "q" (%x, %s, %z) : (tensor<1x3x5x7xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x3x5x7xui8> {
    ^bb0(%i: tensor<1x3x5x7xf32>, %j: tensor<f32>, %k: tensor<ui8>):
      %0 = phiq.map quantize %i, %j, %k : (tensor<1x3x5x7xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x3x5x7xui8>
      plan.yield %0 : tensor<1x3x5x7xui8>
    }
    // CHECK: plan.stage "d"{{.*}} {buffers = [#plan.buffer<binding, offset = 4, row_bytes = 420>]}
    %d = plan.stage "d" (%q, %s, %z) : (tensor<1x3x5x7xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x105xf32> {
    ^bb0(%i: tensor<1x3x5x7xui8>, %j: tensor<f32>, %k: tensor<ui8>):
      %0 = phiq.reshape %i : tensor<1x3x5x7xui8> -> tensor<1x105xui8>
      %1 = phiq.map dequantize %0, %j, %k : (tensor<1x105xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x105xf32>
      plan.yield %1 : tensor<1x105xf32>
    }
    return %d : tensor<1x105xf32>
  }
}
