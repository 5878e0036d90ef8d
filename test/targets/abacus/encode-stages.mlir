// RUN: phic-opt %s --phic-assign-packed-layouts=family=abacus --phic-plan-memory --phic-abacus-encode-stages | FileCheck %s
// RUN: not phic-opt %s --phic-assign-packed-layouts=family=abacus --phic-plan-memory=chunk-rows=0 --phic-emit-kernels 2>&1 | FileCheck %s --check-prefix=CPU

// The layouts are the abacus's own, and so are the numbers of the plan: 20 rows of 64 bytes.
// CPU: reads a weight without a packed layout

// CHECK: module attributes {abacus.scratch = 1280 : i64, plan.family = "abacus", plan.level = "wooden", plan.memory = #plan.memory<chunk_rows = 20, arena_bytes = 0,
// CHECK: phiq.cache @kv0 {{.*}}plan.cache_layout = #plan.cache_layout<strips = 1, key_group = 4, value_group = 2, context_step = 12>
phiq.cache @kv0 {heads = 2, head_dim = 8, element = f16}
func.func @model(%x: tensor<?xi32>) -> tensor<?x13xf32> {
  // CHECK: phiq.weight "w" {{.*}}plan.packed = #plan.packed<#abacus.strips<width = 5, block = 0, minima = false>, offset = 0, bytes = 960>
  %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 832, hash = 0x1>] : tensor<13x16xf32>
  // Embed (0) into scratch memory (2), then matmul (1) into the logits (1).
  // CHECK: plan.stage "s"{{.*}}abacus.code = array<i64: 0, 9, 0, 2, 0, 64, 0, 5, 0, 13, 16, 1, 12, 0, 1, 0, 52, 2, 0, 64, 0, 5, 0, 13, 16>
  // CHECK-SAME: kernels = {decode = @abacus_0, prefill = @abacus_0, verify = @abacus_0}
  %0 = plan.stage "s" (%x, %w) : (tensor<?xi32>, tensor<13x16xf32>) -> tensor<?x13xf32> {
  ^bb0(%ids: tensor<?xi32>, %m: tensor<13x16xf32>):
    %e = phiq.embed %ids, %m : tensor<?xi32>, tensor<13x16xf32> -> tensor<?x16xf32>
    %r = phiq.matmul %e, %m compute = f32 : tensor<?x16xf32>, tensor<13x16xf32> -> tensor<?x13xf32>
    plan.yield %r : tensor<?x13xf32>
  }
  return %0 : tensor<?x13xf32>
}
