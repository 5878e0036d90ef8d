//===- CudaModelCode.cpp - A model's kernels on the emulator ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launches what an entry point would, and takes the device's memory back after each stage.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "mlir/Pass/PassManager.h"
#include "targets/code/Passes.h"
#include "targets/cuda/CudaLevel.h"
#include "targets/cuda/Passes.h"
#include "targets/cuda/Ptx.h"
#include "targets/gpu/GpuBuilder.h"
#include "targets/gpu/GpuCode.h"
#include "test/emulators/cuda/Driver.h"
#include "test/targets/stages/ModelRun.h"
#include "gtest/gtest.h"

using namespace mlir;

namespace phic {
namespace {

void check(CUresult result, const char *what) {
  const char *text = "";
  cuGetErrorString(result, &text);
  ASSERT_EQ(result, 0) << what << ": " << text;
}

/// A vector of the host's, and its copy on the device.
class DeviceBytes {
public:
  ~DeviceBytes() { cuMemFree_v2(address); }
  void upload(ArrayRef<uint8_t> bytes) {
    if (bytes.size() > size) {
      cuMemFree_v2(address);
      check(cuMemAlloc_v2(&address, bytes.size()), "cuMemAlloc");
      size = bytes.size();
    }
    check(cuMemcpyHtoD_v2(address, bytes.data(), bytes.size()), "cuMemcpyHtoD");
  }
  void download(MutableArrayRef<uint8_t> bytes) {
    check(cuMemcpyDtoH_v2(bytes.data(), address, bytes.size()), "cuMemcpyDtoH");
  }
  CUdeviceptr at(uint64_t offset) const { return address + offset; }

private:
  CUdeviceptr address = 0;
  size_t size = 0;
};

template <typename T> ArrayRef<uint8_t> bytesOf(ArrayRef<T> values) {
  return {reinterpret_cast<const uint8_t *>(values.data()), values.size() * sizeof(T)};
}

class CudaModelCode final : public ModelCode {
public:
  CudaModelCode(ModuleOp module, const std::string &text) : module(module), stages(stagesOf(module)) {
    check(cuInit(0), "cuInit");
    CUcontext context;
    check(cuDevicePrimaryCtxRetain(&context, 0), "cuDevicePrimaryCtxRetain");
    check(cuCtxSetCurrent(context), "cuCtxSetCurrent");
    int64_t bytes = 4;
    module.walk([&](LLVM::LLVMFuncOp kernel) {
      if (auto needed = kernel->getAttrOfType<IntegerAttr>(gpu_code::kWorkspace))
        bytes = std::max(bytes, needed.getInt());
    });
    workspace.upload(std::vector<uint8_t>(size_t(bytes)));
    check(cuModuleLoadDataEx(&loaded, text.c_str(), 0, nullptr, nullptr), "cuModuleLoadDataEx");
  }
  ~CudaModelCode() override { cuModuleUnload(loaded); }

  void run(MClass mClass, phi_frame &frame, ModelMemory &memory, llvm::function_ref<void(int32_t)> after) override {
    weights.upload(memory.segment);
    arena.upload(memory.arena);
    cache.upload(memory.cache);
    logits.upload(memory.logits);
    tokens.upload(bytesOf(ArrayRef<int32_t>(memory.tokens)));
    step.upload(bytesOf(ArrayRef<phi_frame>(frame)));
    for (auto [index, stage] : llvm::enumerate(stages)) {
      launch(stage, mClassName(mClass), frame);
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

  void launch(plan::StageOp stage, StringRef entry, const phi_frame &frame) {
    SmallVector<CUdeviceptr> values = {step.at(0)};
    for (const StageArgument &argument : argumentsOf(stage))
      values.push_back(addressOf(argument, frame));
    values.push_back(workspace.at(0));
    SmallVector<void *> parameters;
    for (CUdeviceptr &value : values)
      parameters.push_back(&value);
    auto symbol = cast<FlatSymbolRefAttr>(stage.getKernels()->get(entry));
    auto tiles = cast<plan::TilesAttr>(stage.getTiles()->get(entry));
    const int64_t rows = stage.getLogitRows() ? frame.rows - frame.logit_row0 : frame.rows;
    Operation *kernel = module.lookupSymbol(symbol.getValue());
    const auto threads = unsigned(kernel->getAttrOfType<IntegerAttr>(gpu_code::kThreads).getInt());
    CUfunction function;
    check(cuModuleGetFunction(&function, loaded, symbol.getValue().str().c_str()), "cuModuleGetFunction");
    const auto blocksOfRows = unsigned((rows + tiles.getRows() - 1) / tiles.getRows());
    if (blocksOfRows == 0)
      return;
    check(cuLaunchKernel(function, unsigned(tiles.getColumns()), blocksOfRows, 1, threads, 1, 1, 0, nullptr,
                         parameters.data(), nullptr),
          symbol.getValue().str().c_str());
    check(cuCtxSynchronize(), symbol.getValue().str().c_str());
  }

  ModuleOp module;
  SmallVector<plan::StageOp> stages;
  CUmodule loaded = nullptr;
  DeviceBytes weights, arena, cache, logits, tokens, step, workspace;
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
