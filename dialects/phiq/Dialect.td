//===- Dialect.td - The phiq dialect and its types --------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_PHIQ_DIALECT
#define PHIC_PHIQ_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Phiq_Dialect : Dialect {
  let name = "phiq";
  let cppNamespace = "::phic::phiq";
  let summary = "Quantized language models: formats as types, weights as handles";
  let description = [{
    The vocabulary that every checkpoint is imported into.

    **A weight format is a type.** Everything that the tool chains produce is one
    formula along the last axis, per block *b* of weights:

    ```
    w[i] = s(b) * (q[i] - z(b)) + m(b)
    ```

    ```mlir
    !phiq.block<u4, 32, scale = f16, zero = 8>                    // GGUF Q4_0, MatMulNBits symmetric
    !phiq.block<u4, 32, scale = f16, min = f16>                   // GGUF Q4_1
    !phiq.block<u4, 128, scale = f32, zero = u4>                  // MatMulNBits with zero points
    !phiq.block<u4, 32, scale = f16 * u6, min = f16 * u6>         // GGUF Q4_K
    !phiq.block<s8, 32, scale = f32>                              // activations, quantized at run time
    ```

    **The numbers are data**, in files that the weight store maps. A weight is a
    *handle*: file, offset, length and hash of each of its byte ranges. No weight is
    ever an attribute, so the IR of a 3.8-billion-parameter model prints in well
    under a second.

    **A sequence is two-dimensional**: activations are `tensor<?xNxf32>`, one row a
    token; `?` is M, the tokens of this step. Row i sits at position `past + i`, where
    `past` is the number of tokens in the KV cache; `total` is the length of the whole
    sequence being processed (for a prompt prefilled in chunks, the prompt's end).
    There is no batch axis: a program serves one sequence per session.

    All arithmetic is exact real arithmetic on the operands' dequantized values; a
    kernel states its compute mode and its error bound is derived from the formats
    (docs/numerics.md).
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    /// Makes the ops of GridOps.td known.
    void addGridOps();
    /// Module attribute: the model's files, relative to its folder, by file index.
    static constexpr llvm::StringLiteral kFiles = "phiq.files";
    /// Module attribute, a ModelAttr; ModelFacts.h writes and reads it.
    static constexpr llvm::StringLiteral kModel = "phiq.model";
    /// What a derived file's name in `phiq.files` begins with; the rest is the hash of its recipe.
    static constexpr llvm::StringLiteral kDerivedFile = "derived:";
    /// On weights: somebody, a plugin, has chosen the format; phic-assign-precision leaves it alone.
    static constexpr llvm::StringLiteral kPinned = "phiq.pinned";
    /// On a converted weight, once measured: {relative_rms, greatest, norm}, see compiler/weights/WeightErrors.h.
    static constexpr llvm::StringLiteral kError = "phiq.error";
  }];
}

def Phiq_BlockType : TypeDef<Phiq_Dialect, "Block"> {
  let mnemonic = "block";
  let summary = "element type of a block-quantized tensor";
  let description = [{
    See the dialect description for the formula. Grammar:

    ```
    !phiq.block< (u|s)BITS , BLOCK , scale = FLOAT (* (u|s)BITS)?
                 (, zero = INTEGER | u4 | u8 | s4 | s8 | f16 | f32)? (, min = FLOAT (* uBITS)?)? >
    ```
    BITS is 2..8; BLOCK the number of elements along the last axis that share a scale.
    An absent `zero` is 0, an absent `min` is 0.
  }];
  let parameters = (ins "::phic::BlockFormat":$format);
  let hasCustomAssemblyFormat = 1;
}

def Phiq_RangeAttr : AttrDef<Phiq_Dialect, "Range"> {
  let mnemonic = "range";
  let summary = "byte range of a model file";
  let description = [{
    `file` indexes the module's `phiq.files`; `hash` is xxh3-64 of the bytes, by which a
    compile cache and `--start-from` know that the file is the one the IR was made from.

    ```mlir
    #phiq.range<file = 1, offset = 4096, length = 7680, hash = 0x0123456789abcdef>
    ```
  }];
  let parameters = (ins "uint32_t":$file, "uint64_t":$offset, "uint64_t":$length, "uint64_t":$hash);
  let hasCustomAssemblyFormat = 1;
}

def Phiq_ModelAttr : AttrDef<Phiq_Dialect, "Model"> {
  let mnemonic = "model";
  let summary = "what a model says beside its graph";
  let description = [{
    The module's `phiq.model`. `rope_switch` is the total length above which the long rope tables apply, or 0; with
    `pruned_head` the graph itself picks the last row before the head; what follows is how a program generates without flags.

    ```mlir
    #phiq.model<name = "llama", vocab = 640, context_max = 512, rope_switch = 0, pruned_head = false,
                stop_ids = [2], temperature = 0.0 : f32, top_p = 1.0 : f32, min_p = 0.0 : f32,
                repetition_penalty = 1.0 : f32, top_k = 0>
    ```
  }];
  let parameters = (ins StringRefParameter<>:$name, "int64_t":$vocab, "int64_t":$context_max, "int64_t":$rope_switch,
                        "::mlir::BoolAttr":$pruned_head, "::mlir::DenseI32ArrayAttr":$stop_ids,
                        "::mlir::FloatAttr":$temperature, "::mlir::FloatAttr":$top_p, "::mlir::FloatAttr":$min_p,
                        "::mlir::FloatAttr":$repetition_penalty, "int64_t":$top_k);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Phiq_ComputeMode : I32EnumAttr<"ComputeMode", "what the kernel of a matmul computes in", [
    I32EnumAttrCase<"F32", 0, "f32">, I32EnumAttrCase<"F16", 1, "f16">, I32EnumAttrCase<"I8", 2, "i8">]> {
  let cppNamespace = "::phic::phiq";
  let genSpecializedAttr = 0;
}
def Phiq_ComputeModeAttr : EnumAttr<Phiq_Dialect, Phiq_ComputeMode, "compute">;

def Phiq_RopeTableKind : I32EnumAttr<"RopeTableKind", "which function of the angle a rope table holds", [
    I32EnumAttrCase<"Cos", 0, "cos">, I32EnumAttrCase<"Sin", 1, "sin">]> {
  let cppNamespace = "::phic::phiq";
  let genSpecializedAttr = 0;
}
def Phiq_RopeTableKindAttr : EnumAttr<Phiq_Dialect, Phiq_RopeTableKind, "rope_table">;

def Phiq_StorageAttr : AttrDef<Phiq_Dialect, "Storage"> {
  let mnemonic = "storage";
  let summary = "how a weight's bytes are arranged";
  let description = [{
    The name of a row of Formats.def, or of a row that a loaded plugin adds, looked up where it is parsed:

    ```mlir
    layout = "nbits"
    ```
  }];
  let parameters = (ins "::phic::StoredAs":$storedAs);
  let hasCustomAssemblyFormat = 1;
}

def Phiq_ConvertMethod : AttrOrTypeParameter<"::phic::ConvertMethod", "row of Formats.def"> {
  let printer = [{$_printer.printString(::phic::convertMethodName($_self));}];
}

def Phiq_ConversionAttr : AttrDef<Phiq_Dialect, "Conversion"> {
  let mnemonic = "conversion";
  let summary = "how a weight's numbers are changed while they are read";
  let description = [{
    The one lossy step that a weight can take, and only on request (lossless import, docs/contracts.md): the bytes hold
    elements of type `from`, `method` (a row of Formats.def) makes the weight's own type of them. Everything that
    reads a weight sees the result: the interpreter, the packer and `phic verify`.

    ```mlir
    #phiq.conversion<from = f32, method = "rtn">
    ```
  }];
  let parameters = (ins "::mlir::Type":$from, Phiq_ConvertMethod:$method);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Phiq_DerivedAttr : AttrDef<Phiq_Dialect, "Derived"> {
  let mnemonic = "derived";
  let summary = "what a weight that no input file holds was made of";
  let description = [{
    The recipe of a derived weight: bytes of the model's files as a `phiq.weight` would name them, with elements of type
    `from`, of which `method` made the weight's own. Whoever lacks the derived file can make it again.

    ```mlir
    #phiq.derived<from = f32, method = "rtn", layout = "dense_nk", ranges = [#phiq.range<file = 0, offset = 0, length = 98304, hash = 0x1>]>
    ```
  }];
  let parameters = (ins "::mlir::Type":$from, Phiq_ConvertMethod:$method, "::phic::phiq::StorageAttr":$layout,
                        "::mlir::ArrayAttr":$ranges);
  let assemblyFormat = "`<` struct(params) `>`";
}

class Phiq_Op<string mnemonic, list<Trait> traits = []> : Op<Phiq_Dialect, mnemonic, traits>;

def Phiq_Float : AnyTypeOf<[F32, F16, BF16]>;

#endif
