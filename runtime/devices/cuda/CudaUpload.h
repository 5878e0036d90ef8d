//===- CudaUpload.h - Weights to a GPU's memory ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHI_RUNTIME_DEVICES_CUDA_CUDAUPLOAD_H
#define PHI_RUNTIME_DEVICES_CUDA_CUDAUPLOAD_H

#include "runtime/devices/cuda/CudaCode.h"

namespace phi::cuda {

/// Copies `bytes` to code.weights. What is large is told of as it goes. The GPU is current.
Result uploadWeights(const CudaCode &code, const uint8_t *from, uint64_t bytes, const Notes &notes);

} // namespace phi::cuda

#endif // PHI_RUNTIME_DEVICES_CUDA_CUDAUPLOAD_H
