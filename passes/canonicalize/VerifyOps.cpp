//===- VerifyOps.cpp - Only ops that later phases know ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ends the canonicalize phase: `@model` is straight-line code of phiq's ops and
// others on rows. All offenders are notes under one error, so that a
// user sees at once what a model needs.
//===----------------------------------------------------------------------===//
#include "passes/ModelShape.h"
#include "passes/Passes.h"
#include "llvm/ADT/DenseSet.h"

namespace phic {
#define GEN_PASS_DEF_VERIFYOPSPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

bool isSupported(Operation *op) {
  return isa_and_nonnull<phiq::PhiqDialect>(op->getDialect()) || isa<phiq::RowOpInterface, func::ReturnOp>(op);
}

bool isFloatRows(Type type) {
  auto rows = dyn_cast<RankedTensorType>(type);
  return rows && rows.getRank() == 2 && !rows.isDynamicDim(1) && rows.getElementType().isF32();
}

class OpVerifier {
public:
  explicit OpVerifier(func::FuncOp model) : model(model) {}

  LogicalResult run() {
    for (Operation &op : model.getBody().front())
      verify(&op);
    if (offenders.empty())
      return success();
    InFlightDiagnostic error = model.emitError("operations of the model that phic has no kernel for: ")
                               << offenders.size();
    for (auto &[op, reason] : offenders)
      error.attachNote(op->getLoc()) << "'" << op->getName() << "' " << reason;
    return error;
  }

private:
  void verify(Operation *op) {
    if (!isSupported(op))
      return blame(op, "is no operation that phic compiles");
    if (isElementwise(op) && !llvm::all_of(cast<phiq::RowOpInterface>(op).rowOperands(),
                                           [](OpOperand *operand) { return isFloatRows(operand->get().getType()); }))
      return blame(op, "is not on rows of floats");
    // Stages may move an append up to its keys, so that the order has to be the one that attention means.
    if (auto append = dyn_cast<phiq::CacheAppendOp>(op); append && !appended.insert(append.getCacheAttr()).second)
      return blame(op, "appends to its cache a second time");
    if (auto attend = dyn_cast<phiq::AttendOp>(op); attend && !appended.contains(attend.getCacheAttr()))
      return blame(op, "reads its cache before this step's keys are appended");
  }

  void blame(Operation *op, StringRef reason) { offenders.emplace_back(op, reason); }

  func::FuncOp model;
  llvm::DenseSet<Attribute> appended;
  SmallVector<std::pair<Operation *, StringRef>> offenders;
};

struct VerifyOps : impl::VerifyOpsPassBase<VerifyOps> {
  void runOnOperation() override {
    func::FuncOp model = verifiedModel(getOperation());
    if (!model || failed(OpVerifier(model).run()))
      signalPassFailure();
  }
};

} // namespace
} // namespace phic
