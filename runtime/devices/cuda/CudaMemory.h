//===- CudaMemory.h - What is taken of a GPU's memory ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model takes its weights, and each session one block. There is enough for all that is known to be needed, or none is
// taken and a sentence says what there is, what is needed, and which context would fit.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_DEVICES_CUDA_CUDAMEMORY_H
#define PHI_RUNTIME_DEVICES_CUDA_CUDAMEMORY_H

#include "runtime/devices/cuda/CudaCode.h"

namespace phi::cuda {

/// What lies where in a session's block; the work memory at its beginning.
struct SessionBlock {
  uint64_t results, workspace, frame;
  uint64_t bytes; ///< of all; UINT64_MAX: more than there can be
};
SessionBlock blockFor(const phi_gpu_code &gpu, const SessionNeed &need);

/// Not enough memory.
struct Shortage {
  uint64_t needed = 0, unused = 0;
  int64_t context = 0; ///< that was asked for; 0: none
  int64_t fitting = 0; ///< that there is memory for; 0: none

  explicit operator bool() const { return needed > unused; }
};

/// Whether there is memory for so many bytes of weights (0: they are there) and for a session, as far as the driver tells. The GPU
/// is current.
Shortage findShortage(const LoadedCode &code, uint64_t weightBytes, const SessionNeed &need);
void writeShortage(const CudaCode &code, const Shortage &shortage, Writer &out);

} // namespace phi::cuda

#endif // PHI_RUNTIME_DEVICES_CUDA_CUDAMEMORY_H
