//===- EmitLaunches.cpp - Stages become launches ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "targets/code/EntryCode.h"
#include "targets/gpu/GpuCode.h"
#include "targets/gpu/Passes.h"

using namespace mlir;

namespace phic {
#define GEN_PASS_DEF_EMITLAUNCHESPASS
#include "targets/gpu/Passes.h.inc"

namespace {

class Launches {
public:
  Launches(ModuleOp module, StringRef family, StringRef isa)
      : module(module), b(module.getLoc(), OpBuilder::atBlockEnd(module.getBody())), isa(isa),
        stages(stagesOf(module)) {
    Type ptr = b.ptrType(), i32 = b.getI32Type();
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {ptr, i32, i32, i32, i32, i32});
    launch = LLVM::LLVMFuncOp::create(b, ("phi_launch_" + family).str(), type);
  }

  void emit(StringRef entry) {
    OpBuilder::InsertionGuard guard(b);
    Value frame = beginEntry(b, *module.getBody(), entry, isa).getArgument(0);
    EntryRows rows(b, frame);
    const gpu_code::KernelNumbers numbers(module);
    unsigned argument = 0;
    for (auto [index, stage] : llvm::enumerate(stages)) {
      auto kernel = cast<FlatSymbolRefAttr>(stage.getKernels()->get(entry));
      auto tiles = cast<plan::TilesAttr>(stage.getTiles()->get(entry));
      Value count = arith::TruncIOp::create(b, b.getI32Type(), rows.tiles(stage, tiles.getRows()));
      LLVM::CallOp::create(b, launch,
                           ValueRange{frame, b.i32(int32_t(index)), b.i32(int32_t(numbers.of(kernel.getValue()))),
                                      b.i32(int32_t(argument)), b.i32(int32_t(tiles.getColumns())), count});
      argument += unsigned(gpu_code::argumentCountOf(stage));
    }
    LLVM::ReturnOp::create(b, ValueRange());
  }

private:
  ModuleOp module;
  KernelBuilder b;
  StringRef isa;
  SmallVector<plan::StageOp> stages;
  LLVM::LLVMFuncOp launch;
};

struct EmitLaunches : impl::EmitLaunchesPassBase<EmitLaunches> {
  using EmitLaunchesPassBase::EmitLaunchesPassBase;
  void runOnOperation() override {
    Launches launches(getOperation(), family, isa);
    for (StringRef name : plan::entryNames(modelFunction(getOperation())))
      launches.emit(name);
  }
};

} // namespace
} // namespace phic
