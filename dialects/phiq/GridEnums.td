//===- GridEnums.td - Kinds of ops on grids ----------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_PHIQ_GRID_ENUMS
#define PHIC_PHIQ_GRID_ENUMS

include "mlir/IR/EnumAttr.td"

/// In the order of the table in MapFunctions.cpp, which says what each computes.
def Phiq_MapFunction : I32EnumAttr<"MapFunction", "what phiq.map computes of the elements of its operands", [
    I32EnumAttrCase<"Add", 0, "add">,
    I32EnumAttrCase<"Subtract", 1, "sub">,
    I32EnumAttrCase<"Multiply", 2, "mul">,
    I32EnumAttrCase<"Divide", 3, "div">,
    I32EnumAttrCase<"Minimum", 4, "min">,
    I32EnumAttrCase<"Maximum", 5, "max">,
    I32EnumAttrCase<"Power", 6, "pow">,
    I32EnumAttrCase<"Prelu", 7, "prelu">,
    I32EnumAttrCase<"Negate", 8, "neg">,
    I32EnumAttrCase<"Absolute", 9, "abs">,
    I32EnumAttrCase<"SquareRoot", 10, "sqrt">,
    I32EnumAttrCase<"Round", 11, "round">,
    I32EnumAttrCase<"Exp", 12, "exp">,
    I32EnumAttrCase<"Log", 13, "log">,
    I32EnumAttrCase<"Erf", 14, "erf">,
    I32EnumAttrCase<"Tanh", 15, "tanh">,
    I32EnumAttrCase<"Sigmoid", 16, "sigmoid">,
    I32EnumAttrCase<"Sine", 17, "sin">,
    I32EnumAttrCase<"Cosine", 18, "cos">,
    I32EnumAttrCase<"Relu", 19, "relu">,
    I32EnumAttrCase<"Gelu", 20, "gelu">,
    I32EnumAttrCase<"Equal", 21, "equal">,
    I32EnumAttrCase<"Less", 22, "less">,
    I32EnumAttrCase<"LessOrEqual", 23, "less_or_equal">,
    I32EnumAttrCase<"IsNan", 24, "is_nan">,
    I32EnumAttrCase<"And", 25, "and">,
    I32EnumAttrCase<"Or", 26, "or">,
    I32EnumAttrCase<"Xor", 27, "xor">,
    I32EnumAttrCase<"Not", 28, "not">,
    I32EnumAttrCase<"Select", 29, "select">,
    I32EnumAttrCase<"Cast", 30, "cast">,
    I32EnumAttrCase<"Quantize", 31, "quantize">,
    I32EnumAttrCase<"Dequantize", 32, "dequantize">,
    I32EnumAttrCase<"MultiplyAdd", 33, "mul_add">,
    I32EnumAttrCase<"Lookup", 34, "lookup">,
  ]> {
  let cppNamespace = "::phic::phiq";
}

/// What lies around a tensor that phiq.pad makes larger: of [1, 2, 3] with two more on either side.
def Phiq_PadMode : I32EnumAttr<"PadMode", "what phiq.pad puts around a tensor", [
    I32EnumAttrCase<"Constant", 0, "constant">, // v v 1 2 3 v v
    I32EnumAttrCase<"Edge", 1, "edge">,         // 1 1 1 2 3 3 3
    I32EnumAttrCase<"Reflect", 2, "reflect">,   // 3 2 1 2 3 2 1
    I32EnumAttrCase<"Wrap", 3, "wrap">,         // 2 3 1 2 3 1 2
  ]> {
  let cppNamespace = "::phic::phiq";
}

def Phiq_ReduceKind : I32EnumAttr<"ReduceKind", "what several elements are as one", [
    I32EnumAttrCase<"Sum", 0, "sum">,
    I32EnumAttrCase<"Mean", 1, "mean">,
    I32EnumAttrCase<"Product", 2, "product">,
    I32EnumAttrCase<"Maximum", 3, "max">,
    I32EnumAttrCase<"Minimum", 4, "min">,
  ]> {
  let cppNamespace = "::phic::phiq";
}

#endif
