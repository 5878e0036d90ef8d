//===- Layouts.td - How a backend lays out weights -----*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_PLAN_LAYOUTS
#define PHIC_PLAN_LAYOUTS

include "mlir/IR/Interfaces.td"

def Plan_WeightLayout : AttrInterface<"WeightLayout"> {
  let cppNamespace = "::phic::plan";
  let description = [{
    How a weight [N, K] lies in the weight segment; a vector is one row. A backend has its own attributes with this
    interface (`#panels.layout<"panel8x32_u4_f16_z8">`), and is the only one that knows what is in them: packing, `phic
    verify` and reports ask here.

    Rows are packed together by `rowsTogether`: those from a multiple n of it on begin `bytes(n, K)` behind the first.
    Nothing is lost: `unpackRow` gives the numbers that `packCodes` was given (lossless import).
  }];
  let methods = [
    InterfaceMethod<"Bytes of the packed copy.", "int64_t", "bytes", (ins "int64_t":$rows, "int64_t":$K)>,
    InterfaceMethod<"Rows of a run that is packed at once, but for a weight's last.", "int64_t", "rowsTogether">,
    InterfaceMethod<"Whether it holds codes, which packCodes takes; else floats, which packFloats takes.",
                    "bool", "holdsCodes">,
    InterfaceMethod<"Packs rows into `bytes(rows.size(), K)` bytes.", "void", "packCodes",
                    (ins "::llvm::ArrayRef<::phic::BlockRow>":$rows, "int64_t":$K, "uint8_t *":$out)>,
    InterfaceMethod<"The same of floats [rows, K], each of which its element type holds.", "void", "packFloats",
                    (ins "::llvm::ArrayRef<float>":$values, "int64_t":$K, "uint8_t *":$out)>,
    InterfaceMethod<"Row n of the packed weight at `base`, as stored.", "void", "unpackRow",
                    (ins "const uint8_t *":$base, "int64_t":$K, "int64_t":$n, "::phic::BlockRow *":$out)>,
    InterfaceMethod<"Row n as the floats it stands for.", "void", "dequantizeRow",
                    (ins "const uint8_t *":$base, "int64_t":$K, "int64_t":$n, "float *":$out)>,
    InterfaceMethod<"What people call it.", "std::string", "layoutName">
  ];
}

#endif
