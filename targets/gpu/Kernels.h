//===- Kernels.h - The kernels of a GPU's stages ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TARGETS_GPU_KERNELS_H
#define PHIC_TARGETS_GPU_KERNELS_H

#include "targets/Backend.h"
#include "targets/gpu/GpuStage.h"

namespace phic::gpu_code {

/// What kernels are made for.
struct GpuLevel {
  std::string_view isa; ///< for symbols
  bool hasMatrices;     ///< products of matrices of bytes (GpuBuilder::multiplyMatrices)
};

/// Each takes a stage of its kind, and fails with a diagnostic.
mlir::FailureOr<GpuKernel> emitRowStage(KernelTable &table, const StageFacts &facts, const GpuLevel &level);
mlir::FailureOr<GpuKernel> emitMatmulStage(KernelTable &table, const StageFacts &facts, const GpuLevel &level,
                                           MClass mClass);
mlir::FailureOr<GpuKernel> emitGridStage(KernelTable &table, const StageFacts &facts, const GpuLevel &level);
mlir::FailureOr<GpuKernel> emitAttendStage(KernelTable &table, const StageFacts &facts, const GpuLevel &level,
                                           MClass mClass);

/// What of a stage of ops on grids no kernel can be made for.
std::optional<LackingKernel> findLackingGrid(plan::StageOp stage);

} // namespace phic::gpu_code

#endif // PHIC_TARGETS_GPU_KERNELS_H
