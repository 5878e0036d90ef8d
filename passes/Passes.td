//===- Passes.td - Passes that no target changes ----------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A pass's flag is its name after `phic-`; its file is passes/<phase>/<Name>.cpp,
// its test test/passes/<phase>/<name>.mlir. compiler/Pipeline.cpp runs them in
// this order; those of `kernels` and `target` are a backend's own (targets/cpu/Passes.td).
// IR in the descriptions is shortened: types where they matter.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PASSES
#define PHIC_PASSES

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// canonicalize
//===----------------------------------------------------------------------===//

def FoldSpellingsPass : Pass<"phic-fold-spellings", "mlir::ModuleOp"> {
  let summary = "replace spelled-out operations by the op that means them";
  let description = [{
    ```mlir
    %s = phiq.sigmoid %x                    %y = phiq.silu %x
    %y = arith.mulf %x, %s           ->
    %t = phiq.transpose %w
    %u = phiq.transpose %t           ->     (uses of %u take %w)
    %a = phiq.logit_rows %x
    %b = phiq.logit_rows %a          ->     %b = phiq.logit_rows %x
    ```
  }];
  let dependentDialects = ["::phic::phiq::PhiqDialect"];
}

def SinkPermutesPass : Pass<"phic-sink-permutes", "mlir::ModuleOp"> {
  let summary = "move permutes behind what can be done in their operand's order, so that they meet and vanish";
  let description = [{
    Elementwise maps, concatenations, reductions and reshapes that only drop or add axes of size 1 are done before a permute of their
    operands; a permute of a permute is one, and one that moves no element is a reshape. Maps are done before a reshape as well
    where they then join what makes its operand.

    ```mlir
    %p = phiq.permute %x {order = [0, 3, 1, 2]}         %r = phiq.map relu %x
    %r = phiq.map relu %p                         ->    %p = phiq.permute %r {order = [0, 3, 1, 2]}
    %y = phiq.contract %a, %w                           %y = phiq.contract %a, %w
    %s = phiq.reshape %y                                %r = phiq.map relu %y
    %r = phiq.map relu %s                         ->    %s = phiq.reshape %r
    ```
  }];
  let dependentDialects = ["::phic::phiq::PhiqDialect"];
}

def PropagateLogitRowsPass : Pass<"phic-propagate-logit-rows", "mlir::ModuleOp"> {
  let summary = "select the wanted rows before the work of the final norm and the LM head";
  let description = [{
    Rows whose logits nobody asks for need no final norm and no LM head. The selection moves up
    through ops on single rows, as long as nothing else reads the op's result:

    ```mlir
    %n = phiq.rms_norm %h, %g               %r = phiq.logit_rows %h
    %r = phiq.logit_rows %n          ->     %n = phiq.rms_norm %r, %g
    %l = phiq.matmul %r, %w                 %l = phiq.matmul %n, %w
    ```
    It stops at an op with two operands of rows, such as the last residual sum.
  }];
  let dependentDialects = ["::phic::phiq::PhiqDialect"];
}

def FoldEqualWeightsPass : Pass<"phic-fold-equal-weights", "mlir::ModuleOp"> {
  let summary = "make weights that are the same bytes read the same way one weight";
  let description = [{
    Tied embeddings are imported twice, under two names. One handle makes one packed copy:

    ```mlir
    %a = phiq.weight "embed" layout = "nbits" [#r]          %a = phiq.weight "embed" layout = "nbits" [#r]
    %b = phiq.weight "lm_head" layout = "nbits" [#r]  ->    (uses of %b take %a)
    ```
  }];
}

def VerifyOpsPass : Pass<"phic-verify-ops", "mlir::ModuleOp"> {
  let summary = "report every op that later phases have no meaning for";
  let description = [{
    One error with a note for each offender. What is left is phiq's decoder ops, and `arith.addf` and
    `arith.mulf` on rows, in one function `@model` of straight-line code.
  }];
  let dependentDialects = ["::phic::phiq::PhiqDialect"]; // gives arith's ops its interfaces
}

//===----------------------------------------------------------------------===//
// quantize
//===----------------------------------------------------------------------===//

def FoldTransposesPass : Pass<"phic-fold-transposes", "mlir::ModuleOp"> {
  let summary = "read a transposed weight from its file in the order it is wanted";
  let description = [{
    The storage layout says in which order a file holds the axes, so that a transpose costs nothing:

    ```mlir
    %w = phiq.weight "w" layout = "dense_nk" [#r] : tensor<96x256xf32>
    %t = phiq.transpose %w           ->     %t = phiq.weight "w" layout = "dense_kn" [#r] : tensor<256x96xf32>
    ```
    A block-quantized weight has its blocks along K in either order: QDQ graphs transpose the dequantized
    weight twice, which `fold-spellings` has folded. What is left is an error of `verify-quantized`.
  }];
  let dependentDialects = ["::phic::phiq::PhiqDialect"];
}

def FuseDequantizePass : Pass<"phic-fuse-dequantize", "mlir::ModuleOp"> {
  let summary = "let the ops that use a quantized weight read it quantized";
  let description = [{
    `phiq.matmul` and `phiq.embed` mean exact arithmetic on dequantized operands, so nothing is lost:

    ```mlir
    %f = phiq.dequantize %w : tensor<96x256x!phiq.block<...>>
    %y = phiq.matmul %x, %f          ->     %y = phiq.matmul %x, %w
    ```
    Quantized activations that a graph states stay as they are.
  }];
  let dependentDialects = ["::phic::phiq::PhiqDialect"];
}

def FoldActivationQuantizationPass : Pass<"phic-fold-activation-quantization", "mlir::ModuleOp"> {
  let summary = "make the rounding of activations that a graph states one op on rows";
  let description = [{
    The scale stays an operand, the zero point goes into the range. Here codes are u8 and the zero point is 100:

    ```mlir
    %q = phiq.quantize %x, %s {zero = 100}
    %y = phiq.dequantize %q          ->     %y = phiq.snap %x, %s {least = -100, greatest = 155}
    ```
    Codes that something else reads stay, for `verify-stages` to report.
  }];
  let dependentDialects = ["::phic::phiq::PhiqDialect"];
}

def FoldDequantizedFactorsPass : Pass<"phic-fold-dequantized-factors", "mlir::ModuleOp"> {
  let summary = "multiply codes as integers, or by floats, and take their scales out of the sums";
  let description = [{
    Where a contraction's weight is dequantized by one scale, or one a row, and x by one scale: their codes are multiplied,
    exactly, and the sums dequantized by the product of the scales. What is multiplied by x may be such codes as well, made when
    the program runs, as in attention: permutes, reshapes and slices between move codes then. Where x is floats, they are multiplied by the codes of the weight.
    `phiq.depthwise` is the same with a scale a channel; beside floats its weight becomes floats.

    ```mlir
    %x = phiq.map dequantize %q, %sx, %zx
    %w = phiq.map dequantize %c, %sw, %zw          %i = phiq.contract %q, %c zero %zx weight_zero %zw
    %y = phiq.contract %x, %w               ->     %y = phiq.map dequantize %i, %s, %0
    ```
    `f32(s * (q - z))` is rounded for each element before, and the product of the scales and the sum afterwards: the result is
    nearer to that of real numbers.
  }];
  let dependentDialects = ["::phic::phiq::PhiqDialect"];
}

def TabulateCodesPass : Pass<"phic-tabulate-codes", "mlir::ModuleOp"> {
  let summary = "look up what maps make of a code, where it takes longer to compute";
  let description = [{
    Between the roundings of a quantized graph, much depends on one tensor of codes and on numbers alone: a hard swish is a
    dozen maps of 256 possible codes. What they make of each is evaluated, as the interpreter means it, and looked up.

    ```mlir
    %f = phiq.map dequantize %q, %s, %z
    %y = phiq.map sigmoid %f                ->     %r = phiq.map lookup %q, %table : (tensor<4x8xui8>, tensor<256xi32>) -> ...
    %r = phiq.map quantize %y, %t, %z
    ```
  }];
  let dependentDialects = ["::phic::phiq::PhiqDialect"];
}

def VerifyQuantizedPass : Pass<"phic-verify-quantized", "mlir::ModuleOp"> {
  let summary = "report every quantized weight that an op still reads dequantized or transposed";
  let description = [{
    One error with a note for each offender. Afterwards the only uses of a matrix are the right-hand side of
    `phiq.matmul` and the table of `phiq.embed` or `phiq.rope`; one can't tell where a model came from.
  }];
}

//===----------------------------------------------------------------------===//
// precision
//===----------------------------------------------------------------------===//

def AssignPrecisionPass : Pass<"phic-assign-precision", "mlir::ModuleOp"> {
  let summary = "choose each matrix's weight format";
  let description = [{
    The default leaves every weight as it came (lossless import). What is asked for is a lossy step on the weight itself, which is
    carried out, and measured, when the weight is read:

    ```mlir
    %w = phiq.weight "w" ... : tensor<96x256xf32>
    ->
    %w = phiq.weight "w" ... {conversion = #phiq.conversion<from = f32, method = "rtn">}
         : tensor<96x256x!phiq.block<u4, 32, scale = f16, zero = 8>>
    ```
    A weight takes the format of the last rule that matches its name; else of its role (embeddings, LM head; a tied
    one is both and has one format); else `precision`. Of a graph these are what phiq.contract multiplies by, a row's K elements
    along all axes behind the first. Vectors and rope tables are never touched. Quantized weights
    are an error unless they are what is asked for already, or `allow-requantize` is given. So is a rule without a match.
    A weight with the attribute `phiq.pinned` stays as it is: a pass before this one, a plugin's, has chosen its format.
  }];
  let options = [
    Option<"precision", "precision", "std::string", "", "as-is (default), fp32, fp16, bf16, int8, int4 or a block format">,
    Option<"block", "block", "std::string", "", "elements a scale, of int8 and int4: a multiple of 16 up to 256, or row; default 32">,
    Option<"scheme", "scheme", "std::string", "", "of int8 and int4: sym (default) or asym">,
    Option<"axis", "axis", "std::string", "", "that blocks run along: k">,
    Option<"embeddings", "embeddings", "std::string", "", "auto (default), same or a format">,
    Option<"lmHead", "lm-head", "std::string", "", "auto (default), same or a format">,
    ListOption<"rules", "rules", "std::string", "REGEX=FORMAT, the last one that matches a weight's name wins">,
    Option<"allowRequantize", "allow-requantize", "bool", "false", "change the format of quantized weights too">,
    Option<"families", "families", "std::string", "\"cpu\"", "what the program has code for: rows of targets/Backends.def, comma-separated">
  ];
  let dependentDialects = ["::phic::phiq::PhiqDialect"];
}

def AssignComputePass : Pass<"phic-assign-compute", "mlir::ModuleOp"> {
  let summary = "choose each matmul's compute mode";
  let description = [{
    ```mlir
    %y = phiq.matmul %x, %w          ->     %y = phiq.matmul %x, %w compute = i8
    ```
    `auto` is `i8` for weights of 8 bits or less, else `f32`. Matmuls that read the same rows take the same mode
    (f32 where one of them must), since they become one stage. A mode is one that all families of the program have, so
    that it is one model whatever runs it; where `auto` loses i8 by that, a remark says so. Another mode is an error where it
    is asked for, and so is `i8` for a model without quantized weights.
  }];
  let options = [
    Option<"act", "act", "std::string", "\"auto\"", "activations of matmuls: auto, f32, f16 or i8">,
    Option<"families", "families", "std::string", "\"cpu\"", "what the program has code for: rows of targets/Backends.def, comma-separated">
  ];
}

def AssignKvCachePass : Pass<"phic-assign-kv-cache", "mlir::ModuleOp"> {
  let summary = "choose the element type of the KV caches";
  let description = [{
    ```mlir
    phiq.cache @kv0 {element = f32, ...}    ->    phiq.cache @kv0 {element = f16, ...}
    ```
  }];
  let options = [
    Option<"kv", "kv", "std::string", "\"f16\"", "element type of keys and values: f16 or f32">
  ];
}

def EmitPrecisionReportPass : Pass<"phic-emit-precision-report", "mlir::ModuleOp"> {
  let summary = "print each weight's format, bits per weight and compute mode";
  let description = [{
    Prints the report of passes/precision/PrecisionReport.h to standard output; the IR stays as it is.

    ```
    weight                        format                        shape      bits/weight  compute
    model.layers.0.mlp.down_proj  u4, 32, scale = f16, zero = 8  96x256     4.50         i8
    ```
  }];
}

//===----------------------------------------------------------------------===//
// fuse
//===----------------------------------------------------------------------===//

def MaterializeQuantizationPass : Pass<"phic-materialize-quantization", "mlir::ModuleOp"> {
  let summary = "quantize the rows that i8 matmuls read, once for all of them";
  let description = [{
    Blocks are 32 elements, or 16 where a weight that reads the rows has blocks of 16:

    ```mlir
    %n = phiq.rms_norm %h, %g               %n = phiq.rms_norm %h, %g
                                            %q = phiq.quantize %n : ... -> tensor<?x96x!phiq.block<s8, 32, scale = f32>>
    %a = phiq.matmul %n, %v {i8}     ->     %a = phiq.matmul %q, %v {i8}
    %b = phiq.matmul %n, %w {i8}            %b = phiq.matmul %q, %w {i8}
    ```
  }];
  let dependentDialects = ["::phic::phiq::PhiqDialect"];
}

def FuseStagesPass : Pass<"phic-fuse-stages", "mlir::ModuleOp"> {
  let summary = "make the model a straight list of stages";
  let description = [{
    Kinds of stages, each made around its main ops:

    - (R) rows: an embedding, a norm or other work on single rows, and the quantization of its result;
    - (M) matmul: matmuls of the same rows whose results meet again (queries, keys and values; gate and up),
      with what follows on single rows: bias, columns, rope, the append to the cache, activation, residual, quantize;
    - (A) attend: attention over one cache, and the quantization of its result;
    - (G) grid: one op on tensors of any rank, whose result's elements are computed one by one (pool, reshape, ...); or maps of
      one shape, also behind a contraction; or two batched contractions and what makes rows of rows between them (maps, softmax).

    ```mlir
    %n = phiq.rms_norm %h, %g               %q = plan.stage "layers.0.mlp.norm" (%h, %g) {rms_norm, quantize}
    %q = phiq.quantize %n                   %a = plan.stage "layers.0.mlp.up" (%q, %v, %w) {matmul, matmul, silu, mulf, quantize}
    %a = phiq.matmul %q, %v          ->     %r = plan.stage "layers.0.mlp.down" (%a, %d, %h) {matmul, addf}
    %b = phiq.matmul %q, %w
    ...
    ```
    The body of a stage lists matmuls, biases, columns, ropes, the append, elementwise ops and quantizations in
    this order. Weights and tables are operands of the stages and lie before them, in the order of their first
    use. From `phiq.logit_rows` on, stages carry `logit_rows`: their rows are the wanted ones only.
    A stage's name is the layer of its ops' locations and its part in it; its location fuses theirs. What a graph returns
    without making it, or twice, is a copy (phiq.reshape).
  }];
  let dependentDialects = ["::phic::plan::PlanDialect", "::phic::phiq::PhiqDialect"];
}

def VerifyStagesPass : Pass<"phic-verify-stages", "mlir::ModuleOp"> {
  let summary = "report every op and stage that kernels cannot be made for";
  let description = [{
    One error with a note for each offender. Afterwards `@model` holds weights, tables, stages of the kinds of
    `fuse-stages`, and the return of results that stages make. Of a model with steps that is one, made by a matmul from
    the logit rows; of another, each is returned once, and a state has an argument and a result of its type. Every family of the
    program has a layout for each weight and kernels for each stage.
  }];
  let options = [
    Option<"families", "families", "std::string", "\"cpu\"", "what the program has code for: rows of targets/Backends.def, comma-separated">
  ];
}

//===----------------------------------------------------------------------===//
// layout
//===----------------------------------------------------------------------===//

def AssignPackedLayoutsPass : Pass<"phic-assign-packed-layouts", "mlir::ModuleOp"> {
  let summary = "give each weight its packed layout and its place in the weight segment";
  let description = [{
    In the order of first use, so that a stage streams one contiguous range:

    ```mlir
    %w = phiq.weight "w" ...    ->    %w = phiq.weight "w" ... {plan.packed = #plan.packed<#panels.layout<"panel8x32_u4_f16_z8">, offset = 64, bytes = 13824>}
    ```
    The layouts are the family's: its backend is asked with how the stages read a weight. Whoever shares a weight
    shares its one copy. The module carries `plan.family` from here on.
  }];
  let options = [
    Option<"family", "family", "std::string", "\"cpu\"", "whose layouts: a row of targets/Backends.def">,
    Option<"alignment", "alignment", "int64_t", "64", "bytes that each packed weight is aligned to, a power of two">
  ];
  let dependentDialects = ["::phic::plan::PlanDialect"];
}

def PlanMemoryPass : Pass<"phic-plan-memory", "mlir::ModuleOp"> {
  let summary = "give every result of a stage its place in the arena";
  let description = [{
    Results whose lifetimes, in stages, do not overlap share bytes; what the model returns is written where its caller
    wants it, in the slot of that binding. A buffer is its type's shape times its element; a dimension of rows that is
    open counts `chunk-rows`. Keys and
    values of each cache get their place in the bytes of one token of the KV cache.

    ```mlir
    plan.stage "layers.0.mlp.norm" (%h, %g) : ...
    ->
    plan.stage "layers.0.mlp.norm" (%h, %g) {buffers = [#plan.buffer<arena, offset = 98304, row_bytes = 128>]} : ...
    phiq.cache @kv0 {plan.cache_layout = #plan.cache_layout<...>, plan.key_offset = 0, plan.value_offset = 64, ...}
    module attributes {plan.memory = #plan.memory<chunk_rows = 256, arena_bytes = 131072, ...>}
    ```
  }];
  let options = [
    Option<"chunkRows", "chunk-rows", "int64_t", "0", "rows of one prefill step, a multiple of the family's step; 0: its own number">
  ];
  let dependentDialects = ["::phic::plan::PlanDialect"];
}

def VerifyPlanPass : Pass<"phic-verify-plan", "mlir::ModuleOp"> {
  let summary = "report buffers that overlap while both are live, and weights without a place";
  let description = [{
    Also offsets that are not aligned, and sizes that exceed what `plan.memory` declares. A failure is phic's own
    fault, or that of hand-written IR.
  }];
}

#endif
