//===- EmitEntryPoints.cpp - Stages become native code ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function per M class (of a model without steps, one), a straight line of calls:
//
//     llvm.func @phi_decode_x86_64_v3(%frame: !llvm.ptr, %thread: i32) {
//       llvm.call @phi_run_stage(%frame, %thread, 0, @phi_embed..., @phi_args_0, %tiles)
//       llvm.call @phi_run_stage(%frame, %thread, 1, ...)
//
// A stage's constants (offsets of its buffers) are one table that the three share.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "dialects/plan/Plan.h"
#include "phi/format.h"
#include "targets/code/EntryCode.h"
#include "targets/cpu/CpuTarget.h"
#include "targets/cpu/Passes.h"
#include "targets/stages/StageArguments.h"

using namespace mlir;

namespace phic {
#define GEN_PASS_DEF_EMITENTRYPOINTSPASS
#include "targets/cpu/Passes.h.inc"

namespace {

/// Byte offset of a slot in the binding table.
int64_t slotOffset(uint64_t slot) { return int64_t(slot * sizeof(uint8_t *)); }

/// As a kernel finds it: an offset into its space, or that of its slot in the binding table.
int64_t wordOf(const StageArgument &argument) {
  return argument.space == StageArgument::Space::Binding ? slotOffset(argument.slot) : int64_t(argument.offset);
}

class EntryPoints {
public:
  EntryPoints(ModuleOp module, const CpuTarget &target)
      : module(module), target(target), b(module.getLoc(), OpBuilder::atBlockEnd(module.getBody())),
        stages(stagesOf(module)) {}

  void emit() {
    declareRunStage();
    for (auto [index, stage] : llvm::enumerate(stages))
      emitArguments(index, stage);
    for (StringRef name : plan::entryNames(modelFunction(module)))
      emitEntry(name);
  }

private:
  std::string argumentsName(size_t index) { return "phi_args_" + std::to_string(index); }

  void declareRunStage() {
    Type ptr = b.ptrType(), i32 = b.getI32Type(), i64 = b.getI64Type();
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {ptr, i32, i32, ptr, ptr, i64});
    runStage = LLVM::LLVMFuncOp::create(b, "phi_run_stage", type);
  }

  void emitArguments(size_t index, plan::StageOp stage) {
    SmallVector<int64_t> values = llvm::map_to_vector(argumentsOf(stage), wordOf);
    auto type = LLVM::LLVMArrayType::get(b.getI64Type(), values.size());
    auto tensor = RankedTensorType::get({int64_t(values.size())}, b.getI64Type());
    LLVM::GlobalOp::create(b, type, /*isConstant=*/true, LLVM::Linkage::Internal, argumentsName(index),
                           DenseElementsAttr::get(tensor, ArrayRef<int64_t>(values)));
  }

  void emitEntry(StringRef entry) {
    OpBuilder::InsertionGuard guard(b);
    auto function = beginEntry(b, *module.getBody(), entry, target.isa);
    Value frame = function.getArgument(0), thread = function.getArgument(1);
    EntryRows rows(b, frame);
    for (auto [index, stage] : llvm::enumerate(stages)) {
      auto kernel = cast<FlatSymbolRefAttr>(stage.getKernels()->get(entry));
      auto tiles = cast<plan::TilesAttr>(stage.getTiles()->get(entry));
      Value body = LLVM::AddressOfOp::create(b, b.ptrType(), kernel.getValue());
      Value arguments = LLVM::AddressOfOp::create(b, b.ptrType(), argumentsName(index));
      Value count = b.mul(rows.tiles(stage, tiles.getRows()), tiles.getColumns());
      LLVM::CallOp::create(b, runStage, ValueRange{frame, thread, b.i32(int32_t(index)), body, arguments, count});
    }
    LLVM::ReturnOp::create(b, ValueRange());
  }

  ModuleOp module;
  const CpuTarget &target;
  KernelBuilder b;
  SmallVector<plan::StageOp> stages;
  LLVM::LLVMFuncOp runStage;
};

struct EmitEntryPointsPass : impl::EmitEntryPointsPassBase<EmitEntryPointsPass> {
  using EmitEntryPointsPassBase::EmitEntryPointsPassBase;
  void runOnOperation() override {
    const CpuTarget *found = cpuLevelByName(std::string(target));
    if (!found) {
      emitError(getOperation().getLoc()) << "unknown CPU level '" << target << "'";
      return signalPassFailure();
    }
    EntryPoints(getOperation(), *found).emit();
  }
};

} // namespace
} // namespace phic
