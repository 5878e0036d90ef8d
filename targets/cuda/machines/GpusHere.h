//===- GpusHere.h - Whether this machine has a GPU -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TARGETS_CUDA_MACHINES_GPUSHERE_H
#define PHIC_TARGETS_CUDA_MACHINES_GPUSHERE_H

#include <cstdint>

namespace phic {

/// The greatest compute capability of this machine's GPUs, 80 for 8.0, as their driver says; 0 where there is none, or only
/// phic's own stand-in for a driver. Asked once.
uint32_t capabilityHere();

} // namespace phic

#endif // PHIC_TARGETS_CUDA_MACHINES_GPUSHERE_H
