//===- Dialect.td - Attributes of the CPU backend ------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_CPU_DIALECT
#define PHIC_CPU_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "dialects/plan/Layouts.td"

def Cpu_Dialect : Dialect {
  let name = "cpu";
  let cppNamespace = "::phic::cpu";
  let summary = "How the CPU backend lays out what a program holds";
  let useDefaultAttributePrinterParser = 1;
}

def Cpu_LayoutAttr : AttrDef<Cpu_Dialect, "Layout", [DeclareAttrInterfaceMethods<Plan_WeightLayout>]> {
  let mnemonic = "layout";
  let summary = "a weight in tile order";
  let description = [{
    The panels of targets/cpu/layout/PackedLayout.h, which has their grammar.

    ```mlir
    #cpu.layout<"panel8x32_u4_f16_z8">
    ```
  }];
  let parameters = (ins "::phic::PackedLayout":$layout);
  let hasCustomAssemblyFormat = 1;
}

#endif
