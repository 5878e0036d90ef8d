//===- CudaMachine.h - The GPUs of this machine ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which there are, and which of them runs a variant; each question asks the driver anew.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_DEVICES_CUDA_CUDAMACHINE_H
#define PHI_RUNTIME_DEVICES_CUDA_CUDAMACHINE_H

#include "phi/gpu.h"
#include "runtime/Writer.h"

namespace phi::cuda {

/// What a variant for GPUs holds.
const phi_gpu_code &gpuCode(const phi_variant &variant);

// As phi_device has them.
int32_t countGpus();
void describeGpu(int32_t index, Writer &out);
bool lacksFor(const phi_variant &variant, int32_t index, Writer &what);

/// "2.1 GiB", "130.5 MiB", "0.5 KiB"
void writeBytes(uint64_t bytes, Writer &out);

} // namespace phi::cuda

#endif // PHI_RUNTIME_DEVICES_CUDA_CUDAMACHINE_H
