//===- AssignPackedLayouts.cpp - Lay out the weight segment ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights lie in the order in which stages first read them, so that a step walks
// the segment once, forwards:
//
//     %w = phiq.weight "w" ...  ->  %w = phiq.weight "w" ... {plan.packed = #plan.packed<..., offset = 64, bytes = 13824>}
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Plan.h"
#include "passes/Passes.h"
#include "passes/layout/WeightUses.h"
#include "llvm/Support/MathExtras.h"

namespace phic {
#define GEN_PASS_DEF_ASSIGNPACKEDLAYOUTSPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

struct AssignPackedLayouts : impl::AssignPackedLayoutsPassBase<AssignPackedLayouts> {
  using AssignPackedLayoutsPassBase::AssignPackedLayoutsPassBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    AssignPackedLayoutsPassBase::getDependentDialects(registry);
    registerBackendDialects(registry);
  }

  void runOnOperation() override {
    const Backend *backend = backendByName(family);
    if (!backend) {
      getOperation().emitError("there is no backend '") << family << "'";
      return signalPassFailure();
    }
    getOperation()->setAttr(plan::PlanDialect::kFamily, StringAttr::get(&getContext(), backend->family()));
    func::FuncOp model = modelFunction(getOperation());
    if (!model)
      return;
    uint64_t end = 0;
    llvm::SmallPtrSet<Operation *, 32> placed;
    for (auto stage : model.getOps<plan::StageOp>())
      for (Value input : stage.getInputs())
        if (Operation *weight = input.getDefiningOp(); isWeight(weight) && placed.insert(weight).second)
          if (failed(place(weight, *backend, end)))
            return signalPassFailure();
  }

  LogicalResult place(Operation *weight, const Backend &backend, uint64_t &end) {
    std::string reason;
    plan::WeightLayout layout = weightLayoutOf(weight, backend, &reason);
    if (!layout)
      return weight->emitError("cannot be packed: ") << reason;
    if (auto constant = dyn_cast<phiq::ConstantOp>(weight))
      constant.setRows(weightUseOf(weight, &reason)->kind == WeightUse::Kind::Matrix);
    uint64_t offset = llvm::alignTo(end, uint64_t(alignment)), bytes = packedBytes(weight, layout);
    weight->setAttr(plan::PlanDialect::kPacked, plan::PackedAttr::get(&getContext(), layout, offset, bytes));
    end = offset + bytes;
    return success();
  }
};

} // namespace
} // namespace phic
