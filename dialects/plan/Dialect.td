//===- Dialect.td - The plan dialect ----------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_PLAN_DIALECT
#define PHIC_PLAN_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/plan/Layouts.td"

def Plan_Dialect : Dialect {
  let name = "plan";
  let cppNamespace = "::phic::plan";
  let summary = "Entry points as straight lists of stages over tiles";
  let description = [{
    After `fuse` the model is a function whose body is a straight list of *stages*. A
    stage is one kernel over a grid of independent tiles; its region says what it means
    in phiq ops, and attributes added by later phases say how it is run:

    | attribute | set by | meaning |
    |---|---|---|
    | `buffers` | layout | where each result lives |
    | `kernels` | kernels | the symbol that computes it, per entry point |
    | `tiles` | kernels | how its grid is counted, per entry point |

    What the function takes and returns is what the model's *entries* bind: inputs, results and state, each with a
    name, an element type and a shape. A first dimension that is dynamic is the rows of a step (of a decoder: its
    tokens); everything else is static. `plan.binding` on arguments and results says names and kinds:

    ```mlir
    func.func @model(%x: tensor<1x2x8x8xf32> {plan.binding = #plan.binding<input, "x">},
                     %h: tensor<1x16xf32> {plan.binding = #plan.binding<state, "h">})
        -> (tensor<1x16xf32> {plan.binding = #plan.binding<state, "h">},
            tensor<1x10xf32> {plan.binding = #plan.binding<result, "y">})
    ```
    A state is an argument and a result of one name and type: what a step returns is what the next one is given. KV
    caches (`phiq.cache`) are one more state, which steps append to. Slots of the binding table (phi/format.h) are
    numbered in this order: arguments, results, then the KV caches together (Entry.h).

    From `layout` on there is a module for each family of machines that a program has code for. It carries
    `plan.family`, whose backend laid it out, `plan.memory`, and from `kernels` on `plan.level`, the level of the
    family that its code is for. Weights carry `plan.packed`: where in the weight segment their packed copy lies, and
    in which layout; caches carry `plan.key_offset`, `plan.value_offset` and `plan.cache_layout`.
  }];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    static constexpr llvm::StringLiteral kPacked = "plan.packed";
    static constexpr llvm::StringLiteral kBinding = "plan.binding";
    static constexpr llvm::StringLiteral kMemory = "plan.memory";
    static constexpr llvm::StringLiteral kFamily = "plan.family";
    static constexpr llvm::StringLiteral kLevel = "plan.level";
    /// On caches: where keys and values begin in the bytes of one token; times the context, in the KV cache.
    static constexpr llvm::StringLiteral kKeyOffset = "plan.key_offset";
    static constexpr llvm::StringLiteral kValueOffset = "plan.value_offset";
    static constexpr llvm::StringLiteral kCacheLayout = "plan.cache_layout";
  }];
}

def Plan_BindingKind : I32Enum<"BindingKind", "what an entry does with a binding",
    [I32EnumCase<"Input", 0, "input">, I32EnumCase<"Result", 1, "result">, I32EnumCase<"State", 2, "state">]> {
  let cppNamespace = "::phic::plan";
}

def Plan_Space : I32Enum<"Space", "where a buffer lives",
    [I32EnumCase<"Arena", 0, "arena">, I32EnumCase<"Binding", 1, "binding">]> {
  let cppNamespace = "::phic::plan";
}

def Plan_BindingAttr : AttrDef<Plan_Dialect, "Binding"> {
  let mnemonic = "binding";
  let summary = "what an argument or a result of the model is to whoever runs it";
  let parameters = (ins EnumParameter<Plan_BindingKind>:$kind, StringRefParameter<"as users write it">:$name);
  let assemblyFormat = "`<` $kind `,` $name `>`";
}

def Plan_BufferAttr : AttrDef<Plan_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "a planned buffer: the place of a stage's result";
  let description = [{
    Its shape and element type are the result's. In space `arena` it begins at byte `offset`, in space `binding` it is
    slot `offset` of the binding table. Index i of the first dimension starts `i * row_bytes` further on; what is
    behind it is contiguous. Float rows in the arena are padded to cache lines; rows of quantized activations hold the
    padded codes first, then their scales and block sums (docs/numerics.md).
  }];
  let parameters = (ins EnumParameter<Plan_Space>:$space, "uint64_t":$offset, "uint64_t":$row_bytes);
  let assemblyFormat = "`<` $space `,` `offset` `=` $offset `,` `row_bytes` `=` $row_bytes `>`";
}

def Plan_PackedAttr : AttrDef<Plan_Dialect, "Packed"> {
  let mnemonic = "packed";
  let summary = "the packed copy of a weight in the weight segment";
  let description = [{
    `layout` is an attribute of the family's backend, with the interface of Layouts.td:

    ```mlir
    #plan.packed<#panels.layout<"panel8x32_u4_f16_z8">, offset = 64, bytes = 13824>
    ```
  }];
  let parameters = (ins "::phic::plan::WeightLayout":$layout, "uint64_t":$offset, "uint64_t":$bytes);
  let assemblyFormat = "`<` $layout `,` `offset` `=` $offset `,` `bytes` `=` $bytes `>`";
}

def Plan_CacheLayoutAttr : AttrDef<Plan_Dialect, "CacheLayout"> {
  let mnemonic = "cache_layout";
  let summary = "the order of a KV cache's elements, chosen by the family's backend";
  let description = [{
    Keys, and values, are `strips` equal parts, each of some heads. In a strip `group` positions lie side by side, then
    the elements of its heads, then the groups: `[context / group][heads / strips][head_dim][group]`. A context is a
    multiple of `context_step`.

    ```mlir
    #plan.cache_layout<strips = 2, key_group = 8, value_group = 1, context_step = 32>
    ```
    This attribute is the only place that knows; kernels are made for it by the backend that chose it, and the runtime
    is told strips and groups (phi/format.h).
  }];
  let parameters = (ins "int64_t":$strips, "int64_t":$key_group, "int64_t":$value_group, "int64_t":$context_step);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Where in the keys, or values, an element lies.
    int64_t keyIndex(const CacheElement &which) const;
    int64_t valueIndex(const CacheElement &which) const;
  }];
}

def Plan_TilesAttr : AttrDef<Plan_Dialect, "Tiles"> {
  let mnemonic = "tiles";
  let summary = "how the grid of a stage is counted for one entry point";
  let description = [{
    The stage has `columns` * ceil(rows of the step / `rows`) tiles.

    ```mlir
    #plan.tiles<columns = 3, rows = 1>
    ```
  }];
  let parameters = (ins "int64_t":$columns, "int64_t":$rows);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Plan_MemoryAttr : AttrDef<Plan_Dialect, "Memory"> {
  let mnemonic = "memory";
  let summary = "the sizes a session needs, all known when compiling";
  let parameters = (ins "uint64_t":$chunk_rows, "uint64_t":$arena_bytes, "uint64_t":$scratch_bytes,
                        "uint64_t":$kv_bytes_per_token, "uint64_t":$weights_bytes);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Plan_StageOp : Op<Plan_Dialect, "stage", [IsolatedFromAbove, SingleBlock]> {
  let summary = "one kernel over a grid of independent tiles";
  let description = [{
    The region is the stage's meaning; its arguments are the inputs, its `plan.yield` the results.

    ```mlir
    %h, %q = plan.stage "layers.0.down" (%act, %w, %residual) { ... } : (...) -> tensor<?x96xf32> {
    ^bb0(%a: tensor<?x256x!phiq.block<s8, 32, scale = f32>>, %wt: tensor<96x256x!phiq.block<u4, 32, scale = f16, zero = 8>>, %r: tensor<?x96xf32>):
      %0 = phiq.matmul %a, %wt compute = i8 : ...
      %1 = arith.addf %r, %0 : tensor<?x96xf32>
      plan.yield %1 : tensor<?x96xf32>
    }
    ```
    With `logit_rows` its rows are those whose logits are wanted: [logit_row0, M), numbered from 0.
    `kernels` and `tiles` have the same keys, the entry points: decode, verify, prefill.
    - (C1) block arguments match the inputs, the yield the results.
    - (C2) no weight is dequantized outside the kernel that uses it: no `phiq.dequantize` of a weight in a stage.
  }];
  let arguments = (ins StrAttr:$name, Variadic<AnyRankedTensor>:$inputs, UnitAttr:$logit_rows,
                       OptionalAttr<ArrayAttr>:$buffers, OptionalAttr<DictionaryAttr>:$kernels,
                       OptionalAttr<DictionaryAttr>:$tiles);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$name `(` $inputs `)` attr-dict `:` functional-type($inputs, $results) $body";
  let hasVerifier = 1;
}

def Plan_YieldOp : Op<Plan_Dialect, "yield", [Pure, Terminator, ParentOneOf<["StageOp"]>]> {
  let summary = "the results of a stage";
  let arguments = (ins Variadic<AnyRankedTensor>:$operands);
  let assemblyFormat = "($operands^ `:` type($operands))? attr-dict";
}

#endif
