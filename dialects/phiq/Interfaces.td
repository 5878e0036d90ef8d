//===- Interfaces.td - What an op is, and what it means ---*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_PHIQ_INTERFACES
#define PHIC_PHIQ_INTERFACES

include "mlir/IR/OpBase.td"

def Phiq_RowOpInterface : OpInterface<"RowOpInterface"> {
  let cppNamespace = "::phic::phiq";
  let description = [{
    An op on activations, row by row. All that passes, generators and reports need to know of it (RowFacts.h) is said
    once, in its definition. `arith.addf` and `arith.mulf`, on tensors, have the interface as well (ArithRowOps.cpp).
  }];
  let methods = [
    InterfaceMethod<"How it makes a row, what its operands are, its place after a matmul.",
                    "::phic::phiq::RowFacts", "getFacts">,
    InterfaceMethod<"Elementwise ops and norms: an element of the result, from those of the operands (RowExpr.h).",
                    "::phic::phiq::RowExpr", "getExpression",
                    (ins "::llvm::ArrayRef<::phic::phiq::RowExpr>":$operands), "", "return {};">
  ];
  let extraSharedClassDeclaration = [{
    /// The operands that are rows of activations.
    ::llvm::SmallVector<::mlir::OpOperand *> rowOperands() {
      const ::phic::phiq::RowFacts facts = $_op.getFacts();
      ::llvm::SmallVector<::mlir::OpOperand *> result;
      for (::mlir::OpOperand &operand : $_op->getOpOperands())
        if (facts.role(operand.getOperandNumber()) == ::phic::phiq::OperandRole::Rows)
          result.push_back(&operand);
      return result;
    }
  }];
}

def Phiq_GridOpInterface : OpInterface<"GridOpInterface"> {
  let cppNamespace = "::phic::phiq";
  let description = [{
    An op on tensors of any rank and static shape, whose result's elements are computed one by one: a stage by itself.
    Its kernel is a row of the backend's table (targets/cpu/kernels/EmitGridStage.cpp).
  }];
}

def Phiq_MeaningInterface : OpInterface<"MeaningInterface"> {
  let cppNamespace = "::phic::phiq";
  let description = [{
    What the interpreter (Interpreter.h) computes for an op, and how far a kernel may be from it (ErrorBounds.h).
  }];
  let methods = [
    InterfaceMethod<"The result, from the operands' values; empty for an op without one.",
                    "::phic::Rows", "meaning", (ins "::phic::Scope &":$scope)>,
    InterfaceMethod<"Fills `result.error` and, for quantized rows, the ranges of codes and scales.",
                    "void", "bound", (ins "::phic::Scope &":$scope, "::phic::Rows &":$result)>
  ];
}

#endif
