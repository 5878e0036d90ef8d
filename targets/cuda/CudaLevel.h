//===- CudaLevel.h - What CUDA code is made for ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of Levels.def.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CUDA_CUDALEVEL_H
#define PHIC_TARGETS_CUDA_CUDALEVEL_H

#include "targets/Target.h"

namespace phic {

inline constexpr std::string_view kCudaFamily = "cuda";

struct CudaLevel : Target {
  uint32_t capability; ///< 75 for 7.5
  uint32_t ptx;        ///< 65 for 6.5
  /// mma.m16n8k32 of bytes; those before have smaller ones.
  bool hasByteMatrices() const { return capability >= 80; }
};

std::span<const CudaLevel> cudaLevels();
/// Of a target of the family.
inline const CudaLevel &asCudaLevel(const Target &target) { return static_cast<const CudaLevel &>(target); }

} // namespace phic

#endif // PHIC_TARGETS_CUDA_CUDALEVEL_H
