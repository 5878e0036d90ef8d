//===- Dialect.td - The plan dialect ----------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_PLAN_DIALECT
#define PHIC_PLAN_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

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

    Weights carry `plan.packed` from `layout` on: where in the weight segment their
    packed copy lies, and in which panel layout; caches carry `plan.key_offset` and
    `plan.value_offset`, the module `plan.memory`, and from `kernels` on `plan.level`, the CPU level of its code.
  }];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    static constexpr llvm::StringLiteral kPacked = "plan.packed";
    static constexpr llvm::StringLiteral kMemory = "plan.memory";
    static constexpr llvm::StringLiteral kLevel = "plan.level";
    /// On caches: where keys and values begin in the bytes of one token; times the context, in the KV cache.
    static constexpr llvm::StringLiteral kKeyOffset = "plan.key_offset";
    static constexpr llvm::StringLiteral kValueOffset = "plan.value_offset";
  }];
}

def Plan_BufferAttr : AttrDef<Plan_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "a planned buffer: rows in the arena, or the logits";
  let description = [{
    `space` is `arena` or `logits`. Row i of the step starts at `offset + i * row_bytes`; rows of quantized
    activations hold the padded codes first, then their scales and block sums (docs/numerics.md).
  }];
  let parameters = (ins StringRefParameter<"arena or logits">:$space, "uint64_t":$offset, "uint64_t":$row_bytes);
  let assemblyFormat = "`<` $space `,` `offset` `=` $offset `,` `row_bytes` `=` $row_bytes `>`";
}

def Plan_PackedAttr : AttrDef<Plan_Dialect, "Packed"> {
  let mnemonic = "packed";
  let summary = "the packed copy of a weight in the weight segment";
  let description = [{
    `layout` is the name of a panel layout (targets/cpu/layout/PackedLayout.h), e.g. `panel8x32_u4_f16` or `dense_f32`.
  }];
  let parameters = (ins StringRefParameter<"panel layout">:$layout, "uint64_t":$offset, "uint64_t":$bytes);
  let assemblyFormat = "`<` $layout `,` `offset` `=` $offset `,` `bytes` `=` $bytes `>`";
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
      %0 = phiq.matmul %a, %wt {compute = "i8"} : ...
      %1 = arith.addf %r, %0 : tensor<?x96xf32>
      plan.yield %1 : tensor<?x96xf32>
    }
    ```
    With `logit_rows` its rows are those whose logits are wanted: [logit_row0, M), numbered from 0.
    - (C1) block arguments match the inputs, the yield the results.
    - (C2) no weight is dequantized outside the kernel that uses it: no `phiq.dequantize` of a weight in a stage.
  }];
  let arguments = (ins StrAttr:$name, Variadic<AnyRankedTensor>:$inputs, UnitAttr:$logit_rows,
                       OptionalAttr<ArrayAttr>:$buffers, OptionalAttr<DictionaryAttr>:$kernels);
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
