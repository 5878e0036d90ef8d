//===- CudaDevice.cpp - GPUs of NVIDIA ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table by which the runtime has GPUs: memory of their own, kernels that the driver compiles from a variant's blob, and
// entry points of the host that launch them.
//===----------------------------------------------------------------------===//
#include "runtime/devices/cuda/CudaMachine.h"
#include "runtime/devices/cuda/CudaSession.h"

namespace phi::cuda {
namespace {

uint64_t stateBytes(const LoadedCode &, const SessionOptions &) { return sizeof(CudaSession); }

/// The frame goes to the GPU with each step.
void settle(const DeviceSession &, const phi_frame &, const SessionOptions &) {}

} // namespace
} // namespace phi::cuda

extern "C" const phi_device phi_device_cuda;
const phi_device phi_device_cuda = {
    "cuda",
    "machine",
    /*isHost=*/false,
    phi::cuda::countGpus,
    phi::cuda::describeGpu,
    phi::cuda::lacksFor,
    phi::cuda::loadCode,
    phi::cuda::unloadCode,
    phi::cuda::stateBytes,
    phi::cuda::startSession,
    phi::cuda::stopSession,
    phi::cuda::reserveMemory,
    phi::cuda::announceUse,
    phi::cuda::settle,
    phi::cuda::uploadBytes,
    phi::cuda::downloadBytes,
    phi::cuda::copyBytes,
    phi::cuda::runStep,
    phi::cuda::waitForResults,
    phi::cuda::explainFailure,
};
