//===- EmitKernels.cpp - Code for every stage ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For each stage and M class, the kernel of its kind; the stage is told its symbol
// and how its tiles are counted.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/Passes.h"
#include "passes/RowOps.h"
#include "passes/kernels/StageEmitter.h"

namespace phic {
#define GEN_PASS_DEF_EMITKERNELSPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

FailureOr<StageKernel> emitStage(KernelLibrary &library, const StageFacts &facts, const Target &target, MClass mClass) {
  if (facts.first<phiq::AttendOp>())
    return emitAttendStage(library, facts, target, target.tile(mClass));
  if (facts.first<phiq::MatmulOp>())
    return emitMatmulStage(library, facts, target, target.tile(mClass));
  return emitRowStage(library, facts, target);
}

DictionaryAttr tilesAttribute(Builder &b, const StageTiles &tiles) {
  return b.getDictionaryAttr({b.getNamedAttr("columns", b.getI64IntegerAttr(tiles.columns)),
                              b.getNamedAttr("rows", b.getI64IntegerAttr(tiles.rows))});
}

struct EmitKernels : impl::EmitKernelsPassBase<EmitKernels> {
  using EmitKernelsPassBase::EmitKernelsPassBase;

  void runOnOperation() override {
    const Target *chosen = targetByName(std::string(target));
    func::FuncOp model = modelFunction(getOperation());
    if (!chosen)
      getOperation().emitError("there is no CPU level '") << target << "'";
    if (!chosen || !model)
      return signalPassFailure();
    KernelLibrary library(getOperation());
    int64_t scratchBytes = 0;
    for (auto stage : llvm::to_vector(model.getOps<plan::StageOp>())) {
      FailureOr<int64_t> needed = emit(library, stage, *chosen);
      if (failed(needed))
        return signalPassFailure();
      scratchBytes = std::max(scratchBytes, *needed);
    }
    setScratch(scratchBytes);
  }

  /// Returns the scratch bytes that the stage's kernels need.
  FailureOr<int64_t> emit(KernelLibrary &library, plan::StageOp stage, const Target &target) {
    FailureOr<StageFacts> facts = StageFacts::of(stage);
    if (failed(facts))
      return failure();
    Builder b(&getContext());
    llvm::SmallVector<NamedAttribute> kernels, tiles;
    int64_t scratchBytes = 0;
    for (MClass mClass : kMClasses) {
      FailureOr<StageKernel> kernel = emitStage(library, *facts, target, mClass);
      if (failed(kernel))
        return failure();
      StringRef name = mClassName(mClass);
      kernels.push_back(b.getNamedAttr(name, FlatSymbolRefAttr::get(&getContext(), kernel->symbol)));
      tiles.push_back(b.getNamedAttr(name, tilesAttribute(b, kernel->tiles)));
      scratchBytes = std::max(scratchBytes, kernel->scratchBytes);
    }
    stage.setKernelsAttr(b.getDictionaryAttr(kernels));
    stage->setAttr("tiles", b.getDictionaryAttr(tiles));
    return scratchBytes;
  }

  void setScratch(int64_t bytes) {
    auto memory = getOperation()->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
    if (!memory)
      return;
    const uint64_t rounded = std::max(memory.getScratchBytes(), uint64_t(bytes + 63) / 64 * 64);
    getOperation()->setAttr(plan::PlanDialect::kMemory,
                            plan::MemoryAttr::get(&getContext(), memory.getChunkRows(), memory.getArenaBytes(), rounded,
                                                  memory.getKvBytesPerToken(), memory.getWeightsBytes()));
  }
};

} // namespace
} // namespace phic
