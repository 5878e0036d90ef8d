//===- CudaCode.h - A variant that is loaded on a GPU ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels of a variant, made for the GPU by its driver, and the plan's weights in its memory. Sessions of one model
// share it, on any threads; nothing of it changes after it is loaded.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_DEVICES_CUDA_CUDACODE_H
#define PHI_RUNTIME_DEVICES_CUDA_CUDACODE_H

#include "phi/gpu.h"
#include "runtime/devices/Device.h"
#include "runtime/devices/cuda/CudaDriver.h"

namespace phi::cuda {

/// Most arguments of a kernel.
constexpr uint32_t kMostArguments = PHI_GPU_MOST_ARGUMENTS;

/// LoadedCode.state, in memory of its own.
struct CudaCode {
  uint64_t bytes; ///< of this, with what follows it
  Driver driver;
  const phi_gpu_code *gpu;
  const phi_gpu_kernel *kernels; ///< [gpu->kernel_count]
  const phi_gpu_argument *arguments; ///< [gpu->argument_count]
  int device;
  Context context; ///< nullptr: not taken
  Module module; ///< nullptr: not loaded
  Address weights; ///< 0: not there
  Function *functions; ///< [gpu->kernel_count], behind this struct
  char name[128]; ///< of the GPU
  uint64_t totalBytes; ///< of its memory
};

inline CudaCode &codeOf(const LoadedCode &code) { return *static_cast<CudaCode *>(code.state); }

/// Makes the GPU's context that of this thread, until it goes; then the one before is again, which may be another library's.
class Current {
public:
  explicit Current(const CudaCode &code) : code(code) {
    code.driver.contextGetCurrent(&before);
    if (before != code.context)
      code.driver.contextSetCurrent(code.context);
  }
  ~Current() {
    if (before != code.context)
      code.driver.contextSetCurrent(before);
  }
  Current(const Current &) = delete;

private:
  const CudaCode &code;
  Context before = nullptr;
};

// As phi_device has them.
bool loadCode(LoadedCode *code, const uint8_t *weights, const SessionNeed &need, const Notes &notes, Writer &errors);
void unloadCode(LoadedCode *code);

} // namespace phi::cuda

#endif // PHI_RUNTIME_DEVICES_CUDA_CUDACODE_H
