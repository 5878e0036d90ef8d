// RUN: phic-opt %s --phic-fuse-stages --split-input-file | FileCheck %s

// A layer with queries, keys and values of their own, i8: seven stages between the embedding and the head.
!act = !phiq.block<s8, 32, scale = f32>
!w = !phiq.block<u4, 32, scale = f16, min = f16>
phiq.cache @kv0 {heads = 1, head_dim = 32, element = f16}
// CHECK-LABEL: @model
// CHECK-SAME: (%[[IDS:.*]]: tensor<?xi32>, %[[TABLE:[a-z0-9]+]]: tensor<96x64x
func.func @model(%ids: tensor<?xi32>, %table: tensor<96x64x!w>, %g: tensor<64xf32>, %wq: tensor<64x64x!w>, %wk: tensor<32x64x!w>, %wd: tensor<64x96x!w>, %cos: tensor<9x16xf32>) -> tensor<?x96xf32> {
  // CHECK: %[[H0:.*]] = plan.stage "embed"(%[[IDS]], %[[TABLE]])
  // CHECK: phiq.embed
  %h0 = phiq.embed %ids, %table : tensor<?xi32>, tensor<96x64x!w> -> tensor<?x64xf32>
  // CHECK: %[[N0:.*]] = plan.stage "layers.0.attn.norm"(%[[H0]], %{{.*}}) : {{.*}} -> tensor<?x64x!phiq.block<s8, 32, scale = f32>>
  // CHECK: phiq.rms_norm
  // CHECK-NEXT: phiq.quantize
  // CHECK-NEXT: plan.yield
  %n0 = phiq.rms_norm %h0, %g {epsilon = 1.0e-5 : f32} : tensor<?x64xf32>, tensor<64xf32> loc("/model/layers.0/input_layernorm/LayerNorm")
  %q0 = phiq.quantize %n0 : tensor<?x64xf32> -> tensor<?x64x!act>
  // CHECK: %[[Q:.*]] = plan.stage "layers.0.attn.qkv"(%[[N0]],
  // CHECK: ^bb0(%[[LHS:[a-z0-9]+]]:
  // CHECK-NEXT: phiq.matmul %[[LHS]]
  // CHECK-NEXT: phiq.matmul %[[LHS]]
  // CHECK-NEXT: phiq.matmul %[[LHS]]
  // CHECK-NEXT: %[[ROPE:.*]] = phiq.rope
  // CHECK-NEXT: phiq.rope
  // CHECK-NEXT: phiq.cache_append @kv0
  // CHECK-NEXT: plan.yield %[[ROPE]]
  %q = phiq.matmul %q0, %wq compute = i8 : tensor<?x64x!act>, tensor<64x64x!w> -> tensor<?x64xf32> loc("/model/layers.0/attn/q_proj/MatMul")
  %qr = phiq.rope %q, %cos, %cos {head_dim = 32 : i64} : tensor<?x64xf32>, tensor<9x16xf32>, tensor<9x16xf32>
  %k = phiq.matmul %q0, %wk compute = i8 : tensor<?x64x!act>, tensor<32x64x!w> -> tensor<?x32xf32> loc("/model/layers.0/attn/k_proj/MatMul")
  %kr = phiq.rope %k, %cos, %cos {head_dim = 32 : i64} : tensor<?x32xf32>, tensor<9x16xf32>, tensor<9x16xf32>
  %v = phiq.matmul %q0, %wk compute = i8 : tensor<?x64x!act>, tensor<32x64x!w> -> tensor<?x32xf32> loc("/model/layers.0/attn/v_proj/MatMul")
  phiq.cache_append @kv0, %kr, %v : tensor<?x32xf32>, tensor<?x32xf32>
  // CHECK: %[[A:.*]] = plan.stage "layers.0.attn.attend"(%[[Q]])
  // CHECK: phiq.attend
  // CHECK-NEXT: phiq.quantize
  %a = phiq.attend @kv0, %qr {heads = 2 : i64, scale = 0.25 : f32} : tensor<?x64xf32> loc("/model/layers.0/attn/GroupQueryAttention")
  %aq = phiq.quantize %a : tensor<?x64xf32> -> tensor<?x64x!act>
  // CHECK: %[[H1:.*]] = plan.stage "layers.0.attn.out"(%[[A]], %{{.*}}, %[[H0]])
  // CHECK: phiq.matmul
  // CHECK-NEXT: arith.addf
  %o = phiq.matmul %aq, %wq compute = i8 : tensor<?x64x!act>, tensor<64x64x!w> -> tensor<?x64xf32> loc("/model/layers.0/attn/o_proj/MatMul")
  %h1 = arith.addf %h0, %o : tensor<?x64xf32> loc("/model/layers.0/post_attention_layernorm/SkipLayerNorm")
  // CHECK: %[[N1:.*]] = plan.stage "layers.0.mlp.norm"(%[[H1]],
  %n1 = phiq.rms_norm %h1, %g {epsilon = 1.0e-5 : f32} : tensor<?x64xf32>, tensor<64xf32> loc("/model/layers.0/post_attention_layernorm/SkipLayerNorm")
  %q1 = phiq.quantize %n1 : tensor<?x64xf32> -> tensor<?x64x!act>
  // CHECK: %[[UP:.*]] = plan.stage "layers.0.mlp.up"(%[[N1]],
  // CHECK: %[[GATE:.*]] = phiq.matmul
  // CHECK-NEXT: %[[UPROWS:.*]] = phiq.matmul
  // CHECK-NEXT: %[[SILU:.*]] = phiq.silu %[[GATE]]
  // CHECK-NEXT: %[[GLU:.*]] = arith.mulf %[[SILU]], %[[UPROWS]]
  // CHECK-NEXT: phiq.quantize %[[GLU]]
  %gate = phiq.matmul %q1, %table compute = i8 : tensor<?x64x!act>, tensor<96x64x!w> -> tensor<?x96xf32> loc("/model/layers.0/mlp/gate_proj/MatMul")
  %silu = phiq.silu %gate : tensor<?x96xf32>
  %up = phiq.matmul %q1, %table compute = i8 : tensor<?x64x!act>, tensor<96x64x!w> -> tensor<?x96xf32> loc("/model/layers.0/mlp/up_proj/MatMul")
  %glu = arith.mulf %silu, %up : tensor<?x96xf32>
  %q2 = phiq.quantize %glu : tensor<?x96xf32> -> tensor<?x96x!act>
  // CHECK: %[[H2:.*]] = plan.stage "layers.0.mlp.down"(%[[UP]], %{{.*}}, %[[H1]])
  %down = phiq.matmul %q2, %wd compute = i8 : tensor<?x96x!act>, tensor<64x96x!w> -> tensor<?x64xf32> loc("/model/layers.0/mlp/down_proj/MatMul")
  %h2 = arith.addf %h1, %down : tensor<?x64xf32> loc("/model/layers.1/final_norm_layernorm/SkipLayerNorm")
  // CHECK: %[[NF:.*]] = plan.stage "norm"(%[[H2]], %{{.*}}) {logit_rows}
  // CHECK: phiq.logit_rows
  // CHECK-NEXT: phiq.rms_norm
  %rows = phiq.logit_rows %h2 : tensor<?x64xf32>
  %nf = phiq.rms_norm %rows, %g {epsilon = 1.0e-5 : f32} : tensor<?x64xf32>, tensor<64xf32> loc("/model/layers.1/final_norm_layernorm/SkipLayerNorm")
  %qf = phiq.quantize %nf : tensor<?x64xf32> -> tensor<?x64x!act>
  // CHECK: %[[LOGITS:.*]] = plan.stage "lm_head"(%[[NF]], %[[TABLE]]) {logit_rows}
  // CHECK: return %[[LOGITS]]
  %logits = phiq.matmul %qf, %table compute = i8 : tensor<?x64x!act>, tensor<96x64x!w> -> tensor<?x96xf32> loc("/lm_head/MatMul")
  return %logits : tensor<?x96xf32>
}

// -----

// A parallel block, f32: one norm for attention and MLP, packed qkv with a bias, two sums.
phiq.cache @kv0 {heads = 1, head_dim = 16, element = f16}
// CHECK-LABEL: @model
func.func @model(%h: tensor<?x32xf32>, %g: tensor<32xf32>, %wqkv: tensor<64x32xf32>, %b: tensor<64xf32>, %wo: tensor<32x32xf32>, %wd: tensor<32x64xf32>, %cos: tensor<9x4xf32>) -> tensor<?x32xf32> {
  // CHECK: %[[N:.*]] = plan.stage "layers.7.attn.norm"
  %n = phiq.layer_norm %h, %g, %g {epsilon = 1.0e-5 : f32} : tensor<?x32xf32>, tensor<32xf32>, tensor<32xf32> loc("blk.7.attn_norm")
  // CHECK: plan.stage "layers.7.attn.qkv"(%[[N]],
  // CHECK: %[[MM:.*]] = phiq.matmul
  // CHECK-NEXT: %[[BIAS:.*]] = phiq.bias %[[MM]]
  // CHECK-NEXT: %[[Q:.*]] = phiq.columns %[[BIAS]] from 0
  // CHECK-NEXT: %[[K:.*]] = phiq.columns %[[BIAS]] from 32
  // CHECK-NEXT: %[[V:.*]] = phiq.columns %[[BIAS]] from 48
  // CHECK-NEXT: %[[QR:.*]] = phiq.rope %[[Q]]
  // CHECK-NEXT: %[[KR:.*]] = phiq.rope %[[K]]
  // CHECK-NEXT: phiq.cache_append @kv0, %[[KR]], %[[V]]
  // CHECK-NEXT: plan.yield %[[QR]]
  %mm = phiq.matmul %n, %wqkv compute = f32 : tensor<?x32xf32>, tensor<64x32xf32> -> tensor<?x64xf32> loc("blk.7.attn_qkv")
  %mb = phiq.bias %mm, %b : tensor<?x64xf32>, tensor<64xf32>
  %q = phiq.columns %mb from 0 : tensor<?x64xf32> -> tensor<?x32xf32>
  %qr = phiq.rope %q, %cos, %cos {head_dim = 16 : i64} : tensor<?x32xf32>, tensor<9x4xf32>, tensor<9x4xf32>
  %k = phiq.columns %mb from 32 : tensor<?x64xf32> -> tensor<?x16xf32>
  %kr = phiq.rope %k, %cos, %cos {head_dim = 16 : i64} : tensor<?x16xf32>, tensor<9x4xf32>, tensor<9x4xf32>
  %v = phiq.columns %mb from 48 : tensor<?x64xf32> -> tensor<?x16xf32>
  phiq.cache_append @kv0, %kr, %v : tensor<?x16xf32>, tensor<?x16xf32>
  // CHECK: %[[A:.*]] = plan.stage "layers.7.attn.attend"
  %a = phiq.attend @kv0, %qr {heads = 2 : i64, scale = 0.25 : f32} : tensor<?x32xf32> loc("blk.7.attn")
  // CHECK: %[[O:.*]] = plan.stage "layers.7.attn.out"(%[[A]],
  // CHECK: phiq.matmul
  // CHECK-NEXT: phiq.bias
  // CHECK-NEXT: plan.yield
  %o = phiq.matmul %a, %wo compute = f32 : tensor<?x32xf32>, tensor<32x32xf32> -> tensor<?x32xf32> loc("blk.7.attn_output")
  %ob = phiq.bias %o, %g : tensor<?x32xf32>, tensor<32xf32>
  // CHECK: %[[UP:.*]] = plan.stage "layers.7.mlp.up"(%[[N]],
  // CHECK: phiq.matmul
  // CHECK-NEXT: phiq.bias
  // CHECK-NEXT: phiq.gelu_tanh
  %fc1 = phiq.matmul %n, %wqkv compute = f32 : tensor<?x32xf32>, tensor<64x32xf32> -> tensor<?x64xf32> loc("blk.7.ffn_up")
  %fc1b = phiq.bias %fc1, %b : tensor<?x64xf32>, tensor<64xf32>
  %gelu = phiq.gelu_tanh %fc1b : tensor<?x64xf32>
  // CHECK: plan.stage "layers.7.mlp.down"(%[[UP]], %{{.*}}, %[[O]], %{{.*}})
  // CHECK: phiq.matmul
  // CHECK-NEXT: arith.addf
  // CHECK-NEXT: arith.addf
  %fc2 = phiq.matmul %gelu, %wd compute = f32 : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32> loc("blk.7.ffn_down")
  %s = arith.addf %ob, %fc2 : tensor<?x32xf32>
  %h1 = arith.addf %s, %h : tensor<?x32xf32>
  return %h1 : tensor<?x32xf32>
}

// -----

// Weights stand before the stages, in the order of their first use; unused ones go.
// CHECK-LABEL: @model
func.func @model(%x: tensor<?x32xf32>) -> tensor<?x8xf32> {
  // CHECK-NEXT: phiq.weight "a"
  // CHECK-NEXT: phiq.weight "b"
  // CHECK-NEXT: plan.stage "mlp.up"
  // CHECK: plan.stage "mlp.down"
  %u = phiq.weight "unused" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 128, hash = 0x1>] : tensor<32xf32>
  %b = phiq.weight "b" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 1024, hash = 0x1>] : tensor<8x32xf32>
  %a = phiq.weight "a" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 4096, hash = 0x2>] : tensor<32x32xf32>
  %0 = phiq.matmul %x, %a compute = f32 : tensor<?x32xf32>, tensor<32x32xf32> -> tensor<?x32xf32>
  %1 = phiq.matmul %0, %b compute = f32 : tensor<?x32xf32>, tensor<8x32xf32> -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// -----

// Gate and up read rows rounded to different scales: two stages, whose results meet in the later one.
// CHECK-LABEL: @model
func.func @model(%x: tensor<?x32xf32>, %w: tensor<64x32xf32>, %s: tensor<1xf32>) -> tensor<?x64xf32> {
  // CHECK: %[[XG:.*]] = plan.stage "layers.0.rows"
  // CHECK: %[[XU:.*]] = plan.stage "layers.0.rows.1"
  // CHECK: %[[G:.*]] = plan.stage "layers.0.mlp.up"(%[[XG]],
  // CHECK: phiq.silu
  // CHECK: plan.stage "layers.0.mlp.up.1"(%[[XU]], %{{.*}}, %[[G]])
  // CHECK: phiq.matmul
  // CHECK-NEXT: arith.mulf
  %xg = phiq.snap %x, %s {least = 0 : i64, greatest = 255 : i64} : tensor<?x32xf32>, tensor<1xf32> loc("/model/layers.0/mlp/norm")
  %xu = phiq.snap %x, %s {least = -128 : i64, greatest = 127 : i64} : tensor<?x32xf32>, tensor<1xf32> loc("/model/layers.0/mlp/norm")
  %gate = phiq.matmul %xg, %w compute = f32 : tensor<?x32xf32>, tensor<64x32xf32> -> tensor<?x64xf32> loc("/model/layers.0/mlp/gate_proj/MatMul")
  %silu = phiq.silu %gate : tensor<?x64xf32>
  %up = phiq.matmul %xu, %w compute = f32 : tensor<?x32xf32>, tensor<64x32xf32> -> tensor<?x64xf32> loc("/model/layers.0/mlp/up_proj/MatMul")
  %glu = arith.mulf %silu, %up : tensor<?x64xf32>
  return %glu : tensor<?x64xf32>
}

// -----

// Maps join the contraction that they follow, with what lies beside its rows; another shape is a stage of its own.
// CHECK-LABEL: @model
func.func @model(%x: tensor<1x5x6x8xf32>, %r: tensor<1x5x6x4xf32>, %k: tensor<4x8xf32>, %b: tensor<4xf32>, %h: tensor<1x5x1x1xf32>) -> tensor<1x5x6x4xf32> {
  // CHECK: %[[C:.*]] = plan.stage "conv"(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}})
  // CHECK: phiq.contract
  // CHECK-NEXT: phiq.map add
  // CHECK-NEXT: phiq.map add
  // CHECK-NEXT: phiq.map relu
  // CHECK: plan.stage "rows"(%[[C]], %{{.*}})
  // CHECK: phiq.map mul
  %0 = phiq.contract %x, %k : (tensor<1x5x6x8xf32>, tensor<4x8xf32>) -> tensor<1x5x6x4xf32> loc("conv")
  %1 = phiq.map add %0, %b : (tensor<1x5x6x4xf32>, tensor<4xf32>) -> tensor<1x5x6x4xf32> loc("bias")
  %2 = phiq.map add %r, %1 : (tensor<1x5x6x4xf32>, tensor<1x5x6x4xf32>) -> tensor<1x5x6x4xf32> loc("residual")
  %3 = phiq.map relu %2 : (tensor<1x5x6x4xf32>) -> tensor<1x5x6x4xf32> loc("relu")
  %4 = phiq.map mul %3, %h : (tensor<1x5x6x4xf32>, tensor<1x5x1x1xf32>) -> tensor<1x5x6x4xf32> loc("rows")
  return %4 : tensor<1x5x6x4xf32>
}

// -----

// A graph without steps: grids are stages by themselves, rows join their matmul; names are the nodes'.
// CHECK-LABEL: @model
func.func @model(%x: tensor<1x4x4x1xf32>, %h: tensor<1x8xf32>, %w: tensor<8x4xf32>) -> tensor<1x8xf32> {
  // CHECK: %[[P:.*]] = plan.stage "pool"(%{{.*}}) : (tensor<1x4x4x1xf32>) -> tensor<1x2x2x1xf32>
  // CHECK: %[[R:.*]] = plan.stage "flatten"(%[[P]])
  // CHECK: plan.stage "gemm"(%[[R]], %{{.*}}, %{{.*}})
  // CHECK: phiq.matmul
  // CHECK-NEXT: arith.addf
  // CHECK-NEXT: phiq.sigmoid
  %0 = phiq.pool max %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : tensor<1x4x4x1xf32> -> tensor<1x2x2x1xf32> loc("pool")
  %1 = phiq.reshape %0 : tensor<1x2x2x1xf32> -> tensor<1x4xf32> loc("flatten")
  %2 = phiq.matmul %1, %w compute = f32 : tensor<1x4xf32>, tensor<8x4xf32> -> tensor<1x8xf32> loc("gemm")
  %3 = arith.addf %2, %h : tensor<1x8xf32> loc("add")
  %4 = phiq.sigmoid %3 : tensor<1x8xf32> loc("gate")
  return %4 : tensor<1x8xf32>
}

// -----

// What is returned has a stage that writes it: an input, a constant and a second time are copies.
// CHECK-LABEL: @model
func.func @model(%x: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<3xi64>) {
  // CHECK: %[[R:.*]] = plan.stage "relu"
  // CHECK: %[[X:.*]] = plan.stage {{.*}}(%{{[a-z0-9]+}}) : (tensor<2x4xf32>)
  // CHECK: phiq.reshape
  // CHECK: %[[SECOND:.*]] = plan.stage {{.*}}(%[[R]])
  // CHECK: phiq.reshape
  // CHECK: %[[C:.*]] = plan.stage {{.*}} : (tensor<3xi64>)
  // CHECK: phiq.reshape
  // CHECK: return %[[R]], %[[X]], %[[SECOND]], %[[C]]
  %0 = phiq.map relu %x : (tensor<2x4xf32>) -> tensor<2x4xf32> loc("relu")
  %1 = phiq.constant dense<[1, 2, 3]> : tensor<3xi64>
  return %0, %x, %0, %1 : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<3xi64>
}

// -----

// Rows go from one batched contraction through softmax to the next, though what both read is made in between.
// CHECK-LABEL: @model
func.func @model(%q: tensor<1x2x5x8xf32>, %k: tensor<1x2x7x8xf32>, %v: tensor<1x2x7x3xf32>, %m: tensor<1x1x1x7xui8>, %s: tensor<f32>, %z: tensor<ui8>) -> tensor<1x2x5x3xf32> {
  // CHECK: %[[M:.*]] = plan.stage "mask"
  // CHECK: %[[V:.*]] = plan.stage "values"
  // CHECK: plan.stage "scores"(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[M]], %[[V]])
  // CHECK: phiq.contract
  // CHECK-NEXT: phiq.map quantize
  // CHECK-NEXT: phiq.map dequantize
  // CHECK-NEXT: phiq.map add
  // CHECK-NEXT: phiq.reshape
  // CHECK-NEXT: phiq.softmax
  // CHECK-NEXT: phiq.map mul
  // CHECK-NEXT: phiq.reshape
  // CHECK-NEXT: phiq.contract
  // CHECK-NEXT: phiq.map relu
  // CHECK-NEXT: plan.yield
  // CHECK-NOT: plan.stage
  %0 = phiq.contract %q, %k {batched} : (tensor<1x2x5x8xf32>, tensor<1x2x7x8xf32>) -> tensor<1x2x5x7xf32> loc("scores")
  %c = phiq.map quantize %0, %s, %z : (tensor<1x2x5x7xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x5x7xui8>
  %d = phiq.map dequantize %c, %s, %z : (tensor<1x2x5x7xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x5x7xf32>
  %f = phiq.map cast %m : (tensor<1x1x1x7xui8>) -> tensor<1x1x1x7xf32> loc("mask")
  %1 = phiq.map add %d, %f : (tensor<1x2x5x7xf32>, tensor<1x1x1x7xf32>) -> tensor<1x2x5x7xf32>
  %2 = phiq.reshape %1 : tensor<1x2x5x7xf32> -> tensor<10x7xf32>
  %3 = phiq.softmax %2 : tensor<10x7xf32> -> tensor<10x7xf32>
  %4 = phiq.map mul %3, %s : (tensor<10x7xf32>, tensor<f32>) -> tensor<10x7xf32>
  %5 = phiq.reshape %4 : tensor<10x7xf32> -> tensor<1x2x5x7xf32>
  %6 = phiq.permute %v {order = array<i64: 0, 1, 3, 2>} : tensor<1x2x7x3xf32> -> tensor<1x2x3x7xf32> loc("values")
  %7 = phiq.contract %5, %6 {batched} : (tensor<1x2x5x7xf32>, tensor<1x2x3x7xf32>) -> tensor<1x2x5x3xf32> loc("sums")
  %8 = phiq.map relu %7 : (tensor<1x2x5x3xf32>) -> tensor<1x2x5x3xf32>
  return %8 : tensor<1x2x5x3xf32>
}

// -----

// What something else reads, too, is stored.
// CHECK-LABEL: @model
func.func @model(%q: tensor<2x5x8xf32>, %k: tensor<2x7x8xf32>, %v: tensor<2x3x7xf32>) -> (tensor<2x5x3xf32>, tensor<2x5x7xf32>) {
  // CHECK: plan.stage "scores"
  // CHECK: plan.stage "softmax"
  // CHECK: plan.stage "sums"
  %0 = phiq.contract %q, %k {batched} : (tensor<2x5x8xf32>, tensor<2x7x8xf32>) -> tensor<2x5x7xf32> loc("scores")
  %1 = phiq.softmax %0 : tensor<2x5x7xf32> -> tensor<2x5x7xf32> loc("softmax")
  %2 = phiq.contract %1, %v {batched} : (tensor<2x5x7xf32>, tensor<2x3x7xf32>) -> tensor<2x5x3xf32> loc("sums")
  return %2, %1 : tensor<2x5x3xf32>, tensor<2x5x7xf32>
}

// -----

// Rows that stay in no cache, too few tiles, and rows that the last contraction reads as its columns.
// CHECK-LABEL: @model
func.func @model(%q: tensor<8x40x8xf32>, %k: tensor<8x2048x8xf32>, %v: tensor<8x3x2048xf32>, %w: tensor<8x3x8xf32>, %x: tensor<8x5x40xf32>, %l: tensor<2x200x8xf32>, %n: tensor<2x200x200xf32>) -> (tensor<8x40x3xf32>, tensor<8x5x3xf32>, tensor<2x200x200xf32>) {
  // CHECK: plan.stage "scores"
  // CHECK: plan.stage "softmax"
  // CHECK: plan.stage "sums"
  // CHECK: plan.stage "few"
  // CHECK: plan.stage "tiles"
  // CHECK: plan.stage "factor"
  // CHECK: plan.stage "product"
  %0 = phiq.contract %q, %k {batched} : (tensor<8x40x8xf32>, tensor<8x2048x8xf32>) -> tensor<8x40x2048xf32> loc("scores")
  %1 = phiq.softmax %0 : tensor<8x40x2048xf32> -> tensor<8x40x2048xf32> loc("softmax")
  %2 = phiq.contract %1, %v {batched} : (tensor<8x40x2048xf32>, tensor<8x3x2048xf32>) -> tensor<8x40x3xf32> loc("sums")
  %5 = phiq.contract %l, %l {batched} : (tensor<2x200x8xf32>, tensor<2x200x8xf32>) -> tensor<2x200x200xf32> loc("few")
  %6 = phiq.contract %5, %n {batched} : (tensor<2x200x200xf32>, tensor<2x200x200xf32>) -> tensor<2x200x200xf32> loc("tiles")
  %3 = phiq.contract %w, %q {batched} : (tensor<8x3x8xf32>, tensor<8x40x8xf32>) -> tensor<8x3x40xf32> loc("factor")
  %4 = phiq.contract %x, %3 {batched} : (tensor<8x5x40xf32>, tensor<8x3x40xf32>) -> tensor<8x5x3xf32> loc("product")
  return %2, %4, %6 : tensor<8x40x3xf32>, tensor<8x5x3xf32>, tensor<2x200x200xf32>
}
