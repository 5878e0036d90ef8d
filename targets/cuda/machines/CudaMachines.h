//===- CudaMachines.h - GPUs that people have ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the CUDA backend answers to machines() and referenceMachine().
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CUDA_MACHINES_CUDAMACHINES_H
#define PHIC_TARGETS_CUDA_MACHINES_CUDAMACHINES_H

#include "targets/MachineRates.h"
#include "targets/cuda/CudaLevel.h"

namespace phic {

/// The rows of Machines.def.
std::vector<KnownMachine> cudaMachines();

/// The first of the least capable that run a level.
MachineRates referenceGpu(const CudaLevel &level);

} // namespace phic

#endif // PHIC_TARGETS_CUDA_MACHINES_CUDAMACHINES_H
