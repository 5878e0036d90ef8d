//===- DriverTable.cpp - Functions by their names ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Device.h"
#include <cstring>

using namespace ptx;

namespace {

struct Row {
  const char *name;
  void *function;
};
#define ROW(name) {#name, reinterpret_cast<void *>(name)}
// Of a name without its _v2 the newest is meant, so newer ones stand first.
const Row functions[] = {ROW(cuCtxGetCurrent),
                         ROW(cuCtxGetDevice),
                         ROW(cuCtxSetCurrent),
                         ROW(cuCtxSynchronize),
                         ROW(cuDeviceGet),
                         ROW(cuDeviceGetAttribute),
                         ROW(cuDeviceGetCount),
                         ROW(cuDeviceGetName),
                         ROW(cuDeviceGetUuid_v2),
                         ROW(cuDeviceGetUuid),
                         ROW(cuDevicePrimaryCtxRelease_v2),
                         ROW(cuDevicePrimaryCtxReset_v2),
                         ROW(cuDevicePrimaryCtxRetain),
                         ROW(cuDeviceTotalMem_v2),
                         ROW(cuDriverGetVersion),
                         ROW(cuEventCreate),
                         ROW(cuEventDestroy_v2),
                         ROW(cuEventElapsedTime),
                         ROW(cuEventQuery),
                         ROW(cuEventRecord),
                         ROW(cuEventSynchronize),
                         ROW(cuFuncGetAttribute),
                         ROW(cuFuncSetAttribute),
                         ROW(cuFuncSetCacheConfig),
                         ROW(cuGetErrorName),
                         ROW(cuGetErrorString),
                         ROW(cuGetProcAddress_v2),
                         ROW(cuGetProcAddress),
                         ROW(cuGraphDestroy),
                         ROW(cuGraphExecDestroy),
                         ROW(cuGraphExecKernelNodeSetParams_v2),
                         ROW(cuGraphGetNodes),
                         ROW(cuGraphInstantiateWithFlags),
                         ROW(cuGraphKernelNodeGetParams_v2),
                         ROW(cuGraphLaunch),
                         ROW(cuGraphNodeGetType),
                         ROW(cuInit),
                         ROW(cuLaunchCooperativeKernel),
                         ROW(cuLaunchKernel),
                         ROW(cuLaunchKernelEx),
                         ROW(cuMemAlloc_v2),
                         ROW(cuMemAllocHost_v2),
                         ROW(cuMemFree_v2),
                         ROW(cuMemFreeHost),
                         ROW(cuMemGetInfo_v2),
                         ROW(cuMemHostAlloc),
                         ROW(cuMemHostGetDevicePointer_v2),
                         ROW(cuMemHostRegister_v2),
                         ROW(cuMemHostUnregister),
                         ROW(cuMemcpyDtoD_v2),
                         ROW(cuMemcpyDtoDAsync_v2),
                         ROW(cuMemcpyDtoH_v2),
                         ROW(cuMemcpyDtoHAsync_v2),
                         ROW(cuMemcpyHtoD_v2),
                         ROW(cuMemcpyHtoDAsync_v2),
                         ROW(cuMemsetD32_v2),
                         ROW(cuMemsetD32Async),
                         ROW(cuMemsetD8_v2),
                         ROW(cuMemsetD8Async),
                         ROW(cuModuleGetFunction),
                         ROW(cuModuleGetGlobal_v2),
                         ROW(cuModuleLoadData),
                         ROW(cuModuleLoadDataEx),
                         ROW(cuModuleUnload),
                         ROW(cuOccupancyMaxActiveBlocksPerMultiprocessor),
                         ROW(cuStreamBeginCapture_v2),
                         ROW(cuStreamCreate),
                         ROW(cuStreamCreateWithPriority),
                         ROW(cuStreamDestroy_v2),
                         ROW(cuStreamEndCapture),
                         ROW(cuStreamIsCapturing),
                         ROW(cuStreamQuery),
                         ROW(cuStreamSynchronize),
                         ROW(cuStreamWaitEvent)};
#undef ROW

} // namespace

CUresult cuGetProcAddress_v2(const char *symbol, void **function, int, uint64_t, int *status) {
  size_t length = strlen(symbol);
  *function = nullptr;
  for (const Row &row : functions)
    if (!strcmp(row.name, symbol) || (!strncmp(row.name, symbol, length) && !strncmp(row.name + length, "_v", 2))) {
      *function = row.function;
      break;
    }
  if (status)
    *status = *function ? 0 : 1;
  return *function ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

CUresult cuGetProcAddress(const char *symbol, void **function, int version, uint64_t flags) {
  return cuGetProcAddress_v2(symbol, function, version, flags, nullptr);
}
