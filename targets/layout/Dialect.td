//===- Dialect.td - Weights in panels ------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_PANELS_DIALECT
#define PHIC_PANELS_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "dialects/plan/Layouts.td"

def Panels_Dialect : Dialect {
  let name = "panels";
  let cppNamespace = "::phic::panels";
  let summary = "Weights in tile order";
  let useDefaultAttributePrinterParser = 1;
}

def Panels_LayoutAttr : AttrDef<Panels_Dialect, "Layout", [DeclareAttrInterfaceMethods<Plan_WeightLayout>]> {
  let mnemonic = "layout";
  let summary = "a weight in tile order";
  let description = [{
    The panels of targets/layout/PackedLayout.h, which has their grammar.

    ```mlir
    #panels.layout<"panel8x32_u4_f16_z8">
    ```
  }];
  let parameters = (ins "::phic::PackedLayout":$layout);
  let hasCustomAssemblyFormat = 1;
}

#endif
