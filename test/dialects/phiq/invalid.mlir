// RUN: phic-opt %s --split-input-file --verify-diagnostics

func.func @weight_layout() {
  // expected-error@below {{unknown storage layout 'dense': if it is a plugin's, load that plugin}}
  %0 = phiq.weight "w" layout = "dense" [#phiq.range<file = 0, offset = 0, length = 128, hash = 0x1>] : tensor<32xf32>
  return
}

// -----

func.func @weight_shape() {
  // expected-error@below {{requires a static shape [N, K] or [N], [O, H, W, I] of 'dense_oihw', or numbers of any shape as they are, found 'tensor<?x32xf32>'}}
  %0 = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 128, hash = 0x1>] : tensor<?x32xf32>
  return
}

// -----

func.func @weight_c1() {
  // expected-error@below {{range 0 has 100 bytes, layout 'dense_nk' of this type asks for 128}}
  %0 = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 100, hash = 0x1>] : tensor<32xf32>
  return
}

// -----

func.func @weight_c2() {
  // expected-error@below {{of rank 1 requires layout 'dense_nk', found 'dense_kn'}}
  %0 = phiq.weight "w" layout = "dense_kn" [#phiq.range<file = 0, offset = 0, length = 128, hash = 0x1>] : tensor<32xf32>
  return
}

// -----

func.func @weight_c1_stored() {
  // expected-error@below {{range 0 has 1024 bytes, layout 'dense_nk' of this type asks for 2048}}
  %0 = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 1024, hash = 0x1>]
      {conversion = #phiq.conversion<from = f32, method = "rtn">} : tensor<16x32xf16>
  return
}

// -----

func.func @weight_c2_converted() {
  // expected-error@below {{of rank 1 cannot be converted}}
  %0 = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 128, hash = 0x1>]
      {conversion = #phiq.conversion<from = f32, method = "rtn">} : tensor<32xf16>
  return
}

// -----

func.func @weight_c3_method() {
  // expected-error@+3 {{unknown method of conversion 'gptq'}}
  // expected-error@+2 {{failed to parse Phiq_ConversionAttr parameter 'method'}}
  %0 = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 2048, hash = 0x1>]
      {conversion = #phiq.conversion<from = f32, method = "gptq">} : tensor<16x32xf16>
  return
}

// -----

func.func @weight_c3_type() {
  // expected-error@below {{is converted from its own type 'f32'}}
  %0 = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 2048, hash = 0x1>]
      {conversion = #phiq.conversion<from = f32, method = "rtn">} : tensor<16x32xf32>
  return
}

// -----

func.func @weight_c3_format() {
  // expected-error@below {{is converted to '!phiq.block<u4, 32, scale = f16>', which is symmetric with zero = 0, the middle of its codes is 8}}
  %0 = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 2048, hash = 0x1>]
      {conversion = #phiq.conversion<from = f32, method = "rtn">} : tensor<16x32x!phiq.block<u4, 32, scale = f16>>
  return
}

// -----

func.func @weight_c1_two_level() {
  // expected-error@below {{block<u4, 32, scale = f16 * u6, min = f16 * u6> cannot be stored as 'phic_rows'}}
  %0 = phiq.weight "w" layout = "phic_rows" [#phiq.range<file = 0, offset = 64, length = 144, hash = 0x1>]
      : tensor<1x256x!phiq.block<u4, 32, scale = f16 * u6, min = f16 * u6>>
  return
}

// -----

func.func @weight_c4_converted() {
  // expected-error@below {{is derived, and converted once more}}
  %0 = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 1, offset = 64, length = 2048, hash = 0x2>]
      {conversion = #phiq.conversion<from = f32, method = "rtn">,
       derived = #phiq.derived<from = f32, method = "rtn", layout = "dense_nk", ranges = [#phiq.range<file = 0, offset = 0, length = 2048, hash = 0x1>]>} : tensor<16x32xf16>
  return
}

// -----

func.func @weight_c4_method() {
  // expected-error@+3 {{unknown method of conversion 'gptq'}}
  // expected-error@+2 {{failed to parse Phiq_DerivedAttr parameter 'method'}}
  %0 = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 1, offset = 64, length = 1024, hash = 0x2>]
      {derived = #phiq.derived<from = f32, method = "gptq", layout = "dense_nk", ranges = [#phiq.range<file = 0, offset = 0, length = 2048, hash = 0x1>]>} : tensor<16x32xf16>
  return
}

// -----

func.func @weight_c4_ranges() {
  // expected-error@below {{range 0 has 1024 bytes, layout 'dense_nk' of this type asks for 2048}}
  %0 = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 1, offset = 64, length = 1024, hash = 0x2>]
      {derived = #phiq.derived<from = f32, method = "rtn", layout = "dense_nk", ranges = [#phiq.range<file = 0, offset = 0, length = 1024, hash = 0x1>]>} : tensor<16x32xf16>
  return
}

// -----

func.func @rope_table() {
  // expected-error@below {{expected ::phic::phiq::RopeTableKind to be one of: cos, sin}}
  // expected-error@below {{failed to parse Phiq_RopeTableKindAttr}}
  %0 = phiq.rope_table tan {base = 1.0e4 : f64, mscale = 1.0 : f64, rotary_dim = 4 : i64} : tensor<9x2xf32>
  return
}

// -----

func.func @norm_gamma(%x: tensor<?x32xf32>, %g: tensor<16xf32>) {
  // expected-error@below {{requires gamma to be a vector of 32, found 'tensor<16xf32>'}}
  %0 = phiq.rms_norm %x, %g {epsilon = 1.0e-5 : f32} : tensor<?x32xf32>, tensor<16xf32>
  return
}

// -----

func.func @matmul_c1(%x: tensor<?x32xf32>, %w: tensor<8x16xf32>) {
  // expected-error@below {{lhs has K = 32, rhs K = 16}}
  %0 = phiq.matmul %x, %w : tensor<?x32xf32>, tensor<8x16xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @matmul_compute(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>) {
  // expected-error@below {{expected ::phic::phiq::ComputeMode to be one of: f32, f16, i8}}
  // expected-error@below {{failed to parse Phiq_ComputeModeAttr}}
  %0 = phiq.matmul %x, %w compute = i4 : tensor<?x32xf32>, tensor<8x32xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @rope_c1(%x: tensor<?x32xf32>, %t: tensor<9x8xf32>) {
  // expected-error@below {{head_dim 8 must divide 32 and hold the rotary dimension 16}}
  %0 = phiq.rope %x, %t, %t {head_dim = 8 : i64} : tensor<?x32xf32>, tensor<9x8xf32>, tensor<9x8xf32>
  return
}

// -----

func.func @rope_c2(%x: tensor<?x32xf32>, %t: tensor<9x8xf32>) {
  // expected-error@below {{requires long tables and threshold together}}
  %0 = phiq.rope %x, %t, %t {head_dim = 16 : i64, threshold = 4096 : i64} : tensor<?x32xf32>, tensor<9x8xf32>, tensor<9x8xf32>
  return
}

// -----

func.func @columns(%x: tensor<?x32xf32>) {
  // expected-error@below {{takes columns 24 to 40 of 32}}
  %0 = phiq.columns %x from 24 : tensor<?x32xf32> -> tensor<?x16xf32>
  return
}

// -----

func.func @no_cache(%x: tensor<?x32xf32>) {
  // expected-error@below {{requires a phiq.cache named @kv0}}
  phiq.cache_append @kv0, %x, %x : tensor<?x32xf32>, tensor<?x32xf32>
  return
}

// -----

phiq.cache @kv0 {heads = 1, head_dim = 16, element = f16}
func.func @cache_append_c1(%x: tensor<?x32xf32>) {
  // expected-error@below {{appends 32 and 32 columns, cache @kv0 holds 16 each}}
  phiq.cache_append @kv0, %x, %x : tensor<?x32xf32>, tensor<?x32xf32>
  return
}

// -----

phiq.cache @kv0 {heads = 2, head_dim = 16, element = f16}
func.func @attend_heads(%x: tensor<?x48xf32>) {
  // expected-error@below {{has 3 heads, which must be a multiple of the cache's 2}}
  %0 = phiq.attend @kv0, %x {heads = 3 : i64, scale = 0.25 : f32} : tensor<?x48xf32>
  return
}

// -----

phiq.cache @kv0 {heads = 2, head_dim = 16, element = f16}
func.func @attend_c1(%x: tensor<?x48xf32>) {
  // expected-error@below {{has 48 columns of queries, 4 heads of 16 ask for 64}}
  %0 = phiq.attend @kv0, %x {heads = 4 : i64, scale = 0.25 : f32} : tensor<?x48xf32>
  return
}

// -----

func.func @snap_c1(%x: tensor<?x32xf32>, %s: tensor<4xf32>) {
  // expected-error@below {{requires one scale or 32, found 'tensor<4xf32>'}}
  %0 = phiq.snap %x, %s {least = -128 : i64, greatest = 127 : i64} : tensor<?x32xf32>, tensor<4xf32>
  return
}

// -----

func.func @snap_c2(%x: tensor<?x32xf32>, %s: tensor<1xf32>) {
  // expected-error@below {{requires a range around 0 within 65536, found 1 to 127}}
  %0 = phiq.snap %x, %s {least = 1 : i64, greatest = 127 : i64} : tensor<?x32xf32>, tensor<1xf32>
  return
}

// -----

func.func @map_c1_arity(%x: tensor<1x4xf32>) {
  // expected-error@below {{'add' takes 2 operands, found 1}}
  %0 = phiq.map add %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @map_c1_types(%x: tensor<1x4xf32>, %z: tensor<i8>) {
  // expected-error@below {{'quantize' does not make ui8 of f32, f32, i8}}
  %0 = phiq.map quantize %x, %x, %z : (tensor<1x4xf32>, tensor<1x4xf32>, tensor<i8>) -> tensor<1x4xui8>
  return
}

// -----

func.func @map_c1_table(%x: tensor<1x4xi4>, %t: tensor<256xf32>) {
  // expected-error@below {{requires a number for each code of i4, found tensor<256xf32>}}
  %0 = phiq.map lookup %x, %t : (tensor<1x4xi4>, tensor<256xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @map_c2(%x: tensor<1x4xf32>, %y: tensor<3xf32>) {
  // expected-error@below {{cannot broadcast tensor<3xf32> to tensor<1x4xf32>}}
  %0 = phiq.map add %x, %y : (tensor<1x4xf32>, tensor<3xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @map_c2_dynamic(%x: tensor<?x4xf32>) {
  // expected-error@below {{requires tensors of static shape, found 'tensor<?x4xf32>'}}
  %0 = phiq.map relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @contract_c1(%x: tensor<3x4xui8>, %w: tensor<2x4xi8>) {
  // expected-error@below {{does not make 'f32' of 'ui8' and 'i8'}}
  %0 = phiq.contract %x, %w : (tensor<3x4xui8>, tensor<2x4xi8>) -> tensor<3x2xf32>
  return
}

// -----

func.func @contract_c1_blocks(%x: tensor<2x3x32xf32>, %w: tensor<2x5x32x!phiq.block<s8, 32, scale = f16>>) {
  // expected-error @below {{does not make 'f32' of 'f32' and '!phiq.block<s8, 32, scale = f16>'}}
  %0 = phiq.contract %x, %w {batched} : (tensor<2x3x32xf32>, tensor<2x5x32x!phiq.block<s8, 32, scale = f16>>) -> tensor<2x3x5xf32>
  return
}

// -----

func.func @contract_c2_rows(%x: tensor<3x4xf32>, %w: tensor<2x5xf32>) {
  // expected-error@below {{requires a weight of rows of 4 elements, found 'tensor<2x5xf32>'}}
  %0 = phiq.contract %x, %w : (tensor<3x4xf32>, tensor<2x5xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @contract_c2_window(%x: tensor<1x3x3x4xf32>, %w: tensor<2x2x2x4xf32>) {
  // expected-error@below {{makes 'tensor<1x2x2x2xf32>', not 'tensor<1x3x2x2xf32>'}}
  %0 = phiq.contract %x, %w {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x3x4xf32>, tensor<2x2x2x4xf32>) -> tensor<1x3x2x2xf32>
  return
}

// -----

func.func @contract_c2_no_window(%x: tensor<1x3x3x4xf32>, %w: tensor<2x4x2x4xf32>) {
  // expected-error@below {{has no window along axis 1}}
  %0 = phiq.contract %x, %w {kernel = array<i64: 4, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x3x4xf32>, tensor<2x4x2x4xf32>) -> tensor<1x1x2x2xf32>
  return
}

// -----

func.func @contract_c2_attributes(%x: tensor<1x3x3x4xf32>, %w: tensor<2x2x2x4xf32>) {
  // expected-error@below {{requires x [N, H, W, C], pairs of positive kernel, strides and dilations, and four pads from 0 on}}
  %0 = phiq.contract %x, %w {kernel = array<i64: 2, 2>} : (tensor<1x3x3x4xf32>, tensor<2x2x2x4xf32>) -> tensor<1x2x2x2xf32>
  return
}

// -----

func.func @contract_c2_batched(%x: tensor<2x3x4xf32>, %w: tensor<3x5x4xf32>) {
  // expected-error@below {{is batched, which requires a weight like x but for its rows, found 'tensor<3x5x4xf32>'}}
  %0 = phiq.contract %x, %w {batched} : (tensor<2x3x4xf32>, tensor<3x5x4xf32>) -> tensor<2x3x5xf32>
  return
}

// -----

func.func @contract_c3(%x: tensor<3x4xui8>, %w: tensor<2x4xi8>, %z: tensor<3xui8>) {
  // expected-error@below {{requires zero points of codes, in their type: one, or of the weight 2}}
  %0 = phiq.contract %x, %w zero %z : (tensor<3x4xui8>, tensor<2x4xi8>, tensor<3xui8>) -> tensor<3x2xi32>
  return
}

// -----

func.func @weight_c5() {
  // expected-error@below {{requires a static shape [N, K] or [N], [O, H, W, I] of 'dense_oihw', or numbers of any shape as they are, found 'tensor<4x9xi8>'}}
  %0 = phiq.weight "k" layout = "dense_oihw" [#phiq.range<file = 0, offset = 0, length = 36, hash = 0x1>] : tensor<4x9xi8>
  return
}

// -----

func.func @reshape_c1(%x: tensor<1x4xf32>) {
  // expected-error@below {{cannot make 'tensor<5xf32>' of 'tensor<1x4xf32>'}}
  %0 = phiq.reshape %x : tensor<1x4xf32> -> tensor<5xf32>
  return
}

// -----

// expected-error@below {{expected ',', found the end}}
func.func private @no_scale(tensor<8x32x!phiq.block<u4, 32>>)

// -----

// expected-error@below {{expected the codes as uN or sN with N in 2..8, found 'u9, 32, scale = f16'}}
func.func private @codes(tensor<8x32x!phiq.block<u9, 32, scale = f16>>)

// -----

// expected-error@below {{expected a block format}}
func.func private @text(tensor<8x32x!phiq.block<"u4">>)

// -----

// expected-error@below {{'phiq.model' must be a #phiq.model, found {vocab = 640 : i64}}}
module attributes {phiq.model = {vocab = 640 : i64}} {}
