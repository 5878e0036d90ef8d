//===- CudaStages.cpp - A module's kernels on the stand-in driver -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/targets/cuda/CudaStages.h"
#include "targets/gpu/GpuBuilder.h"
#include "llvm/Support/ErrorHandling.h"

using namespace mlir;

namespace phic {

static void check(CUresult result, const Twine &what) {
  if (result == CUDA_SUCCESS)
    return;
  const char *text = "";
  cuGetErrorString(result, &text);
  llvm::report_fatal_error(what + ": " + text);
}

DeviceBytes::~DeviceBytes() { cuMemFree_v2(address); }

void DeviceBytes::upload(ArrayRef<uint8_t> bytes) {
  if (bytes.empty())
    return;
  if (bytes.size() > size) {
    cuMemFree_v2(address);
    check(cuMemAlloc_v2(&address, bytes.size()), "cuMemAlloc");
    size = bytes.size();
  }
  check(cuMemcpyHtoD_v2(address, bytes.data(), bytes.size()), "cuMemcpyHtoD");
}

void DeviceBytes::download(MutableArrayRef<uint8_t> bytes) {
  if (!bytes.empty())
    check(cuMemcpyDtoH_v2(bytes.data(), address, bytes.size()), "cuMemcpyDtoH");
}

CudaStages::CudaStages(ModuleOp module, const std::string &ptx) : stages(stagesOf(module)), module(module) {
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
  check(cuModuleLoadDataEx(&loaded, ptx.c_str(), 0, nullptr, nullptr), "cuModuleLoadDataEx");
}
CudaStages::~CudaStages() { cuModuleUnload(loaded); }

void CudaStages::launch(plan::StageOp stage, StringRef entry, int64_t rows, CUdeviceptr frame,
                        function_ref<CUdeviceptr(const StageArgument &)> addressOf) {
  SmallVector<CUdeviceptr> values = {frame};
  for (const StageArgument &argument : argumentsOf(stage))
    values.push_back(addressOf(argument));
  values.push_back(workspace.at(0));
  SmallVector<void *> parameters;
  for (CUdeviceptr &value : values)
    parameters.push_back(&value);
  auto symbol = cast<FlatSymbolRefAttr>(stage.getKernels()->get(entry));
  auto tiles = cast<plan::TilesAttr>(stage.getTiles()->get(entry));
  Operation *kernel = module.lookupSymbol(symbol.getValue());
  const auto threads = unsigned(kernel->getAttrOfType<IntegerAttr>(gpu_code::kThreads).getInt());
  const std::string what = (stage.getName() + ", " + symbol.getValue()).str();
  CUfunction function;
  check(cuModuleGetFunction(&function, loaded, symbol.getValue().str().c_str()), what);
  const auto blocksOfRows = unsigned((rows + tiles.getRows() - 1) / tiles.getRows());
  if (blocksOfRows == 0)
    return;
  check(cuLaunchKernel(function, unsigned(tiles.getColumns()), blocksOfRows, 1, threads, 1, 1, 0, nullptr,
                       parameters.data(), nullptr),
        what);
  check(cuCtxSynchronize(), what);
}

} // namespace phic
