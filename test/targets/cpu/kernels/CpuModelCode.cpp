//===- CpuModelCode.cpp - A model's kernels on this processor --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "KernelJit.h"
#include "dialects/phiq/RowOps.h"
#include "mlir/Pass/PassManager.h"
#include "targets/cpu/Passes.h"
#include "test/targets/stages/ModelRun.h"

using namespace mlir;

namespace phic {
namespace {

class CpuModelCode final : public ModelCode {
public:
  explicit CpuModelCode(ModuleOp module)
      : jit(module, defaultCpuLevel(), "phi_run_stage", reinterpret_cast<void *>(&CpuModelCode::runStage)) {}
  bool ok() const { return jit.ok(); }

  void run(MClass mClass, phi_frame &frame, ModelMemory &, llvm::function_ref<void(int32_t)> after) override {
    afterStage = after;
    std::string entry = "phi_" + std::string(mClassName(mClass)) + "_" + std::string(defaultCpuLevel().isa);
    jit.get<void(phi_frame *, int32_t)>(entry)(&frame, 0);
  }

private:
  /// Runs the tiles in two claims, the second first: tiles are independent.
  static void runStage(phi_frame *frame, int32_t, int32_t index, phi_kernel kernel, const int64_t *args,
                       int64_t tiles) {
    const int64_t middle = tiles / 3;
    kernel(frame, args, middle, tiles, frame->scratch);
    kernel(frame, args, 0, middle, frame->scratch);
    afterStage(index);
  }

  inline static llvm::function_ref<void(int32_t)> afterStage = nullptr;
  KernelJit jit;
};

} // namespace

const Target *testedLevel() { return canRunHere(defaultCpuLevel()) ? &defaultCpuLevel() : nullptr; }

bool prefillIsSame() { return true; }

std::unique_ptr<ModelCode> makeModelCode(ModuleOp module) {
  PassManager passes(module.getContext());
  passes.enableVerifier(false);
  passes.addPass(createEmitEntryPointsPass({std::string(defaultCpuLevel().name)}));
  if (failed(passes.run(module)))
    return nullptr;
  auto code = std::make_unique<CpuModelCode>(module);
  return code->ok() ? std::move(code) : nullptr;
}

} // namespace phic
