//===- Kernels.h - The kernels of a GPU's stages ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TARGETS_GPU_KERNELS_H
#define PHIC_TARGETS_GPU_KERNELS_H

#include "targets/Target.h"
#include "targets/gpu/GpuStage.h"

namespace phic::gpu_code {

/// Each takes a stage of its kind; `isa` is the level's, for symbols. Fails with a diagnostic.
mlir::FailureOr<GpuKernel> emitRowStage(KernelTable &table, const StageFacts &facts, std::string_view isa);
mlir::FailureOr<GpuKernel> emitMatmulStage(KernelTable &table, const StageFacts &facts, MClass mClass,
                                           std::string_view isa);
mlir::FailureOr<GpuKernel> emitAttendStage(KernelTable &table, const StageFacts &facts, std::string_view isa);

} // namespace phic::gpu_code

#endif // PHIC_TARGETS_GPU_KERNELS_H
