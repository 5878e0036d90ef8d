//===- EmitGpuKernels.cpp - Code for every stage ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For each stage and entry point, the kernel of its kind; the stage is told its symbol and how its grid is counted.
//===----------------------------------------------------------------------===//
#include "dialects/plan/Entry.h"
#include "dialects/plan/KernelFacts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "targets/gpu/Kernels.h"
#include "targets/gpu/Passes.h"
#include "targets/stages/EntryClasses.h"

namespace phic {
#define GEN_PASS_DEF_EMITGPUKERNELSPASS
#include "targets/gpu/Passes.h.inc"

namespace {
using namespace mlir;
using namespace gpu_code;

FailureOr<GpuKernel> emitStage(KernelTable &table, const StageFacts &facts, const GpuLevel &level, MClass mClass) {
  if (facts.isGrid())
    return emitGridStage(table, facts, level);
  if (facts.first<phiq::AttendOp>())
    return emitAttendStage(table, facts, level, mClass);
  if (facts.first<phiq::MatmulOp>())
    return emitMatmulStage(table, facts, level, mClass);
  return emitRowStage(table, facts, level);
}

struct EmitGpuKernels : impl::EmitGpuKernelsPassBase<EmitGpuKernels> {
  using EmitGpuKernelsPassBase::EmitGpuKernelsPassBase;

  void runOnOperation() override {
    func::FuncOp model = modelFunction(getOperation());
    if (!model) {
      getOperation().emitError("has no model");
      return signalPassFailure();
    }
    KernelTable table(*getOperation().getBody());
    for (auto stage : llvm::to_vector(model.getOps<plan::StageOp>()))
      if (failed(emit(table, stage)))
        return signalPassFailure();
    getOperation()->setAttr(plan::PlanDialect::kLevel, StringAttr::get(&getContext(), level));
  }

  LogicalResult emit(KernelTable &table, plan::StageOp stage) {
    FailureOr<StageFacts> facts = StageFacts::of(stage);
    if (failed(facts))
      return failure();
    Builder b(&getContext());
    SmallVector<NamedAttribute> kernels, tiles;
    for (auto [name, mClass] : entryClasses(*facts)) {
      FailureOr<GpuKernel> kernel = emitStage(table, *facts, {isa.getValue(), matrices}, mClass);
      if (failed(kernel))
        return failure();
      auto counted = plan::TilesAttr::get(&getContext(), kernel->tiles.columns, kernel->tiles.rows);
      kernels.push_back(b.getNamedAttr(name, FlatSymbolRefAttr::get(&getContext(), kernel->symbol)));
      tiles.push_back(b.getNamedAttr(name, counted));
      plan::setKernelFacts(getOperation().lookupSymbol(kernel->symbol), {counted, /*scratchBytes=*/0});
    }
    stage.setKernelsAttr(b.getDictionaryAttr(kernels));
    stage.setTilesAttr(b.getDictionaryAttr(tiles));
    return success();
  }
};

} // namespace
} // namespace phic
