//===- Dialects.cpp - What phic's IR may hold ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Dialects.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/DLTI/DLTI.h"
#include "targets/Backend.h"

using namespace mlir;

void phic::registerDialects(DialectRegistry &registry) {
  registry.insert<phiq::PhiqDialect, plan::PlanDialect, arith::ArithDialect, cf::ControlFlowDialect, DLTIDialect,
                  func::FuncDialect, LLVM::LLVMDialect, math::MathDialect, scf::SCFDialect, vector::VectorDialect>();
  registerBackendDialects(registry);
}
