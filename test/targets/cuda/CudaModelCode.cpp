//===- CudaModelCode.cpp - A model's kernels on the emulator ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launches what an entry point would, and takes the device's memory back after each stage.
//===----------------------------------------------------------------------===//
#include "mlir/Pass/PassManager.h"
#include "targets/code/Passes.h"
#include "targets/cuda/CudaLevel.h"
#include "targets/cuda/Passes.h"
#include "targets/cuda/Ptx.h"
#include "test/targets/cuda/CudaStages.h"
#include "test/targets/stages/ModelRun.h"
#include "gtest/gtest.h"

using namespace mlir;

namespace phic {
namespace {

class CudaModelCode final : public ModelCode {
public:
  CudaModelCode(ModuleOp module, const std::string &ptx) : code(module, ptx) {}

  void run(MClass mClass, phi_frame &frame, ModelMemory &memory, llvm::function_ref<void(int32_t)> after) override {
    weights.upload(memory.segment);
    arena.upload(memory.arena);
    cache.upload(memory.cache);
    logits.upload(memory.logits);
    tokens.upload(bytesOf(ArrayRef<int32_t>(memory.tokens)));
    step.upload(bytesOf(ArrayRef<phi_frame>(frame)));
    for (auto [index, stage] : llvm::enumerate(code.stages)) {
      const int64_t rows = plan::StageOp(stage).getLogitRows() ? frame.rows - frame.logit_row0 : frame.rows;
      code.launch(stage, mClassName(mClass), rows, step.at(0),
                  [&](const StageArgument &argument) { return addressOf(argument, frame); });
      arena.download(memory.arena);
      cache.download(memory.cache);
      logits.download(memory.logits);
      after(int32_t(index));
    }
  }

private:
  CUdeviceptr addressOf(const StageArgument &argument, const phi_frame &frame) {
    const DeviceBytes *const slots[] = {&tokens, &logits, &cache};
    switch (argument.space) {
    case StageArgument::Space::Weights:
      return weights.at(argument.offset);
    case StageArgument::Space::Arena:
      return arena.at(argument.offset);
    case StageArgument::Space::Binding:
      return slots[argument.slot]->at(0);
    case StageArgument::Space::Context:
      return slots[argument.slot]->at(argument.offset * uint64_t(frame.context));
    }
    llvm_unreachable("every space");
  }

  CudaStages code;
  DeviceBytes weights, arena, cache, logits, tokens, step;
};

} // namespace

/// PHIC_TEST_LEVEL, a row of Levels.def.
static const CudaLevel &level() {
  return *llvm::find_if(cudaLevels(), [](const CudaLevel &level) { return level.name == PHIC_TEST_LEVEL; });
}

const Target *testedLevel() { return &level(); }

/// Keys are shared by blocks where there are few rows, and products of matrices have an order of their own.
bool prefillIsSame() { return false; }

std::unique_ptr<ModelCode> makeModelCode(ModuleOp module) {
  PassManager passes(module.getContext());
  passes.enableVerifier(false);
  passes.addPass(createLowerToNvvmPass());
  passes.addPass(createLowerToLlvmPass());
  if (failed(passes.run(module)))
    return nullptr;
  auto text = emitPtx(module, level());
  if (!text) {
    ADD_FAILURE() << llvm::toString(text.takeError());
    return nullptr;
  }
  return std::make_unique<CudaModelCode>(module, *text);
}

} // namespace phic
