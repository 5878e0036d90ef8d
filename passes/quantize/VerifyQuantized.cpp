//===- VerifyQuantized.cpp - Every spelling is one op ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ends the quantize phase: a weight matrix is read by phiq.matmul, phiq.embed or
// phiq.rope as it is stored, or the model has a form that phic does not support.
//===----------------------------------------------------------------------===//
#include "passes/ModelShape.h"
#include "passes/Passes.h"

namespace phic {
#define GEN_PASS_DEF_VERIFYQUANTIZEDPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

/// Whether a use of a weight is one that kernels read it for.
bool isFinalUse(OpOperand &use) {
  std::optional<phiq::OperandRole> role = roleOf(use);
  return isGrid(use.getOwner()) || (role && *role != phiq::OperandRole::Rows && *role != phiq::OperandRole::Ids);
}

struct VerifyQuantized : impl::VerifyQuantizedPassBase<VerifyQuantized> {
  void runOnOperation() override {
    if (!verifiedModel(getOperation()))
      return signalPassFailure();
    SmallVector<std::pair<phiq::WeightOp, Operation *>> offenders;
    getOperation().walk([&](phiq::WeightOp weight) {
      for (OpOperand &use : weight->getUses())
        if (!isFinalUse(use))
          offenders.emplace_back(weight, use.getOwner());
    });
    if (offenders.empty())
      return;
    InFlightDiagnostic error =
        getOperation().emitError("weights that the model reads in ways that phic has no kernel for: ")
        << offenders.size();
    for (auto [weight, user] : offenders)
      error.attachNote(user->getLoc()) << "'" << user->getName() << "' of weight '" << weight.getName() << "', "
                                       << weight.getType() << " stored " << StringRef(weight.getStoredAs().name())
                                       << "; matmuls and embeddings read [N, K] with blocks along K";
    signalPassFailure();
  }
};

} // namespace
} // namespace phic
