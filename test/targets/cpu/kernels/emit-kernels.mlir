// RUN: phic-opt %s --phic-emit-kernels -split-input-file -verify-diagnostics | FileCheck %s

// Two layers' stages that differ in offsets share a symbol. The epilogue is one region a head: columns of queries,
// keys (eight side by side) and values; `plan.memory` learns the scratch.

!s8 = !phiq.block<s8, 32, scale = f32>
!u4 = !phiq.block<u4, 32, scale = f16, zero = 8>

// CHECK: scratch_bytes = {{[1-9]}}
module attributes {plan.memory = #plan.memory<chunk_rows = 64, arena_bytes = 65536, scratch_bytes = 0, kv_bytes_per_token = 128, weights_bytes = 16384>} {
  phiq.cache @kv0 {heads = 1 : i64, head_dim = 16 : i64, element = f16, plan.key_offset = 0 : i64, plan.value_offset = 32 : i64}
  phiq.cache @kv1 {heads = 1 : i64, head_dim = 16 : i64, element = f16, plan.key_offset = 64 : i64, plan.value_offset = 96 : i64}
  // CHECK-LABEL: @model
  func.func @model(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
    %w = phiq.weight "w" layout = "nbits" [#phiq.range<file = 0, offset = 0, length = 1024, hash = 0x0>, #phiq.range<file = 0, offset = 1024, length = 128, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8x32_u4_f16_z8">, offset = 0, bytes = 1152>} : tensor<64x32x!u4>
    %cos = phiq.rope_table cos {base = 1.0e4 : f64, mscale = 1.0 : f64, rotary_dim = 16 : i64, plan.packed = #plan.packed<#panels.layout<"dense_f32">, offset = 2048, bytes = 2048>} : tensor<64x8xf32>
    %sin = phiq.rope_table sin {base = 1.0e4 : f64, mscale = 1.0 : f64, rotary_dim = 16 : i64, plan.packed = #plan.packed<#panels.layout<"dense_f32">, offset = 4096, bytes = 2048>} : tensor<64x8xf32>
    // CHECK: plan.stage "embed"{{.*}}kernels = {decode = @[[EMBED:phi_embed[a-z0-9_]*]], prefill = @[[EMBED]], verify = @[[EMBED]]}
    // CHECK-SAME: tiles = {decode = #plan.tiles<columns = 1, rows = 1>, prefill = #plan.tiles<columns = 1, rows = 1>
    %x = plan.stage "embed" (%ids, %w) {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 64>]} : (tensor<?xi32>, tensor<64x32x!u4>) -> tensor<?x32x!s8> {
    ^bb0(%i: tensor<?xi32>, %t: tensor<64x32x!u4>):
      %0 = phiq.embed %i, %t : tensor<?xi32>, tensor<64x32x!u4> -> tensor<?x32xf32>
      %1 = phiq.quantize %0 : tensor<?x32xf32> -> tensor<?x32x!s8>
      plan.yield %1 : tensor<?x32x!s8>
    }
    // CHECK: plan.stage "a"{{.*}}kernels = {decode = @[[M1:phi_matmul_s8b32_u4f16z8b32_f32_rope_append_1x8x32_m1n64k32__x86_64_v3]], prefill = @[[M64:phi_matmul_s8b32_u4f16z8b32_f32_rope_append_4x16x32_m64n64k32__x86_64_v3]], verify = @[[M64]]}
    // CHECK-SAME: decode = #plan.tiles<columns = 3, rows = 1>
    %a = plan.stage "a" (%x, %w, %cos, %sin) {buffers = [#plan.buffer<arena, offset = 8192, row_bytes = 128>]} : (tensor<?x32x!s8>, tensor<64x32x!u4>, tensor<64x8xf32>, tensor<64x8xf32>) -> tensor<?x32xf32> {
    ^bb0(%i: tensor<?x32x!s8>, %t: tensor<64x32x!u4>, %c: tensor<64x8xf32>, %s: tensor<64x8xf32>):
      %0 = phiq.matmul %i, %t compute = i8 : tensor<?x32x!s8>, tensor<64x32x!u4> -> tensor<?x64xf32>
      %1 = phiq.columns %0 from 0 : tensor<?x64xf32> -> tensor<?x32xf32>
      %2 = phiq.columns %0 from 32 : tensor<?x64xf32> -> tensor<?x16xf32>
      %3 = phiq.columns %0 from 48 : tensor<?x64xf32> -> tensor<?x16xf32>
      %4 = phiq.rope %1, %c, %s {head_dim = 16 : i64} : tensor<?x32xf32>, tensor<64x8xf32>, tensor<64x8xf32>
      %5 = phiq.rope %2, %c, %s {head_dim = 16 : i64} : tensor<?x16xf32>, tensor<64x8xf32>, tensor<64x8xf32>
      phiq.cache_append @kv0, %5, %3 : tensor<?x16xf32>, tensor<?x16xf32>
      plan.yield %4 : tensor<?x32xf32>
    }
    // CHECK: plan.stage "b"{{.*}}kernels = {decode = @[[M1]], prefill = @[[M64]], verify = @[[M64]]}
    %b = plan.stage "b" (%x, %w, %cos, %sin) {buffers = [#plan.buffer<arena, offset = 16384, row_bytes = 128>]} : (tensor<?x32x!s8>, tensor<64x32x!u4>, tensor<64x8xf32>, tensor<64x8xf32>) -> tensor<?x32xf32> {
    ^bb0(%i: tensor<?x32x!s8>, %t: tensor<64x32x!u4>, %c: tensor<64x8xf32>, %s: tensor<64x8xf32>):
      %0 = phiq.matmul %i, %t compute = i8 : tensor<?x32x!s8>, tensor<64x32x!u4> -> tensor<?x64xf32>
      %1 = phiq.columns %0 from 0 : tensor<?x64xf32> -> tensor<?x32xf32>
      %2 = phiq.columns %0 from 32 : tensor<?x64xf32> -> tensor<?x16xf32>
      %3 = phiq.columns %0 from 48 : tensor<?x64xf32> -> tensor<?x16xf32>
      %4 = phiq.rope %1, %c, %s {head_dim = 16 : i64} : tensor<?x32xf32>, tensor<64x8xf32>, tensor<64x8xf32>
      %5 = phiq.rope %2, %c, %s {head_dim = 16 : i64} : tensor<?x16xf32>, tensor<64x8xf32>, tensor<64x8xf32>
      phiq.cache_append @kv1, %5, %3 : tensor<?x16xf32>, tensor<?x16xf32>
      plan.yield %4 : tensor<?x32xf32>
    }
    // CHECK: plan.stage "attend"{{.*}}kernels = {decode = @phi_attend_f32_f16_s8b32_none_m1d16h2__x86_64_v3
    // CHECK-SAME: prefill = #plan.tiles<columns = 1, rows = 16>
    %q = plan.stage "attend" (%b) {buffers = [#plan.buffer<arena, offset = 24576, row_bytes = 64>]} : (tensor<?x32xf32>) -> tensor<?x32x!s8> {
    ^bb0(%i: tensor<?x32xf32>):
      %0 = phiq.attend @kv1, %i {heads = 2 : i64, scale = 0.25 : f32} : tensor<?x32xf32>
      %1 = phiq.quantize %0 : tensor<?x32xf32> -> tensor<?x32x!s8>
      plan.yield %1 : tensor<?x32x!s8>
    }
    // CHECK: plan.stage "head"{{.*}}kernels = {decode = @phi_matmul_s8b32_u4f16z8b32_f32_none_1x8x32_m1n64k32__x86_64_v3
    %l = plan.stage "head" (%q, %w) {logit_rows, buffers = [#plan.buffer<binding, offset = 1, row_bytes = 256>]} : (tensor<?x32x!s8>, tensor<64x32x!u4>) -> tensor<?x64xf32> {
    ^bb0(%i: tensor<?x32x!s8>, %t: tensor<64x32x!u4>):
      %0 = phiq.matmul %i, %t compute = i8 : tensor<?x32x!s8>, tensor<64x32x!u4> -> tensor<?x64xf32>
      plan.yield %0 : tensor<?x64xf32>
    }
    return %l : tensor<?x64xf32>
  }
  // CHECK: llvm.func @[[EMBED]](%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: !llvm.ptr)
  // CHECK: func.func private @[[ROWS:rows_q32_32_[0-9a-f]+]](%[[X:.*]]: tensor<1x32xf32>) -> tensor<1x32x!phiq.block<s8, 32, scale = f32>> {
  // CHECK-NEXT: %[[Q:.*]] = phiq.quantize %[[X]] : tensor<1x32xf32> -> tensor<1x32x!phiq.block<s8, 32, scale = f32>>
  // CHECK-NEXT: return %[[Q]]
  // CHECK: llvm.func @region_q32_32_{{.*}}(!llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr) attributes {phic.region = @[[ROWS]]}
  // CHECK: llvm.func @[[M1]](
  // CHECK: llvm.func internal @[[CORE:phi_matmul_s8b32_u4f16z8b32_f32_none_1x8x32_k32__x86_64_v3]]
  // CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
  // CHECK: func.func private @rows_rope_f32_16_{{.*}}(%[[X:.*]]: tensor<1x16xf32>, %[[COS:.*]]: tensor<1x8xf32>, %[[SIN:.*]]: tensor<1x8xf32>) -> tensor<1x16xf32> {
  // CHECK-NEXT: phiq.rope %[[X]], %[[COS]], %[[SIN]] {head_dim = 16 : i64}
  // CHECK: func.func private @rows_rope_f16_16_{{.*}} -> (tensor<1x16xf16> {phic.step = 8 : i64}) {
  // CHECK-NEXT: %[[ROPE:.*]] = phiq.rope
  // CHECK-NEXT: arith.truncf %[[ROPE]] : tensor<1x16xf32> to tensor<1x16xf16>
  // CHECK: func.func private @rows_f16_16_{{.*}} -> tensor<1x16xf16> {
  // CHECK-NEXT: arith.truncf
}

// -----

// A window of columns that does not begin at a panel has no kernel.
func.func @model(%ids: tensor<?xi32>) -> tensor<?x8xf32> {
  %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 2048, hash = 0x0>] {plan.packed = #plan.packed<#panels.layout<"panel8_f32">, offset = 0, bytes = 2048>} : tensor<16x32xf32>
  %x = plan.stage "embed" (%ids, %w) {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 128>]} : (tensor<?xi32>, tensor<16x32xf32>) -> tensor<?x32xf32> {
  ^bb0(%i: tensor<?xi32>, %t: tensor<16x32xf32>):
    %0 = phiq.embed %i, %t : tensor<?xi32>, tensor<16x32xf32> -> tensor<?x32xf32>
    plan.yield %0 : tensor<?x32xf32>
  }
  %y = plan.stage "head" (%x, %w) {buffers = [#plan.buffer<binding, offset = 1, row_bytes = 32>]} : (tensor<?x32xf32>, tensor<16x32xf32>) -> tensor<?x8xf32> {
  ^bb0(%i: tensor<?x32xf32>, %t: tensor<16x32xf32>):
    // expected-error @+1 {{is read from column 4 on: kernels begin at multiples of 8}}
    %0 = phiq.matmul %i, %t compute = f32 : tensor<?x32xf32>, tensor<16x32xf32> -> tensor<?x16xf32>
    %1 = phiq.columns %0 from 4 : tensor<?x16xf32> -> tensor<?x8xf32>
    plan.yield %1 : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

func.func @model(%ids: tensor<?xi32>) -> tensor<?x32xf32> {
  %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 2048, hash = 0x0>] : tensor<16x32xf32>
  // expected-error @+1 {{reads a weight without a packed layout: run assign-packed-layouts first}}
  %x = plan.stage "embed" (%ids, %w) {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 128>]} : (tensor<?xi32>, tensor<16x32xf32>) -> tensor<?x32xf32> {
  ^bb0(%i: tensor<?xi32>, %t: tensor<16x32xf32>):
    %0 = phiq.embed %i, %t : tensor<?xi32>, tensor<16x32xf32> -> tensor<?x32xf32>
    plan.yield %0 : tensor<?x32xf32>
  }
  return %x : tensor<?x32xf32>
}

// -----

// A float table lies in panels of eight rows: its embedding is scalar code, and says so; 64 of 64 + 1024 bytes.
module attributes {plan.memory = #plan.memory<chunk_rows = 64, arena_bytes = 65536, scratch_bytes = 0, kv_bytes_per_token = 0, weights_bytes = 1024>} {
  // CHECK-LABEL: @model
  func.func @model(%ids: tensor<?xi32>) -> tensor<?x16xf32> {
    %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 1024, hash = 0x0>]
      {plan.packed = #plan.packed<#panels.layout<"panel8_f32">, offset = 0, bytes = 1024>} : tensor<16x16xf32>
    // expected-remark@below {{stage 'embed', kernel 'phi_embed_i32_panel8_f32_f32_none_n16__x86_64_v3', falls back to scalar code, since a row's floats lie in eight-column panels: 5.882 % of the weight bytes of a decode step}}
    %x = plan.stage "embed" (%ids, %w) {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 64>]} : (tensor<?xi32>, tensor<16x16xf32>) -> tensor<?x16xf32> {
    ^bb0(%i: tensor<?xi32>, %t: tensor<16x16xf32>):
      %0 = phiq.embed %i, %t : tensor<?xi32>, tensor<16x16xf32> -> tensor<?x16xf32>
      plan.yield %0 : tensor<?x16xf32>
    }
    %y = plan.stage "lm_head" (%x, %w) {buffers = [#plan.buffer<binding, offset = 1, row_bytes = 64>]} : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32> {
    ^bb0(%i: tensor<?x16xf32>, %t: tensor<16x16xf32>):
      %0 = phiq.matmul %i, %t compute = f32 : tensor<?x16xf32>, tensor<16x16xf32> -> tensor<?x16xf32>
      plan.yield %0 : tensor<?x16xf32>
    }
    return %y : tensor<?x16xf32>
  }
}
