//===- DriverTest.cpp - The driver's functions ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Devices as the environment says, memory, streams that do their work late, events, captures and graphs, counters.
//
//===----------------------------------------------------------------------===//
#include "test/emulators/cuda/tests/Gpu.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

namespace {

using testing::HasSubstr;

const char *const text = R"(.version 7.0
.target sm_80
.address_size 64
.visible .entry fill(.param .u64 to, .param .u32 value)
.maxntid 64
{
	.reg .b32 %r<4>; .reg .b64 %rd<4>;
	.shared .align 4 .b8 some[1000];
	ld.param.u64 %rd1, [to];
	ld.param.u32 %r1, [value];
	mov.u32 %r2, %ctaid.x;
	mov.u32 %r3, %ntid.x;
	mad.lo.u32 %r2, %r2, %r3, %r3;
	mov.u32 %r3, %tid.x;
	add.u32 %r2, %r2, %r3;
	mov.u32 %r3, %ntid.x;
	sub.u32 %r2, %r2, %r3;
	mul.wide.u32 %rd2, %r2, 4;
	add.s64 %rd1, %rd1, %rd2;
	mov.b64 %rd3, some;
	st.global.u32 [%rd1], %r1;
	ret;
}
)";

struct Driver : testing::Test {
  CUfunction fill(gpu::Gpu &gpu) {
    CUmodule module = gpu.load(text);
    CUfunction function = nullptr;
    cuModuleGetFunction(&function, module, "fill");
    return function;
  }
  CUresult launch(CUfunction function, CUdeviceptr to, uint32_t value, CUstream stream, unsigned threads = 64,
                  unsigned dynamicShared = 0) {
    void *parameters[] = {&to, &value};
    return cuLaunchKernel(function, 1, 1, 1, threads, 1, 1, dynamicShared, stream, parameters, nullptr);
  }
};

TEST_F(Driver, devices_are_as_the_environment_says) {
  {
    gpu::Gpu none({{"DEVICES", "0"}});
    EXPECT_EQ(none.error, CUDA_ERROR_NO_DEVICE);
  }
  {
    gpu::Gpu wrong({{"CAPABILITY", "81"}});
    EXPECT_EQ(wrong.error, CUDA_ERROR_UNKNOWN);
  }
  gpu::Gpu gpu({{"CAPABILITY", "90"}, {"MEMORY", "3M"}, {"DRIVER", "12040"}, {"DEVICES", "2"}});
  ASSERT_EQ(gpu.error, CUDA_SUCCESS);
  int version, count, major, minor;
  size_t total, available;
  char name[40];
  EXPECT_EQ(cuDriverGetVersion(&version), CUDA_SUCCESS);
  EXPECT_EQ(cuDeviceGetCount(&count), CUDA_SUCCESS);
  EXPECT_EQ(cuDeviceGetAttribute(&major, 75, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuDeviceGetAttribute(&minor, 76, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuDeviceGetAttribute(&minor, 9999, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuDeviceGetName(name, sizeof name, 1), CUDA_SUCCESS);
  EXPECT_EQ(cuMemGetInfo_v2(&available, &total), CUDA_SUCCESS);
  EXPECT_EQ(version, 12040);
  EXPECT_EQ(count, 2);
  EXPECT_EQ(major, 9);
  EXPECT_EQ(minor, 0);
  EXPECT_STREQ(name, "PTX emulator sm_90");
  EXPECT_EQ(total, 3u << 20);
  CUdeviceptr first, second;
  EXPECT_EQ(cuMemAlloc_v2(&first, 2 << 20), CUDA_SUCCESS);
  EXPECT_EQ(cuMemAlloc_v2(&second, 2 << 20), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(cuMemFree_v2(first), CUDA_SUCCESS);
  EXPECT_EQ(cuMemAlloc_v2(&second, 2 << 20), CUDA_SUCCESS);
  EXPECT_EQ(cuMemFree_v2(first), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(Driver, functions_are_found_by_name) {
  void *function = nullptr;
  int status = -1;
  EXPECT_EQ(cuGetProcAddress_v2("cuMemAlloc", &function, 12000, 0, &status), CUDA_SUCCESS);
  EXPECT_EQ(function, reinterpret_cast<void *>(cuMemAlloc_v2));
  EXPECT_EQ(status, 0);
  EXPECT_EQ(cuGetProcAddress_v2("cuTexObjectCreate", &function, 12000, 0, &status), CUDA_ERROR_NOT_FOUND);
  const char *name;
  EXPECT_EQ(cuGetErrorName(CUDA_ERROR_NO_DEVICE, &name), CUDA_SUCCESS);
  EXPECT_STREQ(name, "CUDA_ERROR_NO_DEVICE");
  EXPECT_EQ(cuGetErrorString(12345, &name), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(Driver, work_is_done_when_the_host_waits) {
  gpu::Gpu gpu({{"SEED", "0"}});
  CUfunction function = fill(gpu);
  CUstream stream;
  CUevent event;
  void *host;
  ASSERT_EQ(cuStreamCreate(&stream, 1), CUDA_SUCCESS);
  ASSERT_EQ(cuEventCreate(&event, 0), CUDA_SUCCESS);
  ASSERT_EQ(cuMemHostAlloc(&host, 256, 0), CUDA_SUCCESS);
  CUdeviceptr to = gpu.upload(std::vector<uint32_t>(64));
  auto *seen = static_cast<volatile uint32_t *>(host);
  ASSERT_EQ(launch(function, to, 7, stream), CUDA_SUCCESS);
  ASSERT_EQ(cuMemcpyDtoHAsync_v2(host, to, 256, stream), CUDA_SUCCESS);
  ASSERT_EQ(cuEventRecord(event, stream), CUDA_SUCCESS);
  EXPECT_EQ(seen[63], 0u);
  EXPECT_EQ(cuEventQuery(event), CUDA_ERROR_NOT_READY);
  EXPECT_EQ(seen[63], 0u); // the kernel ran, the copy did not
  EXPECT_EQ(cuEventSynchronize(event), CUDA_SUCCESS);
  EXPECT_EQ(seen[63], 7u);
  EXPECT_EQ(cuEventQuery(event), CUDA_SUCCESS);
  // Another stream that waits for an event of this one.
  CUstream other;
  ASSERT_EQ(cuStreamCreate(&other, 1), CUDA_SUCCESS);
  ASSERT_EQ(launch(function, to, 8, stream), CUDA_SUCCESS);
  ASSERT_EQ(cuEventRecord(event, stream), CUDA_SUCCESS);
  ASSERT_EQ(cuStreamWaitEvent(other, event, 0), CUDA_SUCCESS);
  ASSERT_EQ(cuMemcpyDtoHAsync_v2(host, to, 256, other), CUDA_SUCCESS);
  EXPECT_EQ(cuStreamSynchronize(other), CUDA_SUCCESS);
  EXPECT_EQ(seen[0], 8u);
}

TEST_F(Driver, memory_is_set_and_copied) {
  gpu::Gpu gpu;
  CUdeviceptr to = gpu.allocate(16), other = gpu.allocate(16);
  EXPECT_EQ(cuMemsetD8_v2(to, 0x11, 16), CUDA_SUCCESS);
  EXPECT_EQ(cuMemsetD32_v2(to + 4, 5, 2), CUDA_SUCCESS);
  EXPECT_EQ(cuMemsetD32Async(to + 12, 6, 1, nullptr), CUDA_SUCCESS);
  EXPECT_EQ(cuMemsetD8Async(to + 3, 0x22, 1, nullptr), CUDA_SUCCESS);
  EXPECT_EQ(cuMemcpyDtoD_v2(other, to, 16), CUDA_SUCCESS);
  EXPECT_EQ(gpu.download<uint32_t>(other, 4), (std::vector<uint32_t>{0x22111111, 5, 5, 6}));
  EXPECT_EQ(cuMemsetD32_v2(to + 2, 5, 1), CUDA_ERROR_INVALID_VALUE); // not aligned
  EXPECT_EQ(cuMemsetD8_v2(to + 8, 5, 9), CUDA_ERROR_INVALID_VALUE);  // beyond its end
  EXPECT_EQ(cuMemcpyHtoD_v2(to, &to, 17), CUDA_ERROR_INVALID_VALUE);
  EXPECT_THAT(gpu.fault(), HasSubstr("17 bytes at"));
  void *host;
  EXPECT_EQ(cuMemAllocHost_v2(&host, 100), CUDA_SUCCESS);
  EXPECT_EQ(cuMemFreeHost(host), CUDA_SUCCESS);
  EXPECT_EQ(cuMemFreeHost(host), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(Driver, a_kernel_writes_pinned_memory) {
  gpu::Gpu gpu;
  std::vector<uint32_t> mine(64);
  ASSERT_EQ(cuMemHostRegister_v2(mine.data(), 256, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuMemHostRegister_v2(mine.data() + 1, 8, 0), CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
  CUdeviceptr address;
  ASSERT_EQ(cuMemHostGetDevicePointer_v2(&address, mine.data(), 0), CUDA_SUCCESS);
  ASSERT_EQ(launch(fill(gpu), address, 3, nullptr), CUDA_SUCCESS);
  ASSERT_EQ(cuCtxSynchronize(), CUDA_SUCCESS);
  EXPECT_EQ(mine[63], 3u);
  EXPECT_EQ(cuMemHostUnregister(mine.data()), CUDA_SUCCESS);
  EXPECT_EQ(cuMemHostUnregister(mine.data()), CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
}

TEST_F(Driver, launches_that_hardware_would_refuse) {
  gpu::Gpu gpu;
  CUfunction function = fill(gpu);
  CUdeviceptr to = gpu.allocate(4096);
  EXPECT_EQ(launch(function, to, 1, nullptr, 65), CUDA_ERROR_INVALID_VALUE);        // .maxntid 64
  EXPECT_EQ(launch(function, to, 1, nullptr, 64, 48801), CUDA_ERROR_INVALID_VALUE); // beyond 48 KiB without asking
  EXPECT_EQ(cuFuncSetAttribute(function, 8, 160000), CUDA_SUCCESS);
  EXPECT_EQ(launch(function, to, 1, nullptr, 64, 160000), CUDA_SUCCESS);
  EXPECT_EQ(cuFuncSetAttribute(function, 8, 166912), CUDA_ERROR_INVALID_VALUE);
  int value;
  EXPECT_EQ(cuFuncGetAttribute(&value, 1, function), CUDA_SUCCESS);
  EXPECT_EQ(value, 1000);
  EXPECT_EQ(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, function, 64, 160000), CUDA_SUCCESS);
  EXPECT_EQ(value, 1);
  CUfunction missing;
  EXPECT_EQ(cuModuleGetFunction(&missing, gpu.load(text), "empty"), CUDA_ERROR_NOT_FOUND);
}

TEST_F(Driver, a_lost_device) {
  gpu::Gpu gpu({{"FAIL_LAUNCH", "2"}});
  CUfunction function = fill(gpu);
  CUdeviceptr to = gpu.allocate(256);
  EXPECT_EQ(launch(function, to, 1, nullptr), CUDA_SUCCESS);
  EXPECT_EQ(cuCtxSynchronize(), CUDA_SUCCESS);
  EXPECT_EQ(launch(function, to, 1, nullptr), CUDA_SUCCESS);
  EXPECT_EQ(cuCtxSynchronize(), CUDA_ERROR_UNKNOWN);
  EXPECT_EQ(launch(function, to, 1, nullptr), CUDA_ERROR_UNKNOWN);
}

TEST_F(Driver, a_graph_is_captured_changed_and_run) {
  gpu::Gpu gpu;
  CUfunction function = fill(gpu);
  CUstream stream;
  CUgraph graph;
  CUgraphExec exec;
  ASSERT_EQ(cuStreamCreate(&stream, 1), CUDA_SUCCESS);
  CUdeviceptr to = gpu.upload(std::vector<uint32_t>(64)), copy = gpu.allocate(256);
  ASSERT_EQ(cuStreamBeginCapture_v2(stream, 1), CUDA_SUCCESS);
  ASSERT_EQ(launch(function, to, 5, stream), CUDA_SUCCESS);
  ASSERT_EQ(cuMemcpyDtoDAsync_v2(copy, to, 256, stream), CUDA_SUCCESS);
  ASSERT_EQ(cuStreamEndCapture(stream, &graph), CUDA_SUCCESS);
  EXPECT_EQ(gpu.download<uint32_t>(to, 64)[0], 0u);
  ASSERT_EQ(cuGraphInstantiateWithFlags(&exec, graph, 0), CUDA_SUCCESS);
  ASSERT_EQ(cuGraphLaunch(exec, stream), CUDA_SUCCESS);
  ASSERT_EQ(cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_EQ(gpu.download<uint32_t>(copy, 64)[63], 5u);
  CUgraphNode nodes[4];
  size_t count = 4;
  int type;
  ASSERT_EQ(cuGraphGetNodes(graph, nodes, &count), CUDA_SUCCESS);
  ASSERT_EQ(count, 2u);
  ASSERT_EQ(cuGraphNodeGetType(nodes[0], &type), CUDA_SUCCESS);
  EXPECT_EQ(type, 0);
  CUDA_KERNEL_NODE_PARAMS parameters;
  ASSERT_EQ(cuGraphKernelNodeGetParams_v2(nodes[0], &parameters), CUDA_SUCCESS);
  uint32_t value = 6;
  void *values[] = {&to, &value};
  parameters.kernelParams = values;
  ASSERT_EQ(cuGraphExecKernelNodeSetParams_v2(exec, nodes[0], &parameters), CUDA_SUCCESS);
  ASSERT_EQ(cuGraphLaunch(exec, stream), CUDA_SUCCESS);
  ASSERT_EQ(cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_EQ(gpu.download<uint32_t>(copy, 64)[63], 6u);
}

TEST_F(Driver, what_may_not_be_captured_breaks_the_capture) {
  gpu::Gpu gpu;
  CUstream stream;
  CUgraph graph;
  ASSERT_EQ(cuStreamCreate(&stream, 1), CUDA_SUCCESS);
  EXPECT_EQ(cuStreamBeginCapture_v2(nullptr, 0), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  ASSERT_EQ(cuStreamBeginCapture_v2(stream, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuCtxSynchronize(), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  EXPECT_EQ(cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}

TEST_F(Driver, a_capture_of_a_thread_leaves_others_alone) {
  gpu::Gpu gpu;
  CUcontext context;
  CUstream stream;
  CUgraph graph;
  CUdeviceptr mine = gpu.allocate(256), other = gpu.allocate(256);
  ASSERT_EQ(cuCtxGetCurrent(&context), CUDA_SUCCESS);
  ASSERT_EQ(cuStreamCreate(&stream, 1), CUDA_SUCCESS);
  for (int mode : {1, 0}) {
    ASSERT_EQ(cuStreamBeginCapture_v2(stream, mode), CUDA_SUCCESS);
    std::thread([&] {
      ASSERT_EQ(cuCtxSetCurrent(context), CUDA_SUCCESS);
      EXPECT_EQ(cuMemFree_v2(mode ? other : mine), mode ? CUDA_SUCCESS : CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    }).join();
    EXPECT_EQ(cuStreamEndCapture(stream, &graph), mode ? CUDA_SUCCESS : CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  }
  ASSERT_EQ(cuStreamBeginCapture_v2(stream, 1), CUDA_SUCCESS);
  EXPECT_EQ(cuMemFree_v2(mine), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  EXPECT_EQ(cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}

TEST_F(Driver, counters_are_written) {
  std::string path = testing::TempDir() + "cuda-counters.json";
  {
    gpu::Gpu gpu({{"COUNTERS", path}});
    CUfunction function = fill(gpu);
    CUdeviceptr to = gpu.allocate(256);
    for (int i = 0; i < 3; ++i)
      ASSERT_EQ(launch(function, to, i, nullptr), CUDA_SUCCESS);
    ASSERT_EQ(cuCtxSynchronize(), CUDA_SUCCESS);
    gpu.download<uint32_t>(to, 64);
  }
  std::string counters = gpu::textOf(path);
  for (const char *part :
       {"\"launches\": 3,", "\"synchronisations\": 2,", "\"downloaded\": 256,", "\"modules\": 1,",
        "\"fill\": {\"launches\": 3, \"instructions\": 84, \"read\": 0, \"written\": 768, \"read_once\": 0, "
        "\"written_once\": 768}"})
    EXPECT_THAT(counters, HasSubstr(part));
}

} // namespace
