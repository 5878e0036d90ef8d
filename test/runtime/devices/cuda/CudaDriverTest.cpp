//===- CudaDriverTest.cpp - What is called of the driver ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two declarations of the driver's functions, each written from its documentation, must agree: the runtime's, and those of
// the stand-in, which its own tests call.
//===----------------------------------------------------------------------===//
#include "runtime/devices/cuda/CudaDriver.h"
#include "runtime/Os.h"
#include "test/emulators/cuda/Driver.h"
#include "gtest/gtest.h"
#include <type_traits>

using namespace phi;
using namespace phi::cuda;

namespace {

/// A type as a call passes it: handles and pointers are alike.
template <typename T> using Passed = std::conditional_t<std::is_pointer_v<T>, void *, T>;
template <typename T> struct Signature;
template <typename R, typename... P> struct Signature<R (*)(P...)> {
  using Of = R(Passed<P>...);
};
template <typename A, typename B>
constexpr bool isAlike = std::is_same_v<typename Signature<A>::Of, typename Signature<B>::Of>;

#define ALIKE(name, symbol) static_assert(isAlike<decltype(Driver::name), decltype(&symbol)>)
ALIKE(init, cuInit);
ALIKE(driverGetVersion, cuDriverGetVersion);
ALIKE(getErrorName, cuGetErrorName);
ALIKE(getErrorString, cuGetErrorString);
ALIKE(deviceGetCount, cuDeviceGetCount);
ALIKE(deviceGet, cuDeviceGet);
ALIKE(deviceGetName, cuDeviceGetName);
ALIKE(deviceTotalMem, cuDeviceTotalMem_v2);
ALIKE(deviceGetAttribute, cuDeviceGetAttribute);
ALIKE(primaryContextRetain, cuDevicePrimaryCtxRetain);
ALIKE(primaryContextRelease, cuDevicePrimaryCtxRelease_v2);
ALIKE(contextGetCurrent, cuCtxGetCurrent);
ALIKE(contextSetCurrent, cuCtxSetCurrent);
ALIKE(memGetInfo, cuMemGetInfo_v2);
ALIKE(memAlloc, cuMemAlloc_v2);
ALIKE(memFree, cuMemFree_v2);
ALIKE(memHostAlloc, cuMemHostAlloc);
ALIKE(memFreeHost, cuMemFreeHost);
ALIKE(copyUp, cuMemcpyHtoDAsync_v2);
ALIKE(copyDown, cuMemcpyDtoHAsync_v2);
ALIKE(copyAcross, cuMemcpyDtoDAsync_v2);
ALIKE(memsetBytes, cuMemsetD8Async);
ALIKE(moduleLoad, cuModuleLoadDataEx);
ALIKE(moduleUnload, cuModuleUnload);
ALIKE(moduleGetFunction, cuModuleGetFunction);
ALIKE(launchKernel, cuLaunchKernel);
ALIKE(streamCreate, cuStreamCreate);
ALIKE(streamDestroy, cuStreamDestroy_v2);
ALIKE(streamSynchronize, cuStreamSynchronize);
ALIKE(eventCreate, cuEventCreate);
ALIKE(eventDestroy, cuEventDestroy_v2);
ALIKE(eventRecord, cuEventRecord);
ALIKE(eventSynchronize, cuEventSynchronize);
ALIKE(streamBeginCapture, cuStreamBeginCapture_v2);
ALIKE(streamEndCapture, cuStreamEndCapture);
ALIKE(graphInstantiate, cuGraphInstantiateWithFlags);
ALIKE(graphLaunch, cuGraphLaunch);
ALIKE(graphExecDestroy, cuGraphExecDestroy);
ALIKE(graphDestroy, cuGraphDestroy);
#undef ALIKE

TEST(CudaDriver, EachFunctionIsWhereItsNameSays) {
  Driver driver;
  char text[128] = "";
  Writer what(text, sizeof(text));
  ASSERT_TRUE(openDriver(&driver, 0, what)) << text;
  void *library = os::openLibrary("libcuda.so.1");
#define PHI_CUDA_FUNCTION(name, symbol, parameters)                                                                    \
  EXPECT_EQ(reinterpret_cast<void *>(driver.name), os::findSymbol(library, symbol)) << symbol;
#define PHI_CUDA_RENAMED(name, symbol, older, parameters) PHI_CUDA_FUNCTION(name, symbol, parameters)
#define PHI_CUDA_OPTIONAL(name, symbol, parameters) PHI_CUDA_FUNCTION(name, symbol, parameters)
#include "runtime/devices/cuda/CudaDriver.def"
}

TEST(CudaDriver, VersionsOfPtxNeedVersionsOfCuda) {
  EXPECT_EQ(leastCuda(65), 10020);
  EXPECT_EQ(leastCuda(70), 11000);
  EXPECT_EQ(leastCuda(78), 11080);
  EXPECT_EQ(leastCuda(79), 12000); // there is no 7.9
  EXPECT_EQ(leastCuda(92), 13010);
}

} // namespace
