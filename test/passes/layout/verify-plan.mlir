// RUN: phic-opt %s --phic-verify-plan --split-input-file --verify-diagnostics

module attributes {plan.memory = #plan.memory<chunk_rows = 8, arena_bytes = 1024, scratch_bytes = 0, kv_bytes_per_token = 64, weights_bytes = 128>} {
  phiq.cache @kv0 {heads = 1, head_dim = 16, element = f16, plan.cache_layout = #plan.cache_layout<strips = 1, key_group = 8, value_group = 1, context_step = 32>, plan.key_offset = 0 : i64, plan.value_offset = 32 : i64}
  func.func @model(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
    %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 64, hash = 0x1>]
      {plan.packed = #plan.packed<#panels.layout<"dense_f32">, offset = 64, bytes = 64>} : tensor<16xf32>
    %0 = plan.stage "a" (%x, %w) {buffers = [#plan.buffer<arena, offset = 512, row_bytes = 64>]} : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32> {
    ^bb0(%a: tensor<?x16xf32>, %b: tensor<16xf32>):
      plan.yield %a : tensor<?x16xf32>
    }
    %1 = plan.stage "b" (%0) {buffers = [#plan.buffer<binding, offset = 1, row_bytes = 64>]} : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    ^bb0(%a: tensor<?x16xf32>):
      plan.yield %a : tensor<?x16xf32>
    }
    return %1 : tensor<?x16xf32>
  }
}

// -----

// expected-error@below {{has no plan.memory}}
module {
  func.func @model(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
    return %x : tensor<?x16xf32>
  }
}

// -----

module attributes {plan.memory = #plan.memory<chunk_rows = 8, arena_bytes = 1024, scratch_bytes = 0, kv_bytes_per_token = 48, weights_bytes = 128>} {
  // expected-note@below {{cache begins at 16, the one before ends at 32}}
  // expected-note@below {{cache has no plan.cache_layout}}
  phiq.cache @kv0 {heads = 1, head_dim = 16, element = f16, plan.key_offset = 0 : i64, plan.value_offset = 16 : i64}
  // expected-error@below {{mistakes in the plan: 11}}
  func.func @model(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
    // expected-note@below {{weight has no packed layout}}
    %v = phiq.weight "v" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 64, hash = 0x1>] : tensor<16xf32>
    // expected-note@below {{weight has 60 packed bytes, its layout asks for 64}}
    // expected-note@below {{packed weight ends at 140 of 128 bytes}}
    // expected-note@below {{weight is at 80, not aligned}}
    %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 64, hash = 0x1>]
      {plan.packed = #plan.packed<#panels.layout<"dense_f32">, offset = 80, bytes = 60>} : tensor<16xf32>
    // expected-note@below {{stage 'a' result 0 is at 32, not aligned}}
    %0 = plan.stage "a" (%x, %v, %w) {buffers = [#plan.buffer<arena, offset = 32, row_bytes = 64>]} : (tensor<?x16xf32>, tensor<16xf32>, tensor<16xf32>) -> tensor<?x16xf32> {
    ^bb0(%a: tensor<?x16xf32>, %b: tensor<16xf32>, %c: tensor<16xf32>):
      plan.yield %a : tensor<?x16xf32>
    }
    // expected-note@below {{stage 'b' result 0 has rows of 128 bytes, its type asks for 64}}
    // expected-note@below {{stage 'b' result 0 ends at 1088, the arena at 1024}}
    // expected-note@below {{stage 'b' result 0 overlaps a result of stage 'a'}}
    %1 = plan.stage "b" (%0) {buffers = [#plan.buffer<arena, offset = 64, row_bytes = 128>]} : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    ^bb0(%a: tensor<?x16xf32>):
      plan.yield %a : tensor<?x16xf32>
    }
    // expected-note@below {{stage 'c' result 0 has no buffer}}
    %2 = plan.stage "c" (%1) : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    ^bb0(%a: tensor<?x16xf32>):
      plan.yield %a : tensor<?x16xf32>
    }
    return %2 : tensor<?x16xf32>
  }
}

// -----

// Numbers that wrap around when they are added.
// expected-note@below {{no step has 9 rows}}
// expected-note@below {{nothing has room for 18446744073709551615 bytes}}
module attributes {plan.memory = #plan.memory<chunk_rows = 9, arena_bytes = 18446744073709551615, scratch_bytes = 0, kv_bytes_per_token = 64, weights_bytes = 128>} {
  // expected-note@below {{cache of 1 heads has a layout that is not its family's}}
  phiq.cache @kv0 {heads = 1, head_dim = 16, element = f16, plan.cache_layout = #plan.cache_layout<strips = 1, key_group = 4, value_group = 1, context_step = 32>, plan.key_offset = 0 : i64, plan.value_offset = 32 : i64}
  // expected-error@below {{mistakes in the plan: 4}}
  func.func @model(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
    // expected-note@below {{packed weight ends at 18446744073709551615 of 128 bytes}}
    %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 64, hash = 0x1>]
      {plan.packed = #plan.packed<#panels.layout<"dense_f32">, offset = 18446744073709551552, bytes = 64>} : tensor<16xf32>
    %0 = plan.stage "a" (%x, %w) {buffers = [#plan.buffer<binding, offset = 1, row_bytes = 64>]} : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32> {
    ^bb0(%a: tensor<?x16xf32>, %b: tensor<16xf32>):
      plan.yield %a : tensor<?x16xf32>
    }
    return %0 : tensor<?x16xf32>
  }
}

// -----

// After the kernels phase, entry points call what the stages name.

module attributes {plan.level = "x86-64-v3", plan.memory = #plan.memory<chunk_rows = 8, arena_bytes = 1024, scratch_bytes = 64, kv_bytes_per_token = 0, weights_bytes = 0>} {
  // expected-error@below {{mistakes in the plan: 4}}
  func.func @model(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
    // expected-note@below {{stage 'a' of verify counts 2 x 1 tiles, its kernel 1 x 1}}
    // expected-note@below {{stage 'a' of prefill needs 128 bytes of scratch memory, the plan has 64}}
    %0 = plan.stage "a" (%x) {
        buffers = [#plan.buffer<arena, offset = 0, row_bytes = 64>], kernels = {decode = @small, verify = @small, prefill = @large},
        tiles = {decode = #plan.tiles<columns = 1, rows = 1>, verify = #plan.tiles<columns = 2, rows = 1>, prefill = #plan.tiles<columns = 1, rows = 4>}
      } : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    ^bb0(%a: tensor<?x16xf32>):
      plan.yield %a : tensor<?x16xf32>
    }
    // expected-note@below {{stage 'b' of verify names 'other', whose arguments are not those of other kernels}}
    // expected-note@below {{stage 'b' of prefill names 'declared', which is no kernel}}
    %1 = plan.stage "b" (%0) {
        buffers = [#plan.buffer<binding, offset = 1, row_bytes = 64>], kernels = {decode = @small, verify = @other, prefill = @declared},
        tiles = {decode = #plan.tiles<columns = 1, rows = 1>, verify = #plan.tiles<columns = 1, rows = 1>, prefill = #plan.tiles<columns = 1, rows = 1>}
      } : (tensor<?x16xf32>) -> tensor<?x16xf32> {
    ^bb0(%a: tensor<?x16xf32>):
      plan.yield %a : tensor<?x16xf32>
    }
    return %1 : tensor<?x16xf32>
  }
  llvm.func @small(%a: !llvm.ptr) attributes {plan.scratch = 64 : i64, plan.tiles = #plan.tiles<columns = 1, rows = 1>} {
    llvm.return
  }
  llvm.func @large(%a: !llvm.ptr) attributes {plan.scratch = 128 : i64, plan.tiles = #plan.tiles<columns = 1, rows = 4>} {
    llvm.return
  }
  llvm.func @other(%a: i64) attributes {plan.scratch = 0 : i64, plan.tiles = #plan.tiles<columns = 1, rows = 1>} {
    llvm.return
  }
  llvm.func @declared(!llvm.ptr) attributes {plan.scratch = 0 : i64, plan.tiles = #plan.tiles<columns = 1, rows = 1>}
}

// -----

// expected-error@below {{requires the model as one function @model of one block}}
module {
  func.func private @model(tensor<?x32xf32>) -> tensor<?x8xf32>
}
