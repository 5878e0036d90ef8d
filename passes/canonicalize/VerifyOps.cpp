//===- VerifyOps.cpp - Only ops that later phases know ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ends the canonicalize phase: `@model` is straight-line code of phiq's ops and
// sums and products of rows. All offenders are notes under one error, so that a
// user sees at once what a model needs.
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"
#include "passes/RowOps.h"

namespace phic {
#define GEN_PASS_DEF_VERIFYOPSPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

bool isSupported(Operation *op) {
  return isa_and_nonnull<phiq::PhiqDialect>(op->getDialect()) || isa<arith::AddFOp, arith::MulFOp, func::ReturnOp>(op);
}

/// Sums and products of anything but rows (scalars, constants) have no kernel.
bool hasRowsOnly(Operation *op) {
  return !isa<arith::AddFOp, arith::MulFOp>(op) || llvm::all_of(op->getOperandTypes(), [](Type type) {
    auto rows = dyn_cast<RankedTensorType>(type);
    return rows && rows.getRank() == 2 && rows.isDynamicDim(0) && !rows.isDynamicDim(1) && rows.getElementType().isF32();
  });
}

struct VerifyOps : impl::VerifyOpsPassBase<VerifyOps> {
  void runOnOperation() override {
    func::FuncOp model = modelFunction(getOperation());
    if (!model || model.isExternal() || !model.getBody().hasOneBlock()) {
      getOperation().emitError("requires the model as one function @model of one block");
      return signalPassFailure();
    }
    SmallVector<Operation *> offenders;
    for (Operation &op : model.getBody().front())
      if (!isSupported(&op) || !hasRowsOnly(&op))
        offenders.push_back(&op);
    if (offenders.empty())
      return;
    InFlightDiagnostic error = model.emitError("the model has ") << offenders.size() << " operations that phic has no kernel for";
    for (Operation *op : offenders) {
      Diagnostic &note = error.attachNote(op->getLoc()) << "'" << op->getName() << "'";
      if (isSupported(op))
        note << " on " << op->getOperandTypes();
    }
    signalPassFailure();
  }
};

} // namespace
} // namespace phic
