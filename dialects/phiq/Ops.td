//===- Ops.td - Weights, decoders, rows --------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_PHIQ_OPS
#define PHIC_PHIQ_OPS

include "dialects/phiq/Dialect.td"
include "dialects/phiq/Interfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

/// An op on rows with what is to be known about it (RowFacts.h). The last role is that of all further operands.
class Phiq_RowOp<string mnemonic, string work, list<string> roles, string place, list<Trait> traits = []>
    : Phiq_Op<mnemonic, traits # [Phiq_RowOpInterface, DeclareOpInterfaceMethods<Phiq_MeaningInterface>]> {
  bit needsPositions = 0;
  let extraClassDeclaration = "::phic::phiq::RowFacts getFacts() {\n"
    # "  static constexpr OperandRole kRoles[] = {OperandRole::" # !interleave(roles, ", OperandRole::") # "};\n"
    # "  return {\"" # mnemonic # "\", RowWork::" # work # ", EpiloguePlace::" # place # ", " # !if(needsPositions, "true", "false")
    # ", kRoles};\n}\n"
    # !if(!or(!eq(work, "Elementwise"), !eq(work, "Norm")),
          "RowExpr getExpression(::llvm::ArrayRef<RowExpr> operands);\n", "");
}

def Phiq_Element : AnyTypeOf<[F32, F16, BF16, Phiq_BlockType]>;
/// [M, N] activations, float.
def Phiq_Rows : RankedTensorOf<[F32]>;
/// [M, N] activations, float or quantized at run time.
def Phiq_Lhs : RankedTensorOf<[F32, Phiq_BlockType]>;
/// [N, K] or [N] weights.
def Phiq_Weight : RankedTensorOf<[Phiq_Element]>;
/// What a phiq.weight holds: 8-bit integers are read by ops on grids only.
def Phiq_StoredWeight : RankedTensorOf<[F32, F16, BF16, UI<8>, I<8>, Phiq_BlockType]>;
def Phiq_FloatWeight : RankedTensorOf<[Phiq_Float]>;
def Phiq_Ids : RankedTensorOf<[I32]>;

//===----------------------------------------------------------------------===//
// Sources of data
//===----------------------------------------------------------------------===//

def Phiq_WeightOp : Phiq_Op<"weight", [Pure]> {
  let summary = "a trained constant, as handles into the model's files";
  let description = [{
    `layout` (a row of Formats.def) says how the bytes of `ranges` make up the tensor.

    ```mlir
    %w = phiq.weight "model.layers.0.mlp.down_proj" layout = "nbits"
        [#phiq.range<file = 1, offset = 0, length = 12288, hash = 0x1>,
         #phiq.range<file = 1, offset = 12288, length = 3072, hash = 0x2>]
        : tensor<96x256x!phiq.block<u4, 32, scale = f32, zero = 8>>
    ```
    With `conversion`, the bytes hold another element type, of which the result's is made (lossy, on request only):

    ```mlir
    %w = phiq.weight "lm_head" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 98304, hash = 0x1>]
        {conversion = #phiq.conversion<from = f32, method = "rtn">}
        : tensor<96x256x!phiq.block<u4, 32, scale = f16, zero = 8>>
    ```
    A derived weight's numbers lie in a file of phic's own, a `derived:` entry of `phiq.files`, and it says what they were made of:

    ```mlir
    %w = phiq.weight "lm_head" layout = "phic_rows" [#phiq.range<file = 1, offset = 64, length = 13824, hash = 0x2>]
        {derived = #phiq.derived<from = f32, method = "rtn", layout = "dense_nk",
                                 ranges = [#phiq.range<file = 0, offset = 0, length = 98304, hash = 0x1>]>}
        : tensor<96x256x!phiq.block<u4, 32, scale = f16, zero = 8>>
    ```
    - (C1) the layout names as many ranges as are given; their lengths are what layout and stored type ask for.
    - (C2) a rank-1 weight is a vector of numbers, stored `dense_nk`, and not converted.
    - (C5) `dense_oihw` stores a weight [O, H, W, I]; what has no block format and is stored `dense_nk` may be of any shape, and
      what is derived.
    - (C3) a conversion's method makes the result's format, and changes the type.
    - (C4) what a derived weight was made of fulfils (C1) to (C3) as a conversion; it is not converted once more.
  }];
  let arguments = (ins StrAttr:$name, Phiq_StorageAttr:$layout, ArrayAttr:$ranges, OptionalAttr<Phiq_ConversionAttr>:$conversion,
                       OptionalAttr<Phiq_DerivedAttr>:$derived);
  let results = (outs Phiq_StoredWeight:$result);
  let builders = [OpBuilder<(ins "::mlir::Type":$type, "::llvm::StringRef":$name, "::phic::StoredAs":$layout,
                                 "::mlir::ArrayAttr":$ranges), [{
    build($_builder, $_state, type, name, StorageAttr::get($_builder.getContext(), layout), ranges,
          /*conversion=*/ConversionAttr(), /*derived=*/DerivedAttr());
  }]>];
  let extraClassDeclaration = [{
    /// Element type of the bytes in the file: the conversion's, else the result's.
    ::mlir::Type getStoredElementType();
    ::phic::StoredAs getStoredAs() { return getLayout().getStoredAs(); }
    /// Element type in the model's file, also of a derived weight; and the method that made the result's of it, if any did.
    ::mlir::Type getModelElementType();
    ::std::optional<::phic::ConvertMethod> getMethod();
  }];
  let assemblyFormat = "$name `layout` `=` $layout $ranges attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Phiq_RopeTableOp : Phiq_Op<"rope_table", [Pure]> {
  let summary = "cosines or sines of rotary embedding, computed by the compiler";
  let description = [{
    For row p and column i of the result [rows, rotary_dim / 2], in double precision, rounded once to f32:

    ```
    angle = p / (factors[i] * base ^ (2 i / rotary_dim))          factors absent: 1
    result[p, i] = f32(mscale * cos(angle))                       kind = cos, or sin
    ```
    The inverse frequency is rounded to f32 first, as Hugging Face does, and the angle is its f32 product with p.
  }];
  let arguments = (ins Phiq_RopeTableKindAttr:$kind, F64Attr:$base, F64Attr:$mscale, I64Attr:$rotary_dim,
                       OptionalAttr<DenseF32ArrayAttr>:$factors);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let assemblyFormat = "$kind attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Phiq_CacheOp : Phiq_Op<"cache", [Symbol]> {
  let summary = "the KV cache of one layer";
  let description = [{
    Keys and values of every position so far, [context, heads, head_dim] each. `element` is
    set by the precision phase (`--kv`): a value is rounded to it (half to even) when appended.

    ```mlir
    phiq.cache @kv0 {heads = 2, head_dim = 16, element = f16}
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$heads, I64Attr:$head_dim, TypeAttr:$element);
  let assemblyFormat = "$sym_name attr-dict";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// The decoder
//===----------------------------------------------------------------------===//

def Phiq_EmbedOp : Phiq_RowOp<"embed", "Core", ["Ids", "TokenTable"], "None", [Pure]> {
  let summary = "rows of a table, by token id";
  let description = [{
    `result[i, :] = dequantize(table[ids[i], :])`; ids are in [0, V): the runtime checks them.
  }];
  let arguments = (ins Phiq_Ids:$ids, Phiq_Weight:$table);
  let results = (outs Phiq_Rows:$result);
  let assemblyFormat = "$ids `,` $table attr-dict `:` type($ids) `,` type($table) `->` type($result)";
  let hasVerifier = 1;
}

def Phiq_RmsNormOp : Phiq_RowOp<"rms_norm", "Norm", ["Rows", "Vector"], "None",
                                [Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "root-mean-square normalization of each row";
  let description = [{ `result[i, j] = x[i, j] / sqrt(mean_j(x[i, j]^2) + epsilon) * gamma[j]` }];
  let arguments = (ins Phiq_Rows:$x, Phiq_FloatWeight:$gamma, F32Attr:$epsilon);
  let results = (outs Phiq_Rows:$result);
  let assemblyFormat = "$x `,` $gamma attr-dict `:` type($x) `,` type($gamma)";
  let hasVerifier = 1;
}

def Phiq_LayerNormOp : Phiq_RowOp<"layer_norm", "Norm", ["Rows", "Vector"], "None",
                                  [Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "normalization of each row to mean 0 and variance 1, scaled and shifted";
  let description = [{
    With mu and var the mean and the (biased) variance of row i:
    `result[i, j] = (x[i, j] - mu) / sqrt(var + epsilon) * gamma[j] + beta[j]`
  }];
  let arguments = (ins Phiq_Rows:$x, Phiq_FloatWeight:$gamma, Phiq_FloatWeight:$beta, F32Attr:$epsilon);
  let results = (outs Phiq_Rows:$result);
  let assemblyFormat = "$x `,` $gamma `,` $beta attr-dict `:` type($x) `,` type($gamma) `,` type($beta)";
  let hasVerifier = 1;
}

def Phiq_MatmulOp : Phiq_RowOp<"matmul", "Core", ["Rows", "Matrix"], "Matmul", [Pure]> {
  let summary = "activations times the transpose of a weight";
  let description = [{
    `result[i, n] = sum_k dequantize(lhs)[i, k] * dequantize(rhs)[n, k]`, in exact real arithmetic.

    `compute` is set by the precision phase and says what a kernel may do (C3): `f32` nothing but
    round in f32; `i8` quantize the lhs per block at run time (then `fuse` makes that an explicit
    `phiq.quantize` in the stage that produces the lhs).

    - (C1) lhs [M, K], rhs [N, K], result [M, N].
  }];
  let arguments = (ins Phiq_Lhs:$lhs, Phiq_Weight:$rhs, OptionalAttr<Phiq_ComputeModeAttr>:$compute);
  let results = (outs Phiq_Rows:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs (`compute` `=` $compute^)? attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Phiq_BiasOp : Phiq_RowOp<"bias", "Elementwise", ["Rows", "Vector"], "Bias",
                             [Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "adds a vector to each row";
  let description = [{ `result[i, j] = x[i, j] + bias[j]` }];
  let arguments = (ins Phiq_Rows:$x, Phiq_FloatWeight:$bias);
  let results = (outs Phiq_Rows:$result);
  let assemblyFormat = "$x `,` $bias attr-dict `:` type($x) `,` type($bias)";
  let hasVerifier = 1;
}

def Phiq_RopeOp : Phiq_RowOp<"rope", "Pairs", ["Rows", "PositionTable"], "Rope",
                             [Pure, AttrSizedOperandSegments, AllTypesMatch<["x", "result"]>]> {
  let needsPositions = 1;
  let summary = "rotary position embedding of each head";
  let description = [{
    x is [M, heads * head_dim]. Row i is at position p = past + i; r = 2 * (columns of cos) is the rotary
    dimension; columns r.. of each head pass unchanged. For pair j in [0, r/2), with (a, b) =
    `interleaved ? (2j, 2j + 1) : (j, j + r/2)`:

    ```
    result[a] = x[a] * cos[p, j] - x[b] * sin[p, j]
    result[b] = x[b] * cos[p, j] + x[a] * sin[p, j]
    ```
    With `long_cos`, `long_sin` (LongRoPE) those tables are used instead for *all* rows
    when `total > threshold`.
    - (C1) head_dim divides the columns of x; r <= head_dim.
    - (C2) long tables and threshold come together.
  }];
  let arguments = (ins Phiq_Rows:$x, Phiq_FloatWeight:$cos, Phiq_FloatWeight:$sin,
                       Optional<Phiq_FloatWeight>:$long_cos, Optional<Phiq_FloatWeight>:$long_sin,
                       I64Attr:$head_dim, UnitAttr:$interleaved, OptionalAttr<I64Attr>:$threshold);
  let results = (outs Phiq_Rows:$result);
  let assemblyFormat = [{
    $x `,` $cos `,` $sin (`long` $long_cos^ `,` $long_sin)? attr-dict
    `:` type($x) `,` type($cos) `,` type($sin) (`long` type($long_cos)^ `,` type($long_sin))?
  }];
  let hasVerifier = 1;
}

def Phiq_CacheAppendOp : Phiq_RowOp<"cache_append", "Store", ["Rows"], "Append",
                                    [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
                                     DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let needsPositions = 1;
  let summary = "appends keys and values of this step to a cache";
  let description = [{
    Writes key row i and value row i, rounded to the cache's element type, at position past + i.
    - (C1) keys and values are [M, heads * head_dim] of the named cache.
  }];
  let arguments = (ins FlatSymbolRefAttr:$cache, Phiq_Rows:$keys, Phiq_Rows:$values);
  let assemblyFormat = "$cache `,` $keys `,` $values attr-dict `:` type($keys) `,` type($values)";
}

def Phiq_AttendOp : Phiq_RowOp<"attend", "Core", ["Rows"], "None",
                               [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
                                DeclareOpInterfaceMethods<SymbolUserOpInterface>,
                                AllTypesMatch<["queries", "result"]>]> {
  let needsPositions = 1;
  let summary = "causal grouped-query attention over a cache";
  let description = [{
    queries is [M, heads * d] with d the cache's head_dim; query head h reads KV head h / (heads / cache.heads).
    For row i at position p = past + i, over positions t with `max(0, p - window + 1) <= t <= p`
    (window absent: from 0):

    ```
    s[t] = scale * <q, key[t]>        softcap > 0: s = softcap * tanh(s / softcap)
    result = sum_t softmax(s)[t] * value[t]
    ```
    The keys and values of this step have been appended already.
    - (C1) queries are [M, heads * head_dim], head_dim that of the named cache, whose heads divide `heads`.
  }];
  let arguments = (ins FlatSymbolRefAttr:$cache, Phiq_Rows:$queries, I64Attr:$heads, F32Attr:$scale,
                       OptionalAttr<I64Attr>:$window, OptionalAttr<F32Attr>:$softcap);
  let results = (outs Phiq_Rows:$result);
  let assemblyFormat = "$cache `,` $queries attr-dict `:` type($queries)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Elementwise (sums and products are arith.addf and arith.mulf on tensors)
//===----------------------------------------------------------------------===//

class Phiq_UnaryOp<string mnemonic, string formula>
    : Phiq_RowOp<mnemonic, "Elementwise", ["Rows"], "Elementwise", [Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "elementwise " # formula;
  let description = "`result = " # formula # "`";
  let arguments = (ins Phiq_Rows:$x);
  let results = (outs Phiq_Rows:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}
def Phiq_ReluOp : Phiq_UnaryOp<"relu", "max(x, 0)">;
def Phiq_SigmoidOp : Phiq_UnaryOp<"sigmoid", "1 / (1 + exp(-x))">;
def Phiq_SiluOp : Phiq_UnaryOp<"silu", "x / (1 + exp(-x))">;
def Phiq_GeluOp : Phiq_UnaryOp<"gelu", "x / 2 * (1 + erf(x / sqrt(2)))">;
def Phiq_GeluTanhOp : Phiq_UnaryOp<"gelu_tanh", "x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))">;

//===----------------------------------------------------------------------===//
// Shape and format
//===----------------------------------------------------------------------===//

def Phiq_ColumnsOp : Phiq_RowOp<"columns", "Columns", ["Rows"], "Columns", [Pure]> {
  let summary = "a run of columns";
  let description = [{ `result[i, j] = x[i, begin + j]`, with as many columns as the result type says. }];
  let arguments = (ins Phiq_Rows:$x, I64Attr:$begin);
  let results = (outs Phiq_Rows:$result);
  let assemblyFormat = "$x `from` $begin attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def Phiq_LogitRowsOp : Phiq_RowOp<"logit_rows", "Select", ["Rows"], "None", [Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "the rows whose logits are wanted";
  let description = [{
    Rows [logit_row0, M) of x, as the session asks: the last one when generating, all with `--logits`.
    With `pruned` (the graph itself computes one row only) always the last one.
  }];
  let arguments = (ins Phiq_Rows:$x, UnitAttr:$pruned);
  let results = (outs Phiq_Rows:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

def Phiq_TransposeOp : Phiq_Op<"transpose", [Pure, DeclareOpInterfaceMethods<Phiq_MeaningInterface>]> {
  let summary = "a weight with its axes exchanged";
  let description = [{ `result[n, k] = w[k, n]`. Folded into the weight's layout by the quantize phase. }];
  let arguments = (ins Phiq_Weight:$w);
  let results = (outs Phiq_Weight:$result);
  let assemblyFormat = "$w attr-dict `:` type($w) `->` type($result)";
  let hasVerifier = 1;
}

def Phiq_QuantizeOp : Phiq_RowOp<"quantize", "Quantize", ["Rows", "Vector"], "Quantize", [Pure]> {
  let summary = "float to stored integers, per block of each row";
  let description = [{
    For each block of each row of x, with scale s, zero point z and codes of the result's format:
    `q = saturate(round_half_even(x / s) + z)`.

    Without `scale` (dynamic, s8 codes, z = 0), with absmax = max |x| over the block:
    `s = f32(absmax / 127)`, `q = round_half_even(f32(x * f32(127 / absmax)))`; a block with absmax < 2^-100
    has s = 0, q = 0. Numerics.h bounds the error: |x - s q| <= kDynamicQuantizeError * s.
    With `scale`, it and `zero` are what a graph states (per tensor: one element; per channel: one a column).
  }];
  let arguments = (ins Phiq_Rows:$x, Optional<Phiq_FloatWeight>:$scale, OptionalAttr<I64Attr>:$zero);
  let results = (outs RankedTensorOf<[Phiq_BlockType]>:$result);
  let assemblyFormat = "$x (`,` $scale^)? attr-dict `:` type($x) (`,` type($scale)^)? `->` type($result)";
}

def Phiq_SnapOp : Phiq_RowOp<"snap", "Elementwise", ["Rows", "Vector"], "Elementwise",
                             [Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "rounds each value to a multiple of a stated step, within a range";
  let description = [{
    With s the one scale, or the scale of column j, each operation rounded to f32:
    `result[i, j] = s * min(max(round_half_even(x[i, j] / s), least), greatest)`; a NaN gives 0.

    It is `dequantize(quantize(x))` with a stated scale: codes in [a, b] and zero point z make
    least = a - z and greatest = b - z.
    - (C1) scale is a vector of one element or of one a column.
    - (C2) -2^16 <= least <= 0 <= greatest <= 2^16.
  }];
  let arguments = (ins Phiq_Rows:$x, Phiq_FloatWeight:$scale, I64Attr:$least, I64Attr:$greatest);
  let results = (outs Phiq_Rows:$result);
  let assemblyFormat = "$x `,` $scale attr-dict `:` type($x) `,` type($scale)";
  let hasVerifier = 1;
}

def Phiq_DequantizeOp : Phiq_RowOp<"dequantize", "Dequantize", ["Rows"], "None", [Pure]> {
  let summary = "stored integers to the floats they stand for";
  let description = [{ `result = s * (q - z) + m`, see the dialect description. }];
  let arguments = (ins RankedTensorOf<[Phiq_BlockType]>:$x);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
}

#endif
