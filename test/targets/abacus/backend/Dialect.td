//===- Dialect.td - Attributes of the abacus -----------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_ABACUS_DIALECT
#define PHIC_ABACUS_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "dialects/plan/Layouts.td"

def Abacus_Dialect : Dialect {
  let name = "abacus";
  let cppNamespace = "::phic::abacus";
  let summary = "How the abacus lays out what a program holds";
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    /// On a stage: the words of its instructions (Program.h); on the module: bytes of scratch memory that they need.
    static constexpr llvm::StringLiteral kCode = "abacus.code";
    static constexpr llvm::StringLiteral kScratch = "abacus.scratch";
  }];
}

def Abacus_StripsAttr : AttrDef<Abacus_Dialect, "Strips", [DeclareAttrInterfaceMethods<Plan_WeightLayout>]> {
  let mnemonic = "strips";
  let summary = "a weight in strips of a few rows";
  let description = [{
    See Program.h. A `block` of 0: floats. Without `minima` a weight is the product alone, to the sign of a zero.

    ```mlir
    #abacus.strips<width = 5, block = 32, minima = false>
    ```
  }];
  let parameters = (ins "int64_t":$width, "int64_t":$block, "bool":$minima);
  let assemblyFormat = "`<` struct(params) `>`";
  let extraClassDeclaration = [{
    int64_t blocks(int64_t K) const { return (K + getBlock() - 1) / getBlock(); }
    int64_t codeBytes(int64_t K) const { return (2 * K * getWidth() + 3) / 4 * 4; }
    int64_t stripBytes(int64_t K) const;
  }];
}

#endif
